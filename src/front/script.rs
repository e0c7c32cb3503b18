//! A script that answers instead of people: TOML, one `[[answer]]` after the other.
//!
//! ```toml
//! [[answer]]
//! ask = "roll-call"
//! say = ["Custodian A", "Witness 1"]
//! [[answer]]
//! ask = "compare-plan/Witness 1"
//! digest = "3f2a 91c0 ..."
//! ```
//!
//! Answers of the same question are taken in their order. An answer that is missing, that does not fit or that is
//! left over is an error, so that a script tells all that it did. No secret stands in a script.

mod parse;

use std::io::{self, Write};

use crate::ceremony::ask::{Answer, Ask, Field, Form, People, Wish};
use crate::ceremony::event::Refusal;
use crate::ceremony::scene::{Block, Scene};
use crate::driver::ports::{Company, Front, FrontFailed, Progress};
use crate::keystore::{Label, Rules, Secret, SecretKind, Unlock};
use crate::tuf::name::KeyName;

use super::plain::teller::Teller;
use super::secrets::Secrets;
use super::signals::Signals;
use super::words::{touch_now, wish_word, word_place};

pub use parse::BadScript;
use parse::{Entry, Line, Say};

/// The front that plays a script.
pub struct Script {
    entries: Vec<Entry>,
    secrets: Secrets,
    /// Keys whose secret was changed in this run: `NAME.new` opens them now.
    renewed: Vec<KeyName>,
    teller: Option<Teller<Box<dyn Write + Send>>>,
    refused: Option<String>,
    has_begun: bool,
    signals: Option<Signals>,
}

impl Script {
    /// Reads a script.
    pub fn parse(toml: &str, secrets: Secrets) -> Result<Self, BadScript> {
        Ok(Self {
            entries: parse::entries(toml)?,
            secrets,
            renewed: Vec::new(),
            teller: None,
            refused: None,
            has_begun: false,
            signals: None,
        })
    }

    /// Tells the ceremony as plain text while it is played, without the bell.
    #[must_use]
    pub fn told_by(mut self, teller: Teller<Box<dyn Write + Send>>) -> Self {
        self.teller = Some(teller.silent());
        self
    }

    /// Ends at the next question when a signal asks for it; nobody is there to whom a pause would mean anything.
    #[must_use]
    pub fn heeding(self, signals: Signals) -> Self {
        Self { signals: Some(signals), ..self }
    }

    /// Counts as used what is in the transcript already, for a ceremony that goes on.
    pub fn skip<'a>(&mut self, said: impl IntoIterator<Item = &'a People>) {
        for said in said {
            let entry = match said {
                People::Answer { ask, .. } => {
                    let name = ask.script_name();
                    self.unused().find(|entry| entry.ask == name && entry.wish().is_none())
                }
                People::Wish(wish) => self.unused().find(|entry| entry.wish() == Some(*wish)),
            };
            if let Some(entry) = entry {
                entry.used = true;
            }
        }
    }

    /// Says whether the script is at its end: an answer that nobody asked for is an error.
    pub fn finish(&self) -> Result<(), BadScript> {
        match self.entries.iter().find(|entry| !entry.used) {
            None => Ok(()),
            Some(Entry { line, ask, .. }) => {
                Err(BadScript::Unused { line: *line, ask: ask.clone() })
            }
        }
    }

    fn unused(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(|entry| !entry.used)
    }

    fn tell(&mut self, tell: impl FnOnce(&mut Teller<Box<dyn Write + Send>>)) {
        if let Some(teller) = &mut self.teller {
            tell(teller);
        }
    }
}

impl Front for Script {
    fn show(&mut self, scene: Scene) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        self.tell(|teller| {
            if is_first {
                teller.line("UNATTENDED: a script answers, and nobody compares anything.");
            }
            teller.scene(&scene);
        });
    }

    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        let name = ask.id.script_name();
        if let Some(teller) = &mut self.teller {
            teller.flush()?;
        }
        if let Some(signals) = &self.signals {
            let ended = signals.end().or_else(|| signals.pause().then_some("SIGINT"));
            if let Some(signal) = ended {
                return Err(FrontFailed::Ended { signal });
            }
        }
        if let Some(why) = self.refused.take() {
            return Err(FrontFailed::Refused { ask: name, why });
        }
        let Some(entry) = self.unused().find(|entry| entry.ask == name) else {
            return Err(FrontFailed::Unanswered { ask: name });
        };
        entry.used = true;
        let people = match &entry.say {
            Line::Wish(wish) => People::Wish(*wish),
            Line::Say(say) => match answer(&ask.form, say) {
                Ok(say) => People::Answer { ask: ask.id.clone(), say },
                Err(why) => {
                    let why = format!("line {}: {why}", entry.line);
                    return Err(FrontFailed::Refused { ask: name, why });
                }
            },
        };
        let told = told(&people);
        self.tell(|teller| teller.sentence(&format!("{name}> {told}")));
        Ok(people)
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.refused = Some(refusal.to_string());
    }
}

