//! A request or an answer as QR codes: the file is compressed, cut into numbered parts, and each part names the file that it
//! belongs to, so that parts are read in any order and those of two files never pass for one.
//!
//! A part is `ANCHORITE1/NTH/COUNT/FILE/TEXT`: the file's SHA-256, its first 16 digits, and base32 of a piece of the file in
//! zlib's form (RFC 1950). All of it is in the characters of which a QR code takes the most. The codes protect nothing:
//! whoever reads a file from them checks it as one that came on a stick.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::tuf::digest::Digest;

/// The most codes of a file. With more than that, people carry a stick.
pub const MAX_CODES: usize = 40;

/// The most bytes of a file that codes hold: 1 MiB before it is compressed.
const MAX_FILE: usize = 1 << 20;

/// Bytes in a code: it is then at most of version 20, 97 modules wide, which a camera reads from a screen.
const PIECE: usize = 580;

/// The word that every part begins with.
const WORD: &str = "ANCHORITE1";

/// Digits of the file's SHA-256 in every part.
const NAME: usize = 16;

/// A file that is too large for codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file needs {needed} QR codes, and more than {MAX_CODES} are nobody's work: carry the file"
)]
pub struct TooMany {
    /// How many it needs.
    pub needed: usize,
}

/// Why codes do not give a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCodes {
    /// None of the texts is a part.
    #[error("none of its QR codes is a part of a request or an answer; the first says {0:?}")]
    Foreign(String),
    /// A part is not as it is written here.
    #[error("a QR code is not as anchorite writes it: {0:?}")]
    Malformed(String),
    /// Parts of more than one file.
    #[error("its QR codes are of two different files, {first}… and {second}…")]
    TwoFiles {
        /// The SHA-256 of one begins so.
        first: String,
        /// And that of the other.
        second: String,
    },
    /// Parts that are not there.
    #[error("of {of} QR codes these are missing or cannot be read: {}", listed(.missing))]
    Missing {
        /// Their numbers.
        missing: Vec<usize>,
        /// How many there should be.
        of: usize,
    },
    /// The parts together are no file.
    #[error("its QR codes together are not the file {0}…")]
    OtherFile(String),
}

fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The texts of the codes of a file.
pub fn split(file: &[u8]) -> Result<Vec<String>, TooMany> {
    let packed = compress_to_vec_zlib(file, 9);
    let pieces: Vec<&[u8]> = packed.chunks(PIECE).collect();
    let count = pieces.len();
    if count > MAX_CODES || file.len() > MAX_FILE {
        return Err(TooMany { needed: count });
    }
    let name = name(file);
    let part = |(piece, nth): (&[u8], usize)| {
        format!("{WORD}/{nth}/{count}/{name}/{}", BASE32_NOPAD.encode(piece))
    };
    Ok(pieces.into_iter().zip(1..).map(part).collect())
}

/// The file from the texts of its codes, in any order; a text that is no part is passed over where others are.
pub fn join(texts: &[String]) -> Result<Vec<u8>, BadCodes> {
    let mut found: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut whole: Option<(usize, String)> = None;
    for text in texts.iter().filter(|text| text.starts_with(WORD)) {
        let malformed = || BadCodes::Malformed(text.chars().take(40).collect());
        let (nth, of, name, piece) = part(text).ok_or_else(malformed)?;
        let (count, first) = whole.get_or_insert_with(|| (of, name.clone()));
        if *first != name {
            return Err(BadCodes::TwoFiles { first: first.clone(), second: name });
        }
        if *count != of || found.insert(nth, piece.clone()).is_some_and(|known| known != piece) {
            return Err(malformed());
        }
    }
    let Some((of, first)) = whole else {
        let said = texts.first().map(|text| text.chars().take(40).collect());
        return Err(BadCodes::Foreign(said.unwrap_or_default()));
    };
    let missing: Vec<usize> = (1..=of).filter(|nth| !found.contains_key(nth)).collect();
    if !missing.is_empty() {
        return Err(BadCodes::Missing { missing, of });
    }
    let packed: Vec<u8> = found.into_values().flatten().collect();
    decompress_to_vec_zlib_with_limit(&packed, MAX_FILE)
        .ok()
        .filter(|file| name(file) == first)
        .ok_or(BadCodes::OtherFile(first))
}

