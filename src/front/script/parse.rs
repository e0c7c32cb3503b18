//! A script's text as entries, read strictly.

use std::io;

use serde::Deserialize;
use toml::Spanned;

use crate::ceremony::ask::{AskKind, Wish};
use crate::tuf::digest::Digest;

/// One answer of a script.
#[derive(Debug)]
pub(super) struct Entry {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// The question: kind, and subject after a slash.
    pub(super) ask: String,
    /// What is said to it.
    pub(super) say: Line,
    /// Whether it was said.
    pub(super) used: bool,
}

/// What an entry says.
#[derive(Debug)]
pub(super) enum Line {
    /// An answer.
    Say(Say),
    /// A wish, made where the question is open.
    Wish(Wish),
}

/// An answer before its question's form is known.
#[derive(Debug)]
pub(super) enum Say {
    /// `say = true`.
    Yes,
    /// `say = "text"` or `say = ["one", "two"]`.
    Texts(Vec<String>),
    /// `digest = "hex"`.
    Digest(Digest),
    /// `words = "all the words"`.
    Words(Vec<String>),
}

impl Entry {
    pub(super) const fn wish(&self) -> Option<Wish> {
        match self.say {
            Line::Wish(wish) => Some(wish),
            Line::Say(_) => None,
        }
    }
}

/// Reads all entries.
pub(super) fn entries(toml: &str) -> Result<Vec<Entry>, BadScript> {
    let file: File = toml::from_str(toml).map_err(|error| BadScript::Toml {
        line: error.span().map_or(1, |span| line_of(toml, span.start)),
        what: error.message().to_owned(),
    })?;
    file.answer
        .into_iter()
        .map(|raw| entry(line_of(toml, raw.span().start), raw.into_inner()))
        .collect()
}

/// A script as TOML writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    answer: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    ask: String,
    say: Option<RawSay>,
    digest: Option<String>,
    words: Option<String>,
    wish: Option<Wish>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawSay {
    Yes(bool),
    Text(String),
    Texts(Vec<String>),
}

fn entry(line: usize, raw: Raw) -> Result<Entry, BadScript> {
    let bad = |what: &str| BadScript::Entry { line, ask: raw.ask.clone(), what: what.to_owned() };
    let kind = raw.ask.split('/').next().unwrap_or_default();
    if kind.parse::<AskKind>().is_err() {
        return Err(bad("there is no such question"));
    }
    let say = match (raw.say, raw.digest, raw.words, raw.wish) {
        (Some(RawSay::Yes(true)), None, None, None) => Line::Say(Say::Yes),
        (Some(RawSay::Yes(false)), None, None, None) => return Err(bad("say cannot be false")),
        (Some(RawSay::Text(text)), None, None, None) => Line::Say(Say::Texts(vec![text])),
        (Some(RawSay::Texts(texts)), None, None, None) => Line::Say(Say::Texts(texts)),
        (None, Some(hex), None, None) => {
            Line::Say(Say::Digest(hex.parse().map_err(|_| bad("digest takes 64 hex digits"))?))
        }
        (None, None, Some(words), None) => {
            Line::Say(Say::Words(words.split_whitespace().map(str::to_owned).collect()))
        }
        (None, None, None, Some(wish)) => Line::Wish(wish),
        _ => return Err(bad("an answer takes exactly one of say, digest, words and wish")),
    };
    Ok(Entry { line, ask: raw.ask, say, used: false })
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The script is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum BadScript {
    /// Reading failed.
    #[error("reading the script failed: {0}")]
    Io(#[source] io::Error),
    /// It is not TOML, or holds what a script does not have.
    #[error("line {line}: {what}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What the parser found.
        what: String,
    },
    /// An entry makes no sense.
    #[error("line {line}: answer to {ask:?}: {what}")]
    Entry {
        /// The line on which it begins, from 1.
        line: usize,
        /// The question it names.
        ask: String,
        /// What is wrong.
        what: String,
    },
    /// An answer was left over at the end.
    #[error("line {line}: nobody asked for this answer to {ask}")]
    Unused {
        /// The line on which it begins, from 1.
        line: usize,
        /// The question it names.
        ask: String,
    },
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_script_does_not_have_is_an_error_with_its_line() {
        let errors = [
            ("[[answer]]\nask = \"review\"\nsay = true\ntwice = 1\n", "line 4: unknown field"),
            ("[[secret]]\nkey = \"root-a\"\n", "line 1: unknown field"),
            (
                "\n[[answer]]\nask = \"revue\"\nsay = true\n",
                "line 2: answer to \"revue\": there is no such question",
            ),
            (
                "[[answer]]\nask = \"review\"\n",
                "line 1: answer to \"review\": an answer takes exactly one",
            ),
            (
                "[[answer]]\nask = \"review\"\nsay = true\nwish = \"pause\"\n",
                "line 1: answer to \"review\": an",
            ),
            (
                "[[answer]]\nask = \"compare-plan\"\ndigest = \"3f2a\"\n",
                "line 1: answer to \"compare-plan\": digest",
            ),
            ("[[answer]]\nask = \"review\"\nwish = \"tea\"\n", "line 3: unknown variant"),
            ("[[answer]]\nask = \"review\nsay = true\n", "line 2: "),
        ];
        for (toml, expected) in errors {
            let found = entries(toml).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
