//! What is wanted next, before it is numbered.

use crate::tuf::digest::Digest;

use super::super::ask::{AskKind, Form};
use super::super::event::{Act, ActKind, FileAt, Outcome, Place};
use super::super::plan::PlannedKey;

/// One want: a question, an act, or the end.
#[expect(clippy::large_enum_variant, reason = "one value lives at a time")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// Ask people.
    Ask { kind: AskKind, about: String, form: Form },
    /// Carry something out.
    Act { kind: ActKind, subject: String, bytes: Option<Digest>, act: Act },
    /// Stop.
    Close(Outcome),
}

impl Want {
    pub(super) fn ask(kind: AskKind, about: impl Into<String>, form: Form) -> Self {
        Self::Ask { kind, about: about.into(), form }
    }

    pub(super) fn press(kind: AskKind, about: impl Into<String>, key: char, label: &str) -> Self {
        Self::ask(kind, about, Form::Press { key, label: label.to_owned() })
    }

    /// Writes a new file.
    pub(super) fn write(file: FileAt, bytes: Vec<u8>) -> Self {
        Self::Act {
            kind: ActKind::Write,
            subject: file.to_string(),
            bytes: Some(Digest::of(&bytes)),
            act: Act::Write { file, bytes },
        }
    }

    /// Reads a written file back.
    pub(super) fn read_back(file: FileAt) -> Self {
        Self::Act {
            kind: ActKind::ReadBack,
            subject: file.to_string(),
            bytes: None,
            act: Act::ReadBack(file),
        }
    }

    /// An act of one key.
    pub(super) fn of_key(kind: ActKind, key: &PlannedKey, bytes: Option<Digest>, act: Act) -> Self {
        Self::Act { kind, subject: key.name.to_string(), bytes, act }
    }
}

/// A file in the evidence folder.
pub(super) fn in_evidence(path: &str) -> FileAt {
    FileAt { place: Place::Evidence, path: path.to_owned() }
}
