//! JSON as trust metadata uses it: integers only, no duplicate members, everything bounded.

use std::collections::BTreeMap;
use std::fmt;

use super::reader::Reader;

/// A JSON value without floating-point numbers. Members are sorted by their UTF-8 bytes, which is the order of
/// canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// A string value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// An object of these members.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A member of an object; nothing for other values.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::String(_) | Self::Array(_) => {
                None
            }
        }
    }

    /// What kind of value it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// How much of a document is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes.
    pub bytes: usize,
    /// The most levels of arrays and objects.
    pub depth: usize,
}

impl Default for Limits {
    /// 64 MiB and 64 levels.
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 64 }
    }
}

/// The largest integer that survives a reader that takes numbers as doubles: 2^53 - 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Reads one JSON value, strictly: UTF-8 without a byte order mark, no duplicate members, only integers of at most
/// 2^53 - 1, no lone surrogates, no U+0000, nothing after the value.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Json, JsonError> {
    let mut reader = Reader::new(bytes, limits)?;
    reader.space();
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

impl Reader<'_> {
    /// Reads a value and keeps it whole.
    pub(in crate::tuf) fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'n') => self.word("null").map(|()| Json::Null),
            Some(b't') => self.word("true").map(|()| Json::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Json::Bool(false)),
            Some(b'"') => self.string().map(|text| Json::String(text.into_owned())),
            Some(b'[') => {
                let mut items = Vec::new();
                self.array(|reader| {
                    items.push(reader.value()?);
                    Ok::<_, JsonError>(())
                })?;
                Ok(Json::Array(items))
            }
            Some(b'{') => {
                let mut members = BTreeMap::new();
                self.object(|reader, name, start| {
                    let value = reader.value()?;
                    reader.once(!members.contains_key(&**name), name, start)?;
                    members.insert(name.to_string(), value);
                    Ok::<_, JsonError>(())
                })?;
                Ok(Json::Object(members))
            }
            Some(b'-' | b'0'..=b'9') => self.integer().map(Json::Integer),
            Some(_) | None => Err(self.unexpected()),
        }
    }
}

/// JSON that is not read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {found}")]
pub struct JsonError {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
    /// What was found.
    pub found: Found,
}

/// What was found instead of strict JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// More bytes than are read.
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A byte order mark.
    ByteOrderMark,
    /// Something after the value.
    Trailing,
    /// The end, in the middle of a value.
    End,
    /// A character that cannot stand here.
    Unexpected(char),
    /// A member that is there already.
    Duplicate(String),
    /// A fraction or an exponent.
    NotInteger,
    /// An integer beyond 2^53 - 1.
    TooLarge,
    /// An integer written in another way than decimal without leading zeros.
    BadInteger,
    /// A raw control character in a string.
    Control,
    /// An escape that JSON does not have, or half a surrogate pair.
    BadEscape,
    /// U+0000 in a string, where many readers end a text.
    Nul,
    /// Too many levels.
    TooDeep,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(f, "{bytes} bytes are more than is read"),
            Self::NotUtf8 => f.write_str("expected UTF-8"),
            Self::ByteOrderMark => f.write_str("expected JSON without a byte order mark"),
            Self::Trailing => f.write_str("expected the end after the value"),
            Self::End => f.write_str("the document ends in the middle"),
            Self::Unexpected(found) => write!(f, "unexpected {found:?}"),
            Self::Duplicate(name) => write!(f, "the member {name:?} is there twice"),
            Self::NotInteger => f.write_str("expected an integer, found a fraction or exponent"),
            Self::TooLarge => f.write_str("the integer is beyond 2^53 - 1"),
            Self::BadInteger => f.write_str("expected a decimal integer without leading zeros"),
            Self::Control => f.write_str("a raw control character in a string"),
            Self::BadEscape => f.write_str("an escape that JSON does not have"),
            Self::Nul => f.write_str("a string with the character U+0000"),
            Self::TooDeep => f.write_str("too many levels"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn found(text: &str) -> Found {
        parse(text.as_bytes(), Limits::default()).unwrap_err().found
    }

    #[test]
    fn what_other_readers_disagree_about_is_refused() {
        assert_eq!(found(r#"{"a":1,"a":2}"#), Found::Duplicate("a".to_owned()));
        assert_eq!(found("1.5"), Found::NotInteger);
        assert_eq!(found("1e3"), Found::NotInteger);
        assert_eq!(found("-0"), Found::BadInteger);
        assert_eq!(found("01"), Found::BadInteger);
        assert_eq!(found("9007199254740992"), Found::TooLarge);
        assert_eq!(found("{} {}"), Found::Trailing);
        assert_eq!(found("\u{feff}{}"), Found::ByteOrderMark);
        assert_eq!(found(r#""\ud800""#), Found::BadEscape);
        assert_eq!(found("\"a\nb\""), Found::Control);
        assert_eq!(found(r#""a\u0000b""#), Found::Nul);
        assert_eq!(found(r#""\udc00""#), Found::BadEscape);
        assert_eq!(found("1e400"), Found::NotInteger);
        assert_eq!(found(r#"{"a":[null,{"b":1,"b":1}]}"#), Found::Duplicate("b".to_owned()));
        assert_eq!(found(&"[".repeat(100)), Found::TooDeep);
        assert_eq!(found("{\"a\":"), Found::End);
        // Each with the one bad thing put right.
        let depth = format!("{}{}", "[".repeat(9), "]".repeat(9));
        for text in [
            r#"{"a":1,"b":2}"#,
            "15",
            "1000",
            "0",
            "1",
            "9007199254740991",
            "{}",
            r#""\ud800\udc00""#,
            r#""a\nb""#,
            r#""a\u0001b""#,
            r#"{"a":[null,{"b":1,"c":1}]}"#,
            &depth,
            "{\"a\":1}",
        ] {
            assert!(parse(text.as_bytes(), Limits::default()).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_position_of_a_fault_is_told() {
        let error = parse(b"{\n  \"a\": nul\n}", Limits::default()).unwrap_err();
        assert_eq!((error.line, error.column), (2, 8));
    }

    #[test]
    fn pairs_of_surrogates_are_one_character() {
        let value = parse(br#""\ud83d\ude00""#, Limits::default()).unwrap();
        assert_eq!(value, Json::text("\u{1f600}"));
    }

    #[test]
    fn the_largest_integer_is_read() {
        for (text, number) in
            [(&b"-9007199254740991"[..], -MAX_INTEGER), (b"9007199254740991", MAX_INTEGER)]
        {
            assert_eq!(parse(text, Limits::default()).unwrap(), Json::Integer(number));
        }
    }
}
