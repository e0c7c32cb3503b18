//! Secrets on their way from people: the dialog for a new one, and the lines of `--passphrase-fd`.

use std::fmt;
use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::ceremony::event::Mode;
use crate::keystore::forgetful::Forgetful;
use crate::keystore::pages::Locked;
use crate::keystore::{Label, Rules, Secret, SecretKind};
use crate::tuf::name::KeyName;

/// The dialog in which a holder chooses a new secret: the keyboard first, then the secret twice.
///
/// It holds no terminal: a front shows what it says and gives it the lines that were typed.
pub struct NewSecret {
    kind: SecretKind,
    rules: Rules,
    stage: Stage,
}

/// What the dialog asks for now.
enum Stage {
    Keyboard,
    First,
    Again(Secret),
}

/// What came of a typed line.
#[derive(Debug)]
pub enum Heard {
    /// Ask again: for the next thing, or for the same because of what the text says.
    More(Option<String>),
    /// The secret is chosen.
    Done(Secret),
}

impl NewSecret {
    /// Opens the dialog for the secret that `label` names.
    pub fn new(label: &Label, rules: &Rules) -> Self {
        Self { kind: label.kind, rules: rules.clone(), stage: Stage::Keyboard }
    }

    /// Whether what is typed now may be seen: the keyboard line may, the secret may not.
    pub const fn is_shown(&self) -> bool {
        matches!(self.stage, Stage::Keyboard)
    }

    /// The sentences above the prompt.
    pub fn says(&self) -> Vec<String> {
        let kind = self.kind;
        match &self.stage {
            Stage::Keyboard => vec![
                "First the keyboard, so that the secret can be typed again in years to come."
                    .to_owned(),
                format!("Type this line exactly:   {KEYBOARD_LINE}"),
            ],
            Stage::First => vec![
                "The keyboard types what its keys say.".to_owned(),
                format!("Choose the new {kind}: {}.", self.wanted()),
            ],
            Stage::Again(_) => vec![format!("Type the same {kind} again.")],
        }
    }

    /// What stands before the cursor.
    pub fn prompt(&self) -> String {
        match &self.stage {
            Stage::Keyboard => "keyboard line".to_owned(),
            Stage::First => format!("new {}", self.kind),
            Stage::Again(_) => format!("the same {} again", self.kind),
        }
    }

    /// Takes a line that was typed.
    pub fn hear(&mut self, typed: Secret) -> Heard {
        match &self.stage {
            Stage::Keyboard => {
                let wrong = keyboard_trouble(typed.expose());
                if wrong.is_none() {
                    self.stage = Stage::First;
                }
                Heard::More(wrong)
            }
            Stage::First => match check(&self.rules, typed.expose()) {
                Ok(()) => {
                    self.stage = Stage::Again(typed);
                    Heard::More(None)
                }
                Err(why) => Heard::More(Some(why)),
            },
            Stage::Again(first) if first.expose() == typed.expose() => Heard::Done(typed),
            Stage::Again(_) => {
                self.stage = Stage::First;
                Heard::More(Some(
                    "The two were not the same. Nothing was kept; choose it again.".to_owned(),
                ))
            }
        }
    }

    fn wanted(&self) -> String {
        let Rules { min_chars, max_chars, min_bits, digits_only } = &self.rules;
        let what = if *digits_only { "digits" } else { "characters" };
        let strength = if *min_bits > 0 { ", and hard to guess" } else { "" };
        format!("{min_chars} to {max_chars} {what}{strength}")
    }
}

/// The sentence that keeps real secrets out of rehearsals.
pub const fn mode_caution(mode: Mode) -> Option<&'static str> {
    match mode {
        Mode::Real => None,
        Mode::Check | Mode::Rehearsal => {
            Some("This is a rehearsal: do not use a secret that opens anything real.")
        }
    }
}

/// What stands above the prompt for a secret that exists already.
pub fn asked(label: &Label, tries_left: Option<u8>) -> Vec<(String, String)> {
    let mut rows = vec![
        ("Key".to_owned(), label.key.to_string()),
        ("Holder".to_owned(), label.holder.clone()),
        ("Where".to_owned(), label.place.clone()),
    ];
    // Outside a ceremony nobody is named.
    rows.retain(|(_, text)| !text.is_empty());
    if let Some(tries) = super::words::tries(tries_left) {
        rows.push(("Tries".to_owned(), tries));
    }
    rows
}

/// Where the keyboard line differs from what was typed, as a sentence; nothing where it does not.
fn keyboard_trouble(typed: &str) -> Option<String> {
    if typed == KEYBOARD_LINE {
        return None;
    }
    let pairs = KEYBOARD_LINE.chars().zip(typed.chars().map(Some).chain(std::iter::repeat(None)));
    let different = pairs.zip(1_usize..).find(|((line, typed), _)| Some(*line) != *typed);
    Some(match different {
        Some(((line, Some(other)), nth)) => {
            let other = super::words::escape(&other.to_string());
            format!(
                "Character {nth} should be {line} and is {other}: is this the keyboard's layout?"
            )
        }
        Some(((line, None), nth)) => {
            format!("The line ends before character {nth}, which should be {line}.")
        }
        None => "There is more than the line after its end.".to_owned(),
    })
}

