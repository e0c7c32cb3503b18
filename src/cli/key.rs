//! `key make`, `key list` and `key export`: keys in age files.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use crate::ceremony::roster::carried_challenge;
use crate::driver::file::{self, Readers};
use crate::driver::workspace::Workspace;
use crate::front::words::escape;
use crate::keystore::agefile::{AgeFile, encrypt_for};
use crate::keystore::leaving::{notary_file_name, notary_pem};
use crate::keystore::{KeyStore as _, Label, Rules, SecretKind, Spec, Unlock as _, memory};
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::name::{KeyName, RepoName};

use super::people::Keyboards;
use super::{Exit, Failure, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key in an age file: NAME.age, NAME.pub, and a proof that its holder has it.
    Make {
        /// The key's name in plans.
        name: KeyName,
        /// The repository that the proof is for.
        #[arg(long = "for", value_name = "REPOSITORY")]
        repository: RepoName,
        /// The algorithm.
        #[arg(long, default_value = "ed25519")]
        algorithm: Kind,
        /// The folder for the files.
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
        #[arg(long, value_name = "N")]
        passphrase_fd: Option<u32>,
    },
    /// List the keys of the workspace.
    List,
    /// Export a key of the workspace, encrypted, for another machine.
    Export {
        /// The key.
        name: KeyName,
        /// In which form.
        #[arg(long = "as", value_name = "FORM")]
        form: Form,
        /// The age1… recipients (as age).
        #[arg(long, value_name = "RECIPIENT")]
        to: Vec<String>,
        /// The role that Notary notes beside it (as notary).
        #[arg(long, default_value = "targets")]
        role: String,
        /// The repository that Notary notes beside it (as notary).
        #[arg(long)]
        gun: Option<RepoName>,
        /// The folder for the file.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
        #[arg(long, value_name = "N")]
        passphrase_fd: Option<u32>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    Ed25519,
    P256,
    P384,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Form {
    Age,
    Notary,
}

impl Command {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        memory::harden();
        match self {
            Self::Make { name, repository, algorithm, out, passphrase_fd } => {
                make(&name, &repository, algorithm, &out, passphrase_fd)
            }
            Self::List => list(workspace),
            Self::Export { name, form, to, role, gun, out, passphrase_fd } => {
                let here = std::env::current_dir()
                    .map_err(|error| Failure::file(Path::new("."), &error))?;
                let book = Workspace::find(workspace, &here)?;
                let store = AgeFile::new(book.keys(), label(&name));
                let mut people = Keyboards::open(passphrase_fd)?;
                let key = store.open(&mut people)?;
                let (file_name, bytes) = match form {
                    Form::Age if to.is_empty() => {
                        return Err(Failure::input("expected --to with an age1… recipient"));
                    }
                    Form::Age => (format!("{name}.age"), encrypt_for(&to, &key.to_pkcs8_pem()?)?),
                    Form::Notary => {
                        let mut leaving = label(&name);
                        "the copy that docker and notary read".clone_into(&mut leaving.place);
                        let secret =
                            people.new_secret(&leaving, &Rules::passphrase()).ok_or_else(|| {
                                Failure::new(Exit::Machine, "no passphrase was given")
                            })?;
                        let gun = gun.as_ref().map(RepoName::as_str);
                        let pem = notary_pem(&key, &role, gun, &secret)?;
                        (notary_file_name(key.public_key()), pem.as_bytes().to_vec())
                    }
                };
                file::write_new(&out, &file_name, &bytes, Readers::Owner)
                    .map_err(|error| Failure::file(&out.join(&file_name), &error))?;
                say(format!("{} is written.", out.join(file_name).display()));
                Ok(())
            }
        }
    }
}

fn make(
    name: &KeyName,
    repository: &RepoName,
    algorithm: Kind,
    out: &Path,
    passphrase_fd: Option<u32>,
) -> Result<(), Failure> {
    let algorithm = match algorithm {
        Kind::Ed25519 => Algorithm::Ed25519,
        Kind::P256 => Algorithm::P256,
        Kind::P384 => Algorithm::P384,
    };
    let mut people = Keyboards::open(passphrase_fd)?;
    let mut store = AgeFile::new(out.to_owned(), label(name));
    let made = store.make(&Spec { algorithm, pin: None, touch: None }, &mut people)?;
    say("The key is made. Now it signs a proof: the passphrase once more.");
    let challenge = carried_challenge(repository, name, &made.public);
    let fingerprint = made.public.fingerprint();
    let signature = store.signer(&fingerprint, &mut people)?.sign(&challenge, &mut people)?;
    let proof = format!("{}\n", String::from(signature));
    file::write_new(out, &format!("{name}.proof"), proof.as_bytes(), Readers::All)
        .map_err(|error| Failure::file(&out.join(format!("{name}.proof")), &error))?;
    say(format!("{name}.age    the key, under its passphrase: it stays with its holder"));
    say(format!("{name}.pub    the public half, for IN"));
    say(format!("{name}.proof  the proof for {repository}, for IN"));
    say(format!("fingerprint  {fingerprint}"));
    say(format!("             {}", fingerprint.digest().words().join(" ")));
    Ok(())
}

fn list(workspace: Option<&Path>) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
    let book = Workspace::find(workspace, &here)?;
    let folder = book.keys();
    let failed = |error: std::io::Error| Failure::file(&folder, &error);
    let mut found = 0;
    for path in file::list(&folder).map_err(failed)? {
        let Some(name) = path.strip_suffix(".pub") else { continue };
        let bytes = file::read_back(&folder, &path, 1 << 16).map_err(failed)?;
        let key = std::str::from_utf8(&bytes).ok().and_then(|pem| PublicKey::from_pem(pem).ok());
        found += 1;
        match key {
            Some(key) => say(format!(
                "{:<24} {:<12} {}",
                escape(name),
                key.algorithm().to_string(),
                key.fingerprint()
            )),
            None => say(format!("{:<24} its .pub file cannot be read", escape(name))),
        }
    }
    say(format!("{found} keys in {}", book.folder().display()));
    Ok(())
}

fn label(name: &KeyName) -> Label {
    Label {
        key: name.clone(),
        holder: String::new(),
        place: format!("age file {name}.age"),
        kind: SecretKind::Passphrase,
    }
}
