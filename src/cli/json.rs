//! What `--json` prints: one object a run, with the number of the schema and the kind of the answer
//! (`docs/json.md`).

use serde::Serialize;

use super::{Exit, Failure, say};

/// The number of the schema.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Envelope<'a, T> {
    anchorite: u32,
    kind: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

/// Prints an answer. Everything beyond ASCII is escaped, so that nothing in it can move a cursor.
pub(super) fn print<T: Serialize>(kind: &str, body: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&Envelope { anchorite: SCHEMA, kind, body })
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    say(ascii(&text));
    Ok(())
}

/// Beyond ASCII there are only characters of strings in JSON, which have an escape.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_ascii_is_escaped_and_reads_back() {
        let text = "a\u{9b}\u{202e}\u{1f600}\u{7f}\u{e9}";
        let json = ascii(&serde_json::json!(text).to_string());
        assert_eq!(json, "\"a\\u009b\\u202e\\ud83d\\ude00\\u007f\\u00e9\"");
        assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(text));
    }
}
