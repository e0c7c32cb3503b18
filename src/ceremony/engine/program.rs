//! The program: what is wanted next, as a function of what is known.
//!
//! The steps are walked in order, and the first thing that is not done yet is wanted. Dialogs, interruptions and
//! trouble come before any step.

use crate::tuf::name::KeyName;

use super::super::ask::{Ask, AskId, AskKind, Choice, Field, Form, Wish};
use super::super::change::ChangeSet;
use super::super::check::Ground;
use super::super::event::{Act, ActKind, FileAt, Mode, Outcome, Place, Wanted};
use super::super::mounted::Mounted;
use super::super::plan::{Input, Kind, MediumRole, Part, Plan};
use super::super::scene::Verdict;
use super::super::steps::{Step, StepId, steps};
use super::state::{Open, State};
use super::want::{Want, in_evidence};
use super::{care, comparison, fleet, outcome, turns};

/// How many words a witness reads from the paper, and how many come from the second laptop.
pub(super) const PAPER_WORDS: usize = 2;
pub(super) const LAPTOP_WORDS: usize = 4;

/// What questions about the documents that hash signed ones are about.
pub(super) const CLOSING: &str = "closing";

/// Follows the name of a medium in the question about what is ignored on it.
pub(super) const IGNORED: &str = "/ignored";

/// What is wanted now.
pub(super) fn want(ground: &Ground, state: &State) -> Want {
    if state.aborted.is_some() {
        return Want::Close(Outcome::Aborted);
    }
    if let Some(wish) = state.dialogs.last() {
        return dialog(*wish);
    }
    if let Some((interrupted, act)) = &state.inspect {
        return Want::Act {
            kind: ActKind::Inspect,
            subject: interrupted.to_string(),
            bytes: None,
            act: Act::Inspect { interrupted: interrupted.clone(), act: Box::new(act.clone()) },
        };
    }
    if let Some(open) = &state.trouble {
        return trouble(open);
    }
    if state.differed {
        return comparison_failed();
    }
    steps(ground.plan())
        .iter()
        .find_map(|step| {
            of_step(ground, state, step).or_else(|| level(ground.plan(), state, &step.id))
        })
        .unwrap_or(Want::Close(Outcome::Done))
}

/// After each step, every second copy of the BOOK is brought level, once.
fn level(plan: &Plan, state: &State, step: &StepId) -> Option<Want> {
    let open = |name: &KeyName| !state.levelled.contains(&(name.clone(), step.as_str().to_owned()));
    let copy = plan.copies().find(|copy| open(&copy.name))?;
    Some(Want::Act {
        kind: ActKind::Level,
        subject: format!("{}:{}", copy.name, step.as_str()),
        bytes: None,
        act: Act::Level(copy.name.clone()),
    })
}

/// The step that the open want belongs to: the first that is not done.
pub(super) fn current_step(ground: &Ground, state: &State) -> usize {
    let all = steps(ground.plan());
    all.iter().position(|step| of_step(ground, state, step).is_some()).unwrap_or(all.len() - 1)
}

fn of_step(ground: &Ground, state: &State, step: &Step) -> Option<Want> {
    let plan = ground.plan();
    if let fleet::Stage::OfFleet(want) = fleet::of_step(ground, state, &step.id) {
        return want;
    }
    match &step.id {
        StepId::Survey => None,
        StepId::Open => (state.present.is_none()).then(|| roll_call(plan)),
        StepId::Room => room(plan, state),
        StepId::Gate => gate(plan, state),
        StepId::Gather => gather(plan, state),
        StepId::Keys if plan.kind.is_of_keys() => care::want(ground, state),
        StepId::Keys => plan.keys.iter().find_map(|key| turns::enrol(ground, state, key)),
        StepId::Roster => roster(plan, state),
        StepId::Review => review(plan, state),
        StepId::Compare => compare(state),
        StepId::Sign => {
            let change = state.change.as_ref()?;
            plan.keys.iter().find_map(|key| turns::sign(state, key, change, "sign"))
        }
        StepId::Closing => closing(plan, state),
        StepId::Export => export(ground, state),
        StepId::HandOver => plan.keys.iter().find_map(|key| turns::hand_over(plan, state, key)),
        StepId::Statements => statements(state),
        StepId::Seal => state.sealed.is_none().then(|| Want::Act {
            kind: ActKind::Seal,
            subject: String::new(),
            bytes: None,
            act: Act::Seal(outcome::evidence_files(ground, state)),
        }),
        StepId::Inserted(name) => (!state.has_pressed(AskKind::Note, name))
            .then(|| Want::press(AskKind::Note, name, 'g', "done; go on")),
    }
}

