//! `token pin`: a new PIN or PUK, the old one asked for once; or a new PIN with the PUK.

use std::path::PathBuf;

use clap::Args;

use crate::driver::token::{change_secret, unblock_yubikey};
use crate::keystore::child::Token;
use crate::keystore::{Label, Rules, Secret, SecretKind, Unlock, memory};
use crate::tuf::name::KeyName;

use super::super::people::{Keyboards, printable, typed};
use super::super::{Failure, say};
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
    pub(super) fn run(self) -> Result<(), Failure> {
        memory::harden();
        let (token, place) = token(&self.serial, self.module.as_deref())?;
        let kind = if self.puk { SecretKind::Puk } else { SecretKind::Pin };
        let label = Label {
            key: self.name,
            holder: self.holder.unwrap_or_default(),
            place: place.clone(),
            kind,
        };
        let mut people = Careful { people: Keyboards::open(self.passphrase_fd)? };
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
            return Ok(());
        }
        say(format!("{place}: the {kind} is changed. The old one opens nothing any more."));
        if kind == SecretKind::Puk {
            say("Keep the PUK in a bag of its own, in another place than the card.");
        }
        Ok(())
    }
}

/// People who are asked once more before the last try is spent.
struct Careful {
    people: Keyboards,
}

/// What they type then.
const CONSENT: &str = "last try";

impl Unlock for Careful {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        if tries_left == Some(1) {
            let (kind, place) = (label.kind, &label.place);
            say(format!("One try is left. A wrong {kind} now blocks {place}."));
            let said = typed(&format!("Type \"{CONSENT}\" to spend it, anything else to stop> "));
            if said.as_deref() != Some(CONSENT) {
                say("It was not spent.");
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
