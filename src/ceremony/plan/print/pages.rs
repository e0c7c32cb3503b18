//! What stands on each page of the paper script.

use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;

use super::super::super::recipe::{DocRecipe, Recipe};
use super::super::super::steps::{Step, StepId, steps as steps_of};
use super::super::{BackUpForm, LeavingForm, Origin, Part, Plan, PlannedKey, SignWho, SignedWhere};
use super::KnownDigests;
use super::paper::{Paper, WIDTH, blank, padded, quoted, row, shown, wrapped};

/// Who, what, when, rehearsal or production, and box A.
pub(super) fn title(paper: &mut Paper, plan: &Plan) {
    paper.block(["=".repeat(WIDTH), "CEREMONY SCRIPT".to_owned(), "=".repeat(WIDTH)]);
    paper.gap();
    paper.block(row("codename", plan.codename.as_str()));
    paper.block(row("title", plan.title.as_str()));
    paper.block(row("kind", &plan.kind.to_string()));
    let repository = format!("{} ({})", plan.repository.name, plan.repository.dialect);
    paper.block(row("repository", &repository));
    let window = plan.window.map_or_else(
        || "any day: the plan names none".to_owned(),
        |window| format!("{} to {}", window.from.to_minute(), window.until.to_minute()),
    );
    paper.block(row("may be held", &window));
    if let Some(next) = plan.next {
        let next = format!("{}, with {} of standby", next.at.to_minute(), next.standby);
        paper.block(row("the next one", &next));
    }
    if plan.by_request {
        paper.block(row("signed", "on several machines, each by its holder, and in no room"));
    }
    paper.gap();
    paper.block([
        "  Tick one before it begins:     [ ] REHEARSAL          [ ] PRODUCTION".to_owned(),
        String::new(),
        format!("  date (UTC)  {}    place  {}", blank(16), blank(36)),
        String::new(),
        format!("  session     {}", groups_of_blanks(8)),
        "              (from the first screen: 8 groups of 4)".to_owned(),
    ]);
    paper.heading("BOX A - THE PLAN: SHA-256 OF THE PLAN FILE");
    digest(paper, &plan.digest);
    paper.gap();
    paper.block(wrapped(
        "  ",
        "The screen asks each witness for some of these words by their numbers. It does not show \
         them. Read them from this paper and from nowhere else. This paper must have been printed \
         on another machine than the one that signs.",
    ));
}

/// A digest in hex groups, and its words under their numbers.
fn digest(paper: &mut Paper, digest: &Digest) {
    let groups = digest.groups();
    let mut lines: Vec<String> =
        groups.chunks(8).map(|half| format!("  {}", half.join(" "))).collect();
    lines.push(String::new());
    let words: Vec<String> = (1..)
        .zip(digest.words())
        .map(|(nth, word)| padded(&format!("{nth:>2} {word}"), 19))
        .collect();
    lines.extend(words.chunks(4).map(|four| format!("  {}", four.concat())));
    paper.block(lines);
}

fn groups_of_blanks(count: usize) -> String {
    vec![blank(4); count].join(" ")
}

/// People, media and keys.
pub(super) fn people_and_things(paper: &mut Paper, plan: &Plan) {
    paper.new_page();
    paper.heading("PEOPLE");
    let head = format!("  {}{}initials  in     out", padded("name", 28), padded("does", 27));
    paper.block([head]);
    for person in &plan.people {
        let parts: Vec<String> = person.roles.iter().map(Part::to_string).collect();
        let name = padded(person.name.as_str(), 27);
        let parts = padded(&parts.join(", "), 26);
        paper.block([format!("  {name} {parts} ________  __:__  __:__"), String::new()]);
    }
    paper.heading("MEDIA");
    for medium in &plan.media {
        let name = padded(medium.name.as_str(), 27);
        let role = padded(&medium.role.to_string(), 8);
        let line = format!("  {name} {role} seal before {}  after {}", blank(10), blank(10));
        paper.block([line, String::new()]);
    }
    paper.heading("KEYS");
    for key in &plan.keys {
        paper.block(of_key(key));
        paper.gap();
    }
}

