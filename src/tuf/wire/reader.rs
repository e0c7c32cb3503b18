//! One strict reader of JSON, which pulls: it builds nothing that nobody asks for, and sees on the way whether the text is
//! written as we would write it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::canonical::Style;
use super::json::{Found, JsonError, Limits, MAX_INTEGER};

/// A place in a text of JSON. It reads UTF-8 without a byte order mark, no duplicate members, only integers of at most
/// 2^53 - 1, no lone surrogates, no U+0000.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// One bit for each style in which the text since [`Reader::mark`] is not written.
    strays: Strays,
}

/// The styles in which a stretch of text is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tuf) struct Strays(u8);

impl Strays {
    /// Whether the text is exactly what this style would write.
    pub(in crate::tuf) const fn none(self, style: Style) -> bool {
        self.0 & style.bit() == 0
    }

    const ALL: Self = Self(!0);

    const fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }

    const fn of(style: Style) -> Self {
        Self(style.bit())
    }
}

impl<'a> Reader<'a> {
    /// Begins a text that comes from outside.
    pub(in crate::tuf) fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, JsonError> {
        if bytes.len() > limits.bytes {
            let found = Found::TooLong { bytes: bytes.len() };
            return Err(JsonError { line: 1, column: 1, found });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| position(bytes, error.valid_up_to(), Found::NotUtf8))?;
        Ok(Self::over(text, limits.depth))
    }

    /// Begins a text that is not too long.
    pub(in crate::tuf) fn over(text: &'a str, depth: usize) -> Self {
        Self { text, at: 0, depth, strays: Strays::default() }
    }

    /// Begins again in a text that was read before, within its limits.
    pub(in crate::tuf) fn again(text: &'a str, at: usize) -> Self {
        Self { text, at, depth: usize::MAX, strays: Strays::default() }
    }

    /// Where it is, in bytes.
    pub(in crate::tuf) const fn at(&self) -> usize {
        self.at
    }

