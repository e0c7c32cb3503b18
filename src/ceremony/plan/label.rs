//! Titles and the names of people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Printable Unicode, 1 to 64 characters, without control or bidirectional characters; never a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Label {
    type Err = BadLabel;
    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let bad = |expected| BadLabel { found: text.to_owned(), expected };
        let length = text.chars().count();
        if length == 0 || length > 64 {
            return Err(bad("1 to 64 characters"));
        }
        if text.trim() != text {
            return Err(bad("no space at either end"));
        }
        if text.chars().any(|c| c.is_control() || is_format(c)) {
            return Err(bad("printable characters, none that change the direction of writing"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Characters that are invisible or change the direction of writing (Unicode category Cf, as far as it matters on a
/// terminal).
pub(in crate::ceremony) fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = BadLabel;
    fn try_from(text: String) -> Result<Self, BadLabel> {
        text.parse()
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

/// A title or a name of a person that breaks the rule for both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} will not do: expected {expected}")]
pub struct BadLabel {
    /// The text found.
    pub found: String,
    /// The rule, in words.
    pub expected: &'static str,
}
