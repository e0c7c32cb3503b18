//! The scene: what people see of the state, never more than they may.

use crate::tuf::digest::Digest;

mod care;
mod counting;
mod review;

use super::super::ask::{AskId, AskKind};
use super::super::check::Ground;
use super::super::event::{Act, ActId, Mode, Outcome, Wanted};
use super::super::plan::{Kind, Origin, Plan, PlannedKey, Store};
use super::super::scene::{Block, Scene, Verdict};
use super::super::steps::steps;
use super::super::story;
use super::help::help;
use super::program;
use super::state::State;

/// What people see now.
pub(super) fn scene(ground: &Ground, state: &State, wanted: &Wanted, head: Digest) -> Scene {
    let plan = ground.plan();
    let all = program::steps_of(ground);
    let at = program::current_step(ground, state);
    let painter = Painter { plan, state, head };
    let (title, blocks, details, help) = match wanted {
        Wanted::Ask(ask) => {
            let title = painter.title(&ask.id, all.get(at).map_or("", |step| step.title.as_str()));
            (title, painter.asked(&ask.id), painter.details(&ask.id), help(ask.id.kind))
        }
        Wanted::Act(id, act) => (
            all.get(at).map_or_else(String::new, |step| step.title.clone()),
            painter.acting(id, act),
            Vec::new(),
            vec!["The machine works. x (exception), p (pause) and q (stop) are heard when it is done.".to_owned()],
        ),
        Wanted::Close(outcome) => {
            ("THE END".to_owned(), painter.closing(*outcome), Vec::new(), Vec::new())
        }
    };
    Scene {
        mode: state.opening.mode,
        codename: plan.codename.to_string(),
        step: (at + 1, all.len()),
        title,
        tallies: painter.tallies(),
        blocks,
        ask: match wanted {
            Wanted::Ask(ask) => Some(ask.clone()),
            Wanted::Act(..) | Wanted::Close(_) => None,
        },
        details,
        log: state.log.clone(),
        help,
    }
}

struct Painter<'a> {
    plan: &'a Plan,
    state: &'a State,
    head: Digest,
}

