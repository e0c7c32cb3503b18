//! The steps of a kind: the same list for the screen and for the paper script. A kind owns its steps and their order; a
//! plan can only put notes, drills, back-ups and second gatherings in between.

use super::plan::{Insert, Kind, Plan};
use super::recipe::Recipe;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which step it is.
    pub id: StepId,
    /// Its title, in capitals, short.
    pub title: String,
    /// What is read aloud, from templates.
    pub read_aloud: Vec<String>,
    /// What is done, for the paper script.
    pub does: Vec<String>,
}

/// Names a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepId {
    /// Who is here.
    Open,
    /// Room and clock.
    Room,
    /// Is it the approved plan.
    Gate,
    /// Inputs from IN.
    Gather,
    /// Keys are made or found, and prove themselves.
    Keys,
    /// Public keys for a second laptop.
    Roster,
    /// A fleet is walked, and its documents are drafted.
    Survey,
    /// What will be signed.
    Review,
    /// The digest of what will be signed.
    Compare,
    /// The signatures.
    Sign,
    /// The documents that hash signed ones.
    Closing,
    /// What is carried out.
    Export,
    /// Keys that must leave.
    HandOver,
    /// What each participant says.
    Statements,
    /// The evidence is sealed.
    Seal,
    /// Put in by the plan: `after-STEP-N`.
    Inserted(String),
}

impl StepId {
    /// The name by which a plan speaks of the step.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Room => "room",
            Self::Gate => "gate",
            Self::Gather => "gather",
            Self::Keys => "keys",
            Self::Roster => "roster",
            Self::Survey => "survey",
            Self::Review => "review",
            Self::Compare => "compare",
            Self::Sign => "sign",
            Self::Closing => "closing",
            Self::Export => "export",
            Self::HandOver => "hand-over",
            Self::Statements => "statements",
            Self::Seal => "seal",
            Self::Inserted(name) => name,
        }
    }
}

/// The steps of a plan, in order, with what the plan put in.
pub fn steps(plan: &Plan) -> Vec<Step> {
    let mut all = Vec::new();
    for step in kind_steps(plan) {
        let name = step.id.as_str().to_owned();
        all.push(step);
        let inserted = plan.steps.iter().filter(|inserted| inserted.after == name);
        all.extend((1..).zip(inserted).map(|(nth, inserted)| {
            Step {
                id: StepId::Inserted(format!("after-{name}-{nth}")),
                title: match inserted.insert {
                    Insert::Note => "NOTE",
                    Insert::Drill => "DRILL",
                    Insert::BackUp => "BACK-UP",
                    Insert::Gather => "GATHER",
                }
                .to_owned(),
                read_aloud: vec![inserted.text.clone()],
                does: Vec::new(),
            }
        }));
    }
    all
}

/// The names of the steps of a kind, for the parser of plans.
pub const FIRST_ROOT: [&str; 15] = [
    "open",
    "room",
    "gate",
    "gather",
    "keys",
    "roster",
    "survey",
    "review",
    "compare",
    "sign",
    "closing",
    "export",
    "hand-over",
    "statements",
    "seal",
];

fn kind_steps(plan: &Plan) -> Vec<Step> {
    match plan.kind {
        Kind::Adopt => adopt(plan),
        Kind::ProvisionToken
        | Kind::ChangePin
        | Kind::BackUp
        | Kind::RestoreDrill
        | Kind::RetireToken => of_keys(plan),
        Kind::FirstRoot
        | Kind::Refresh
        | Kind::RotateRoot
        | Kind::ReplaceCustodian
        | Kind::RotateOnline
        | Kind::RotateTagging
        | Kind::AddDelegation
        | Kind::RotateDelegation
        | Kind::RemoveDelegation
        | Kind::SignTargets
        | Kind::RootCompromise => documents(plan),
    }
}

/// A repository is taken over as it is: nothing is signed, so that nobody comes to the keyboard with a key.
fn adopt(plan: &Plan) -> Vec<Step> {
    let mut all = documents(plan);
    all.retain(|step| {
        !matches!(
            step.id,
            StepId::Keys | StepId::Roster | StepId::Compare | StepId::Sign | StepId::HandOver
        )
    });
    all
}