fn dialog(wish: Wish) -> Want {
    let field = |label: &str, max, optional| Field { label: label.to_owned(), max, optional };
    match wish {
        Wish::Exception => Want::ask(
            AskKind::Exception,
            "",
            Form::Fill(vec![
                field("what was expected", 200, false),
                field("what happened", 200, false),
                field("what is decided", 200, false),
                field("who decides", 64, false),
            ]),
        ),
        Wish::Pause => Want::press(AskKind::Pause, "", 'r', "everybody is back; go on"),
        Wish::Abort => Want::ask(
            AskKind::Abort,
            "",
            Form::Fill(vec![
                field("codename, to stop for good", 32, true),
                field("why", 200, true),
            ]),
        ),
    }
}

fn trouble(open: &Open) -> Want {
    let mut choices = Vec::new();
    if open.again {
        choices.push(choice('r', "again", "try again"));
    }
    if open.adopt {
        choices.push(choice('a', "adopt", "take what was found, if it can prove itself"));
    }
    choices.push(choice('s', "stop", "stop the ceremony"));
    Want::ask(AskKind::Trouble, open.about.clone(), Form::Choose(choices))
}

fn comparison_failed() -> Want {
    let choices = vec![
        choice('e', "exception", "file an exception, then compare again"),
        choice('s', "stop", "stop the ceremony"),
    ];
    Want::ask(AskKind::Trouble, "comparison", Form::Choose(choices))
}

pub(super) fn choice(key: char, word: &str, label: &str) -> Choice {
    Choice { key, word: word.to_owned(), label: label.to_owned() }
}

/// Letters for the items of a list.
fn lettered(items: impl IntoIterator<Item = (String, String)>) -> Vec<Choice> {
    ('a'..='z')
        .chain('A'..='Z')
        .filter(|key| !"gxplqd".contains(*key))
        .zip(items)
        .map(|(key, (word, label))| Choice { key, word, label })
        .collect()
}

fn roll_call(plan: &Plan) -> Want {
    let items = plan.people.iter().map(|person| {
        let parts: Vec<_> = person.roles.iter().map(std::string::ToString::to_string).collect();
        (person.name.to_string(), format!("{} ({})", person.name, parts.join(", ")))
    });
    let label = "all who are here are ticked".to_owned();
    Want::ask(AskKind::RollCall, "", Form::Tick { items: lettered(items), key: 'g', label })
}

fn room(plan: &Plan, state: &State) -> Option<Want> {
    let Some(facts) = &state.room else {
        return Some(Want::Act {
            kind: ActKind::Room,
            subject: String::new(),
            bytes: None,
            act: Act::Room,
        });
    };
    if !state.has_pressed(AskKind::Room, "") {
        let stops = state.opening.mode == Mode::Real
            && facts.iter().any(|fact| {
                fact.verdict == Verdict::Fail
                    && plan.waiver(&format!("room-{}", fact.name)).is_none()
            });
        return Some(if stops {
            let choices = vec![
                choice('r', "again", "it is mended; check the room again"),
                choice('s', "stop", "stop the ceremony"),
            ];
            Want::ask(AskKind::Room, "", Form::Choose(choices))
        } else {
            let marked = facts.iter().any(|fact| fact.verdict != Verdict::Pass);
            let label = if marked {
                "everybody knows what is marked; go on"
            } else {
                "the room is as it should be"
            };
            Want::press(AskKind::Room, "", 'g', label)
        });
    }
    (!state.has_pressed(AskKind::Clock, "")).then(|| {
        Want::press(AskKind::Clock, "", 'g', "an independent clock says the same, within 3 minutes")
    })
}

fn gate(plan: &Plan, state: &State) -> Option<Want> {
    let waiting = comparers(plan)
        .into_iter()
        .find(|name| !state.has_pressed(AskKind::ComparePlan, name))
        .map(|name| Want::ask(AskKind::ComparePlan, name, Form::Words(Vec::new())));
    waiting.or_else(|| head(state, "plan accepted"))
}

/// Who reads words of the plan's digest from the paper: every witness, or else whoever reads aloud.
pub(super) fn comparers(plan: &Plan) -> Vec<String> {
    let named = |part| plan.people_who(part).map(|p| p.name.to_string()).collect::<Vec<_>>();
    [Part::Witness, Part::Administrator, Part::Custodian]
        .into_iter()
        .map(named)
        .find(|names| !names.is_empty())
        .unwrap_or_default()
}

fn head(state: &State, when: &str) -> Option<Want> {
    (!state.has_pressed(AskKind::Head, when))
        .then(|| Want::press(AskKind::Head, when, 's', "all have written it down and signed"))
}

