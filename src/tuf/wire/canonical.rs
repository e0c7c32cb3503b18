//! The styles in which we write JSON; canonical JSON (OLPC) among them, the bytes that signatures are made over.

use super::json::Json;

/// How JSON is written. Every style sorts members by their UTF-8 bytes, has no white space, escapes `\` and `"`, writes
/// integers in decimal, and does not normalise Unicode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Canonical JSON: nothing else is escaped. The result need not be valid JSON: control characters go out raw.
    Canonical,
    /// Valid JSON: control characters are escaped.
    Compact,
    /// As Go's encoder writes it: `<`, `>`, `&`, U+2028 and U+2029 are escaped as well.
    Go,
}

/// Where writing goes.
pub trait Out {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Compares what is written with what is expected, and keeps nothing.
pub(in crate::tuf) struct Against<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Against<'a> {
    pub(in crate::tuf) const fn new(expected: &'a [u8]) -> Self {
        Self { rest: Some(expected) }
    }

    /// Whether exactly the expected bytes were written.
    pub(in crate::tuf) fn same(&self) -> bool {
        self.rest.is_some_and(<[u8]>::is_empty)
    }
}

impl Out for Against<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.rest = self.rest.and_then(|rest| rest.strip_prefix(bytes));
    }
}

impl Json {
    /// The value in [`Style::Canonical`].
    pub fn canonical(&self) -> Vec<u8> {
        self.styled(Style::Canonical)
    }

    /// The value in [`Style::Compact`].
    pub fn compact(&self) -> Vec<u8> {
        self.styled(Style::Compact)
    }

    /// The value in [`Style::Go`].
    pub fn go_compact(&self) -> Vec<u8> {
        self.styled(Style::Go)
    }

    fn styled(&self, style: Style) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(style, &mut out);
        out
    }

    /// Writes the value in a style.
    pub fn write(&self, style: Style, out: &mut impl Out) {
        match self {
            Self::Null => out.put(b"null"),
            Self::Bool(true) => out.put(b"true"),
            Self::Bool(false) => out.put(b"false"),
            Self::Integer(number) => out.put(number.to_string().as_bytes()),
            Self::String(text) => style.string(text, out),
            Self::Array(items) => {
                out.put(b"[");
                for (nth, item) in items.iter().enumerate() {
                    if nth > 0 {
                        out.put(b",");
                    }
                    item.write(style, out);
                }
                out.put(b"]");
            }
            Self::Object(members) => {
                out.put(b"{");
                for (nth, (name, member)) in members.iter().enumerate() {
                    if nth > 0 {
                        out.put(b",");
                    }
                    style.string(name, out);
                    out.put(b":");
                    member.write(style, out);
                }
                out.put(b"}");
            }
        }
    }
}

impl Style {
    pub(super) const ALL: [Self; 3] = [Self::Canonical, Self::Compact, Self::Go];

    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Canonical => 1,
            Self::Compact => 2,
            Self::Go => 4,
        }
    }

    /// Whether a text in canonical JSON is the same in this style.
    pub(in crate::tuf) fn leaves(self, canonical: &str) -> bool {
        // In runs, so that the machine looks at many bytes at once.
        !canonical.as_bytes().chunks(1024).any(|run| {
            run.iter().fold(false, |found, byte| {
                found
                    | match self {
                        Self::Canonical => false,
                        Self::Compact => *byte < b' ',
                        // 0xe2 begins the separators of lines and of paragraphs.
                        Self::Go => *byte < b' ' || matches!(byte, b'<' | b'>' | b'&' | 0xe2),
                    }
            })
        })
    }

    const fn escapes(self, c: char) -> bool {
        match c {
            '"' | '\\' => true,
            '\0'..='\u{1f}' => matches!(self, Self::Compact | Self::Go),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => matches!(self, Self::Go),
            _ => false,
        }
    }

    /// A character inside a string.
    pub(super) fn character(self, c: char) -> String {
        if !self.escapes(c) {
            return c.to_string();
        }
        match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            // Go's encoder has short forms for these control characters, and so has JSON.
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            other => format!("\\u{:04x}", u32::from(other)),
        }
    }

    /// A string with its quotes.
    pub(in crate::tuf) fn string(self, text: &str, out: &mut impl Out) {
        out.put(b"\"");
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| self.escapes(*c)) {
            let (before, after) = rest.split_at(at);
            out.put(before.as_bytes());
            out.put(self.character(c).as_bytes());
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        out.put(rest.as_bytes());
        out.put(b"\"");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use proptest::prelude::*;

    use super::super::json::{Limits, parse};
    use super::super::reader::Reader;
    use super::*;

    fn value() -> impl Strategy<Value = Json> {
        let text = prop_oneof![".{0,6}", "[a-c\"\\\\<>&\u{1}-\u{1f}\u{2028}\u{2029}\u{7f}é]{0,6}"];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            (-(1_i64 << 53) + 1..1_i64 << 53).prop_map(Json::Integer),
            text.clone().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::btree_map(text.clone(), inner, 0..4).prop_map(Json::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_known_by_its_style(value in value()) {
            // Only an escape could bring U+0000 in, and none does.
            prop_assume!(!value.canonical().contains(&0));
            for style in [Style::Compact, Style::Go] {
                let written = value.styled(style);
                prop_assert_eq!(&parse(&written, Limits::default()).unwrap(), &value);
                let mut reader = Reader::new(&written, Limits::default()).unwrap();
                reader.skip().unwrap();
                prop_assert!(reader.strays().none(style));
                for other in Style::ALL {
                    let mut again = Vec::new();
                    Reader::new(&written, Limits::default()).unwrap().transcribe(other, &mut again).unwrap();
                    prop_assert_eq!(&again, &value.styled(other));
                    prop_assert_eq!(reader.strays().none(other), again == written);
                }
                let canonical = String::from_utf8(value.canonical()).unwrap();
                let leaves = style.leaves(&canonical);
                prop_assert!(!leaves || canonical.as_bytes() == written);
            }
        }
    }

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