/// Keys are taken care of, and nothing is drafted, signed or carried out.
fn of_keys(plan: &Plan) -> Vec<Step> {
    let (title, aloud, does): (&str, &str, &[&str]) = match plan.kind {
        Kind::ProvisionToken => (
            "PROVISION",
            "The holder of each token comes to the keyboard when called. Others look away.",
            &[
                "The new PIN and PUK are written on paper before they are set.",
                "The factory's PIN, PUK and management key are replaced, and the token makes its key.",
                "The key signs to prove itself. Token and paper go into two bags for two places.",
            ],
        ),
        Kind::ChangePin => (
            "NEW SECRETS",
            "The holder of each key comes to the keyboard when called. Others look away.",
            &[
                "The new secret is written on paper before it is set; the old paper is kept until the end.",
                "The key signs under the new secret. Then the old paper is destroyed.",
            ],
        ),
        Kind::BackUp => (
            "BACK-UPS",
            "The holder of each key comes to the keyboard when called. Others look away.",
            &["Each back-up is written, read back, sealed, and taken away by who keeps it."],
        ),
        Kind::RestoreDrill => (
            "DRILL",
            "Please bring the recovery kit, and nothing else.",
            &[
                "The key is brought back in memory from its back-up alone, and signs.",
                "It must be the key that the plan names. Nothing is written; the kit is sealed again.",
            ],
        ),
        Kind::RetireToken
        | Kind::FirstRoot
        | Kind::Refresh
        | Kind::RotateRoot
        | Kind::ReplaceCustodian
        | Kind::RotateOnline
        | Kind::RotateTagging
        | Kind::AddDelegation
        | Kind::RotateDelegation
        | Kind::RemoveDelegation
        | Kind::SignTargets
        | Kind::RootCompromise
        | Kind::Adopt => (
            "RETIRE",
            "We give up keys that no document lists any more.",
            &[
                "Each token is destroyed on camera before two witnesses, or recorded as not recovered.",
            ],
        ),
    };
    let mut all = documents(plan);
    all.retain(|step| {
        matches!(
            step.id,
            StepId::Open
                | StepId::Room
                | StepId::Gate
                | StepId::Gather
                | StepId::Keys
                | StepId::Statements
                | StepId::Seal
        )
    });
    for known in all.iter_mut().filter(|known| known.id == StepId::Keys) {
        *known = step(StepId::Keys, title, &[aloud], does);
    }
    all
}

fn documents(plan: &Plan) -> Vec<Step> {
    let mut all = vec![
        step(
            StepId::Open,
            "ROLL CALL",
            &["This ceremony is about to begin. Please answer when your name is called."],
            &["The operator ticks everybody who is here."],
        ),
        step(
            StepId::Room,
            "ROOM AND CLOCK",
            &["Please read the time, in UTC, from a clock that is not this machine's."],
            &[
                "The machine checks network, swap, clock and core dumps; everybody reads the result.",
                "The time on the screen and on an independent clock agree within 3 minutes.",
            ],
        ),
        step(
            StepId::Gate,
            "IS THIS THE PLAN",
            &["From your paper, box A: the words with these numbers, please."],
            &[
                "Each witness reads the words that the screen asks for from box A of this paper.",
                "Everybody writes down the head of the transcript: box H1.",
            ],
        ),
    ];
    if !plan.inputs.is_empty() {
        all.push(step(
            StepId::Gather,
            "TAKE IN",
            &["Please insert the medium IN."],
            &["The machine reads the files that the plan lists, and no others."],
        ));
    }
    all.push(step(
        StepId::Keys,
        "KEYS",
        &["The holder of each key comes to the keyboard when called. Others look away."],
        &["Each key is made or found, and signs to prove that its holder has it."],
    ));
    all.push(step(
        StepId::Roster,
        "PUBLIC KEYS",
        &["Please insert the medium OUT."],
        &["The machine writes roster.json. Carry OUT to the second laptop and run: anchorite draft"],
    ));
    if plan.fleet.is_some() {
        all.push(survey());
    }
    all.push(step(
        StepId::Review,
        "REVIEW",
        &["We review what will be signed. Nothing else is signed today."],
        &["Every line on the screen is read aloud and ticked."],
    ));
    all.push(step(
        StepId::Compare,
        "COMPARE",
        &["From the second laptop: the words with these numbers, please."],
        &[
            "Words from the second laptop are typed; or the digest is written down: box D.",
            "Everybody writes down the head of the transcript: box H2.",
        ],
    ));
    all.push(step(
        StepId::Sign,
        "SIGN",
        &["Each holder signs the documents that were reviewed, and no others."],
        &["Camera on the token and on the counter. The witness counts touches."],
    ));
    if !Recipe::of(plan).closing.is_empty() {
        all.push(closing());
    }
    all.push(step(
        StepId::Export,
        "EXPORT",
        &["Everything is signed. Please insert the medium OUT."],
        &["The machine writes the export, reads it back and compares."],
    ));
    if plan.keys.iter().any(|key| key.leaves.is_some()) {
        all.push(step(
            StepId::HandOver,
            "KEYS THAT LEAVE",
            &["Please insert the medium KEYS."],
            &["Encrypted copies of the keys that must leave are written and proven."],
        ));
    }
    all.push(step(
        StepId::Statements,
        "STATEMENTS",
        &["Do you agree that this ceremony went as the record says?"],
        &["Each participant answers and signs the last page."],
    ));
    all.push(step(
        StepId::Seal,
        "SEAL",
        &["We seal the evidence. Please write down the last head and sign beside it."],
        &["Everybody writes down the head of the transcript: box H3."],
    ));
    all
}

fn survey() -> Step {
    step(
        StepId::Survey,
        "WALK THE FLEET",
        &["The machine reads, verifies and drafts one repository after the other."],
        &["Nobody touches a token. Repositories that are refused are listed with the reason."],
    )
}

fn closing() -> Step {
    step(
        StepId::Closing,
        "SNAPSHOT",
        &["The snapshot names what was just signed. We review it, and its holders sign it."],
        &[
            "Everybody reads the lines on the screen: box E takes the digest.",
            "Each holder of the snapshot key signs it, and nothing else.",
        ],
    )
}

fn step(id: StepId, title: &str, read_aloud: &[&str], does: &[&str]) -> Step {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    Step { id, title: title.to_owned(), read_aloud: owned(read_aloud), does: owned(does) }
}
