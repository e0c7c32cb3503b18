//! New passphrases: chosen by people, or made by the program, shown once on the terminal and typed back.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};

use crate::keystore::{Label, Rules, Secret, Unlock, generated};

use super::super::people::Keyboards;
use super::super::{Failure, say};

/// People who open what is there, and choose or are given what comes after.
pub(super) struct Chooser<'a> {
    people: &'a mut Keyboards,
    terminal: Option<File>,
    replaces: bool,
}

impl<'a> Chooser<'a> {
    /// With `generate`, new passphrases are made here; that needs a terminal, since what is shown must not be kept anywhere.
    pub(super) fn new(people: &'a mut Keyboards, generate: bool) -> Result<Self, Failure> {
        let terminal = if generate {
            let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
            Some(opened.map_err(|_| {
                Failure::input("--generate needs a terminal")
                    .hint("The passphrase is shown there once, and typed back.")
            })?)
        } else {
            None
        };
        Ok(Self { people, terminal, replaces: false })
    }

    /// The secret that is asked for is the old one, which a new one will replace.
    pub(super) const fn replacing(mut self) -> Self {
        self.replaces = true;
        self
    }
}

impl Unlock for Chooser<'_> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        let secret = if self.replaces {
            self.people.old_secret(label, tries_left)?
        } else {
            self.people.secret(label, tries_left)?
        };
        tell_slip(&secret);
        Some(secret)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        match &self.terminal {
            Some(terminal) => generate(terminal, self.people, label),
            None => self.people.new_secret(label, rules),
        }
    }

    fn touch(&mut self, label: &Label) {
        self.people.touch(label);
    }
}

/// A passphrase that was made here and typed with a slip is told before it is tried.
pub(super) fn tell_slip(secret: &Secret) {
    if generated::has_slip(secret.expose()) {
        say("The checksum group at its end does not fit: there is a slip in what was typed.");
    }
}

/// How often it is typed back before nothing is kept.
const TRIES: usize = 3;
/// Clears the screen and what was scrolled out of it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

fn generate(mut terminal: &File, people: &mut Keyboards, label: &Label) -> Option<Secret> {
    let made = generated::generate().ok()?;
    let mut again = label.clone();
    "as it stands on the paper".clone_into(&mut again.place);
    for _ in 0..TRIES {
        write!(
            terminal,
            "\nThe passphrase of {}. Write it on paper now; no copy of it is kept.\n\n    {}\n\n\
             The last group is a checksum and belongs to it. None of 0 1 i l o s u z is in it.\n\
             Press Enter when it is written: it then goes from the screen.\n",
            label.key,
            made.expose()
        )
        .and_then(|()| terminal.flush())
        .ok()?;
        let read = BufReader::new(terminal).read_line(&mut String::new());
        write!(terminal, "{CLEAR}").and_then(|()| terminal.flush()).ok()?;
        if read.ok()? == 0 {
            return None;
        }
        let typed = people.secret(&again, None)?;
        if typed.expose() == made.expose() {
            return Some(made);
        }
        say(difference(made.expose(), typed.expose()));
    }
    None
}

/// Which group differs, without its text.
fn difference(made: &str, typed: &str) -> String {
    let (made, typed): (Vec<&str>, Vec<&str>) =
        (made.split('-').collect(), typed.split('-').collect());
    let differs = made.iter().zip(&typed).zip(1..).find(|((one, other), _)| one != other);
    match differs {
        Some((_, nth)) if made.len() == typed.len() => {
            format!("Group {nth} is not as it was shown. It is shown once more.")
        }
        Some(_) | None => format!(
            "Expected {} groups of 4 with - between them, found {}. It is shown once more.",
            made.len(),
            typed.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_by_its_group_alone() {
        assert!(difference("abcd-efgh-jkmn", "abcd-efgg-jkmn").starts_with("Group 2 "));
        assert!(difference("abcd-efgh-jkmn", "abcd-efgh").contains("Expected 3 groups"));
    }
}
