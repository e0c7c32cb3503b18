//! What people say: checked first, then taken.

use crate::tuf::digest::Digest;
use crate::tuf::time::Timestamp;

use super::super::ask::{Answer, Ask, AskKind, Form, People, Wish};
use super::super::check::Ground;
use super::super::event::{Refusal, TroubleKind, Wanted};
use super::super::plan::{Medium, MediumRole, Part, Plan, PlannedKey};
use super::super::roster::Enrolled;
use super::state::{Compared, Comparison, Exception, State, Statement};
use super::{comparison, program};

impl State {
    /// Takes what people said, or refuses it and changes nothing.
    pub(super) fn hear(
        &mut self,
        ground: &Ground,
        at: Timestamp,
        said: &People,
        wanted: &Wanted,
    ) -> Result<(), Refusal> {
        match said {
            People::Wish(wish) => {
                if !self.dialogs.contains(wish) && self.sealed.is_none() {
                    self.dialogs.push(*wish);
                }
                Ok(())
            }
            People::Answer { ask, say } => {
                let open = program::open_ask(wanted).ok_or(Refusal::NoQuestion)?;
                if open.id != *ask {
                    return Err(Refusal::OtherQuestion {
                        open: open.id.to_string(),
                        answered: ask.to_string(),
                    });
                }
                fits(&open.form, say)?;
                self.answer(ground.plan(), at, open, say)
            }
        }
    }

    fn answer(
        &mut self,
        plan: &Plan,
        at: Timestamp,
        ask: &Ask,
        say: &Answer,
    ) -> Result<(), Refusal> {
        let press = |state: &mut Self| {
            state.pressed.insert((ask.id.kind, ask.id.about.clone()));
        };
        match ask.id.kind {
            AskKind::RollCall => self.roll_call(plan, say),
            AskKind::ComparePlan => self.compare(at, ask, say, plan.digest),
            AskKind::CompareChange => {
                let digest = self.change_digest().unwrap_or(plan.digest);
                self.compare(at, ask, say, digest);
            }
            AskKind::Source => {
                self.compared = Some(match chosen(say) {
                    Some("second-laptop") => Compared::SecondLaptop,
                    Some(_) | None => Compared::WrittenDown,
                });
            }
            AskKind::Room if chosen(say) == Some("again") => self.room = None,
            AskKind::Trouble => {
                self.file_attempt(plan, at, ask, say);
                self.decide(ask, say);
            }
            AskKind::Room | AskKind::LastTry if chosen(say) == Some("stop") => {
                self.dialogs.push(Wish::Abort);
            }
            AskKind::Statement => self.statement(&ask.id.about, say),
            AskKind::Exception => self.exception(at, say),
            AskKind::Pause => {
                self.dialogs.pop();
                self.seen.clear();
            }
            AskKind::Abort => self.abort(plan, say)?,
            AskKind::Review => {
                all_ticked(&ask.form, say)?;
                if self.asked.is_some() {
                    // Whoever made the request knows the digest: there is always something to compare with.
                    self.compared = Some(Compared::Request);
                }
                press(self);
            }
            AskKind::Ready => {
                self.care.began.insert(ask.id.about.clone(), at);
                // A new turn: whatever was seen before may have been swapped since.
                if let Some((_, name)) = ask.id.about.rsplit_once('/') {
                    self.seen.retain(|key, _| key.as_str() != name);
                }
                press(self);
            }
            AskKind::Medium => {
                let out = |medium: &Medium| medium.name.as_str() == ask.id.about;
                let known = self.change.is_some()
                    || (plan.fleet.is_some() && plan.media(MediumRole::Out).any(out));
                if known && self.roster_head.is_none() {
                    self.roster_head = Some(self.head);
                }
                press(self);
            }
            AskKind::Clock
            | AskKind::Room
            | AskKind::Head
            | AskKind::LastTry
            | AskKind::WrittenDown
            | AskKind::Note => press(self),
        }
        Ok(())
    }