fn holder(key: &PlannedKey) -> String {
    key.holder.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Hex digits in groups of 4, as they stand on the paper.
fn groups(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

fn read(text: impl Into<String>) -> Block {
    Block::ReadAloud(text.into())
}

fn text(text: impl Into<String>) -> Block {
    Block::Text(text.into())
}

fn row(label: &str, value: impl Into<String>) -> (String, String) {
    (label.to_owned(), value.into())
}

impl Painter<'_> {
    fn title(&self, id: &AskId, step: &str) -> String {
        match id.kind {
            AskKind::Exception => "EXCEPTION".to_owned(),
            AskKind::Pause => "PAUSE".to_owned(),
            AskKind::Abort => "STOP FOR GOOD?".to_owned(),
            AskKind::Trouble => "SOMETHING DID NOT WORK".to_owned(),
            AskKind::Ready | AskKind::LastTry => {
                let holder = self.key_of(&id.about).map(holder);
                format!("{step} - {}", holder.unwrap_or_default())
            }
            AskKind::RollCall
            | AskKind::Clock
            | AskKind::Room
            | AskKind::ComparePlan
            | AskKind::Head
            | AskKind::Medium
            | AskKind::Review
            | AskKind::Source
            | AskKind::CompareChange
            | AskKind::WrittenDown
            | AskKind::Note
            | AskKind::Statement => step.to_owned(),
        }
    }

    fn key_of(&self, about: &str) -> Option<&PlannedKey> {
        let name = about.rsplit_once('/').map_or(about, |(_, name)| name);
        self.plan.keys.iter().find(|key| key.name.as_str() == name)
    }

    fn place(&self, key: &PlannedKey) -> String {
        let store = key.store.as_ref().map(ToString::to_string).unwrap_or_default();
        match (self.state.opening.mode, &key.store) {
            (Mode::Real, _)
            | (_, None)
            | (Mode::Check | Mode::Rehearsal, Some(Store::Virtual { .. })) => store,
            (Mode::Check | Mode::Rehearsal, Some(_)) => match store.as_str() {
                "age file" => "a virtual token, which plays an age file".to_owned(),
                _ => format!("a virtual token, which plays {store}"),
            },
        }
    }

    fn asked(&self, id: &AskId) -> Vec<Block> {
        match id.kind {
            AskKind::RollCall => self.roll_call(),
            AskKind::Clock => vec![
                read("Please read the time from a clock that is not this machine's, in UTC."),
                text(
                    "This machine's time is in the corner above. Every date in what is signed \
                     today counts from the day on which the plan's window opens, or from today.",
                ),
            ],
            AskKind::Room => self.room(),
            AskKind::ComparePlan => self.compare_plan(id),
            AskKind::Head => self.write_head(id),
            AskKind::Ready => self.ready(id),
            AskKind::LastTry => self.last_try(id),
            AskKind::Medium => self.medium(id),
            AskKind::Review if self.plan.fleet.is_some() => {
                super::fleet::blocks(self.plan, self.state, &id.about)
            }
            AskKind::Review if id.about == program::CLOSING => self.closing_review(),
            AskKind::Review => self.review(),
            AskKind::Source => Self::source(),
            AskKind::CompareChange => self.compare_change(),
            AskKind::WrittenDown => self.written_down(id),
            AskKind::Trouble => self.trouble(),
            AskKind::Note if self.plan.kind.is_of_keys() => self.care_note(id),
            AskKind::Note => self.note(id),
            AskKind::Statement => self.statement(id),
            AskKind::Exception => vec![
                read(
                    "An exception. Please say what was expected, what happened, and what is decided.",
                ),
                text("It gets a number and goes on record. Leave with Enter on the last line."),
                Block::Rows(vec![row("number", (self.state.exceptions.len() + 1).to_string())]),
            ],
            AskKind::Pause => vec![
                read("We rest. Tokens stay with their holders; nobody is alone with this machine."),
                text("All tokens are logged out. When you go on, they are looked at again."),
            ],
            AskKind::Abort => vec![
                Block::Mark(Verdict::Warn, "Stopping for good ends this ceremony.".to_owned()),
                text(
                    "Leave the first line empty to go on with the ceremony. To stop for good, \
                     type the codename and say why. What was signed so far stays on record, is \
                     not exported, and must not be used.",
                ),
            ],
        }
    }

    fn roll_call(&self) -> Vec<Block> {
        let plan = self.plan;
        vec![
            read(format!("This is {}: {}.", plan.codename, plan.title)),
            Block::Rows(vec![
                row("kind", plan.kind.to_string()),
                row("repository", plan.repository.name.to_string()),
                row("dialect", plan.repository.dialect.to_string()),
                row("session", groups(&self.state.opening.session.to_string())),
            ]),
            read("Please answer when your name is called."),
        ]
    }

    fn room(&self) -> Vec<Block> {
        let facts = self.state.room.as_deref().unwrap_or_default();
        let mut blocks = vec![text("What this machine can tell of the room:")];
        blocks.extend(facts.iter().map(|fact| {
            let waived = self.plan.waiver(&format!("room-{}", fact.name));
            let note = waived.map(|w| format!(" (waived by {})", w.by)).unwrap_or_default();
            Block::Mark(fact.verdict, format!("{}: {}{note}", fact.name, fact.text))
        }));
        blocks
    }

    fn compare_plan(&self, id: &AskId) -> Vec<Block> {
        let mut blocks = vec![
            text("Is this the plan that was approved? The answer is NOT on this screen."),
            read(format!(
                "{}, from your paper script, box A: the words with these numbers, please.",
                id.about
            )),
            text(
                "The operator types what is said. If a word differs, say so: nothing has been \
                 made or signed yet.",
            ),
        ];
        if self.state.opening.mode == Mode::Rehearsal {
            let opening = &self.state.opening;
            blocks.push(text(format!(
                "No paper at hand? It is PAPER.txt in the folder REHEARSAL-{}-{}: open it in \
                 another terminal.",
                opening.at.to_compact(),
                self.plan.codename
            )));
        }
        blocks.extend(self.last_comparison(id));
        blocks
    }

    fn last_comparison(&self, id: &AskId) -> Option<Block> {
        let last = self.state.comparisons.last()?;
        (last.right == Some(false) && last.what == id.script_name()).then(|| {
            Block::Banner(
                "The words typed before were not right. One more wrong answer stops the \
                 comparison."
                    .to_owned(),
            )
        })
    }

    fn write_head(&self, id: &AskId) -> Vec<Block> {
        vec![
            read("Please write down the head of the transcript, and sign beside it."),
            Block::Digest { label: format!("head: {}", id.about), digest: self.head },
            text("It binds everything on record up to here to your paper."),
        ]
    }

    fn ready(&self, id: &AskId) -> Vec<Block> {
        let Some(key) = self.key_of(&id.about) else { return Vec::new() };
        let turn = id.about.split('/').next().unwrap_or_default();
        let holder = holder(key);
        let call = match &key.store {
            Some(Store::Yubikey { serial, .. } | Store::Virtual { serial }) => {
                format!("{holder}, please insert your token, serial {serial}.")
            }
            Some(Store::Pkcs11 { serial, .. }) => {
                format!("{holder}, please insert your token, serial {serial}.")
            }
            Some(Store::Age { .. }) | None => format!("{holder}, please come to the keyboard."),
        };
        let mut rows = vec![
            row("key", key.name.to_string()),
            row("holder", holder),
            row("in", self.place(key)),
            row("algorithm", key.algorithm.to_string()),
        ];
        let will = match turn {
            "keys" => self.will_enrol(key),
            "sign" if self.plan.fleet.is_some() => self.will_sign_for_fleet(key),
            "sign" | program::CLOSING => {
                let stage = if turn == "sign" {
                    &self.state.recipe.documents
                } else {
                    &self.state.recipe.closing
                };
                match stage.iter().filter(|doc| doc.signers.contains(&key.name)).count() {
                    1 => "1 signature, on the document just reviewed, and on no other".to_owned(),
                    n => {
                        format!("{n} signatures, on the documents just reviewed, and on no others")
                    }
                }
            }
            _ => "an encrypted copy goes to the KEYS medium".to_owned(),
        };
        rows.push(row("will happen", self.care_turn(turn, key).unwrap_or(will)));
        rows.extend(self.care_rows(key));
        rows.extend(key.hold_pin.filter(|_| turn == "sign").map(|count| {
            row("PIN", format!("typed once, held for {count} signatures of this turn, then wiped"))
        }));
        let mut blocks =
            vec![read(call), Block::Rows(rows), text("Others look away while a secret is typed.")];
        let remarks = self.state.remarks.get(&key.name).into_iter().flatten();
        blocks.extend(remarks.filter(|remark| remark.verdict > Verdict::Pass).map(|remark| {
            Block::Mark(remark.verdict, format!("{}: {}", remark.name, remark.text))
        }));
        blocks
    }

    fn will_sign_for_fleet(&self, key: &PlannedKey) -> String {
        let survey = self.state.fleet.survey.as_ref();
        let turn = survey.and_then(|survey| survey.turns.get(&key.name)).copied();
        let turn = turn.unwrap_or_default();
        format!("{} signatures, for {} repositories", turn.documents, turn.repositories)
    }

    fn will_enrol(&self, key: &PlannedKey) -> String {
        let made = match key.origin {
            Origin::Make { replaces: None, .. } => "the key is made".to_owned(),
            Origin::Make { replaces: Some(old), .. } => {
                format!("the key is made over the key {old}, which is lost")
            }
            Origin::Fingerprint(_)
            | Origin::Enrol { .. }
            | Origin::Server { .. }
            | Origin::Listed(_) => "the key is looked for".to_owned(),
        };
        match &key.certificate {
            Some(certificate) => format!(
                "{made}, and signs its own certificate for {}, valid {}",
                certificate.common_name.as_deref().unwrap_or(self.plan.repository.name.as_str()),
                certificate.valid_for
            ),
            None => format!("{made}, and signs a challenge to prove itself"),
        }
    }

    fn last_try(&self, id: &AskId) -> Vec<Block> {
        let holder = self.key_of(&id.about).map(holder).unwrap_or_default();
        vec![
            Block::Banner("ONE TRY IS LEFT. A wrong secret now blocks the token.".to_owned()),
            read(format!("{holder}, do you want to use the last try?")),
        ]
    }

    fn medium(&self, id: &AskId) -> Vec<Block> {
        if id.about == "export" {
            if let Some(survey) = &self.state.fleet.survey {
                let text = format!("{} repositories are written to OUT.", survey.repositories);
                return vec![
                    read("Everything is signed. Please insert the medium OUT."),
                    Block::Text(text),
                ];
            }
            let mut blocks = self.accepted();
            blocks.push(read("Everything is signed. Please insert the medium OUT."));
            blocks.push(Block::List {
                title: "files to write to OUT, public data only".to_owned(),
                items: self.state.exported.keys().cloned().collect(),
            });
            return blocks;
        }
        if let Some(name) = id.about.strip_suffix(program::IGNORED) {
            return self.ignored(name);
        }
        let medium = self.plan.media.iter().find(|medium| medium.name.as_str() == id.about);
        let role = medium.map(|medium| medium.role.to_string()).unwrap_or_default();
        let inputs: Vec<(String, String)> = self
            .plan
            .inputs
            .iter()
            .filter(|input| input.medium.as_str() == id.about)
            .map(|input| (input.path.clone(), format!("sha256 {}", input.sha256.value)))
            .collect();
        let mut blocks = vec![
            read(format!("Please insert the medium {}.", id.about)),
            Block::Rows(vec![row("medium", id.about.clone()), row("role", role)]),
        ];
        if !inputs.is_empty() {
            blocks.push(text("Files that the plan takes from it; anything else is ignored:"));
            blocks.push(Block::Rows(inputs));
        }
        blocks
    }

    /// What is on a medium and not in the plan.
    fn ignored(&self, name: &str) -> Vec<Block> {
        let Some((name, mounted)) =
            self.state.mounted.iter().find(|(known, _)| known.as_str() == name)
        else {
            return Vec::new();
        };
        let items = program::unplanned(self.plan, name, mounted);
        let listed = mounted.files.len();
        let text_of = if listed < mounted.count {
            format!("{} files are on {name}; the first {listed} were looked at.", mounted.count)
        } else {
            format!("{} files are on {name}.", mounted.count)
        };
        vec![
            text(text_of),
            Block::List { title: "not in the plan, ignored and not read".to_owned(), items },
        ]
    }

    /// What our own client says of the signed documents.
    fn accepted(&self) -> Vec<Block> {
        super::super::walk::blocks(self.plan, self.state)
    }

    fn trouble(&self) -> Vec<Block> {
        let Some(open) = &self.state.trouble else {
            if !self.state.differed {
                return vec![
                    Block::Banner(
                        "The documents cannot be drafted. Nothing has been signed.".into(),
                    ),
                    text("Stop, check the plan again with its media at hand, and begin anew."),
                ];
            }
            return vec![
                Block::Banner("THE WORDS DIFFER. Nothing has been signed.".to_owned()),
                text(
                    "Do not try again with other words. Find out why: another plan, another \
                     print-out, or a machine that lies. File an exception to go on, or stop.",
                ),
            ];
        };
        vec![
            Block::Banner(format!("{} did not work.", story::doing(&open.about))),
            Block::Rows(vec![row("found", open.trouble.found.clone())]),
            text(super::super::advice::of(open.trouble.kind, self.state.opening.mode)),
            text("It is on record. Nothing that was done before is lost."),
        ]
    }

    fn note(&self, id: &AskId) -> Vec<Block> {
        let step = steps(self.plan).into_iter().find(|step| step.id.as_str() == id.about);
        step.map(|step| step.read_aloud.into_iter().map(Block::ReadAloud).collect())
            .unwrap_or_default()
    }

    fn statement(&self, id: &AskId) -> Vec<Block> {
        vec![
            read(format!("{}, do you agree that this ceremony went as the record says?", id.about)),
            Block::Rows(vec![
                row("exceptions", self.state.exceptions.len().to_string()),
                row("signatures asked for", self.state.attempts.values().sum::<u32>().to_string()),
                row("touches asked for", self.state.touches.values().sum::<u32>().to_string()),
            ]),
        ]
    }

    fn acting(&self, id: &ActId, act: &Act) -> Vec<Block> {
        let what = match act {
            Act::Room => "checking the room".to_owned(),
            Act::Mount(name) => format!("looking at the medium {name}"),
            Act::Read(file) => format!("reading {file}"),
            Act::Look(key) => format!("looking at {}", self.place(key)),
            Act::Make(key) => match key.replaces() {
                None => format!("making the key {} in {}", key.name, self.place(key)),
                Some(old) => format!(
                    "making the key {} in {}, over the key {old}, which is lost",
                    key.name,
                    self.place(key)
                ),
            },
            Act::Prove { key, .. } => format!("{} signs a challenge", key.name),
            Act::Sign { key, payload, .. } => {
                format!("{} signs {}, sha256 {}", key.name, payload.id(), payload.digest())
            }
            Act::Write { file, bytes } => format!("writing {file}, {} bytes", bytes.len()),
            Act::ReadBack(file) => format!("reading {file} back"),
            Act::HandOver { key, .. } => format!("writing an encrypted copy of {}", key.name),
            Act::Provision(key) => {
                format!("replacing the factory's secrets of {}", self.place(key))
            }
            Act::ChangeSecret(key) => format!("changing the secret of {}", self.place(key)),
            Act::BackUp { back_up, .. } => {
                format!("writing {} to {}", back_up.file(), back_up.medium)
            }
            Act::Drill { key, drill, .. } => {
                format!("bringing {} back from {}:{}", key.name, drill.medium, drill.file)
            }
            Act::Inspect { interrupted, .. } => format!("looking what {interrupted} left behind"),
            Act::Level(name) => format!("bringing {name}, the second copy of the book, level"),
            Act::Survey(_) => "walking the fleet: reading, verifying, drafting".to_owned(),
            Act::Batch { key, nth, of, .. } => {
                let batch = super::super::fleet::batch_of(key);
                let last = ((nth + 1) * batch).min(*of);
                format!("{} signs for repositories {} to {last} of {of}", key.name, nth * batch + 1)
            }
            Act::Assemble { nth, of, .. } => {
                let batch = super::super::fleet::BATCH;
                let last = ((nth + 1) * batch).min(*of);
                format!("putting together repositories {} to {last} of {of}", nth * batch + 1)
            }
            Act::Seal(files) => format!("sealing the evidence, {} files", files.len()),
        };
        let mut rows = vec![row("act", id.to_string())];
        let held = self.state.held_pin.as_ref().filter(|held| {
            held.left > 0 && matches!(act, Act::Sign { key, .. } if key.name == held.key)
        });
        rows.extend(held.map(|held| row("PIN", format!("held, {} more", held.left))));
        vec![text(what), Block::Rows(rows)]
    }

    fn closing(&self, outcome: Outcome) -> Vec<Block> {
        match outcome {
            Outcome::Done => vec![
                Block::Mark(Verdict::Pass, "The ceremony is done and the evidence sealed.".into()),
                read("Please write down the last head of the transcript, and sign beside it."),
                Block::Digest { label: "head: at the end".to_owned(), digest: self.head },
                text(if self.state.asked.is_some() {
                    "Carry the answer back to whoever made the request. Nothing is live yet."
                } else if self.plan.kind.is_of_keys() {
                    "Nothing was signed but proofs; no client notices this ceremony."
                } else if self.plan.kind == Kind::Adopt {
                    "The repository is known here from now on. Nothing about it was changed."
                } else {
                    "Nothing is live yet: the export must be published from an online machine."
                }),
            ],
            Outcome::Aborted => vec![
                Block::Mark(Verdict::Warn, "The ceremony was stopped.".to_owned()),
                Block::Digest { label: "head: stopped".to_owned(), digest: self.head },
                text("What was signed is on record and must not be used."),
            ],
        }
    }
}