fn of_key(key: &PlannedKey) -> Vec<String> {
    let mut lines = vec![format!("  {}", key.name)];
    lines.extend(wrapped("    ", &held(key)));
    lines.extend(wrapped("    ", &origin(key)));
    if let Some(certificate) = &key.certificate {
        let name = certificate.common_name.as_deref();
        let name =
            name.map(|name| format!(", and its name is {}", shown(name))).unwrap_or_default();
        lines.extend(wrapped(
            "    ",
            &format!("its certificate is valid for {}{name}", certificate.valid_for),
        ));
    }
    if let Some(leaves) = &key.leaves {
        let form = match &leaves.form {
            LeavingForm::Notary => "as docker and notary read it".to_owned(),
            LeavingForm::Age { to } => format!("as an age file for {}", shown(&to.join(", "))),
        };
        lines.extend(wrapped(
            "    ",
            &format!("an encrypted copy leaves on {}, {form}", leaves.medium),
        ));
    }
    if key.is_here() {
        lines.extend(wrapped("    ", &format!("seal before {}  after {}", blank(14), blank(14))));
    }
    lines
}

fn held(key: &PlannedKey) -> String {
    let holder = key.holder.as_ref().map(ToString::to_string);
    let store = key.store.as_ref().map(ToString::to_string);
    let mut parts = vec![key.algorithm.to_string()];
    parts.extend(holder.map(|holder| format!("held by {holder}")));
    parts.extend(store.map(|store| shown(&store)));
    parts.extend(key.place.as_ref().map(|place| format!("kept at {place}")));
    parts.join(", ")
}

fn origin(key: &PlannedKey) -> String {
    match &key.origin {
        Origin::Make { pin, touch, replaces } => {
            let mut parts = vec!["made in this ceremony".to_owned()];
            parts.extend(pin.map(|pin| format!("PIN {}", lower(pin))));
            parts.extend(touch.map(|touch| format!("touch {}", lower(touch))));
            parts.extend(replaces.map(|old| format!("over the key {old}, which is lost")));
            parts.join(", ")
        }
        Origin::Fingerprint(confirmed) => {
            format!("exists: fingerprint {}, confirmed by {}", confirmed.value, confirmed.by)
        }
        Origin::Enrol { medium, public, fingerprint, .. } => format!(
            "stays elsewhere; {} on {medium}, fingerprint {}, confirmed by {}",
            shown(public),
            fingerprint.value,
            fingerprint.by
        ),
        Origin::Listed(fingerprint) => {
            format!("listed before: fingerprint {fingerprint}; not needed")
        }
        Origin::Server { medium, file, id } => format!(
            "held by the server; {} on {medium}, key id {}",
            shown(file),
            shown(id.as_str())
        ),
    }
}

fn lower(policy: impl std::fmt::Debug) -> String {
    format!("{policy:?}").to_lowercase()
}

