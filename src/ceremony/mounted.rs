//! What a medium shows of itself when people say that it is in.

use serde::{Deserialize, Serialize};

use super::event::BadRecord;

/// How many file names of a medium are put on record.
pub const MAX_LISTED: usize = 100;

/// 16 random bytes that name one medium, given when it was enrolled, as 32 hex digits: two media of the same name differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediumId(String);

/// A medium as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mounted {
    /// Which medium it is.
    pub id: MediumId,
    /// The files on it beside its marker, sorted; at most [`MAX_LISTED`] of them.
    pub files: Vec<String>,
    /// How many files there are.
    pub count: usize,
}

impl MediumId {
    /// Takes 16 bytes.
    pub fn new(bytes: &[u8; 16]) -> Self {
        Self(data_encoding::HEXLOWER.encode(bytes))
    }
}

impl TryFrom<String> for MediumId {
    type Error = BadRecord;
    fn try_from(text: String) -> Result<Self, BadRecord> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| BadRecord)?;
        if bytes.len() == 16 { Ok(Self(text)) } else { Err(BadRecord) }
    }
}

impl From<MediumId> for String {
    fn from(id: MediumId) -> Self {
        id.0
    }
}

impl std::fmt::Display for MediumId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
