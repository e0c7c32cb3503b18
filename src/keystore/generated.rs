//! Passphrases that the program makes: letters and digits that are not mistaken for each other on paper, in groups of four,
//! the last of which is a checksum.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Secret, TokenError};

/// Small letters and digits without those that look alike: no 0 1 i l o s u z.
const ALPHABET: &[u8; 28] = b"abcdefghjkmnpqrtvwxy23456789";
/// How many groups are random: 24 characters, 115 bits.
const GROUPS: usize = 6;
/// Characters in a group.
const GROUP: usize = 4;

/// Makes a passphrase from the operating system's random source.
pub fn generate() -> Result<Secret, TokenError> {
    let mut random = Zeroizing::new(String::with_capacity(GROUPS * GROUP));
    while random.len() < GROUPS * GROUP {
        let mut byte = Zeroizing::new([0_u8; 1]);
        getrandom::fill(byte.as_mut_slice())
            .map_err(|error| TokenError::Unsupported(format!("no random bytes: {error}")))?;
        let [byte] = *byte;
        random.extend(character(byte));
    }
    let check = check_group("anchorite-passphrase-1", random.as_bytes());
    let mut text = Zeroizing::new(String::with_capacity((GROUPS + 1) * (GROUP + 1)));
    for (c, nth) in random.chars().zip(0..) {
        if nth > 0 && nth % GROUP == 0 {
            text.push('-');
        }
        text.push(c);
    }
    text.push('-');
    text.push_str(&check);
    Ok(Secret::new(text))
}

/// The character that a random byte chooses; nothing for those beyond 252, the largest multiple of 28 that fits, so that every
/// character is equally likely.
fn character(byte: u8) -> Option<char> {
    let place = (byte < 252).then_some(usize::from(byte) % ALPHABET.len())?;
    ALPHABET.get(place).copied().map(char::from)
}

/// Whether a passphrase has the shape of one that was generated and its checksum group does not fit: a slip.
pub fn has_slip(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let shaped = groups.len() == GROUPS + 1 && groups.iter().all(|group| group.len() == GROUP);
    let Some((check, random)) = groups.split_last().filter(|_| shaped) else { return false };
    let mut joined = Zeroizing::new(String::with_capacity(GROUPS * GROUP));
    for group in random {
        joined.push_str(group);
    }
    *check != check_group("anchorite-passphrase-1", joined.as_bytes())
}

/// Four characters that change with nearly every slip (28^4: one in 614,656 is not found).
pub(super) fn check_group(purpose: &str, bytes: &[u8]) -> String {
    let digest = Sha256::new().chain_update(purpose).chain_update(b"\n").chain_update(bytes);
    let digest: [u8; 32] = digest.finalize().into();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut rest = number;
    let mut out = String::with_capacity(GROUP);
    for _ in 0..GROUP {
        let place = usize::try_from(rest % 28).unwrap_or_default();
        out.extend(ALPHABET.get(place).copied().map(char::from));
        rest /= 28;
    }
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::Rules;
    use super::*;

    #[test]
    fn two_are_never_the_same_and_each_is_strong_enough() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), 34);
        assert_eq!(Rules::passphrase().check(one.expose()), Ok(()));
        assert!(one.expose().split('-').all(|group| group.len() == 4));
        assert!(!one.expose().contains(['0', '1', 'i', 'l', 'o', 's', 'u', 'z']));
    }

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        let chosen: Vec<char> = (0..=u8::MAX).filter_map(character).collect();
        assert_eq!(chosen.len(), 252);
        for c in ALPHABET.iter().copied().map(char::from) {
            assert_eq!(chosen.iter().filter(|found| **found == c).count(), 9, "{c}");
        }
    }

    #[test]
    fn every_wrong_character_is_found() {
        let random = "abcd-efgh-jkmn-pqrt-vwxy-2345";
        let check = check_group("anchorite-passphrase-1", random.replace('-', "").as_bytes());
        let text = format!("{random}-{check}");
        assert!(!has_slip(&text) && !has_slip(generate().unwrap().expose()));
        for (at, c) in text.char_indices().filter(|(_, c)| *c != '-') {
            for other in ALPHABET.iter().map(|byte| char::from(*byte)).filter(|other| *other != c) {
                let mut slipped = text.clone();
                slipped.replace_range(at..=at, &other.to_string());
                assert!(has_slip(&slipped), "{slipped}");
            }
        }
        for other in ["", "lantern orbit quilt 92 fjord", "a-b-c-d-e-f-g"] {
            assert!(!has_slip(other));
        }
    }

    #[test]
    fn a_checksum_group_never_changes() {
        assert_eq!(check_group("anchorite-passphrase-1", b"abcd"), "27cq");
        assert_ne!(check_group("a", b"abcd"), check_group("b", b"abcd"));
    }
}