/// What is to be signed, taken in, and waived.
pub(super) fn change(paper: &mut Paper, plan: &Plan) {
    if plan.kind.is_of_keys() {
        care(paper, plan);
    } else {
        paper.heading("ROLES OF THE NEW ROOT");
    }
    for (name, role) in &plan.roles {
        let keys: Vec<&str> = role.keys.iter().map(KeyName::as_str).collect();
        let signed = match (role.signed, role.valid_for, role.sign) {
            (SignedWhere::Online, ..) => "signed online, later".to_owned(),
            (SignedWhere::Here, valid_for, sign) => {
                let who = match sign {
                    SignWho::All => "all sign here",
                    SignWho::Threshold => "as many as needed sign here",
                };
                match valid_for {
                    Some(valid_for) => format!("{who}, valid for {valid_for}"),
                    None => who.to_owned(),
                }
            }
        };
        let text = format!("{} of {}: {}; {signed}", role.threshold, keys.len(), keys.join(", "));
        paper.block(row(name.as_str(), &text));
    }
    if !plan.targets.is_empty() {
        paper.heading(&format!("TARGETS TO SIGN ({})", plan.targets.len()));
        for target in &plan.targets {
            let mut lines =
                wrapped("  ", &format!("{}  {} bytes", quoted(&target.name), target.length));
            lines.extend(hex("    ", &target.sha256));
            paper.block(lines);
        }
    }
    if !plan.inputs.is_empty() {
        paper.heading(&format!("FILES TAKEN IN ({})", plan.inputs.len()));
        for input in &plan.inputs {
            let mut lines = wrapped("  ", &format!("{} on {}", quoted(&input.path), input.medium));
            lines.extend(hex("    ", &input.sha256.value));
            let source = input.sha256.source.as_ref().map(|source| format!(": {source}"));
            let by = format!("confirmed by {}{}", input.sha256.by, source.unwrap_or_default());
            lines.extend(wrapped("    ", &by));
            paper.block(lines);
        }
    }
    if !plan.waivers.is_empty() {
        paper.heading(&format!("WAIVERS ({})", plan.waivers.len()));
        for waiver in &plan.waivers {
            let text =
                format!("{}: {} ({})", shown(&waiver.finding), shown(&waiver.reason), waiver.by);
            paper.block(wrapped("  ", &text));
        }
    }
}

/// Bags, back-ups, drills, and keys that are given up.
fn care(paper: &mut Paper, plan: &Plan) {
    let mut list = |heading: &str, texts: Vec<String>| {
        if !texts.is_empty() {
            paper.heading(heading);
        }
        for text in texts {
            paper.block(wrapped("  ", &text));
        }
    };
    let bags = plan.bags.iter().map(|row| {
        format!(
            "[ ] {}: key in bag {}, kept at {}; paper in bag {}, kept at {}",
            row.key, row.bag, row.place, row.secrets_bag, row.secrets_place
        )
    });
    list("BAGS", bags.collect());
    let back_ups = plan.back_ups.iter().map(|row| {
        let form = match &row.form {
            BackUpForm::Paper => "to print, under the key's own passphrase".to_owned(),
            BackUpForm::Recipients(to) => {
                let to = to
                    .iter()
                    .map(|to| format!("{} ({}, {})", shown(&to.recipient), to.kept_by, to.place));
                format!("for {}", to.collect::<Vec<_>>().join(" or "))
            }
        };
        let file = row.file();
        format!(
            "[ ] {file} on {}, {form}; {} takes it to {}; the key is at {}",
            row.medium, row.holder, row.place, row.home
        )
    });
    list("BACK-UPS", back_ups.collect());
    let drills = plan.drills.iter().map(|row| {
        let opens = row.identity.as_ref().map_or_else(
            || "its passphrase".to_owned(),
            |(medium, file)| format!("the identity {} on {medium}", shown(file)),
        );
        format!("[ ] {}: {} on {}, opened by {opens}", row.key, shown(&row.file), row.medium)
    });
    list("DRILLS", drills.collect());
    let retired = plan.retired.iter().map(|row| {
        format!(
            "[ ] {}: {}, held by {}, fingerprint {}: {}",
            row.name,
            row.fate,
            row.holder,
            row.fingerprint,
            shown(&row.reason)
        )
    });
    list("KEYS THAT ARE GIVEN UP", retired.collect());
}

fn hex(indent: &str, digest: &Digest) -> Vec<String> {
    digest.groups().chunks(8).map(|half| format!("{indent}{}", half.join(" "))).collect()
}

const SIGN_BESIDE: &str = "initials ________  time __:__";

