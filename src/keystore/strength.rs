//! How hard a new secret is to guess: a simple and honest estimate, on the low side.

use super::Rules;

/// Why a new secret will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Too few or too many characters.
    #[error("It must have {min} to {max} characters.")]
    Length {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Something else than digits where only digits are taken.
    #[error("It must be digits only.")]
    NotDigits,
    /// A control character: a key of the terminal, not of the secret.
    #[error("It holds a control character.")]
    Control,
    /// Too easy to guess.
    #[error(
        "It is too easy to guess (about {bits} bits, {needed} are needed): make it longer, or use more different words."
    )]
    TooWeak {
        /// The estimate.
        bits: u32,
        /// What is needed.
        needed: u32,
    },
}

impl Rules {
    /// Whether a new secret is as these rules want it.
    pub fn check(&self, text: &str) -> Result<(), WeakSecret> {
        let length = text.chars().count();
        if length < self.min_chars || length > self.max_chars {
            return Err(WeakSecret::Length { min: self.min_chars, max: self.max_chars });
        }
        if text.chars().any(char::is_control) {
            return Err(WeakSecret::Control);
        }
        if self.digits_only && !text.chars().all(|c| c.is_ascii_digit()) {
            return Err(WeakSecret::NotDigits);
        }
        let bits = strength_bits(text);
        if bits < self.min_bits {
            return Err(WeakSecret::TooWeak { bits, needed: self.min_bits });
        }
        Ok(())
    }
}

/// Words and rows that guessers try first; each counts like one character.
const GUESSED: [&str; 14] = [
    "password",
    "passphrase",
    "secret",
    "welcome",
    "letmein",
    "admin",
    "correct",
    "horse",
    "battery",
    "staple",
    "qwerty",
    "asdfgh",
    "qwertz",
    "123456",
];

/// An estimate in bits: every character counts by the size of the classes in use, but one that repeats or continues the one
/// before it, or ends a pair that stood before, counts as one bit, and a word that guessers try first counts as
/// one character.
pub fn strength_bits(text: &str) -> u32 {
    let lower = text.to_lowercase();
    let rest = GUESSED.iter().fold(lower, |rest, word| rest.replace(word, "\u{1}"));
    let has = |class: fn(char) -> bool| text.chars().any(class);
    let size = [
        (has(|c| c.is_ascii_lowercase()), 26_u32),
        (has(|c| c.is_ascii_uppercase()), 26),
        (has(|c| c.is_ascii_digit()), 10),
        (has(|c| !c.is_ascii_alphanumeric()), 33),
    ]
    .iter()
    .filter(|(there, _)| *there)
    .map(|(_, size)| size)
    .sum::<u32>();
    // Bits of one character, in tenths: people do not choose at random, so a third is taken off.
    let each = match size {
        0 => 0,
        1..=10 => 22,
        11..=26 => 31,
        27..=52 => 38,
        53..=62 => 40,
        _ => 43,
    };
    let mut tenths = 0;
    let mut before: Option<char> = None;
    let all: Vec<char> = rest.chars().collect();
    let mut known: Vec<&[char]> = Vec::new();
    for (place, c) in all.iter().copied().enumerate() {
        let last_two = place.checked_sub(1).and_then(|start| all.get(start..=place));
        let again = last_two.is_some_and(|pair| known.contains(&pair));
        known.extend(last_two);
        let follows = before.is_some_and(|b| {
            let (b, c) = (u32::from(b), u32::from(c));
            c == b || c == b + 1 || c + 1 == b
        });
        tenths += if follows || again { 10 } else { each };
        before = Some(c);
    }
    tenths / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_varied_is_strong_and_repeated_or_guessed_is_weak() {
        let rules = Rules::passphrase();
        for good in ["stale-Otter-77-lamp-crossing", "vier kleine Katzen am Fenster 9"] {
            assert_eq!(rules.check(good), Ok(()), "{good}");
        }
        for weak in [
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrstuvwx",
            "Summer2026Summer2026!",
            "iloveyouiloveyouiloveyou",
            "correct horse battery staple",
            "Password123456",
        ] {
            let found = rules.check(weak);
            assert!(matches!(found, Err(WeakSecret::TooWeak { .. })), "{weak}: {found:?}");
        }
    }

    #[test]
    fn a_pin_is_judged_by_its_length_alone() {
        assert_eq!(Rules::pin().check("123456"), Ok(()));
        assert_eq!(Rules::pin().check("12345"), Err(WeakSecret::Length { min: 6, max: 8 }));
        let digits = Rules { digits_only: true, ..Rules::pin() };
        assert_eq!(digits.check("12345x"), Err(WeakSecret::NotDigits));
        assert_eq!(Rules::pin().check("12345\u{3}6"), Err(WeakSecret::Control));
    }
}
