//! The paper script: the plan as numbered steps, with words to read aloud and boxes for initials and time. It is made from the
//! same plan and the same steps as the screens, so that paper and screen cannot differ.

use std::fmt::Write as _;

use crate::ceremony::recipe::Recipe;
use crate::ceremony::steps::steps;
use crate::tuf::digest::Digest;

use super::{MediumRole, Plan};

const WIDTH: usize = 78;

/// The paper script of a plan: plain text of at most 78 columns.
pub fn script(plan: &Plan) -> String {
    let mut paper = Paper(String::new());
    paper.line(&format!("{}   {}", plan.codename, plan.title));
    paper.rule();
    paper.rows(&[
        ("kind", plan.kind.to_string()),
        ("repository", plan.repository.name.to_string()),
        ("dialect", plan.repository.dialect.to_string()),
        ("mode", "[ ] rehearsal   [ ] production".to_owned()),
        ("session", "________ ________ ________ ________".to_owned()),
        (
            "window",
            plan.window.map_or_else(
                || "none".to_owned(),
                |w| format!("{} to {}", w.from.to_minute(), w.until.to_minute()),
            ),
        ),
    ]);
    paper.heading("Box A: the plan. Witnesses read these words by number.");
    paper.digest(&plan.digest);
    paper.heading("People");
    for person in &plan.people {
        let parts: Vec<String> = person.roles.iter().map(ToString::to_string).collect();
        paper.line(&format!("[ ] {:<34} {:<24} initials ____", person.name, parts.join(", ")));
    }
    keys(plan, &mut paper);
    media(plan, &mut paper);
    roles(plan, &mut paper);
    if !plan.waivers.is_empty() {
        paper.heading("Waived, and who answers for it");
        for waiver in &plan.waivers {
            paper.text(&format!("{}: {} ({})", waiver.finding, waiver.reason, waiver.by));
        }
    }
    for (number, step) in (1..).zip(steps(plan)) {
        paper.heading(&format!("Step {number}  {}", step.title));
        for words in &step.read_aloud {
            paper.text(&format!("READ ALOUD  \"{words}\""));
        }
        for does in &step.does {
            paper.text(does);
        }
        paper.line("                                     time ______  initials ____ ____");
    }
    for (name, what) in [
        ("D", "the digest of the change, where it is written down"),
        ("H1", "head of the transcript: plan accepted"),
        ("H2", "head of the transcript: before the first signature"),
        ("H3", "head of the transcript: at the end"),
    ] {
        paper.heading(&format!("Box {name}: {what}"));
        paper.line("____ ____ ____ ____ ____ ____ ____ ____");
        paper.line("____ ____ ____ ____ ____ ____ ____ ____");
        paper.line("signed ______________________  ______________________");
    }
    paper.heading("Touches and secrets, counted by the witness");
    let recipe = Recipe::of(plan);
    for key in plan.keys.iter().filter(|key| key.is_here()) {
        let planned = recipe.signatures_of(&key.name);
        paper.line(&format!("{:<24} signatures planned {planned:<4} counted ____", key.name));
    }
    for number in 1..=3 {
        paper.heading(&format!("Exception {number}                  time ______  step ____"));
        for what in ["expected", "happened", "decided", "by"] {
            paper.line(&format!("{what:<10} {}", "_".repeat(WIDTH - 12)));
        }
    }
    paper.heading("Statements: it went as the record says. If you do not agree, say why.");
    for person in &plan.people {
        paper.line(&format!("{:<30} [ ] agree  [ ] do not agree  ______________", person.name));
    }
    paper.0
}

fn keys(plan: &Plan, paper: &mut Paper) {
    paper.heading("Keys");
    for key in &plan.keys {
        let holder = key.holder.as_ref().map_or("held elsewhere", |holder| holder.as_str());
        let store = key.store.as_ref().map(ToString::to_string).unwrap_or_default();
        paper.text(&format!("{}: {holder}, {}, {store}", key.name, key.algorithm));
        if let super::Origin::Fingerprint(confirmed) = &key.origin {
            paper.text(&format!(
                "    fingerprint {} (confirmed by {})",
                confirmed.value.digest().groups().join(" "),
                confirmed.by
            ));
        }
    }
}

fn media(plan: &Plan, paper: &mut Paper) {
    paper.heading("Media");
    for medium in &plan.media {
        paper.line(&format!("[ ] {:<12} {:<6} bag ________", medium.name, medium.role));
        if medium.role == MediumRole::In {
            for input in plan.inputs.iter().filter(|input| input.medium == medium.name) {
                paper.text(&format!(
                    "    {}  sha256 {} (confirmed by {})",
                    input.path,
                    input.sha256.value.groups().join(" "),
                    input.sha256.by
                ));
            }
        }
    }
}

fn roles(plan: &Plan, paper: &mut Paper) {
    paper.heading("What will be signed");
    for (name, role) in &plan.roles {
        let keys: Vec<String> = role.keys.iter().map(ToString::to_string).collect();
        let valid = role.valid_for.map(|valid| format!(", valid {valid}")).unwrap_or_default();
        paper.text(&format!(
            "{name}: {} of {} keys: {}{valid}",
            role.threshold,
            role.keys.len(),
            keys.join(", ")
        ));
    }
    for target in &plan.targets {
        paper.text(&format!(
            "target {}: {} bytes, sha256 {}",
            target.name,
            target.length,
            target.sha256.groups().join(" ")
        ));
    }
}

struct Paper(String);

impl Paper {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn rule(&mut self) {
        self.line(&"-".repeat(WIDTH));
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        self.line(text);
        self.rule();
    }

    fn rows(&mut self, rows: &[(&str, String)]) {
        for (label, value) in rows {
            self.line(&format!("{label:<12} {value}"));
        }
    }

    /// A paragraph, broken between words.
    fn text(&mut self, text: &str) {
        let indent = text.len() - text.trim_start().len();
        let mut line = " ".repeat(indent);
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH && !line.trim().is_empty() {
                self.line(&line);
                line = " ".repeat(indent + 4);
            }
            if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }

    /// A digest in groups of four digits, and its words by number.
    fn digest(&mut self, digest: &Digest) {
        for groups in digest.groups().chunks(8) {
            self.line(&groups.join(" "));
        }
        for (row, words) in digest.words().chunks(4).enumerate() {
            let mut line = String::new();
            for (place, word) in words.iter().enumerate() {
                let _ = write!(line, "{:>2} {word:<15}  ", row * 4 + place + 1);
            }
            self.line(&line);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_paper_fits_its_width_and_holds_what_witnesses_read() {
        let bytes = include_bytes!("../../../ceremonies/first-root-notary1/plan.toml");
        let plan = Plan::parse(bytes).unwrap();
        let paper = script(&plan);
        for line in paper.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        for (number, word) in (1..).zip(plan.digest.words()) {
            assert!(paper.contains(&format!("{number:>2} {word}")), "{number} {word}");
        }
        for step in steps(&plan) {
            assert!(paper.contains(&step.title));
        }
    }
}
