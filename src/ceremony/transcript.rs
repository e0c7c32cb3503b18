//! The transcript: one line for each entry, chained by hashes.
//!
//! A line is compact JSON with sorted members. `prev` is the SHA-256 of the line before as it lies on disk, without its
//! line feed; the first line has the plan's digest there, and `"format":1`. The head is the hash of the last line.

use serde_json::Value;

use crate::tuf::digest::Digest;

use super::event::Entry;

/// The format that is written.
pub const FORMAT: u64 = 1;

/// Writes an entry as a line, with its line feed.
pub fn line(prev: Digest, first: bool, entry: &Entry) -> Vec<u8> {
    let mut value = serde_json::to_value(entry).expect("an entry is JSON");
    if let Value::Object(members) = &mut value {
        members.insert("prev".to_owned(), Value::String(prev.to_string()));
        if first {
            members.insert("format".to_owned(), Value::from(FORMAT));
        }
    }
    // `Value` sorts its members.
    let mut bytes = serde_json::to_vec(&value).expect("a value is JSON");
    bytes.push(b'\n');
    bytes
}

/// The hash of a line, with or without its line feed.
pub fn head_of(line: &[u8]) -> Digest {
    Digest::of(line.strip_suffix(b"\n").unwrap_or(line))
}

/// The head of a transcript: the hash of its last line.
pub fn head(transcript: &[u8]) -> Digest {
    let whole = transcript.strip_suffix(b"\n").unwrap_or(transcript);
    let last = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or(whole);
    head_of(last)
}

/// The length of the whole lines at the beginning: what comes after is a torn line.
pub fn whole_length(transcript: &[u8]) -> usize {
    transcript.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Reads a transcript of whole lines and checks its chain.
pub fn read(transcript: &[u8], plan: Digest) -> Result<Vec<Entry>, TranscriptError> {
    let whole = transcript.strip_suffix(b"\n").ok_or(TranscriptError::Torn)?;
    let mut prev = plan;
    let mut entries = Vec::new();
    for (number, bytes) in (1_u64..).zip(whole.split(|byte| *byte == b'\n')) {
        let bad = |why: String| TranscriptError::Line { line: number, why };
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        let members = value.as_object_mut().ok_or_else(|| bad("expected an object".to_owned()))?;
        if members.remove("prev") != Some(Value::String(prev.to_string())) {
            return Err(TranscriptError::Chain { line: number });
        }
        let format = members.remove("format");
        let expected = (number == 1).then(|| Value::from(FORMAT));
        if format != expected {
            return Err(bad(format!("expected format {FORMAT} on the first line and only there")));
        }
        let entry: Entry = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        if line(prev, number == 1, &entry).strip_suffix(b"\n") != Some(bytes) {
            return Err(bad("it is not written as we write it".to_owned()));
        }
        prev = head_of(bytes);
        entries.push(entry);
    }
    Ok(entries)
}

/// A transcript that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// It does not end with a line feed.
    #[error("the last line of the transcript is torn")]
    Torn,
    /// A line does not hang on the one before.
    #[error("line {line} of the transcript does not follow the line before it")]
    Chain {
        /// The line, from 1.
        line: u64,
    },
    /// A line cannot be read.
    #[error("line {line} of the transcript: {why}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// Why.
        why: String,
    },
}