/// A medium is put in, found, and where more is on IN than the plan takes, people see what is ignored.
pub(super) fn medium(plan: &Plan, state: &State, name: &KeyName, label: &str) -> Option<Want> {
    if !state.has_pressed(AskKind::Medium, name.as_str()) {
        return Some(Want::press(AskKind::Medium, name.as_str(), 'g', label));
    }
    let Some(mounted) = state.mounted.get(name) else {
        return Some(Want::Act {
            kind: ActKind::Mount,
            subject: name.to_string(),
            bytes: None,
            act: Act::Mount(name.clone()),
        });
    };
    // Where a fleet lies, the list says what is taken.
    let is_fleet = plan.fleet.as_ref().is_some_and(|fleet| fleet.medium == *name);
    let taken_from = (!is_fleet && plan.inputs.iter().any(|input| input.medium == *name))
        || kit(plan).any(|(medium, _)| medium == name);
    let more = mounted.count > mounted.files.len() || !unplanned(plan, name, mounted).is_empty();
    let about = format!("{name}{IGNORED}");
    (taken_from && more && !state.has_pressed(AskKind::Medium, &about))
        .then(|| Want::press(AskKind::Medium, about, 'g', "go on with the files of the plan"))
}

/// The files of the recovery kits of the plan's drills.
fn kit(plan: &Plan) -> impl Iterator<Item = (&KeyName, &String)> {
    plan.drills.iter().flat_map(|drill| {
        let identity = drill.identity.iter().map(|(medium, file)| (medium, file));
        std::iter::once((&drill.medium, &drill.file)).chain(identity)
    })
}

/// What is on a medium and not in the plan.
pub(super) fn unplanned(plan: &Plan, name: &KeyName, mounted: &Mounted) -> Vec<String> {
    let planned = |path: &String| {
        plan.inputs.iter().any(|input| input.medium == *name && input.path == *path)
            || kit(plan).any(|(medium, file)| medium == name && file == path)
    };
    mounted.files.iter().filter(|path| !planned(path)).cloned().collect()
}

fn gather(plan: &Plan, state: &State) -> Option<Want> {
    // The list of a fleet is read when the fleet is walked.
    let is_list = |input: &Input| plan.fleet.as_ref().is_some_and(|fleet| fleet.is_list(input));
    plan.inputs.iter().filter(|input| !is_list(input)).find_map(|input| {
        if let Some(want) = medium(plan, state, &input.medium, "it is in") {
            return Some(want);
        }
        let file = FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
        (!state.inputs.contains_key(&file)).then(|| Want::Act {
            kind: ActKind::Read,
            subject: file.to_string(),
            bytes: None,
            act: Act::Read(file),
        })
    })
}

fn roster(plan: &Plan, state: &State) -> Option<Want> {
    plan.media(MediumRole::Out).find_map(|out| {
        let label = "it is in, and empty";
        medium(plan, state, &out.name, label).or_else(|| {
            let file =
                FileAt { place: Place::Medium(out.name.clone()), path: "roster.json".to_owned() };
            placed(state, file, || outcome::roster_file(plan, state))
        })
    })
}

/// Writes a file, then reads it back.
pub(super) fn placed(state: &State, file: FileAt, bytes: impl FnOnce() -> Vec<u8>) -> Option<Want> {
    if !state.written.contains_key(&file) {
        return Some(Want::write(file, bytes()));
    }
    (!state.confirmed.contains(&file)).then(|| Want::read_back(file))
}

fn review(plan: &Plan, state: &State) -> Option<Want> {
    let Some(change) = &state.change else {
        // Every key is here, and still nothing can be drafted: never go on to a seal without documents.
        let choices = vec![choice('s', "stop", "stop the ceremony")];
        return Some(Want::ask(AskKind::Trouble, "draft", Form::Choose(choices)));
    };
    let table = in_evidence("change.tsv");
    if !state.written.contains_key(&table) {
        return Some(Want::write(table, change.table().as_bytes().to_vec()));
    }
    if state.has_pressed(AskKind::Review, "") {
        return None;
    }
    let documents = to_read(change);
    let waivers = plan.waivers.iter().map(|waiver| {
        (
            format!("waiver {}", waiver.finding),
            format!("waived: {} ({})", waiver.finding, waiver.by),
        )
    });
    // The leaked key may have signed anything: people say that they read all of it.
    let everything = (plan.kind == Kind::RotateTagging && plan.known_good.is_none()).then_some([
        ("every-delegation", "every delegation: read, and known to be good"),
        ("every-target", "every target: read, and known to be good"),
    ]);
    let everything =
        everything.into_iter().flatten().map(|(word, label)| (word.to_owned(), label.to_owned()));
    let items = lettered(everything.chain(documents).chain(waivers));
    let label = "all is read; go on to compare".to_owned();
    Some(Want::ask(AskKind::Review, "", Form::Tick { items, key: 'g', label }))
}

/// The documents of a change set, each to be ticked when it is read.
fn to_read(change: &ChangeSet) -> impl Iterator<Item = (String, String)> {
    change.payloads().iter().map(|payload| {
        let id = payload.id();
        (id.role.to_string(), format!("{} version {}: read", id.role, id.version))
    })
}