    fn roll_call(&mut self, plan: &Plan, say: &Answer) {
        let Answer::Ticked(present) = say else { return };
        let asked = self.asked.clone();
        let needed = |key: &&PlannedKey| {
            asked.as_ref().map_or_else(|| key.is_here(), |asked| asked.key == key.name)
        };
        let holders = plan
            .keys
            .iter()
            .filter(needed)
            .filter_map(|key| key.holder.as_ref())
            .map(super::super::plan::Label::as_str);
        // Whoever answers a request may be alone, and is the operator then.
        let alone = asked.is_some();
        let operators = plan.people_who(Part::Operator).filter(|_| !alone);
        let missing: Vec<&str> = holders
            .chain(operators.map(|person| person.name.as_str()))
            .filter(|name| !present.iter().any(|here| here == name))
            .collect();
        let witnesses: Vec<_> = program::comparers(plan, self.asked.as_deref());
        let nobody_compares = !alone && !witnesses.iter().any(|name| present.contains(name));
        if let Some(name) = missing.first() {
            self.open("roll-call", TroubleKind::Absent, format!("{name} is not here"));
        } else if nobody_compares {
            let found = format!("none of {} is here", witnesses.join(", "));
            self.open("roll-call", TroubleKind::Absent, found);
        } else {
            self.present = Some(present.iter().cloned().collect());
            for name in witnesses.iter().filter(|name| !alone && !present.contains(name)) {
                self.pressed.insert((AskKind::ComparePlan, name.clone()));
            }
        }
    }

    /// A typed comparison is recorded, right or wrong.
    fn compare(&mut self, at: Timestamp, ask: &Ask, say: &Answer, digest: Digest) {
        let positions = program::asked_positions(self, &ask.id).unwrap_or_default();
        let right = match say {
            Answer::Typed(words) => Some(comparison::right(&digest, &positions, words)),
            Answer::Differ | Answer::Pressed | Answer::Chose(_) | Answer::Ticked(_) => None,
        };
        self.comparisons.push(Comparison { at, what: ask.id.script_name(), right });
        match right {
            Some(true) => {
                self.wrong = 0;
                self.pressed.insert((ask.id.kind, ask.id.about.clone()));
            }
            Some(false) => {
                self.wrong += 1;
                self.differed = self.wrong >= 2;
            }
            None => self.differed = true,
        }
    }

    fn decide(&mut self, ask: &Ask, say: &Answer) {
        match chosen(say) {
            Some("stop") => self.dialogs.push(Wish::Abort),
            Some("exception") => self.dialogs.push(Wish::Exception),
            Some("adopt") => {
                if let Some(open) = self.trouble.take() {
                    self.adopt_secret(&open.about);
                }
                if let Some((name, key)) = self.found_key.take() {
                    self.roster.keys.insert(name, Enrolled::Made { key });
                }
            }
            Some(_) | None => {
                self.trouble = None;
                self.found_key = None;
                self.pressed.remove(&(AskKind::LastTry, ask.id.about.clone()));
            }
        }
    }

    /// An attempt on a store that failed is an exception by itself, with what people decide about it.
    fn file_attempt(&mut self, plan: &Plan, at: Timestamp, ask: &Ask, say: &Answer) {
        let Some(open) = &self.trouble else { return };
        let Some((act, key)) = open.about.split_once(' ') else { return };
        let wanted = match act {
            "make" => "the key is made",
            "prove" | "sign" | "batch" => "the key signs",
            "provision" => "the token becomes its holder's own",
            "change-secret" => "the secret is changed",
            "hand-over" | "back-up" => "a copy is written",
            "drill" => "the key comes back",
            // Nothing was asked of a key.
            _ => return,
        };
        let Form::Choose(choices) = &ask.form else { return };
        let decided = choices.iter().find(|choice| Some(choice.word.as_str()) == chosen(say));
        self.exceptions.push(Exception {
            number: self.exceptions.len() + 1,
            at,
            expected: format!("{act} {key}: {wanted}"),
            happened: open.trouble.found.clone(),
            decided: decided.map(|choice| choice.label.clone()).unwrap_or_default(),
            by: self.decides(plan).unwrap_or_default(),
        });
    }

    /// Who decides: the administrators who are in the room, or else the operators.
    pub fn decides(&self, plan: &Plan) -> Option<String> {
        let present = self.present.as_ref()?;
        let named = |part| {
            let people = plan.people_who(part).map(|person| person.name.to_string());
            people.filter(|name| present.contains(name)).collect::<Vec<_>>().join(", ")
        };
        let parts = [Part::Administrator, Part::Operator].into_iter();
        parts.map(named).find(|names| !names.is_empty())
    }

