//! `key passwd`: a new passphrase for a key of the workspace, which cannot lose the key.

use std::path::Path;

use clap::Args;

use crate::keystore::agefile::AgeFile;
use crate::tuf::name::KeyName;

use super::super::people::Keyboards;
use super::super::{Failure, say};
use super::{Chooser, book, label, locked};

#[derive(Debug, Args)]
pub(in super::super) struct Passwd {
    /// The key.
    name: KeyName,
    /// Let the program make the passphrase: it is shown once, written on paper, and typed back.
    #[arg(long, conflicts_with = "passphrase_fd")]
    generate: bool,
    /// Read lines old<TAB>SECRET and KEYNAME<TAB>SECRET, the new one, from this file descriptor.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl Passwd {
    pub(super) fn run(&self, workspace: Option<&Path>) -> Result<(), Failure> {
        let book = book(workspace)?;
        let name = &self.name;
        let store = AgeFile::new(book.keys(), label(name));
        let mut people = Keyboards::open(self.passphrase_fd)?;
        let mut chooser = Chooser::new(&mut people, self.generate)?.replacing();
        let public = store
            .change_passphrase(&mut chooser)
            .map_err(|error| locked(error, &format!("{name}.age")))?;
        say(format!("{name}.age opens with the new passphrase now; it was read back and signed."));
        say(format!("fingerprint  {}", public.fingerprint()));
        say(format!(
            "The old passphrase still opens every copy that was made before. A second BOOK holds one: \
             delete keys/{name}.age there, and the next ceremony copies the new one."
        ));
        Ok(())
    }
}
