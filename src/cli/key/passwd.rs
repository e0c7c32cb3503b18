//! `key passwd`: a new passphrase for a key of the workspace, which cannot lose the key.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::file;
use crate::driver::workspace::{MARKER, Workspace};
use crate::front::words::escape;
use crate::keystore::agefile::AgeFile;
use crate::tuf::name::KeyName;

use super::super::ceremony::mount;
use super::super::people::Keyboards;
use super::super::{Exit, Failure, say};
use super::{Chooser, book, label, locked};

#[derive(Debug, Args)]
pub(in super::super) struct Passwd {
    /// The key.
    name: KeyName,
    /// Where a second copy of the book is mounted, such as BOOK-2=DIR: its file is replaced too.
    #[arg(long, value_name = "NAME=DIR", value_parser = mount)]
    medium: Vec<(KeyName, PathBuf)>,
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
        let file = format!("{name}.age");
        let copies = self.copies(&book, &file)?;
        let store = AgeFile::new(book.keys(), label(name));
        let mut people = Keyboards::open(self.passphrase_fd)?;
        let mut chooser = Chooser::new(&mut people, self.generate)?.replacing();
        let changed =
            store.change_passphrase(&mut chooser).map_err(|error| locked(error, &file))?;
        say(format!("{file} opens with the new passphrase now; it was read back and signed."));
        say(format!("fingerprint  {}", changed.public.fingerprint()));
        for (medium, folder) in &copies {
            let place = format!("{medium}:keys/{file}");
            changed.replace_in(folder).map_err(|error| {
                locked(error, &place).hint(format!(
                    "The book has the new file. Delete keys/{file} on {medium}, and the next ceremony copies it."
                ))
            })?;
            say(format!("{place} was replaced and read back."));
        }
        say("The old passphrase still opens every other copy that was made before.");
        if copies.is_empty() {
            say(format!(
                "A second BOOK holds one and is not level until it is replaced: name it with --medium \
                 BOOK-2=DIR next time; now delete keys/{file} there, and the next ceremony copies the new one."
            ));
        }
        Ok(())
    }

    /// The key folders of the second copies: each must hold the very file that is changed, or none.
    fn copies(&self, book: &Workspace, file: &str) -> Result<Vec<(&KeyName, PathBuf)>, Failure> {
        let read = |folder: &Path| match file::read_back(folder, file, MAX_FILE) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file(&folder.join(file), &error)),
        };
        let here = read(&book.keys())?;
        let mut copies = Vec::new();
        for (name, folder) in &self.medium {
            let shown = escape(&folder.display().to_string());
            if !folder.join(MARKER).is_file() {
                return Err(Failure::input(format!("{shown} is no copy of a book"))
                    .hint("Nothing was changed."));
            }
            let keys = folder.join("keys");
            if let Some(there) = read(&keys)?
                && here.as_ref() != Some(&there)
            {
                return Err(Failure::new(
                    Exit::Wrong,
                    format!("{name}: keys/{file} is another file than in the book"),
                )
                .hint(
                    "Nothing was changed. Find out why; where it is the file from before an earlier change, \
                     delete it there, and the next ceremony copies the one of the book.",
                ));
            }
            copies.push((name, keys));
        }
        Ok(copies)
    }
}

/// The largest key file.
const MAX_FILE: u64 = 64 * 1024;