/// Secrets that were handed over before the start, by key: `--passphrase-fd`.
#[derive(Default)]
pub struct Secrets(Vec<(KeyName, Secret)>);

/// The most bytes that are read: 64 KiB.
const MAX_SECRETS: usize = 64 * 1024;
/// Room for a line: a secret, and the name of its key before it.
const MAX_LINE: usize = Secret::MOST + 64;

impl Secrets {
    /// Reads lines `KEYNAME<TAB>SECRET` up to the end. Empty lines are passed over; nothing is trimmed.
    ///
    /// What was read is wiped line by line; each secret is kept in a locked page of its own. So `input` should have no buffer.
    pub fn read(input: impl Read) -> Result<Self, BadSecrets> {
        let mut known = Self::default();
        let mut line = Locked::new(Zeroizing::new([0; MAX_LINE]));
        let (mut length, mut at) = (0, 1);
        for (byte, read) in Forgetful::new(input).bytes().zip(1..) {
            let byte = byte?;
            if read > MAX_SECRETS {
                return Err(BadSecrets::TooLong);
            }
            if byte == b'\n' {
                known.take(line.get(..length).unwrap_or_default(), at)?;
                (length, at) = (0, at + 1);
            } else {
                *line.get_mut(length).ok_or(BadSecrets::LineTooLong { line: at })? = byte;
                length += 1;
            }
        }
        known.take(line.get(..length).unwrap_or_default(), at)?;
        Ok(known)
    }

