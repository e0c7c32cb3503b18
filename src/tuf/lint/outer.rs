//! The envelope as it lies in the file: what stands beside `signed` and `signatures`. It was read strictly before; here
//! values are stepped over, so that a large document is not read twice.

use crate::tuf::wire::json::{Json, Limits, parse};

/// The envelope of a document.
pub(super) struct Outer {
    /// The members beside `signed` and `signatures`.
    pub(super) members: Vec<String>,
    /// The signatures.
    pub(super) signatures: Vec<Json>,
}

impl Outer {
    /// Looks at the envelope of bytes that are one strict JSON object.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut outer = Self { members: Vec::new(), signatures: Vec::new() };
        for (name, value) in members(bytes) {
            match name.as_str() {
                "signed" => {}
                "signatures" => {
                    if let Ok(Json::Array(entries)) = parse(value, Limits::default()) {
                        outer.signatures = entries;
                    }
                }
                _ => outer.members.push(name),
            }
        }
        outer
    }
}

/// The members of an object, each with the bytes of its value.
fn members(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    let mut rest = trim(bytes).strip_prefix(b"{").unwrap_or_default();
    loop {
        rest = trim(rest);
        rest = trim(rest.strip_prefix(b",").unwrap_or(rest));
        if rest.first() != Some(&b'"') {
            return found;
        }
        let (name, after) = rest.split_at(value_length(rest));
        let after = trim(trim(after).strip_prefix(b":").unwrap_or_default());
        let (value, after) = after.split_at(value_length(after));
        if let Ok(Json::String(name)) = parse(name, Limits::default()) {
            found.push((name, value));
        }
        rest = after;
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_start()
}

/// How many bytes the value takes that these bytes begin with.
fn value_length(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return at + 1;
                }
            }
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_stepped_over_whatever_they_hold() {
        let bytes = br#" { "a" : "}\"{" , "signed":{"x":[1,"]",{}]},"n":-1
            ,"signatures" : [ {"keyid":"k"} ] , "\u0062":null } "#;
        let outer = Outer::of(bytes);
        assert_eq!(outer.members, ["a", "n", "b"]);
        assert_eq!(outer.signatures.len(), 1);
        let none = Outer::of(b"{}");
        assert!(none.members.is_empty() && none.signatures.is_empty());
    }
}
