//! A secret on its way from people to a store.

use std::fmt;
use std::io;

use zeroize::{Zeroize as _, Zeroizing};

use super::pages::Locked;

/// A PIN or a passphrase: at most [`Secret::MOST`] bytes of UTF-8, in a locked page of its own that never grows. It is wiped when
/// dropped, cannot be copied or serialised, and hides in `Debug`.
pub struct Secret(Locked<Text>);

/// A page: the length, and the bytes up to it.
struct Text {
    length: usize,
    bytes: Zeroizing<[u8; Secret::MOST]>,
}

impl Secret {
    /// The most bytes that a secret may have: a page less its length.
    pub const MOST: usize = 4096 - size_of::<usize>();

    /// A secret of which nothing was typed yet.
    pub fn empty() -> Self {
        Self(Locked::new(Text { length: 0, bytes: Zeroizing::new([0; Self::MOST]) }))
    }

    /// Takes text that is already held in memory that will be wiped. Of a longer one than [`Secret::MOST`] nothing is kept, so
    /// that it opens nothing.
    pub fn new(text: Zeroizing<String>) -> Self {
        let secret = Self::of(&text);
        drop(text);
        secret
    }

    /// Copies text into a page of its own, as [`Secret::new`] does.
    pub fn of(text: &str) -> Self {
        let mut secret = Self::empty();
        if let Some(place) = secret.0.bytes.get_mut(..text.len()) {
            place.copy_from_slice(text.as_bytes());
            secret.0.length = text.len();
        }
        secret
    }

    /// Lets text be read straight into the page: `read` fills the buffer from its start and says how many bytes it
    /// wrote. What is not UTF-8, or fills the whole page, comes back empty.
    pub fn read(read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<Self> {
        let mut secret = Self::empty();
        let count = read(secret.0.bytes.as_mut_slice())?;
        let read = secret.0.bytes.get(..count).filter(|_| count < Self::MOST).unwrap_or_default();
        let length = std::str::from_utf8(read).map_or(0, str::len);
        secret.0.length = length;
        if let Some(rest) = secret.0.bytes.get_mut(length..) {
            rest.zeroize();
        }
        Ok(secret)
    }

    /// Lets a line be read straight into the page, as [`Secret::read`] does. The line feed at the end is left out.
    pub fn read_line(read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<Self> {
        let mut secret = Self::read(read)?;
        if secret.expose().ends_with('\n') {
            secret.pop();
        }
        Ok(secret)
    }

    /// The text itself: only for the store that it opens.
    pub fn expose(&self) -> &str {
        let bytes = self.0.bytes.get(..self.0.length).unwrap_or_default();
        std::str::from_utf8(bytes).expect("only whole characters are put in or taken out")
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// Adds a character, if there is room.
    pub fn push(&mut self, typed: char) {
        let start = self.0.length;
        let end = start + typed.len_utf8();
        if let Some(place) = self.0.bytes.get_mut(start..end) {
            typed.encode_utf8(place);
            self.0.length = end;
        }
    }

    /// Takes the last character away.
    pub fn pop(&mut self) {
        let length = self.expose().char_indices().next_back().map_or(0, |(start, _)| start);
        if let Some(rest) = self.0.bytes.get_mut(length..) {
            rest.zeroize();
        }
        self.0.length = length;
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_secret_hides_in_debug() {
        let secret = Secret::new(Zeroizing::new("correct horse".to_owned()));
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
    }

    #[test]
    fn what_was_taken_back_is_wiped() {
        let mut secret = Secret::empty();
        "aé\u{1f511}".chars().for_each(|typed| secret.push(typed));
        assert_eq!(secret.expose(), "aé\u{1f511}");
        secret.pop();
        secret.pop();
        assert_eq!(secret.expose(), "a");
        assert!(secret.0.bytes.iter().skip(1).all(|byte| *byte == 0));
        secret.pop();
        secret.pop();
        assert!(secret.is_empty());
    }

    #[test]
    fn what_is_too_long_opens_nothing() {
        let longest = "x".repeat(Secret::MOST);
        assert_eq!(Secret::of(&longest).expose(), longest);
        assert!(Secret::of(&format!("{longest}x")).is_empty());
        let mut full = Secret::of(&longest);
        full.push('x');
        assert_eq!(full.expose(), longest);
    }

    #[test]
    fn a_line_is_read_into_the_page_without_its_end() {
        let line = |bytes: &'static [u8]| {
            let read = |buffer: &mut [u8]| io::Read::read(&mut &*bytes, buffer);
            Secret::read_line(read).unwrap().expose().to_owned()
        };
        assert_eq!(line(b"correct horse\n"), "correct horse");
        assert_eq!(line(b"no end"), "no end");
        assert_eq!(line(b"\xff\xfe\n"), "");
        assert_eq!(line(&[b'x'; 5000]), "");
    }
}