/// The numbered steps, with words to read aloud.
pub(super) fn steps(paper: &mut Paper, plan: &Plan) {
    paper.new_page();
    paper.block(["THE STEPS"]);
    paper.block(wrapped(
        "",
        "The administrator reads aloud what stands after >. Something else than expected happens: \
         file an exception (key x), write it on an exception sheet, go on.",
    ));
    for (nth, step) in (1..).zip(steps_of(plan)) {
        paper.gap();
        paper.block(of_step(nth, &step, plan));
    }
}

fn of_step(nth: usize, step: &Step, plan: &Plan) -> Vec<String> {
    let head = format!("STEP {nth}. {}", step.title);
    let mut lines = vec![format!("{}{SIGN_BESIDE}", padded(&head, WIDTH - SIGN_BESIDE.len()))];
    for text in &step.read_aloud {
        lines.extend(wrapped("  > ", &shown(text)));
    }
    for text in &step.does {
        lines.extend(wrapped("  [ ] ", text));
    }
    lines.extend(turns(&step.id, plan).into_iter().map(|turn| {
        format!("      [ ] {}{SIGN_BESIDE}", padded(&turn, WIDTH - 10 - SIGN_BESIDE.len()))
    }));
    lines
}

/// Who has a turn of their own in a step.
fn turns(step: &StepId, plan: &Plan) -> Vec<String> {
    let recipe = Recipe::of(plan);
    let turn = |key: &PlannedKey| {
        let holder = key.holder.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{holder}: {}", key.name)
    };
    let here = || plan.keys.iter().filter(|key| key.is_here());
    let signing = |documents| plan.keys.iter().filter(move |key| signs(documents, key));
    match step {
        StepId::Keys => here().map(turn).collect(),
        StepId::Sign if plan.fleet.is_some() => here().map(turn).collect(),
        StepId::Sign => signing(&recipe.documents).map(turn).collect(),
        StepId::Closing => signing(&recipe.closing).map(turn).collect(),
        StepId::HandOver => here().filter(|key| key.leaves.is_some()).map(turn).collect(),
        StepId::Gate => {
            plan.people_who(Part::Witness).map(|person| person.name.to_string()).collect()
        }
        StepId::Gather => plan
            .inputs
            .iter()
            .map(|input| shown(&format!("{}:{}", input.medium, input.path)))
            .collect(),
        StepId::Open
        | StepId::Room
        | StepId::Roster
        | StepId::Survey
        | StepId::Review
        | StepId::Compare
        | StepId::Export
        | StepId::Statements
        | StepId::Seal
        | StepId::Inserted(_) => Vec::new(),
    }
}

fn signs(documents: &[DocRecipe], key: &PlannedKey) -> bool {
    documents.iter().any(|doc| doc.signers.contains(&key.name))
}

const BOX_D: &str = "BOX D - THE DIGEST OF ALL THAT IS SIGNED";

/// Boxes D and H1 to H3, and E where a document hashes signed ones.
pub(super) fn boxes(paper: &mut Paper, plan: &Plan, known: &KnownDigests) {
    paper.new_page();
    if plan.kind.is_of_keys() {
        // Nothing is signed but proofs.
    } else if let Some(change) = &known.change {
        paper.heading(BOX_D);
        paper.block(["  Known beforehand, since every key of the plan exists:"]);
        digest(paper, change);
    } else {
        paper.heading(BOX_D);
        paper.block(wrapped(
            "  ",
            "It cannot be known beforehand, because keys are made in the ceremony. Take it from \
             the second laptop (tick), or write down what the screen shows (tick).",
        ));
        let ticks = "  [ ] second laptop      [ ] written down, not compared";
        paper.block(["", ticks, ""]);
        paper.block(to_fill());
    }
    if !Recipe::of(plan).closing.is_empty() {
        paper.heading("BOX E - THE DIGEST OF THE SNAPSHOT");
        paper.block(wrapped(
            "  ",
            "It hashes what was signed a moment ago, so nothing outside can know it beforehand. \
             Write down what the screen shows.",
        ));
        paper.block(to_fill());
    }
    let heads = [
        (
            "BOX H1 - HEAD OF THE TRANSCRIPT: PLAN ACCEPTED",
            "after the words of the plan were right",
        ),
        ("BOX H2 - HEAD OF THE TRANSCRIPT: BEFORE THE FIRST SIGNATURE", "after the comparison"),
        ("BOX H3 - HEAD OF THE TRANSCRIPT: AT THE END", "it proves the evidence to a stranger"),
    ];
    for (heading, when) in heads {
        if plan.kind.is_of_keys() && heading.starts_with("BOX H2") {
            continue;
        }
        paper.heading(heading);
        paper.block([format!("  {when}"), String::new()]);
        paper.block(to_fill());
    }
}

