//! A buffer that forgets what was read from it: for input in which secrets come.

use std::io::{self, Read};

use zeroize::{Zeroize as _, Zeroizing};

use super::pages::Locked;

/// Two pages.
const ROOM: usize = 8192;

/// Reads ahead into locked pages, and wipes each byte there as soon as it is given out.
pub struct Forgetful<R> {
    input: R,
    buffer: Locked<Zeroizing<[u8; ROOM]>>,
    start: usize,
    end: usize,
}

impl<R: Read> Forgetful<R> {
    /// Reads from `input`, which should have no buffer of its own.
    pub fn new(input: R) -> Self {
        Self { input, buffer: Locked::new(Zeroizing::new([0; ROOM])), start: 0, end: 0 }
    }
}

impl<R: Read> Read for Forgetful<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            self.start = 0;
            self.end = self.input.read(self.buffer.as_mut_slice())?;
        }
        let held = self.buffer.get_mut(self.start..self.end).unwrap_or_default();
        let count = held.len().min(out.len());
        let (Some(from), Some(to)) = (held.get_mut(..count), out.get_mut(..count)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        from.zeroize();
        self.start += count;
        Ok(count)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_out_is_wiped_and_nothing_is_lost() {
        let all: Vec<u8> = (0..20_000_u32).map(|n| u8::try_from(n % 251).unwrap() + 1).collect();
        let mut reader = Forgetful::new(all.as_slice());
        let mut first = [0; 3];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(reader.buffer.iter().position(|byte| *byte != 0), Some(3));
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!([first.as_slice(), &rest].concat(), all);
        assert!(reader.buffer.iter().all(|byte| *byte == 0));
    }
}
