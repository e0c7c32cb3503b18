//! One line of the register.

use serde::{Deserialize, Serialize};

use crate::ceremony::event::SessionId;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::state::{KeyState, NoState};

/// What became of a key, when, by whom and why. Members that say nothing new are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Who did it or says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The key.
    pub fingerprint: Fingerprint,
    /// Who holds it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// What plans call it.
    pub key: KeyName,
    /// Where it is kept now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Why.
    pub reason: String,
    /// The number of the bag or seal it is in now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// The serial number of its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The ceremony.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The state it is in from now on, or a note that leaves it in its state.
    pub state: What,
    /// Its store, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum What {
    /// The key is in this state from now on.
    State(KeyState),
    /// Something that leaves it in its state.
    Note(Note),
}

/// What happened to a key without changing its state. A key of which only this is known is in pre-activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// It was made in a ceremony that was stopped.
    Generated,
    /// It came from another program.
    Imported,
    /// A back-up was written.
    BackedUp,
    /// It came back from a back-up.
    Restored,
    /// Its PIN or passphrase was changed, and the new one opened it.
    SecretChanged,
    /// The last try of its token was spent, by consent.
    LastTry,
}

impl Line {
    /// A line that says no more than it must.
    pub fn new(at: Timestamp, key: KeyName, fingerprint: Fingerprint, state: What) -> Self {
        Self {
            at,
            by: None,
            fingerprint,
            holder: None,
            key,
            location: None,
            reason: String::new(),
            seal: None,
            serial: None,
            session: None,
            state,
            store: None,
        }
    }
}

impl Note {
    const ALL: [Self; 6] = [
        Self::Generated,
        Self::Imported,
        Self::BackedUp,
        Self::Restored,
        Self::SecretChanged,
        Self::LastTry,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Imported => "imported",
            Self::BackedUp => "backed up",
            Self::Restored => "restored",
            Self::SecretChanged => "secret changed",
            Self::LastTry => "last try",
        }
    }
}

/// How earlier releases wrote "active".
const AUTHORISED: &str = "authorised";

impl TryFrom<String> for What {
    type Error = NoState;

    fn try_from(text: String) -> Result<Self, NoState> {
        if let Some(note) = Note::ALL.into_iter().find(|note| note.word() == text) {
            return Ok(Self::Note(note));
        }
        if text == AUTHORISED {
            return Ok(Self::State(KeyState::Active));
        }
        text.parse().map(Self::State)
    }
}

impl From<What> for String {
    fn from(what: What) -> Self {
        match what {
            What::State(state) => state.to_string(),
            What::Note(note) => note.word().to_owned(),
        }
    }
}