impl Company for Script {
    fn progress(&mut self, progress: &Progress) {
        self.tell(|teller| teller.progress(progress));
    }

    fn wish(&mut self) -> Option<Wish> {
        None
    }
}

impl Unlock for Script {
    fn secret(&mut self, label: &Label, _tries_left: Option<u8>) -> Option<Secret> {
        let name = if self.renewed.contains(&label.key) {
            ending(&label.key, "new")
        } else {
            Some(label.key.clone())
        };
        let secret = name.and_then(|name| self.secrets.of(&name));
        if secret.is_none() {
            let why = format!("No {} was handed over for {}.", label.kind, label.key);
            self.tell(|teller| teller.sentence(&why));
        }
        secret
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        // A PUK is another secret than the PIN, and a changed one another than the old.
        let other = if label.kind == SecretKind::Puk { "puk" } else { "new" };
        let other = ending(&label.key, other).filter(|name| self.secrets.of(name).is_some());
        if other.is_some() && label.kind != SecretKind::Puk {
            self.renewed.push(label.key.clone());
        }
        let why = match self.secrets.new_of(other.as_ref().unwrap_or(&label.key), rules) {
            Some(Ok(secret)) => return Some(secret),
            Some(Err(why)) => format!("The new {} for {}: {why}", label.kind, label.key),
            None => format!("No {} was handed over for {}.", label.kind, label.key),
        };
        self.tell(|teller| teller.sentence(&why));
        None
    }

    fn touch(&mut self, label: &Label) {
        self.tell(|teller| teller.blocks(&[Block::Banner(touch_now(label))]));
    }
}

/// `NAME.puk` and `NAME.new`, under which further secrets of a key are handed over.
fn ending(key: &KeyName, ending: &str) -> Option<KeyName> {
    format!("{key}.{ending}").parse().ok()
}

/// What a script says as an answer of this form; the error is a sentence.
fn answer(form: &Form, say: &Say) -> Result<Answer, String> {
    match (form, say) {
        (Form::Press { .. }, Say::Yes) => Ok(Answer::Pressed),
        (Form::Press { .. }, _) => Err("this question takes say = true".to_owned()),
        (Form::Choose(choices), Say::Texts(texts)) => match texts.as_slice() {
            [word] if choices.iter().any(|choice| choice.word == *word) => {
                Ok(Answer::Chose(word.clone()))
            }
            _ => Err(format!("this question takes one of: {}", words(choices))),
        },
        (Form::Choose(choices), _) => {
            Err(format!("this question takes one of: {}", words(choices)))
        }
        (Form::Tick { items, .. }, Say::Yes) => {
            Ok(Answer::Ticked(items.iter().map(|item| item.word.clone()).collect()))
        }
        (Form::Tick { items, .. }, Say::Texts(texts)) => {
            if let Some(text) =
                texts.iter().find(|text| !items.iter().any(|item| item.word == **text))
            {
                return Err(format!("{text:?} is none of: {}", words(items)));
            }
            let ticked = items.iter().filter(|item| texts.contains(&item.word));
            Ok(Answer::Ticked(ticked.map(|item| item.word.clone()).collect()))
        }
        (Form::Tick { items, .. }, _) => {
            Err(format!("this question takes some of: {}", words(items)))
        }
        (Form::Fill(fields), Say::Texts(texts)) => typed(fields, texts),
        (Form::Fill(fields), Say::Yes) if fields.iter().all(|field| field.optional) => {
            Ok(Answer::Typed(vec![String::new(); fields.len()]))
        }
        (Form::Fill(fields), _) => {
            Err(format!("this question takes say with {} texts", fields.len()))
        }
        (Form::Words(_), Say::Texts(texts)) if texts.as_slice() == ["differ"] => Ok(Answer::Differ),
        (Form::Words(fields), Say::Texts(texts)) => typed(fields, texts),
        (Form::Words(fields), Say::Digest(digest)) => spoken(fields, &digest.words()),
        (Form::Words(fields), Say::Words(words)) => spoken(fields, words),
        (Form::Words(_), Say::Yes) => Err("a comparison takes digest, words or say".to_owned()),
    }
}

fn words(choices: &[crate::ceremony::ask::Choice]) -> String {
    choices.iter().map(|choice| choice.word.as_str()).collect::<Vec<_>>().join(", ")
}

fn typed(fields: &[Field], texts: &[String]) -> Result<Answer, String> {
    if texts.len() != fields.len() {
        return Err(format!("this question takes {} texts, not {}", fields.len(), texts.len()));
    }
    for (field, text) in fields.iter().zip(texts) {
        if let Some(why) = super::words::field_trouble(field, text, false) {
            return Err(format!("{}: {why}", field.label));
        }
    }
    Ok(Answer::Typed(texts.to_vec()))
}

/// The words at the positions that the fields name: `word 7`.
fn spoken<W: AsRef<str>>(fields: &[Field], words: &[W]) -> Result<Answer, String> {
    let word = |field: &Field| {
        words.get(word_place(field)?.checked_sub(1)?).map(|word| word.as_ref().to_owned())
    };
    fields
        .iter()
        .map(|field| {
            word(field).ok_or_else(|| format!("{:?} is at no position of these words", field.label))
        })
        .collect::<Result<_, _>>()
        .map(Answer::Typed)
}