    fn statement(&mut self, person: &str, say: &Answer) {
        match say {
            Answer::Chose(word) => {
                let said = Statement { agrees: word == "agree", why: None };
                self.statements.insert(person.to_owned(), said);
            }
            Answer::Typed(lines) => {
                if let Some(said) = self.statements.get_mut(person) {
                    said.why = lines.first().cloned();
                }
            }
            Answer::Pressed | Answer::Ticked(_) | Answer::Differ => {}
        }
    }

    fn exception(&mut self, at: Timestamp, say: &Answer) {
        self.dialogs.pop();
        let Answer::Typed(lines) = say else { return };
        let line = |n: usize| lines.get(n).cloned().unwrap_or_default();
        self.exceptions.push(Exception {
            number: self.exceptions.len() + 1,
            at,
            expected: line(0),
            happened: line(1),
            decided: line(2),
            by: line(3),
        });
        self.differed = false;
        self.wrong = 0;
    }

    fn abort(&mut self, plan: &Plan, say: &Answer) -> Result<(), Refusal> {
        let Answer::Typed(lines) = say else { return Ok(()) };
        let typed = lines.first().map(String::as_str).unwrap_or_default().trim();
        if typed.is_empty() {
            self.dialogs.pop();
        } else if typed.eq_ignore_ascii_case(plan.codename.as_str()) {
            self.aborted = Some(lines.get(1).cloned().unwrap_or_default());
        } else {
            return Err(Refusal::Form {
                expected: format!(
                    "Type {} to stop for good, or leave the line empty to go on.",
                    plan.codename
                ),
            });
        }
        Ok(())
    }
}

fn chosen(say: &Answer) -> Option<&str> {
    match say {
        Answer::Chose(word) => Some(word),
        Answer::Pressed | Answer::Ticked(_) | Answer::Typed(_) | Answer::Differ => None,
    }
}

/// Whether an answer has the form that was asked for.
fn fits(form: &Form, say: &Answer) -> Result<(), Refusal> {
    let refuse = |expected: String| Err(Refusal::Form { expected });
    match (form, say) {
        (Form::Press { .. }, Answer::Pressed) | (Form::Words(_), Answer::Differ) => Ok(()),
        (Form::Choose(choices), Answer::Chose(word)) => {
            if choices.iter().any(|choice| choice.word == *word) {
                return Ok(());
            }
            let words: Vec<_> = choices.iter().map(|choice| choice.word.as_str()).collect();
            refuse(format!("Expected one of {}, found {word:?}.", words.join(", ")))
        }
        (Form::Tick { items, .. }, Answer::Ticked(words)) => {
            match words.iter().find(|word| !items.iter().any(|item| item.word == **word)) {
                None => Ok(()),
                Some(word) => refuse(format!("{word:?} is not on the list.")),
            }
        }
        (Form::Fill(fields) | Form::Words(fields), Answer::Typed(lines)) => {
            if lines.len() != fields.len() {
                return refuse(format!("Expected {} lines, found {}.", fields.len(), lines.len()));
            }
            let short = fields
                .iter()
                .zip(lines)
                .find(|(field, line)| !field.optional && line.trim().is_empty());
            let long =
                fields.iter().zip(lines).find(|(field, line)| line.chars().count() > field.max);
            match (short, long) {
                (Some((field, _)), _) => refuse(format!("Fill in: {}.", field.label)),
                (None, Some((field, _))) => {
                    refuse(format!("{}: at most {} characters.", field.label, field.max))
                }
                (None, None) => Ok(()),
            }
        }
        (Form::Press { key, .. }, _) => refuse(format!("Press {key} to go on.")),
        (Form::Choose(_) | Form::Tick { .. } | Form::Fill(_) | Form::Words(_), _) => {
            refuse("The answer does not have the form that is asked for.".to_owned())
        }
    }
}

/// A review ends when every item was read.
fn all_ticked(form: &Form, say: &Answer) -> Result<(), Refusal> {
    let (Form::Tick { items, .. }, Answer::Ticked(words)) = (form, say) else { return Ok(()) };
    match items.iter().find(|item| !words.contains(&item.word)) {
        None => Ok(()),
        Some(item) => Err(Refusal::Form { expected: format!("Still to read: {}.", item.label) }),
    }
}
