//! `key`: keys in age files. Each other subcommand than `make`, `list` and `export` has a file of its own.

mod back_up;
mod choose;
mod import;
mod passwd;
mod prove;
mod restore;
mod state;

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use crate::driver::bench::system_time;
use crate::driver::file::{self, Readers};
use crate::driver::register::{Line, Note, Register, What};
use crate::driver::workspace::Workspace;
use crate::front::words::escape;
use crate::keystore::agefile::{AgeFile, encrypt_for};
use crate::keystore::leaving::{notary_file_name, notary_pem};
use crate::keystore::{
    KeyStore as _, Label, Rules, SecretKind, Spec, TokenError, Unlock as _, memory,
};
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::name::{KeyName, RepoName};

use self::choose::Chooser;
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
        /// Let the program make the passphrase: it is shown once, written on paper, and typed back.
        #[arg(long, conflicts_with = "passphrase_fd")]
        generate: bool,
        /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
        #[arg(long, value_name = "N")]
        passphrase_fd: Option<u32>,
    },
    /// Make the proof of a key in an age file, for a repository.
    Prove(prove::Prove),
    /// List the keys of the workspace, and where each that it knows stands.
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
    /// Import a key file of another program into the workspace, under a new passphrase.
    Import(import::Import),
    /// Change the passphrase of a key in the workspace.
    Passwd(passwd::Passwd),
    /// Back a key of the workspace up: for other recipients, and on paper.
    BackUp(back_up::BackUp),
    /// Restore a key from an age file, or from typed or scanned lines of paper, into the workspace.
    Restore(restore::Restore),
    /// Record that a key goes into another state, or is kept elsewhere now.
    State(state::State),
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
            Self::Make { name, repository, algorithm, out, generate, passphrase_fd } => {
                make(&name, &repository, algorithm, &out, Chosen { generate, passphrase_fd })
            }
            Self::Import(import) => import.run(workspace),
            Self::Passwd(passwd) => passwd.run(workspace),
            Self::BackUp(back_up) => back_up.run(workspace),
            Self::Restore(restore) => restore.run(workspace),
            Self::Prove(prove) => prove.run(),
            Self::State(state) => state.run(workspace),
            Self::List => state::list(workspace),
            Self::Export { name, form, to, role, gun, out, passphrase_fd } => {
                let book = book(workspace)?;
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
    chosen: Chosen,
) -> Result<(), Failure> {
    let algorithm = match algorithm {
        Kind::Ed25519 => Algorithm::Ed25519,
        Kind::P256 => Algorithm::P256,
        Kind::P384 => Algorithm::P384,
    };
    prove::vacant(&out.join(format!("{name}.proof")))?;
    let mut people = Keyboards::open(chosen.passphrase_fd)?;
    let mut store = AgeFile::new(out.to_owned(), label(name));
    let spec = Spec { algorithm, pin: None, touch: None, replaces: None };
    let made = store.make(&spec, &mut Chooser::new(&mut people, chosen.generate)?)?;
    say("The key is made. Now it signs a proof: the passphrase once more.");
    let fingerprint = made.public.fingerprint();
    prove::prove(&mut store, name, repository, out, &mut people)?;
    say(format!("{name}.age    the key, under its passphrase: it stays with its holder"));
    say(format!("{name}.pub    the public half, for IN"));
    say(format!("{name}.proof  the proof for {repository}, for IN"));
    say(format!("fingerprint  {fingerprint}"));
    say(format!("             {}", fingerprint.digest().words().join(" ")));
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

/// Where a new passphrase comes from.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    generate: bool,
    passphrase_fd: Option<u32>,
}

fn book(workspace: Option<&Path>) -> Result<Workspace, Failure> {
    let here = std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
    Ok(Workspace::find(workspace, &here)?)
}

/// The failure of a key file that people opened: its passphrase cannot be told from damage.
fn locked(error: TokenError, file: &str) -> Failure {
    match error {
        TokenError::WrongSecret { .. } => Failure::new(
            Exit::Machine,
            format!("{}: wrong passphrase or damaged file", escape(file)),
        ),
        TokenError::Absent => Failure::input(format!("{} is not there", escape(file))),
        TokenError::NoSecret => {
            Failure::new(Exit::Machine, "no passphrase was given").hint("Nothing was written.")
        }
        TokenError::File { path, what } => Failure::new(
            Exit::Machine,
            format!("{}: {}", escape(if path.is_empty() { file } else { &path }), escape(&what)),
        ),
        TokenError::Occupied(name) => {
            Failure::new(Exit::Machine, format!("{} is there already", escape(&name)))
                .hint("Nothing is written over: choose another name, or move it away.")
        }
        other @ (TokenError::Other { .. }
        | TokenError::NoSuchKey(_)
        | TokenError::Blocked
        | TokenError::NoTouch
        | TokenError::Gone
        | TokenError::Silent
        | TokenError::Crashed { .. }
        | TokenError::Device(_)
        | TokenError::BadSignature
        | TokenError::Unguarded(_)
        | TokenError::Unsupported(_)) => Failure::from(other),
    }
}

/// Two lines that name a key: its algorithm, and its fingerprint in hex and in words.
fn say_key(public: &PublicKey) {
    let fingerprint = public.fingerprint();
    say(format!("algorithm    {}", public.algorithm()));
    say(format!("fingerprint  {fingerprint}"));
    say(format!("             {}", fingerprint.digest().words().join(" ")));
}

/// Notes in the register what became of a key in an age file.
fn register(
    book: &Workspace,
    name: &KeyName,
    public: &PublicKey,
    note: Note,
    reason: &str,
) -> Result<(), Failure> {
    let mut line = Line::new(system_time(), name.clone(), public.fingerprint(), What::Note(note));
    line.store = Some("age file".to_owned());
    reason.clone_into(&mut line.reason);
    Ok(Register::add(book, &[line])?)
}
