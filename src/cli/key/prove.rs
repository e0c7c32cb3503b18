//! `key prove`: the proof that a key's holder has it, from its files. `key make` ends with the same.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::ceremony::roster::carried_challenge;
use crate::driver::file::{self, Readers};
use crate::front::words::escape;
use crate::keystore::agefile::AgeFile;
use crate::keystore::{KeyStore as _, TokenError};
use crate::tuf::name::{KeyName, RepoName};

use super::super::people::Keyboards;
use super::super::{Exit, Failure, say};
use super::{label, locked};

#[derive(Debug, Args)]
pub(in super::super) struct Prove {
    /// The key's name: NAME.age and NAME.pub are read, NAME.proof is written.
    name: KeyName,
    /// The repository that the proof is for.
    #[arg(long = "for", value_name = "REPOSITORY")]
    repository: RepoName,
    /// The folder of the files.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl Prove {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut store = AgeFile::new(self.out.clone(), label(&self.name));
        let mut people = Keyboards::open(self.passphrase_fd)?;
        prove(&mut store, &self.name, &self.repository, &self.out, &mut people)?;
        say(format!("{}.proof  the proof for {}, for IN", self.name, self.repository));
        Ok(())
    }
}

/// How often the passphrase is asked for.
const TRIES: usize = 3;

/// Has the key sign that its holder has it, and writes that. Where it comes to nothing, the failure says which command does
/// it later: the key itself is there.
pub(super) fn prove(
    store: &mut AgeFile,
    name: &KeyName,
    repository: &RepoName,
    folder: &Path,
    people: &mut Keyboards,
) -> Result<(), Failure> {
    let home = format!("{name}.age");
    let file = format!("{name}.proof");
    let path = folder.join(&file);
    vacant(&path)?;
    let seen = store.look().map_err(|error| locked(error, &home))?;
    let public = seen.keys.into_iter().next();
    let public = public.ok_or_else(|| locked(TokenError::Absent, &home))?;
    let challenge = carried_challenge(repository, name, &public);
    let tries = if people.handed() { 1 } else { TRIES };
    let mut left = tries;
    let signature = loop {
        left -= 1;
        let signed = store
            .signer(&public.fingerprint(), people)
            .and_then(|mut signer| signer.sign(&challenge, people));
        match signed {
            Ok(signature) => break signature,
            Err(TokenError::WrongSecret { .. }) if left > 0 => {
                say("That is not its passphrase. Once more:");
            }
            Err(error) => {
                let shown = folder.display().to_string();
                let failure = if matches!(error, TokenError::NoSecret) {
                    Failure::new(Exit::Machine, "no passphrase was given")
                } else {
                    locked(error, &home)
                };
                return Err(failure
                    .hint(format!(
                        "{home} and {name}.pub are there and whole; only the proof is missing."
                    ))
                    .hint(format!(
                        "To make it: anchorite key prove {name} --for {repository} --out {}",
                        super::super::ceremony::quoted(&escape(&shown))
                    )));
            }
        }
    };
    if !public.verifies(&challenge, &signature) {
        return Err(Failure::new(Exit::Machine, format!("{home}: its signature is not right")));
    }
    let proof = format!("{}\n", String::from(signature));
    file::write_new(folder, &file, proof.as_bytes(), Readers::All)
        .map_err(|error| Failure::file(&path, &error))
}

/// A proof is never written over.
pub(super) fn vacant(proof: &Path) -> Result<(), Failure> {
    match proof.symlink_metadata() {
        Ok(_) => Err(Failure::file(proof, &std::io::ErrorKind::AlreadyExists.into())),
        Err(_) => Ok(()),
    }
}
