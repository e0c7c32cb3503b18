//! `key import`: a key file of another program becomes a key of the workspace.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::front::words::escape;
use crate::keystore::agefile::AgeFile;
use crate::keystore::import::{BadImport, Form, KeyFile, read_file};
use crate::keystore::software_key::SoftwareKey;
use crate::keystore::{Label, SecretKind};
use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;

use super::super::people::Keyboards;
use super::super::{Exit, Failure, say};
use super::{Chooser, Note, book, choose, label, locked, register, say_key};

#[derive(Debug, Args)]
pub(in super::super) struct Import {
    /// The key file: PKCS#8 or EC PEM, Docker's and Notary's ID.key, securesystemslib's, go-tuf's ROLE.json.
    file: PathBuf,
    /// The key's name from now on.
    #[arg(long)]
    name: KeyName,
    /// The role that is noted in the register; otherwise the one that the file says.
    #[arg(long, value_name = "ROLE")]
    as_role: Option<String>,
    /// The key that is expected; where a file holds several, the one that is taken.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<Fingerprint>,
    /// Let the program make the passphrase: it is shown once, written on paper, and typed back.
    #[arg(long, conflicts_with = "passphrase_fd")]
    generate: bool,
    /// Read lines old<TAB>SECRET, the file's, and KEYNAME<TAB>SECRET, the new one, from this file descriptor.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl Import {
    pub(super) fn run(&self, workspace: Option<&Path>) -> Result<(), Failure> {
        let book = book(workspace)?;
        let shown = escape(&self.file.display().to_string());
        let on_disk = read_file(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        // A path is needed for what Notary writes into it, links and dots away.
        let path = self.file.canonicalize().unwrap_or_else(|_| self.file.clone());
        let file = KeyFile::read(&path, &on_disk.bytes).map_err(|why| self.refused(&why))?;
        if !file.is_encrypted() && on_disk.open_to_others {
            return Err(Failure::new(
                Exit::Machine,
                format!("{shown} is not encrypted, and others than its owner may read it"),
            )
            .hint("Others may have a copy: think of making a new key instead.")
            .hint(format!("To import it all the same: chmod 600 {shown}")));
        }
        let mut people = Keyboards::open(self.passphrase_fd)?;
        let secret = if file.is_encrypted() {
            let foreign = Label {
                key: self.name.clone(),
                holder: String::new(),
                place: format!("{shown}, the file that is imported"),
                kind: SecretKind::Passphrase,
            };
            people.old_secret(&foreign, None).inspect(choose::tell_slip)
        } else {
            None
        };
        let keys = file.open(secret.as_ref()).map_err(|why| self.refused(&why))?;
        let key = self.pick(keys)?;
        self.tell(&file, &key);
        let store = AgeFile::new(book.keys(), label(&self.name));
        store
            .adopt(&key, &mut Chooser::new(&mut people, self.generate)?)
            .map_err(|error| locked(error, &format!("{}.age", self.name)))?;
        let role = self.as_role.as_deref().or_else(|| file.role());
        let reason = match (role, file.gun()) {
            (Some(role), Some(gun)) => format!("import, {}, {role} of {gun}", file.form()),
            (Some(role), None) => format!("import, {}, {role}", file.form()),
            (None, _) => format!("import, {}", file.form()),
        };
        register(&book, &self.name, key.public_key(), Note::Imported, &reason)?;
        let name = &self.name;
        say(format!(
            "{name}.age and {name}.pub are in the workspace; the key was read back and signed."
        ));
        say(self.what_now(&file));
        Ok(())
    }

    /// The key that is meant.
    fn pick(&self, keys: Vec<SoftwareKey>) -> Result<SoftwareKey, Failure> {
        let shown = escape(&self.file.display().to_string());
        let prints: Vec<Fingerprint> =
            keys.iter().map(|key| key.public_key().fingerprint()).collect();
        let count = keys.len();
        let mut fits = keys.into_iter().filter(|key| {
            self.fingerprint.is_none_or(|wanted| key.public_key().fingerprint() == wanted)
        });
        match (fits.next(), fits.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => {
                let failure = Failure::input(format!("{shown} holds {count} keys"))
                    .hint("Choose one with --fingerprint:");
                Err(prints.iter().fold(failure, |failure, print| failure.hint(print.to_string())))
            }
            (None, _) => {
                let failure = Failure::new(
                    Exit::Wrong,
                    format!("{shown} holds another key than the one that is expected"),
                )
                .hint("It holds:");
                Err(prints.iter().fold(failure, |failure, print| failure.hint(print.to_string())))
            }
        }
    }

    /// What was found, before anything is written.
    fn tell(&self, file: &KeyFile, key: &SoftwareKey) {
        say(format!("form         {}", file.form()));
        say_key(key.public_key());
        if let Some(role) = file.role() {
            say(format!("its role     {}, by the file", escape(role)));
        }
        if let Some(gun) = file.gun() {
            say(format!("repository   {}, by the file", escape(gun)));
        }
        if let Some(role) = &self.as_role {
            say(format!("noted as     {}", escape(role)));
        }
        say("");
    }

    fn what_now(&self, file: &KeyFile) -> String {
        let shown = escape(&self.file.display().to_string());
        let old = if file.is_encrypted() {
            "its old passphrase still opens it"
        } else {
            "it is not encrypted: whoever reads it has the key"
        };
        let client = match file.form() {
            Form::Notary => " Docker and Notary go on signing with it while it is there.",
            Form::Pkcs8 | Form::Sec1 | Form::Securesystemslib | Form::GoTuf => "",
        };
        format!(
            "{shown} was left as it is, and {old}.{client} Once a back-up of the new file was restored \
             in a drill, destroy the old one and every copy of it; where that cannot be done, rotate the key."
        )
    }

    fn refused(&self, why: &BadImport) -> Failure {
        let shown = escape(&self.file.display().to_string());
        let said = |exit| Failure::new(exit, format!("{shown}: {}", escape(&why.to_string())));
        match why {
            BadImport::AgeFile => said(Exit::Input).hint("To take it in: anchorite key restore FILE"),
            BadImport::OpenSsh => said(Exit::Input).hint(
                "On a copy: ssh-keygen -p -m PKCS8 -f COPY; for Ed25519 keys another program is needed.",
            ),
            BadImport::Rsa => said(Exit::Input)
                .hint("Keep it where it is until the root or the delegation that lists it is rotated."),
            BadImport::Encryption(_) | BadImport::TooMuchWork(_) => said(Exit::Input).hint(
                "Change its encryption first, with the program that wrote it, or: \
                 openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out COPY",
            ),
            BadImport::NoKey
            | BadImport::Several(_)
            | BadImport::Label(_)
            | BadImport::Algorithm(_)
            | BadImport::Damaged(_) => said(Exit::Input),
            BadImport::NoPassphrase | BadImport::WrongPassphrase => {
                said(Exit::Machine).hint("Nothing was written.")
            }
            BadImport::OtherPublic => said(Exit::Wrong),
            BadImport::OtherId { .. } => said(Exit::Wrong).hint(
                "Notary names a file by the id of its key: find out which key this is before it is used.",
            ),
        }
    }
}
