//! Canonical JSON (OLPC), the bytes that signatures are made over.

use super::json::Json;

impl Json {
    /// Canonical JSON: members sorted by their UTF-8 bytes, no white space, strings raw but for `\` and `"`, integers in
    /// decimal, no Unicode normalisation. The result need not be valid JSON: control characters go out raw.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(self, canonical_string, &mut out);
        out
    }

    /// The same order, as valid JSON: control characters escaped, everything else raw.
    pub fn compact(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(self, valid_string, &mut out);
        out
    }

    /// The same order, as Go's encoder writes it: `<`, `>`, `&`, U+2028 and U+2029 escaped as well.
    pub fn go_compact(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(self, go_string, &mut out);
        out
    }
}

fn write(value: &Json, string: fn(&str, &mut Vec<u8>), out: &mut Vec<u8>) {
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Json::String(text) => string(text, out),
        Json::Array(items) => {
            out.push(b'[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.push(b',');
                }
                write(item, string, out);
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (nth, (name, member)) in members.iter().enumerate() {
                if nth > 0 {
                    out.push(b',');
                }
                string(name, out);
                out.push(b':');
                write(member, string, out);
            }
            out.push(b'}');
        }
    }
}

fn canonical_string(text: &str, out: &mut Vec<u8>) {
    quoted(text, out, |_| false);
}

fn valid_string(text: &str, out: &mut Vec<u8>) {
    quoted(text, out, |c| c < ' ');
}

fn go_string(text: &str, out: &mut Vec<u8>) {
    quoted(text, out, |c| c < ' ' || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
}

fn quoted(text: &str, out: &mut Vec<u8>, escaped: fn(char) -> bool) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if escaped(c) => out.extend_from_slice(escape(c).as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Go's encoder has short forms for these control characters, and so has JSON.
fn escape(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        other => format!("\\u{:04x}", u32::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_backslash_and_quote_are_escaped_in_what_is_signed() {
        let value = Json::object([("b", Json::text("\"\\\n\u{e9}<")), ("a", Json::Integer(-1))]);
        assert_eq!(value.canonical(), "{\"a\":-1,\"b\":\"\\\"\\\\\n\u{e9}<\"}".as_bytes());
        assert_eq!(value.compact(), "{\"a\":-1,\"b\":\"\\\"\\\\\\n\u{e9}<\"}".as_bytes());
        assert_eq!(value.go_compact(), "{\"a\":-1,\"b\":\"\\\"\\\\\\n\u{e9}\\u003c\"}".as_bytes());
    }

    #[test]
    fn text_is_not_normalised() {
        let decomposed = Json::text("e\u{301}");
        assert_eq!(decomposed.canonical(), "\"e\u{301}\"".as_bytes());
    }

    #[test]
    fn members_are_sorted_by_their_bytes() {
        let value = Json::object([("\u{1f600}", Json::Null), ("\u{ffff}", Json::Null)]);
        assert_eq!(value.canonical(), "{\"\u{ffff}\":null,\"\u{1f600}\":null}".as_bytes());
    }
}
