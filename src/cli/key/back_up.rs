//! `key back-up`: a second file for other recipients, and a form that can be printed.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::file::{self, Readers};
use crate::driver::workspace::Workspace;
use crate::front::words::escape;
use crate::keystore::agefile::{AgeFile, encrypt_for, recipients_in};
use crate::keystore::import::read_file;
use crate::keystore::paper;
use crate::tuf::name::KeyName;

use super::super::people::Keyboards;
use super::super::{Exit, Failure, say};
use super::{Chooser, Note, book, label, locked, register};

#[derive(Debug, Args)]
pub(in super::super) struct BackUp {
    /// The key.
    name: KeyName,
    /// An age1… recipient whose identity is kept elsewhere; more than one, each opens the back-up alone.
    #[arg(long, value_name = "RECIPIENT")]
    to: Vec<String>,
    /// Also write a form to print: numbered lines and QR codes. Without --to it holds the key's own file.
    #[arg(long, value_name = "FILE")]
    paper: Option<PathBuf>,
    /// The folder for `NAME.recovery.age`; otherwise the workspace's own.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// The largest key file.
const MAX_FILE: u64 = 64 * 1024;

impl BackUp {
    pub(super) fn run(&self, workspace: Option<&Path>) -> Result<(), Failure> {
        if self.to.is_empty() && self.paper.is_none() {
            return Err(Failure::input("expected --to with an age1… recipient, --paper, or both"));
        }
        let book = book(workspace)?;
        self.not_circular(&book)?;
        let name = &self.name;
        let home = format!("{name}.age");
        let store = AgeFile::new(book.keys(), label(name));
        let mut people = Keyboards::open(self.passphrase_fd)?;
        // Opened in any case: a back-up of a file that does not open is none.
        let key = store
            .open(&mut Chooser::new(&mut people, false)?)
            .map_err(|error| locked(error, &home))?;
        let public = key.public_key();
        let second = format!("{name}.recovery.age");
        let bytes = if self.to.is_empty() {
            file::read_back(&book.keys(), &home, MAX_FILE)
                .map_err(|error| Failure::file(&book.keys().join(&home), &error))?
        } else {
            let pem = key.to_pkcs8_pem()?;
            encrypt_for(&self.to, &pem).map_err(|error| locked(error, &second))?
        };
        let printed = match &self.paper {
            Some(path) => Some((
                path,
                paper::print(name, public, &bytes).map_err(|error| locked(error, &second))?,
            )),
            None => None,
        };
        // Paper first: it fails for more reasons, and then nothing was written yet.
        if let Some((path, text)) = &printed {
            write(path, text.as_bytes())?;
            say(format!(
                "{} is written: print it, and delete it.",
                escape(&path.display().to_string())
            ));
        }
        if !self.to.is_empty() {
            let path = self.out.clone().unwrap_or_else(|| book.keys()).join(&second);
            if let Err(failure) = write(&path, &bytes) {
                if let Some((paper, _)) = &printed {
                    let _ = std::fs::remove_file(paper);
                }
                return Err(failure);
            }
            let count = self.to.len();
            say(format!(
                "{} is written, for {count} recipient{}.",
                escape(&path.display().to_string()),
                if count == 1 { "" } else { "s" }
            ));
        }
        register(&book, name, public, Note::BackedUp, "back-up")?;
        say(format!("fingerprint  {}", public.fingerprint()));
        say(
            "A back-up counts once it was restored in a drill: anchorite key restore FILE, in another workspace.",
        );
        Ok(())
    }

    /// A back-up whose key lies beside it saves nobody when the workspace is lost, and adds a way in when it is stolen.
    fn not_circular(&self, book: &Workspace) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::file(book.folder(), &error);
        for path in file::list(book.folder()).map_err(failed)? {
            // One that cannot be read here is larger than any identity file.
            let Ok(found) = read_file(&book.folder().join(&path)) else { continue };
            let Ok(text) = std::str::from_utf8(&found.bytes) else { continue };
            if recipients_in(text).iter().any(|known| self.to.contains(known)) {
                return Err(Failure::new(
                    Exit::Wrong,
                    format!("{} in this workspace opens what is for that recipient", escape(&path)),
                )
                .hint("A back-up is for a recipient whose identity is kept elsewhere. Take it away from here."));
            }
        }
        Ok(())
    }
}

/// Writes a new file for its owner alone, and reads it back.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    file::write_new(folder, name, bytes, Readers::Owner).map_err(failed)?;
    let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if file::read_back(folder, name, limit).map_err(failed)? == bytes {
        Ok(())
    } else {
        let _ = std::fs::remove_file(path);
        let shown = escape(&path.display().to_string());
        Err(Failure::new(Exit::Machine, format!("{shown}: what is there is not what was written")))
    }
}
