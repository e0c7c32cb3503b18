//! `token pin`: a new PIN or PUK, the old one asked for once; or a new PIN with the PUK.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::bench::system_time;
use crate::driver::register::{Line, Note, Register, What};
use crate::driver::token::{change_secret, unblock_yubikey};
use crate::driver::workspace::{NoWorkspace, Workspace};
use crate::keystore::child::Token;
use crate::keystore::{Label, Rules, Secret, SecretKind, Unlock, memory};
use crate::tuf::name::KeyName;

use super::super::people::{Keyboards, printable, typed};
use super::super::{Exit, Failure, say};
use super::{program, token, trouble};

#[derive(Debug, Args)]
pub(in super::super) struct NewPin {
    /// The token's serial number.
    serial: String,
    /// The PUK instead of the PIN.
    #[arg(long, conflicts_with = "module")]
    puk: bool,
    /// Set a new PIN with the PUK, where the PIN is blocked or forgotten.
    #[arg(long, conflicts_with_all = ["module", "puk"])]
    unblock: bool,
    /// The PKCS#11 module: an absolute path.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Who holds it.
    #[arg(long, value_name = "WHO", value_parser = printable)]
    holder: Option<String>,
    /// What plans call its key.
    #[arg(long, default_value = "token")]
    name: KeyName,
    /// Read lines old<TAB>SECRET (with --unblock, the PUK) and NAME<TAB>SECRET, the new one, from this file descriptor.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl NewPin {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        memory::harden();
        let record = Record::find(workspace, &self)?;
        let (token, place) = token(&self.serial, self.module.as_deref())?;
        let kind = if self.puk { SecretKind::Puk } else { SecretKind::Pin };
        let label = Label {
            key: self.name,
            holder: self.holder.unwrap_or_default(),
            place: place.clone(),
            kind,
        };
        let mut people = Careful { people: Keyboards::open(self.passphrase_fd)?, record: &record };
        let done = match token {
            Token::Yubikey(serial) if self.unblock => {
                unblock_yubikey(&program()?, serial, label, &mut people)
            }
            token @ (Token::Yubikey(_) | Token::Pkcs11 { .. }) => {
                change_secret(&program()?, token, label, &mut people)
            }
        };
        done.map_err(|error| trouble(&error, &place))?;
        if self.unblock {
            say(format!("{place}: the new PIN opens it, with all its tries. The PUK stays."));
            return record.note(Note::SecretChanged, "a new PIN was set with the PUK");
        }
        say(format!("{place}: the {kind} is changed. The old one opens nothing any more."));
        if kind == SecretKind::Puk {
            say("Keep the PUK in a bag of its own, in another place than the card.");
        }
        record.note(Note::SecretChanged, &format!("the {kind} was changed"))
    }
}

/// Where it is noted what was done to the token: with each of its keys that the register knows.
struct Record {
    /// Or why there is none.
    book: Result<Workspace, String>,
    serial: String,
    by: Option<String>,
}

impl Record {
    /// A command for one token works without a workspace, and while a ceremony that waits for it has the workspace.
    fn find(workspace: Option<&Path>, pin: &NewPin) -> Result<Self, Failure> {
        let here = std::env::current_dir()
            .map_err(|error| Failure::new(Exit::Machine, error.to_string()))?;
        let book = match Workspace::find(workspace, &here) {
            Ok(book) => Ok(book),
            Err(NoWorkspace::NotFound) => Err("there is no workspace here".to_owned()),
            Err(NoWorkspace::InUse(_)) => Err("the workspace is in use".to_owned()),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { book, serial: pin.serial.clone(), by: pin.holder.clone() })
    }

    fn note(&self, note: Note, what: &str) -> Result<(), Failure> {
        let book = match &self.book {
            Ok(book) => book,
            Err(why) => {
                say(format!("Not on record: {why}."));
                return Ok(());
            }
        };
        let register = Register::read(book)?;
        let known = register.keys().filter(|(_, key)| key.serial.as_ref() == Some(&self.serial));
        let lines: Vec<Line> = known
            .map(|(fingerprint, standing)| Line {
                by: self.by.clone(),
                reason: format!("token pin: {what}"),
                ..Line::new(system_time(), standing.key.clone(), *fingerprint, What::Note(note))
            })
            .collect();
        if lines.is_empty() {
            say("Not on record: the register knows no key of this token.");
            return Ok(());
        }
        Ok(Register::add(book, &lines)?)
    }
}

/// People who are asked once more before the last try is spent, and whose consent is noted.
struct Careful<'a> {
    people: Keyboards,
    record: &'a Record,
}

/// What they type then.
const CONSENT: &str = "last try";

impl Unlock for Careful<'_> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        if tries_left == Some(1) {
            let (kind, place) = (label.kind, &label.place);
            say(format!("One try is left. A wrong {kind} now blocks {place}."));
            let said = typed(&format!("Type \"{CONSENT}\" to spend it, anything else to stop> "));
            if said.as_deref() != Some(CONSENT) {
                say("It was not spent.");
                return None;
            }
            if let Err(why) = self.record.note(Note::LastTry, "the last try was spent by consent") {
                say(format!("It was not spent: {why}"));
                return None;
            }
        }
        self.people.old_secret(label, tries_left)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.people.new_secret(label, rules)
    }

    fn touch(&mut self, label: &Label) {
        self.people.touch(label);
    }
}
