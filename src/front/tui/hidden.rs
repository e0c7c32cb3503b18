//! Keys while a secret is typed, read from the terminal past the event library, which remembers the last keys.
//!
//! It knows what a secret is typed with: characters, editing keys, function keys and the keys that scroll. Bytes are wiped as
//! soon as they are understood.

use zeroize::{Zeroize as _, Zeroizing};

use crate::keystore::pages::Locked;

use super::keymap::Key;

/// More than a terminal gives at once.
const ROOM: usize = 1024;

/// Bytes of the terminal that are not understood yet.
pub(super) struct Hidden {
    bytes: Locked<Zeroizing<[u8; ROOM]>>,
    kept: usize,
}

/// What somebody did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Pressed a key.
    Pressed(Key),
    /// Pasted text, which is thrown away.
    Pasted,
}

impl Hidden {
    pub(super) fn new() -> Self {
        Self { bytes: Locked::new(Zeroizing::new([0; ROOM])), kept: 0 }
    }

    /// Lets `read` put bytes behind those that are kept, tells what they mean, and wipes them. The first bytes of a character that
    /// is not whole are kept for the next time. What `read` returns, in bytes, comes back.
    pub(super) fn take<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
        mut tell: impl FnMut(Did),
    ) -> Result<usize, E> {
        let count = read(self.bytes.get_mut(self.kept..).unwrap_or_default())?;
        let end = ROOM.min(self.kept + count);
        let mut start = 0;
        while let Some((length, did)) =
            self.bytes.get(start..end).filter(|rest| !rest.is_empty()).and_then(next)
        {
            did.into_iter().for_each(&mut tell);
            start += length;
        }
        // At most three bytes, so they fit before where they were or overlap with it.
        self.bytes.copy_within(start..end, 0);
        self.kept = end - start;
        if let Some(rest) = self.bytes.get_mut(self.kept..) {
            rest.zeroize();
        }
        Ok(count)
    }
}

/// How many bytes the next thing has, and what it is; nothing where the bytes end within a character.
fn next(bytes: &[u8]) -> Option<(usize, Option<Did>)> {
    let key = |length: usize, key: Key| Some((length, Some(Did::Pressed(key))));
    match bytes {
        [0x1b] => key(1, Key::Esc),
        // A Linux console's F1 to F5.
        [0x1b, b'[', b'[', letter @ b'A'..=b'E', ..] => key(4, Key::F(letter - b'A' + 1)),
        [0x1b, b'[', rest @ ..] => Some(sequence(rest)),
        [0x1b, b'O', letter @ b'P'..=b'S', ..] => key(3, Key::F(letter - b'P' + 1)),
        [0x1b, b'O', _, ..] => Some((3, None)),
        // A key with Alt means nothing here.
        [0x1b, _, ..] => Some((2, None)),
        [b'\r', ..] => key(1, Key::Enter),
        [b'\t', ..] => key(1, Key::Tab),
        [0x7f | 0x08, ..] => key(1, Key::Backspace),
        [control @ 0x01..=0x1a, ..] => key(1, Key::Ctrl(char::from(control - 1 + b'a'))),
        [0x00..=0x1f, ..] => Some((1, None)),
        _ => character(bytes),
    }
}

fn character(bytes: &[u8]) -> Option<(usize, Option<Did>)> {
    let (whole, wrong) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(whole).unwrap_or_default(), error.error_len())
        }
    };
    match (whole.chars().next(), wrong) {
        (Some(typed), _) => Some((typed.len_utf8(), Some(Did::Pressed(Key::Char(typed))))),
        (None, Some(length)) => Some((length, None)),
        (None, None) => None,
    }
}

/// What stands behind ESC and a bracket, up to its last letter. The length counts those two.
fn sequence(rest: &[u8]) -> (usize, Option<Did>) {
    const PASTE_ENDS: &[u8] = b"\x1b[201~";
    let Some(last) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return (2 + rest.len(), None);
    };
    let length = 2 + last + 1;
    let (number, letter) = (rest.get(..last).unwrap_or_default(), rest.get(last));
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u8>().ok());
    let key = match (letter, number) {
        (Some(b'~'), Some(200)) => {
            let behind = rest.get(last + 1..).unwrap_or_default();
            let pasted = behind.windows(PASTE_ENDS.len()).position(|part| part == PASTE_ENDS);
            let pasted = pasted.map_or(behind.len(), |at| at + PASTE_ENDS.len());
            return (length + pasted, Some(Did::Pasted));
        }
        (Some(b'~'), Some(5)) => Key::PageUp,
        (Some(b'~'), Some(6)) => Key::PageDown,
        (Some(b'~'), Some(n @ 11..=15)) => Key::F(n - 10),
        (Some(b'~'), Some(n @ 17..=21)) => Key::F(n - 11),
        (Some(b'~'), Some(n @ 23..=24)) => Key::F(n - 12),
        _ => return (length, None),
    };
    (length, Some(Did::Pressed(key)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn did(hidden: &mut Hidden, bytes: &[u8]) -> Vec<Did> {
        let mut all = Vec::new();
        let read = |mut room: &mut [u8]| std::io::Write::write(&mut room, bytes);
        assert_eq!(hidden.take(read, |did| all.push(did)).unwrap(), bytes.len());
        all
    }

    fn pressed(keys: &[Key]) -> Vec<Did> {
        keys.iter().map(|key| Did::Pressed(*key)).collect()
    }

    #[test]
    fn what_is_typed_comes_as_keys_and_is_wiped() {
        let mut hidden = Hidden::new();
        let keys = [Key::Char('a'), Key::Char('é'), Key::Backspace, Key::Ctrl('u'), Key::Enter];
        assert_eq!(did(&mut hidden, "aé\u{7f}\u{15}\r".as_bytes()), pressed(&keys));
        assert!(hidden.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_character_may_come_in_two_parts_and_wrong_bytes_are_passed_over() {
        let mut hidden = Hidden::new();
        assert_eq!(did(&mut hidden, b"x\xf0\x9f"), pressed(&[Key::Char('x')]));
        let keys = [Key::Char('\u{1f511}'), Key::Char('y')];
        assert_eq!(did(&mut hidden, b"\x94\x91\xff\xfey"), pressed(&keys));
        assert!(hidden.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn function_keys_of_a_console_and_of_other_terminals_are_known() {
        let mut hidden = Hidden::new();
        let bytes = b"\x1b[[A\x1b[[E\x1bOP\x1b[15~\x1b[17~\x1b[21~\x1b[24~\x1b[5~\x1b[6~\x1b";
        let f = [1, 5, 1, 5, 6, 10, 12].map(Key::F);
        let keys = [f.as_slice(), &[Key::PageUp, Key::PageDown, Key::Esc]].concat();
        assert_eq!(did(&mut hidden, bytes), pressed(&keys));
        // Arrows, a key with Alt, and a sequence that is cut off: never characters of the secret.
        assert_eq!(did(&mut hidden, b"\x1b[A\x1b[1;5C\x1bx\x1bOH\x1b[1;"), Vec::new());
    }

    #[test]
    fn what_is_pasted_is_no_key() {
        let mut hidden = Hidden::new();
        let all = did(&mut hidden, b"\x1b[200~hunter2\r\x1b[201~z");
        assert_eq!(all, [Did::Pasted, Did::Pressed(Key::Char('z'))]);
        assert_eq!(did(&mut hidden, b"\x1b[200~hunter2"), [Did::Pasted]);
        assert!(hidden.bytes.iter().all(|byte| *byte == 0));
    }
}
