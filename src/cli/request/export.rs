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
        let hash = match hash_of(algorithm, payload) {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
        };
        let pkcs11 = "pkcs11-tool --module MODULE --login --sign --id ID";
        let (openssl, token) = match algorithm {
            Algorithm::Ed25519 => (
                format!("openssl pkeyutl -sign -rawin -inkey {name}.pem -in {file} -out {sig}"),
                format!("{pkcs11} --mechanism EDDSA --input-file {file} --output-file {sig}"),
            ),
            // Not every token hashes by itself.
            Algorithm::P256 | Algorithm::P384 => (
                format!("openssl dgst -{hash} -sign {name}.pem -out {sig} {file}"),
                format!(
                    "openssl dgst -{hash} -binary -out {sig}.{hash} {file} && \
                     {pkcs11} --mechanism ECDSA --input-file {sig}.{hash} --output-file {sig}"
                ),
            ),
            Algorithm::Rsa => (
                format!(
                    "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 \
                     -sign {name}.pem -out {sig} {file}"
                ),
                format!(
                    "{pkcs11} --mechanism SHA256-RSA-PKCS-PSS --salt-len 32 --input-file {file} \
                     --output-file {sig}"
                ),
            ),
        };
        say(format!("  {openssl}"));
        say(format!("  {token}"));
        say(format!("  anchorite request merge REQUEST --detached {name}={sig} …"));
    }
}