/// The documents that hash signed ones: reviewed, their digest written down, and signed. Nothing outside can know it
/// beforehand.
fn closing(plan: &Plan, state: &State) -> Option<Want> {
    let change = state.closing.as_ref()?;
    let table = in_evidence("closing.tsv");
    if !state.written.contains_key(&table) {
        return Some(Want::write(table, change.table().as_bytes().to_vec()));
    }
    if !state.has_pressed(AskKind::Review, CLOSING) {
        let label = "all is read; go on".to_owned();
        let items = lettered(to_read(change));
        return Some(Want::ask(AskKind::Review, CLOSING, Form::Tick { items, key: 'g', label }));
    }
    if !state.has_pressed(AskKind::WrittenDown, CLOSING) {
        let label = "all have written it down";
        return Some(Want::press(AskKind::WrittenDown, CLOSING, 's', label));
    }
    plan.keys.iter().find_map(|key| turns::sign(state, key, change, CLOSING))
}

fn compare(state: &State) -> Option<Want> {
    if let Some(want) = source(state) {
        return Some(want);
    }
    let done = state.has_pressed(AskKind::CompareChange, "")
        || state.has_pressed(AskKind::WrittenDown, "");
    if !done {
        return Some(match state.compared {
            Some(super::state::Compared::SecondLaptop) => {
                Want::ask(AskKind::CompareChange, "", Form::Words(Vec::new()))
            }
            Some(super::state::Compared::WrittenDown) | None => {
                Want::press(AskKind::WrittenDown, "", 's', "all have written it down")
            }
        });
    }
    head(state, "before the first signature")
}

fn source(state: &State) -> Option<Want> {
    state.compared.is_none().then(|| {
        let choices = vec![
            choice('c', "second-laptop", "a second laptop drafted the same plan from roster.json"),
            choice('w', "written-down", "nothing outside can know it: show it, write it down"),
        ];
        Want::ask(AskKind::Source, "", Form::Choose(choices))
    })
}

fn export(ground: &Ground, state: &State) -> Option<Want> {
    if !state.has_pressed(AskKind::Medium, "export") {
        return Some(Want::press(AskKind::Medium, "export", 'g', "write the export"));
    }
    let plan = ground.plan();
    let out = plan.media(MediumRole::Out).find_map(|out| {
        state.exported.iter().find_map(|(path, bytes)| {
            let file = FileAt { place: Place::Medium(out.name.clone()), path: path.clone() };
            placed(state, file, || bytes.clone())
        })
    });
    out.or_else(|| {
        outcome::trusted(plan, state).into_iter().find_map(|(path, bytes)| {
            let file = FileAt { place: Place::Trust, path };
            placed(state, file, || bytes)
        })
    })
}

fn statements(state: &State) -> Option<Want> {
    let present = state.present.as_ref()?;
    present.iter().find_map(|person| match state.statements.get(person) {
        None => Some(Want::ask(
            AskKind::Statement,
            person,
            Form::Choose(vec![
                choice('a', "agree", "I agree: it went as the record says"),
                choice('n', "disagree", "I do not agree, and say why"),
            ]),
        )),
        Some(said) if !said.agrees && said.why.is_none() => Some(Want::ask(
            AskKind::Statement,
            person,
            Form::Fill(vec![Field { label: "why".to_owned(), max: 200, optional: false }]),
        )),
        Some(_) => None,
    })
}

/// Comparisons ask for other words at each attempt, so their form depends on the number of the question.
pub(super) fn numbered_form(state: &State, id: &AskId, form: Form) -> Form {
    match asked_positions(state, id) {
        Some(positions) => comparison::form(&positions),
        None => form,
    }
}

/// The positions of the words that a comparison asks for; nothing for other questions.
pub(super) fn asked_positions(state: &State, id: &AskId) -> Option<Vec<u8>> {
    let count = match id.kind {
        AskKind::ComparePlan => PAPER_WORDS,
        AskKind::CompareChange => LAPTOP_WORDS,
        AskKind::RollCall
        | AskKind::Clock
        | AskKind::Room
        | AskKind::Head
        | AskKind::Ready
        | AskKind::LastTry
        | AskKind::Medium
        | AskKind::Review
        | AskKind::Source
        | AskKind::WrittenDown
        | AskKind::Trouble
        | AskKind::Note
        | AskKind::Statement
        | AskKind::Exception
        | AskKind::Pause
        | AskKind::Abort => return None,
    };
    Some(comparison::positions(state.opening.session, id, count))
}

/// The open question, if it is people's turn.
pub(super) const fn open_ask(wanted: &Wanted) -> Option<&Ask> {
    match wanted {
        Wanted::Ask(ask) => Some(ask),
        Wanted::Act(..) | Wanted::Close(_) => None,
    }
}
