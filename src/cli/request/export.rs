//! `request export`: the exact bytes to sign as a file, and the commands with which other programs sign it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::ceremony::request::Request;
use crate::ceremony::request::merge::hash_of;
use crate::driver::file;
use crate::tuf::document::DocRole;
use crate::tuf::key::Algorithm;
use crate::tuf::payload::Payload;
use crate::tuf::signature::Hash;

use super::super::ceremony::quoted;
use super::super::{Exit, Failure, say};
use super::{open, write_new};

/// Write the exact bytes of one document that is to be signed.
#[derive(Debug, Args)]
pub(in super::super) struct Export {
    /// The request.
    file: PathBuf,
    /// The document's role.
    #[arg(long, value_name = "ROLE")]
    role: DocRole,
    /// Where the bytes go.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (_, request) = open(&self.file)?;
        let Some(payload) = request.change().payload(&self.role) else {
            return Err(Failure::new(
                Exit::Wrong,
                format!("the request asks for no document of the role {}", self.role),
            ));
        };
        write_new(&self.out, payload.to_sign())?;
        tell(&request, payload, &self.out);
        Ok(())
    }
}

/// Writes every document, `ROLE.payload`, into a folder that is made.
pub(super) fn all(request: &Request, folder: &Path) -> Result<(), Failure> {
    file::make_folder(folder).map_err(|error| Failure::file(folder, &error))?;
    for payload in request.change().payloads() {
        let path =
            folder.join(format!("{}.payload", payload.id().role.to_string().replace('/', "-")));
        write_new(&path, payload.to_sign())?;
        tell(request, payload, &path);
    }
    Ok(())
}

/// The exact commands, for each key whose signature counts.
fn tell(request: &Request, payload: &Payload, path: &Path) {
    let role = &payload.id().role;
    let file = quoted(&path.display().to_string());
    say("");
    say(format!(
        "{}: {} bytes, sha256 {}",
        payload.id(),
        payload.to_sign().len(),
        payload.digest()
    ));
    say("Compare the sha256 with what was said to you, then sign with the key at hand:");
    for (name, enrolled) in &request.roster().keys {
        if !request.asks(name).iter().any(|asked| asked.id().role == *role) {
            continue;
        }
        let algorithm = enrolled.key().algorithm();
        let sig = format!("{name}.{}.sig", role.to_string().replace('/', "-"));
        let (openssl, mechanism) = match (algorithm, hash_of(algorithm, payload)) {
            (Algorithm::Ed25519, _) => {
                (format!("openssl pkeyutl -sign -rawin -inkey {name}.pem -in {file}"), "EDDSA")
            }
            (Algorithm::P256 | Algorithm::P384, Hash::Sha256) => {
                (format!("openssl dgst -sha256 -sign {name}.pem"), "ECDSA-SHA256")
            }
            (Algorithm::P256 | Algorithm::P384, Hash::Sha384) => {
                (format!("openssl dgst -sha384 -sign {name}.pem"), "ECDSA-SHA384")
            }
            (Algorithm::Rsa, _) => (
                format!(
                    "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign {name}.pem"
                ),
                "SHA256-RSA-PKCS-PSS",
            ),
        };
        let input =
            if algorithm == Algorithm::Ed25519 { String::new() } else { format!(" {file}") };
        say(format!("  {openssl} -out {sig}{input}"));
        say(format!(
            "  pkcs11-tool --module MODULE --login --sign --mechanism {mechanism} --id ID \
             --input-file {file} --output-file {sig}"
        ));
        say(format!("  anchorite request merge REQUEST --detached {name}={sig} …"));
    }
}