/// How the parts name their file.
fn name(file: &[u8]) -> String {
    Digest::of(file).to_string().chars().take(NAME).collect::<String>().to_ascii_uppercase()
}

/// The number, the count, the name of the file, and the piece.
fn part(text: &str) -> Option<(usize, usize, String, Vec<u8>)> {
    let mut words = text.split('/');
    words.next().filter(|word| *word == WORD)?;
    let mut number = || {
        let word = words.next()?;
        word.parse::<usize>().ok().filter(|number| number.to_string() == word)
    };
    let (nth, of) = (number()?, number()?);
    let (name, piece) = (words.next()?, words.next()?);
    let fits = (1..=of).contains(&nth) && of <= MAX_CODES && name.len() == NAME;
    let piece = BASE32_NOPAD.decode(piece.as_bytes()).ok()?;
    (fits && words.next().is_none()).then(|| (nth, of, name.to_owned(), piece))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// A file that cannot be compressed much.
    fn file(length: usize) -> Vec<u8> {
        let blocks = (0_u32..).flat_map(|nth| *Digest::of(&nth.to_be_bytes()).as_bytes());
        blocks.take(length).collect()
    }

    #[test]
    fn parts_in_any_order_and_twice_are_the_file_again() {
        for length in [0, 1, PIECE, 4000] {
            let file = file(length);
            let mut texts = split(&file).unwrap();
            texts.reverse();
            texts.push(texts.first().unwrap().clone());
            texts.insert(0, "https://example.com".to_owned());
            assert_eq!(join(&texts).unwrap(), file, "{length}");
        }
    }

    #[test]
    fn what_is_missing_mixed_or_changed_is_named() {
        let texts = split(&file(4000)).unwrap();
        let of = texts.len();
        for nth in 1..=of {
            let mut some = texts.clone();
            some.remove(nth - 1);
            assert_eq!(join(&some), Err(BadCodes::Missing { missing: vec![nth], of }));
        }
        let other = split(&file(3999)).unwrap();
        let mixed: Vec<_> = texts.iter().take(1).chain(&other).cloned().collect();
        assert!(matches!(join(&mixed), Err(BadCodes::TwoFiles { .. })));
        let (begin, last) = texts.first().unwrap().rsplit_once('/').unwrap();
        let turned: String = last.chars().rev().collect();
        let mut changed = texts.clone();
        *changed.first_mut().unwrap() = format!("{begin}/{turned}");
        assert!(matches!(join(&changed), Err(BadCodes::OtherFile(_))));
        let both: Vec<_> = changed.iter().chain(&texts).cloned().collect();
        assert!(matches!(join(&both), Err(BadCodes::Malformed(_))));
        for text in ["ANCHORITE1/0/1/0123456789ABCDEF/", "ANCHORITE1/1/41/0123456789ABCDEF/", WORD]
        {
            assert!(matches!(join(&[text.to_owned()]), Err(BadCodes::Malformed(_))), "{text}");
        }
        let foreign = join(&["https://example.com".to_owned()]);
        assert_eq!(foreign, Err(BadCodes::Foreign("https://example.com".to_owned())));
    }

    #[test]
    fn a_file_that_needs_too_many_codes_or_swells_up_is_refused() {
        assert_eq!(split(&file(30_000)).unwrap_err().needed, 52);
        assert!(split(&vec![0; MAX_FILE + 1]).is_err());
        let bomb = vec![0; 64 * MAX_FILE];
        let packed = compress_to_vec_zlib(&bomb, 9);
        let pieces: Vec<&[u8]> = packed.chunks(packed.len().div_ceil(MAX_CODES)).collect();
        let count = pieces.len();
        let part = |(piece, nth): (&&[u8], usize)| {
            format!("{WORD}/{nth}/{count}/{}/{}", name(&bomb), BASE32_NOPAD.encode(piece))
        };
        let texts: Vec<String> = pieces.iter().zip(1..).map(part).collect();
        assert!(matches!(join(&texts), Err(BadCodes::OtherFile(_))));
    }
}
