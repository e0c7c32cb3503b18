//! `key restore`: a key comes back from an age file, or from lines that were typed or scanned from paper.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::front::words::escape;
use crate::keystore::agefile::{AgeFile, OpensWith, decrypt_with, opened_by};
use crate::keystore::import::{OnDisk, read_file};
use crate::keystore::{Secret, paper};
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;

use super::super::people::Keyboards;
use super::super::{Exit, Failure, say};
use super::{Chooser, Note, book, label, locked, register, say_key};

#[derive(Debug, Args)]
pub(in super::super) struct Restore {
    /// The age file, or a text file of the numbered lines.
    file: PathBuf,
    /// The key's name; otherwise the one on the paper, or the file's.
    #[arg(long)]
    name: Option<KeyName>,
    /// For a file with recipients: an identity file of age that opens it.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Let the program make the new passphrase, where one is chosen.
    #[arg(long, conflicts_with = "passphrase_fd")]
    generate: bool,
    /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl Restore {
    pub(super) fn run(&self, workspace: Option<&Path>) -> Result<(), Failure> {
        let book = book(workspace)?;
        let shown = escape(&self.file.display().to_string());
        let OnDisk { bytes, .. } =
            read_file(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        let malformed = |why: String| Failure::input(format!("{shown}: {why}"));
        let text = String::from_utf8_lossy(&bytes);
        let is_paper = paper::is_paper(&bytes);
        let file = if is_paper {
            paper::read(&text).map_err(|why| {
                malformed(why.to_string()).hint("Type those lines again; the others may stay.")
            })?
        } else {
            bytes.to_vec()
        };
        let opens = opened_by(&file).map_err(|error| Failure {
            exit: Exit::Input,
            ..locked(error, &self.file.display().to_string())
        })?;
        let name = self
            .name
            .clone()
            .or_else(|| if is_paper { paper::name_on(&text) } else { name_of(&self.file) });
        let name = name.ok_or_else(|| Failure::input("expected --name with the key's name"))?;
        let store = AgeFile::new(book.keys(), label(&name));
        let mut people = Keyboards::open(self.passphrase_fd)?;
        let mut chooser = Chooser::new(&mut people, self.generate)?;
        let public: PublicKey = match (opens, &self.identity) {
            (OpensWith::Passphrase { .. }, None) => store.restore(&file, &mut chooser),
            (OpensWith::Passphrase { .. }, Some(_)) => {
                return Err(malformed("it opens with a passphrase, without --identity".to_owned()));
            }
            (OpensWith::Recipients(_), Some(path)) => {
                let key = decrypt_with(&file, &identity(path)?)
                    .map_err(|error| locked(error, &self.file.display().to_string()))?;
                store.restore_key(&key, &mut chooser)
            }
            (OpensWith::Recipients(count), None) => {
                return Err(malformed(format!("it is for {count} recipients"))
                    .hint("Name the file of one's identity with --identity FILE."));
            }
        }
        .map_err(|error| locked(error, &self.file.display().to_string()))?;
        register(&book, &name, &public, Note::Restored, "restore")?;
        say_key(&public);
        say(format!("{name}.age is back in the workspace; the key was read back and signed."));
        Ok(())
    }
}

/// The text of an identity file, which must be its owner's alone.
fn identity(path: &Path) -> Result<Secret, Failure> {
    let shown = escape(&path.display().to_string());
    let on_disk = read_file(path).map_err(|error| Failure::file(path, &error))?;
    if on_disk.open_to_others {
        return Err(Failure::new(
            Exit::Machine,
            format!("{shown}: others than its owner may read this identity"),
        )
        .hint(format!("Others may have a copy. To use it all the same: chmod 600 {shown}")));
    }
    std::str::from_utf8(&on_disk.bytes)
        .ok()
        .filter(|text| text.len() <= Secret::MOST)
        .map(Secret::of)
        .ok_or_else(|| Failure::input(format!("{shown} is not an identity file of age")))
}

/// `root-a` of `root-a.age` and `root-a.recovery.age`.
fn name_of(path: &Path) -> Option<KeyName> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".age").unwrap_or(name);
    name.strip_suffix(".recovery").unwrap_or(name).parse().ok()
}