    /// The whole text.
    pub(in crate::tuf) const fn text(&self) -> &'a str {
        self.text
    }

    /// Passes over one byte, whatever it is.
    pub(in crate::tuf) const fn skip_byte(&mut self) {
        self.at += 1;
    }

    /// Forgets what was seen of the style.
    pub(in crate::tuf) fn mark(&mut self) -> Strays {
        std::mem::take(&mut self.strays)
    }

    /// The styles in which the text since the mark is not written.
    pub(in crate::tuf) const fn strays(&self) -> Strays {
        self.strays
    }

    /// Takes up what was seen before a mark.
    pub(in crate::tuf) const fn recall(&mut self, before: Strays) {
        self.strays.add(before);
    }

    /// Tries to read something; where that fails, it is as if nothing had been read.
    pub(in crate::tuf) fn attempt<T, E>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let (at, depth) = (self.at, self.depth);
        let result = read(self);
        if result.is_err() {
            (self.at, self.depth) = (at, depth);
        }
        result
    }

    /// The fault that is here.
    pub(in crate::tuf) fn fail(&self, found: Found) -> JsonError {
        position(self.text.as_bytes(), self.at, found)
    }

    /// Refuses a member that began at `start` and is not there for the first time.
    pub(in crate::tuf) fn once(
        &self,
        first: bool,
        name: &str,
        start: usize,
    ) -> Result<(), JsonError> {
        if first {
            return Ok(());
        }
        Err(position(self.text.as_bytes(), start, Found::Duplicate(name.to_owned())))
    }

    pub(in crate::tuf) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(in crate::tuf) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
            self.strays = Strays::ALL;
        }
    }

    /// Wants nothing but white space up to the end.
    pub(in crate::tuf) fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at < self.text.len() { Err(self.fail(Found::Trailing)) } else { Ok(()) }
    }

    pub(in crate::tuf) fn unexpected(&self) -> JsonError {
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

    pub(in crate::tuf) fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn deeper(&mut self) -> Result<(), JsonError> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.fail(Found::TooDeep))?;
        Ok(())
    }

    /// Reads an array; `item` reads each item.
    pub(in crate::tuf) fn array<E: From<JsonError>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.peek() != Some(b'[') {
            return Err(self.unexpected().into());
        }
        self.deeper()?;
        self.at += 1;
        self.space();
        if self.peek() != Some(b']') {
            loop {
                item(self)?;
                self.space();
                if self.peek() == Some(b']') {
                    break;
                }
                self.expect(b',')?;
                self.space();
            }
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    /// Reads an object; `member` reads each value, and is told the name and where it begins. Whether names repeat is for
    /// `member` to see.
    pub(in crate::tuf) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &Cow<'a, str>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.peek() != Some(b'{') {
            return Err(self.unexpected().into());
        }
        self.deeper()?;
        self.at += 1;
        self.space();
        if self.peek() != Some(b'}') {
            let mut before: Option<Cow<'a, str>> = None;
            loop {
                let start = self.at;
                let name = self.string()?;
                if before.is_some_and(|before| before >= name) {
                    self.strays = Strays::ALL;
                }
                self.space();
                self.expect(b':')?;
                self.space();
                member(self, &name, start)?;
                before = Some(name);
                self.space();
                if self.peek() == Some(b'}') {
                    break;
                }
                self.expect(b',')?;
                self.space();
            }
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    /// Reads a value as strictly as ever, and keeps nothing of it.
    pub(in crate::tuf) fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'[') => self.array(Self::skip),
            Some(b'{') => {
                let mut names = BTreeSet::new();
                self.object(|reader, name, start| {
                    reader.skip()?;
                    reader.once(names.insert(name.clone()), name, start)
                })
            }
            Some(_) | None => self.value().map(drop),
        }
    }

    pub(in crate::tuf) fn integer(&mut self) -> Result<i64, JsonError> {
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
            Ok(value) if value.abs() <= MAX_INTEGER => Ok(value),
            Ok(_) | Err(_) => Err(self.fail(Found::TooLarge)),
        }
    }

    /// Reads a string; it is borrowed from the text unless it has escapes.
    pub(in crate::tuf) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        self.run()?;
        if self.peek() == Some(b'"') {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut out = self.text.get(start..self.at).unwrap_or_default().to_owned();
        while self.peek() != Some(b'"') {
            let escape = self.at;
            self.at += 1;
            let meant = self.escape()?;
            let written = self.text.get(escape..self.at).unwrap_or_default();
            for style in Style::ALL {
                if style.character(meant) != written {
                    self.strays.add(Strays::of(style));
                }
            }
            out.push(meant);
            let start = self.at;
            self.run()?;
            out.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
        self.at += 1;
        Ok(Cow::Owned(out))
    }

    /// Goes on to the next quote or backslash.
    fn run(&mut self) -> Result<(), JsonError> {
        let text = self.text.as_bytes();
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            let Some((skipped, stop)) = stop(rest) else {
                self.at = text.len();
                return Err(self.fail(Found::End));
            };
            self.at += skipped;
            match stop {
                b'"' | b'\\' => return Ok(()),
                0..=0x1f => return Err(self.fail(Found::Control)),
                // Go's encoder never leaves these raw.
                b'<' | b'>' | b'&' => self.strays.add(Strays::of(Style::Go)),
                _ => {
                    let separators: [&[u8]; 2] = [&[0xe2, 0x80, 0xa8], &[0xe2, 0x80, 0xa9]];
                    if text.get(self.at..self.at + 3).is_some_and(|c| separators.contains(&c)) {
                        self.strays.add(Strays::of(Style::Go));
                    }
                }
            }
            self.at += 1;
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
        match char::from_u32(code) {
            Some('\0') => Err(self.fail(Found::Nul)),
            Some(c) => Ok(c),
            None => Err(self.fail(Found::BadEscape)),
        }
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

    /// Reads a value and writes it in a style: members sorted, no white space. The text must have been read before.
    pub(in crate::tuf) fn transcribe(
        &mut self,
        style: Style,
        out: &mut Vec<u8>,
    ) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => style.string(&self.string()?, out),
            Some(b'[') => {
                out.push(b'[');
                let mut first = true;
                self.array(|reader| {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    reader.transcribe(style, out)
                })?;
                out.push(b']');
            }
            Some(b'{') => self.transcribe_object(style, out)?,
            Some(_) | None => {
                let start = self.at;
                self.skip()?;
                out.extend_from_slice(self.text.as_bytes().get(start..self.at).unwrap_or_default());
            }
        }
        Ok(())
    }

    fn transcribe_object(&mut self, style: Style, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let begin = out.len();
        let mut written: Vec<(Cow<'a, str>, usize, usize)> = Vec::new();
        self.object(|reader, name, _| {
            out.push(b',');
            let start = out.len();
            style.string(name, out);
            out.push(b':');
            reader.transcribe(style, out)?;
            written.push((name.clone(), start, out.len()));
            Ok::<_, JsonError>(())
        })?;
        if !written.is_sorted() {
            written.sort();
            let unsorted = out.split_off(begin);
            for (_, start, end) in &written {
                out.push(b',');
                out.extend_from_slice(unsorted.get(start - begin..end - begin).unwrap_or_default());
            }
        }
        match out.get_mut(begin) {
            Some(comma) => *comma = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
        Ok(())
    }
}

/// The first byte that may not simply be passed over, and how many come before it. In runs, so that the machine looks at
/// many bytes at once.
fn stop(bytes: &[u8]) -> Option<(usize, u8)> {
    const RUN: usize = 16;
    let plain = |run: &&[u8]| !run.iter().fold(false, |found, byte| found | stops(*byte));
    let passed = bytes.chunks_exact(RUN).take_while(plain).count() * RUN;
    let rest = bytes.get(passed..)?;
    let at = rest.iter().position(|byte| stops(*byte))?;
    Some((passed + at, rest.get(at).copied()?))
}

const fn stops(byte: u8) -> bool {
    byte < b' '
        || byte == b'"'
        || byte == b'\\'
        || byte == b'<'
        || byte == b'>'
        || byte == b'&'
        || byte == 0xe2
}

fn position(bytes: &[u8], offset: usize, found: Found) -> JsonError {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    JsonError { line, column, found }
}
