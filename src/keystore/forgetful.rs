//! A buffer that forgets what was read from it: for input in which secrets come.

use std::io::{self, BufRead, Read};

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

impl<R: Read> BufRead for Forgetful<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.end = self.input.read(self.buffer.as_mut_slice())?;
            self.start = 0;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let end = self.end.min(self.start + count);
        if let Some(given) = self.buffer.get_mut(self.start..end) {
            given.zeroize();
        }
        self.start = end;
    }
}

impl<R: Read> Read for Forgetful<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
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