/// Sixteen groups to fill in, and a place to sign.
fn to_fill() -> Vec<String> {
    let groups = format!("  {}", groups_of_blanks(8));
    let sign = format!("  signed  {}  {}  time __:__", blank(24), blank(24));
    vec![groups.clone(), String::new(), groups, String::new(), sign]
}

/// One row a key: signatures expected, touches counted.
pub(super) fn tally(paper: &mut Paper, plan: &Plan) {
    paper.new_page();
    paper.heading("TALLY OF SIGNATURES");
    paper.block(wrapped(
        "  ",
        "A witness marks one box for each touch or signature of a key as it happens, before \
         looking at the screen's count. A touch that was not expected is an exception.",
    ));
    paper.gap();
    let recipe = Recipe::of(plan);
    for key in plan.keys.iter().filter(|key| key.is_here()) {
        let documents = recipe.signed_by(&key.name).count();
        let proof =
            if recipe.certificates.contains(&key.name) { "certificate" } else { "challenge" };
        let text = format!("{}: 1 {proof}, {documents} document(s)", key.name);
        let boxes = vec!["[ ]"; documents + 1].join(" ");
        let mut lines = wrapped("  ", &format!("{text}; {}", held(key)));
        lines.extend(wrapped(
            "    ",
            &format!("{boxes}   more: [ ] [ ] [ ] [ ]   counted ____  initials ________"),
        ));
        lines.push(String::new());
        paper.block(lines);
    }
}

/// Three blank exception sheets.
pub(super) fn exceptions(paper: &mut Paper) {
    paper.new_page();
    for nth in 1..=3 {
        let mut lines = vec![
            format!("EXCEPTION SHEET {nth}"),
            "-".repeat(17),
            "  number on the screen  ____      step  ____      time (UTC)  __:__".to_owned(),
            String::new(),
        ];
        for label in ["what was expected", "what happened", "what is decided"] {
            lines.push(format!("  {label}"));
            lines.extend([String::new(), format!("  {}", blank(WIDTH - 4)), String::new()]);
        }
        lines.push(format!("  decided by  {}   witness  {}", blank(26), blank(26)));
        lines.push(String::new());
        paper.block(lines);
    }
}

/// The last page: everybody agrees, or says why not.
pub(super) fn statements(paper: &mut Paper, plan: &Plan) {
    paper.new_page();
    paper.heading("STATEMENTS OF THE PARTICIPANTS");
    paper.block(wrapped(
        "  ",
        "I was present. This ceremony went as this script and its exception sheets say. Whoever \
         does not agree ticks that, and says why.",
    ));
    paper.gap();
    for person in &plan.people {
        let mut lines = wrapped("  ", person.name.as_str());
        lines.extend([
            "    [ ] I agree     [ ] I do not agree, because".to_owned(),
            String::new(),
            format!("    {}", blank(WIDTH - 6)),
            String::new(),
            format!("    signature  {}   date and time (UTC)  {}", blank(24), blank(14)),
            String::new(),
        ]);
        paper.block(lines);
    }
}