/// An answer in a few words, for the record of a script's run.
fn told(people: &People) -> String {
    match people {
        People::Wish(wish) => wish_word(*wish).to_owned(),
        People::Answer { say, .. } => match say {
            Answer::Pressed => "(pressed)".to_owned(),
            Answer::Chose(word) => word.clone(),
            Answer::Ticked(words) => format!("ticked: {}", words.join(", ")),
            Answer::Typed(texts) => texts.join(" | "),
            Answer::Differ => "they differ".to_owned(),
        },
    }
}

impl From<io::Error> for BadScript {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::ceremony::ask::{AskId, AskKind, Choice};

    fn script(toml: &str) -> Script {
        Script::parse(toml, Secrets::default()).unwrap()
    }

    fn ask(kind: AskKind, about: &str, form: Form) -> Ask {
        Ask { id: AskId { kind, about: about.to_owned(), nth: 1 }, form }
    }

    fn press() -> Ask {
        ask(AskKind::Ready, "root-a", Form::Press { key: 'g', label: "go".to_owned() })
    }

    fn said(people: People) -> Answer {
        match people {
            People::Answer { say, .. } => say,
            People::Wish(wish) => panic!("{wish:?}"),
        }
    }

    #[test]
    fn a_question_that_comes_again_takes_the_next_answer() {
        let mut script = script(
            "[[answer]]\nask = \"trouble\"\nsay = \"again\"\n[[answer]]\nask = \"ready/root-a\"\nsay = true\n\
             [[answer]]\nask = \"trouble\"\nsay = \"stop\"\n",
        );
        let choices = ["again", "stop"].map(|word| Choice {
            key: 'a',
            word: word.into(),
            label: String::new(),
        });
        let trouble = ask(AskKind::Trouble, "", Form::Choose(choices.to_vec()));
        assert_eq!(said(script.ask(&trouble).unwrap()), Answer::Chose("again".to_owned()));
        assert_eq!(said(script.ask(&trouble).unwrap()), Answer::Chose("stop".to_owned()));
        assert_eq!(
            script.finish().unwrap_err().to_string(),
            "line 4: nobody asked for this answer to ready/root-a"
        );
        assert_eq!(said(script.ask(&press()).unwrap()), Answer::Pressed);
        script.finish().unwrap();
        let missing = script.ask(&press()).unwrap_err();
        assert_eq!(missing.to_string(), "the script has no answer to ready/root-a");
    }

    #[test]
    fn what_is_in_the_transcript_counts_as_said() {
        let mut script = script(
            "[[answer]]\nask = \"ready/root-a\"\nwish = \"exception\"\n\
             [[answer]]\nask = \"ready/root-a\"\nsay = true\n",
        );
        script.skip(&[People::Wish(Wish::Exception), script_answer()]);
        script.finish().unwrap();
    }

    fn script_answer() -> People {
        People::Answer { ask: press().id, say: Answer::Pressed }
    }

    #[test]
    fn a_wish_is_said_where_it_stands() {
        let mut script = script(
            "[[answer]]\nask = \"ready/root-a\"\nwish = \"pause\"\n[[answer]]\nask = \"ready/root-a\"\nsay = true\n",
        );
        assert_eq!(script.ask(&press()).unwrap(), People::Wish(Wish::Pause));
        assert_eq!(script.ask(&press()).unwrap(), script_answer());
    }

    #[test]
    fn a_comparison_takes_the_words_that_are_asked_for() {
        let field = |label: &str| Field { label: label.to_owned(), max: 20, optional: false };
        let form = Form::Words(vec![field("word 3"), field("word 1")]);
        let say = Say::Words(["one", "two", "three"].map(str::to_owned).to_vec());
        let expected = Answer::Typed(vec!["three".to_owned(), "one".to_owned()]);
        assert_eq!(answer(&form, &say), Ok(expected));
        assert!(answer(&Form::Words(vec![field("word 4")]), &say).is_err());
        let differ = Say::Texts(vec!["differ".to_owned()]);
        assert_eq!(answer(&form, &differ), Ok(Answer::Differ));
    }

    #[test]
    fn an_answer_that_does_not_fit_names_its_line() {
        let mut script = script("\n[[answer]]\nask = \"ready/root-a\"\nsay = \"yes\"\n");
        assert_eq!(
            script.ask(&press()).unwrap_err().to_string(),
            "the script's answer to ready/root-a was refused: line 2: this question takes say = true"
        );
    }

    #[test]
    fn a_refused_answer_ends_the_script() {
        let mut script = script("[[answer]]\nask = \"ready/root-a\"\nsay = true\n");
        script.ask(&press()).unwrap();
        script.refused(&Refusal::NoQuestion);
        assert!(matches!(script.ask(&press()), Err(FrontFailed::Refused { .. })));
    }
}
