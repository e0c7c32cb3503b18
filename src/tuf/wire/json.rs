//! JSON as trust metadata uses it: integers only, no duplicate members, everything bounded.

use std::collections::BTreeMap;
use std::fmt;

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
/// 2^53 - 1, no lone surrogates, nothing after the value.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Json, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError { line: 1, column: 1, found: Found::TooLong { bytes: bytes.len() } });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| at(bytes, error.valid_up_to(), Found::NotUtf8))?;
    let mut reader = Reader { text, at: 0, depth: limits.depth };
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fail(Found::Trailing));
    }
    Ok(value)
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
            Self::TooDeep => f.write_str("too many levels"),
        }
    }
}

fn at(bytes: &[u8], offset: usize, found: Found) -> JsonError {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    JsonError { line, column, found }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn fail(&self, found: Found) -> JsonError {
        at(self.text.as_bytes(), self.at, found)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> JsonError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.fail(Found::End),
            Some('\u{feff}') => self.fail(Found::ByteOrderMark),
            Some(found) => self.fail(Found::Unexpected(found)),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected())
        }
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'"') => self.string().map(Json::String),
            Some(b'[') => self.nested(Self::array),
            Some(b'{') => self.nested(Self::object),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(_) | None => Err(self.unexpected()),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Json, JsonError>,
    ) -> Result<Json, JsonError> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.fail(Found::TooDeep))?;
        self.at += 1;
        self.space();
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Json::Array(items));
            }
            self.expect(b',')?;
            self.space();
        }
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        let mut members = BTreeMap::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            let start = self.at;
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value()?;
            if members.contains_key(&name) {
                return Err(at(self.text.as_bytes(), start, Found::Duplicate(name)));
            }
            members.insert(name, value);
            self.space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
            self.space();
        }
    }

    fn integer(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(self.fail(Found::NotInteger));
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let bare = digits.strip_prefix('-').unwrap_or(digits);
        let padded = bare.len() > 1 && bare.starts_with('0');
        if bare.is_empty() || padded || digits == "-0" {
            return Err(self.fail(Found::BadInteger));
        }
        match digits.parse::<i64>() {
            Ok(value) if value.abs() <= MAX_INTEGER => Ok(Json::Integer(value)),
            Ok(_) | Err(_) => Err(self.fail(Found::TooLarge)),
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(stop) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                self.at = self.text.len();
                return Err(self.fail(Found::End));
            };
            out.push_str(rest.get(..stop).unwrap_or_default());
            self.at += stop;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) | None => return Err(self.fail(Found::Control)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let found = self.peek().ok_or_else(|| self.fail(Found::End))?;
        self.at += 1;
        match found {
            b'"' => Ok('"'),
            b'\\' => Ok('\\'),
            b'/' => Ok('/'),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'n' => Ok('\n'),
            b'r' => Ok('\r'),
            b't' => Ok('\t'),
            b'u' => self.unicode(),
            _ => Err(self.fail(Found::BadEscape)),
        }
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.text.get(self.at..self.at + 2) != Some("\\u") {
                    return Err(self.fail(Found::BadEscape));
                }
                self.at += 2;
                let second = self.four_digits()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.fail(Found::BadEscape));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.fail(Found::BadEscape))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        let code = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.fail(Found::BadEscape))?;
        self.at += 4;
        Ok(code)
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
        assert_eq!(found(&"[".repeat(100)), Found::TooDeep);
        assert_eq!(found("{\"a\":"), Found::End);
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
        let value = parse(b"-9007199254740991", Limits::default()).unwrap();
        assert_eq!(value, Json::Integer(-MAX_INTEGER));
    }
}
