//! The header of an age file (age-encryption.org/v1), read without any key: what opens the file.

/// The first line.
const VERSION: &str = "age-encryption.org/v1";
/// The most bytes of a header: 16 KiB.
const MAX_HEADER: usize = 16 * 1024;
/// The columns of a full line of a stanza's body.
const FULL_LINE: usize = 64;

/// What opens an age file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpensWith {
    /// A passphrase, by scrypt with N = 2 to this power.
    Passphrase {
        /// The power.
        work_factor: u8,
    },
    /// The identity of any of this many recipients.
    Recipients(usize),
}

/// Why the header of a file is not one that we open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// Another file.
    #[error("it is no age file")]
    NotAge,
    /// Another version of age.
    #[error("it is an age file of a version that is not known here")]
    Version,
    /// Not as age writes it.
    #[error("its header is damaged or cut short")]
    Damaged,
    /// A passphrase and something else.
    #[error(
        "it has a passphrase and something else that opens it; one file has a passphrase or recipients, never both"
    )]
    Both,
    /// A work factor that would take minutes and all memory.
    #[error("its work factor is {found}; at most {most} is tried")]
    WorkFactor {
        /// As it stands in the file.
        found: String,
        /// What is tried.
        most: u8,
    },
}

impl OpensWith {
    /// Reads the header of a file that is not armoured. A work factor over `most` is refused.
    pub fn read(binary: &[u8], most: u8) -> Result<Self, BadHeader> {
        let first = binary.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if first != VERSION.as_bytes() {
            let age = first.starts_with(b"age-encryption.org/");
            return Err(if age { BadHeader::Version } else { BadHeader::NotAge });
        }
        let head = binary.get(..MAX_HEADER.min(binary.len())).unwrap_or_default();
        let mut passphrases: Vec<String> = Vec::new();
        let mut others = 0_usize;
        // The body of a stanza ends with a line that is shorter than a full one, even with an empty one.
        let mut ended = true;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            if !ended && (line.starts_with(b"---") || line.starts_with(b"->")) {
                return Err(BadHeader::Damaged);
            }
            if line.starts_with(b"---") {
                return match (passphrases.as_slice(), others) {
                    ([], 0) => Err(BadHeader::Damaged),
                    ([], count) => Ok(Self::Recipients(count)),
                    ([power], 0) => power_of(power, most),
                    (_, _) => Err(BadHeader::Both),
                };
            }
            let text = std::str::from_utf8(line).map_err(|_| BadHeader::Damaged)?;
            ended = !text.starts_with("->") && text.len() < FULL_LINE;
            if let Some(stanza) = text.strip_prefix("-> ") {
                let mut arguments = stanza.split(' ');
                if arguments.next() == Some("scrypt") {
                    passphrases.push(arguments.nth(1).unwrap_or_default().to_owned());
                } else if !is_grease(stanza) {
                    others += 1;
                }
            }
        }
        Err(BadHeader::Damaged)
    }
}

/// A stanza that opens nothing: age writers may add some, so that readers learn to pass over them.
fn is_grease(stanza: &str) -> bool {
    stanza.split(' ').next().is_some_and(|name| name.ends_with("-grease"))
}

/// Decimal, without sign or leading zero.
fn power_of(text: &str, most: u8) -> Result<OpensWith, BadHeader> {
    let plain = !text.is_empty()
        && text.len() < 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0');
    if !plain {
        return Err(BadHeader::Damaged);
    }
    match text.parse::<u8>() {
        Ok(work_factor) if work_factor <= most => Ok(OpensWith::Passphrase { work_factor }),
        Ok(_) | Err(_) => Err(BadHeader::WorkFactor { found: text.to_owned(), most }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<OpensWith, BadHeader> {
        OpensWith::read(header.as_bytes(), 22)
    }

    fn scrypt(power: &str) -> String {
        format!("-> scrypt bBjlhJVYZeE4aqUdmtRHfw {power}\nZX\n")
    }

    #[test]
    fn it_says_what_opens_the_file() {
        let file = |stanzas: &str| read(&format!("{VERSION}\n{stanzas}--- mac\n\0\x01"));
        assert_eq!(file(&scrypt("18")), Ok(OpensWith::Passphrase { work_factor: 18 }));
        assert_eq!(file(&scrypt("22")), Ok(OpensWith::Passphrase { work_factor: 22 }));
        let one = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nEmECAEcK\n";
        assert_eq!(file(one), Ok(OpensWith::Recipients(1)));
        let odd = "-> ,-grease x\nEmEC\n";
        assert_eq!(file(&[one, one, odd].concat()), Ok(OpensWith::Recipients(2)));
    }

    #[test]
    fn a_passphrase_never_stands_beside_anything_else() {
        let one = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nEmECAEcK\n";
        for both in [scrypt("18") + one, one.to_owned() + &scrypt("18"), scrypt("18").repeat(2)] {
            assert_eq!(read(&format!("{VERSION}\n{both}--- mac\n")), Err(BadHeader::Both));
        }
    }

    #[test]
    fn a_work_factor_is_a_plain_number_within_reason() {
        for (power, named) in [("23", true), ("64", true), ("255", true), ("4294967296", false)] {
            let found = read(&format!("{VERSION}\n{}--- mac\n", scrypt(power)));
            let expected = BadHeader::WorkFactor { found: power.to_owned(), most: 22 };
            assert_eq!(found, Err(if named { expected } else { BadHeader::Damaged }), "{power}");
        }
        for odd in ["", "018", "-1", "+18", "1e1", "0", "18 19 "] {
            let found = read(&format!("{VERSION}\n{}--- mac\n", scrypt(odd)));
            // A further argument is age's to refuse.
            if odd != "18 19 " {
                assert_eq!(found, Err(BadHeader::Damaged), "{odd:?}");
            }
        }
    }

    #[test]
    fn what_is_cut_short_or_another_file_is_named() {
        for (bytes, error) in [
            ("", BadHeader::NotAge),
            ("hello", BadHeader::NotAge),
            ("age-encryption.org/v2\n", BadHeader::Version),
            (VERSION, BadHeader::Damaged),
            ("age-encryption.org/v1\n--- mac\n", BadHeader::Damaged),
            ("age-encryption.org/v1\r\n", BadHeader::Version),
        ] {
            assert_eq!(read(bytes), Err(error), "{bytes:?}");
        }
        assert_eq!(read(&format!("{VERSION}\n{}", scrypt("18"))), Err(BadHeader::Damaged));
        let endless = format!("{VERSION}\n{}", "-> a b\n".repeat(4000));
        assert_eq!(read(&endless), Err(BadHeader::Damaged));
    }
}