    /// Takes one line, without its line feed.
    fn take(&mut self, line: &[u8], at: usize) -> Result<(), BadSecrets> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| BadSecrets::NotText { line: at })?;
        let (name, secret) = text.split_once('\t').ok_or(BadSecrets::NoTab { line: at })?;
        let name: KeyName = name.parse().map_err(|_| BadSecrets::NoKeyName { line: at })?;
        if self.0.iter().any(|(other, _)| *other == name) {
            return Err(BadSecrets::Twice { line: at, key: name });
        }
        if secret.len() > Secret::MOST {
            return Err(BadSecrets::LineTooLong { line: at });
        }
        self.0.push((name, Secret::of(secret)));
        Ok(())
    }

    /// The secret of this key.
    pub fn of(&self, key: &KeyName) -> Option<Secret> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, secret)| Secret::of(secret.expose()))
    }

    /// The secret of this key as a new one, if it is as the rules want it; the error says what is wrong with it.
    pub fn new_of(&self, key: &KeyName, rules: &Rules) -> Option<Result<Secret, String>> {
        let secret = self.of(key)?;
        Some(check(rules, secret.expose()).map(|()| secret))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The lines of `--passphrase-fd` cannot be read. No error holds any of their text but key names.
#[derive(Debug, thiserror::Error)]
pub enum BadSecrets {
    /// Reading failed.
    #[error("reading the secrets failed: {0}")]
    Io(#[from] io::Error),
    /// There are too many bytes.
    #[error("the secrets are longer than 65536 bytes")]
    TooLong,
    /// A secret is longer than any may be.
    #[error("line {line} of the secrets is longer than a secret may be: {} bytes", Secret::MOST)]
    LineTooLong {
        /// The line, from 1.
        line: usize,
    },
    /// A line is not UTF-8.
    #[error("line {line} of the secrets is not UTF-8")]
    NotText {
        /// The line, from 1.
        line: usize,
    },
    /// A line has no tab between key and secret.
    #[error("line {line} of the secrets has no tab between the key's name and the secret")]
    NoTab {
        /// The line, from 1.
        line: usize,
    },
    /// A line does not begin with a key's name.
    #[error("line {line} of the secrets does not begin with a key's name")]
    NoKeyName {
        /// The line, from 1.
        line: usize,
    },
    /// A key has two secrets.
    #[error("line {line} of the secrets gives {key} a second secret")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The key.
        key: KeyName,
    },
}

/// The line that shows whether the keyboard types what its keys say.
pub const KEYBOARD_LINE: &str = "zy-_@#";

fn check(rules: &Rules, text: &str) -> Result<(), String> {
    rules.check(text).map_err(|why| why.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn dialog() -> NewSecret {
        let label = Label {
            key: "root-a".parse().unwrap(),
            holder: "Custodian A".to_owned(),
            place: "age file".to_owned(),
            kind: SecretKind::Passphrase,
        };
        let rules = Rules { min_chars: 12, max_chars: 64, min_bits: 50, digits_only: false };
        NewSecret::new(&label, &rules)
    }

    fn typed(text: &str) -> Secret {
        Secret::of(text)
    }

    fn wrong(heard: Heard) -> String {
        match heard {
            Heard::More(why) => why.unwrap(),
            Heard::Done(_) => String::new(),
        }
    }

    #[test]
    fn a_secret_is_taken_once_the_keyboard_is_known_and_it_was_typed_twice() {
        let mut dialog = dialog();
        assert!(dialog.is_shown());
        assert!(matches!(dialog.hear(typed(KEYBOARD_LINE)), Heard::More(None)));
        assert!(!dialog.is_shown());
        assert!(matches!(dialog.hear(typed("lantern orbit quilt 92 fjord")), Heard::More(None)));
        let Heard::Done(secret) = dialog.hear(typed("lantern orbit quilt 92 fjord")) else {
            panic!("the secret was not taken");
        };
        assert_eq!(secret.expose(), "lantern orbit quilt 92 fjord");
    }

    #[test]
    fn another_keyboard_layout_is_told_by_its_first_difference() {
        assert!(
            wrong(dialog().hear(typed("yz-_@#"))).starts_with("Character 1 should be z and is y")
        );
        let short = KEYBOARD_LINE.strip_suffix('#').unwrap();
        assert!(wrong(dialog().hear(typed(short))).contains("which should be #"));
        let long = format!("{KEYBOARD_LINE}!");
        assert!(wrong(dialog().hear(typed(&long))).contains("more than the line"));
    }

    #[test]
    fn two_different_secrets_start_again_and_a_weak_one_is_refused() {
        let mut dialog = dialog();
        dialog.hear(typed(KEYBOARD_LINE));
        assert!(!wrong(dialog.hear(typed("short"))).is_empty());
        dialog.hear(typed("lantern orbit quilt 92 fjord"));
        assert!(wrong(dialog.hear(typed("lantern orbit quilt 92 fjorD"))).contains("not the same"));
        assert_eq!(dialog.prompt(), "new passphrase");
    }

    #[test]
    fn a_secret_is_its_bytes_neither_trimmed_nor_normalised() {
        // One accent is a character of its own, the other is written beside its letter.
        let (composed, apart) =
            ("lantern orbit qu\u{e9} 92 fjord ", "lantern orbit que\u{301} 92 fjord ");
        for (first, again) in
            [(composed, apart), (apart, composed), (composed, composed.trim_end())]
        {
            let mut dialog = dialog();
            dialog.hear(typed(KEYBOARD_LINE));
            dialog.hear(typed(first));
            assert!(wrong(dialog.hear(typed(again))).contains("not the same"));
        }
        for same in [composed, apart] {
            let mut dialog = dialog();
            dialog.hear(typed(KEYBOARD_LINE));
            dialog.hear(typed(same));
            assert!(
                matches!(dialog.hear(typed(same)), Heard::Done(secret) if secret.expose() == same)
            );
        }
    }

    #[test]
    fn secrets_come_by_key_and_keep_their_spaces() {
        let secrets = Secrets::read(&b"root-a\t two  words \n\nroot-b\tx\ty\r\n"[..]).unwrap();
        assert_eq!(secrets.of(&"root-a".parse().unwrap()).unwrap().expose(), " two  words ");
        assert_eq!(secrets.of(&"root-b".parse().unwrap()).unwrap().expose(), "x\ty");
        assert!(secrets.of(&"root-c".parse().unwrap()).is_none());
        assert_eq!(format!("{secrets:?}"), "[KeyName(\"root-a\"), KeyName(\"root-b\")]");
    }

    #[test]
    fn a_bad_line_is_named_without_its_text() {
        let errors = [
            (
                &b"a\tx\nhunter2\n"[..],
                "line 2 of the secrets has no tab between the key's name and the secret",
            ),
            (b"my key\thunter2\n", "line 1 of the secrets does not begin with a key's name"),
            (b"a\tx\na\thunter2\n", "line 2 of the secrets gives a a second secret"),
            (b"a\t\xff\n", "line 1 of the secrets is not UTF-8"),
        ];
        for (bytes, expected) in errors {
            assert_eq!(Secrets::read(bytes).unwrap_err().to_string(), expected);
        }
        let long = |bytes: usize| format!("a\tx\nb\t{}\n", "y".repeat(bytes));
        for bytes in [Secret::MOST + 1, 2 * Secret::MOST] {
            let error = Secrets::read(long(bytes).as_bytes()).unwrap_err();
            assert!(matches!(error, BadSecrets::LineTooLong { line: 2 }), "{error}");
        }
        assert!(Secrets::read(long(Secret::MOST).as_bytes()).is_ok());
        let error = Secrets::read(io::repeat(b'\n')).unwrap_err();
        assert!(matches!(error, BadSecrets::TooLong), "{error}");
    }
}
