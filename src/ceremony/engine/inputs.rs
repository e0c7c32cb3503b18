//! Files from IN, and the keys that come in them.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::wire::notary1;

use super::super::event::{ActId, FileAt, Place, TroubleKind};
use super::super::plan::{Origin, Plan, PlannedKey};
use super::super::roster::{Enrolled, Proof, carried_challenge};
use super::results::about;
use super::state::State;

impl State {
    pub(super) fn read(&mut self, plan: &Plan, id: &ActId, digest: Digest, content: &[u8]) {
        let input = plan
            .inputs
            .iter()
            .find(|input| format!("{}:{}", input.medium, input.path) == id.subject);
        let Some(input) = input else { return };
        if digest != input.sha256.value || Digest::of(content) != digest {
            let found =
                format!("{}: expected sha256 {}, found {}", id.subject, input.sha256.value, digest);
            self.open(&about(id), TroubleKind::Mismatch, found);
            return;
        }
        let file = FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
        self.inputs.insert(file, content.to_vec());
        for key in &plan.keys {
            if let Err(found) = self.bring_in(plan, key) {
                // What does not bring its key in is not taken: trying again reads it again.
                for file in files_of(key) {
                    self.inputs.remove(&file);
                }
                self.open(&about(id), TroubleKind::Mismatch, found);
            }
        }
    }

    /// Enrols a key whose files have all been read.
    fn bring_in(&mut self, plan: &Plan, key: &PlannedKey) -> Result<(), String> {
        if self.roster.keys.contains_key(&key.name) {
            return Ok(());
        }
        let Some((enrolled, proof)) = incoming(plan, key, &self.inputs)? else { return Ok(()) };
        self.adopt_key(plan, key, enrolled)?;
        if let Some(proof) = proof {
            self.roster.proofs.insert(key.name.clone(), proof);
        }
        Ok(())
    }

    /// Takes a key into the roster, unless it is another's already or of another algorithm.
    fn adopt_key(
        &mut self,
        _plan: &Plan,
        key: &PlannedKey,
        enrolled: Enrolled,
    ) -> Result<(), String> {
        let public = enrolled.key();
        let twin = self
            .roster
            .keys
            .iter()
            .find(|(name, known)| **name != key.name && known.key() == public);
        if let Some((name, _)) = twin {
            return Err(format!("{} is the same key as {name}", key.name));
        }
        self.roster.keys.insert(key.name.clone(), enrolled);
        Ok(())
    }
}

/// The files from which a key comes in.
fn files_of(key: &PlannedKey) -> Vec<FileAt> {
    let at = |medium: &KeyName, path: &String| FileAt {
        place: Place::Medium(medium.clone()),
        path: path.clone(),
    };
    match &key.origin {
        Origin::Make { .. } | Origin::Fingerprint(_) | Origin::Listed(_) => Vec::new(),
        Origin::Server { medium, file, .. } => vec![at(medium, file)],
        Origin::Enrol { medium, public, proof, .. } => vec![at(medium, public), at(medium, proof)],
    }
}

/// The key that comes in with these files and its proof; nothing while files are missing. The error says what is wrong.
pub fn incoming(
    plan: &Plan,
    key: &PlannedKey,
    files: &BTreeMap<FileAt, Vec<u8>>,
) -> Result<Option<(Enrolled, Option<Proof>)>, String> {
    let bytes: Option<Vec<&Vec<u8>>> = files_of(key).iter().map(|file| files.get(file)).collect();
    let Some(bytes) = bytes else { return Ok(None) };
    let (enrolled, proof) = match (&key.origin, bytes.as_slice()) {
        (Origin::Server { medium, file, id }, [bytes]) => {
            let (found, public) = server_key(plan.repository.dialect, bytes)
                .map_err(|why| format!("{medium}:{file}: {why}"))?;
            if found != *id {
                return Err(format!("{medium}:{file}: expected the key {id}, found {found}"));
            }
            (Enrolled::Server { key: public, file: Digest::of(bytes) }, None)
        }
        (Origin::Enrol { medium, public, fingerprint, .. }, [pem, proof]) => {
            let found = enrolled_key(pem).map_err(|why| format!("{medium}:{public}: {why}"))?;
            if found.fingerprint() != fingerprint.value {
                return Err(format!(
                    "{medium}:{public}: expected the fingerprint {}, found {}",
                    fingerprint.value,
                    found.fingerprint()
                ));
            }
            let challenge = carried_challenge(&plan.repository.name, &key.name, &found);
            if !proves(&found, &challenge, proof) {
                return Err(format!(
                    "the proof of {} is not this key's signature for {}",
                    key.name, plan.repository.name
                ));
            }
            let carried = Proof::Carried { file: Digest::of(proof) };
            (Enrolled::Enrolled { key: found, file: Digest::of(pem) }, Some(carried))
        }
        (
            Origin::Make { .. }
            | Origin::Fingerprint(_)
            | Origin::Server { .. }
            | Origin::Enrol { .. }
            | Origin::Listed(_),
            _,
        ) => return Ok(None),
    };
    let found = enrolled.key().algorithm();
    if found != key.algorithm {
        return Err(format!("{}: expected an {} key, found {found}", key.name, key.algorithm));
    }
    Ok(Some((enrolled, proof)))
}

fn server_key(
    dialect: Dialect,
    bytes: &[u8],
) -> Result<(crate::tuf::key::KeyId, PublicKey), String> {
    match dialect {
        Dialect::Notary1 => {
            let (id, listed) = notary1::read_server_key(bytes).map_err(|why| why.to_string())?;
            Ok((id, listed.public))
        }
        Dialect::Tuf1 => {
            let public = enrolled_key(bytes)?;
            let (id, _) = dialect
                .list_key(&public)
                .ok_or_else(|| "this kind of key cannot be listed".to_owned())?;
            Ok((id, public))
        }
    }
}

fn enrolled_key(bytes: &[u8]) -> Result<PublicKey, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "expected a PEM file".to_owned())?;
    PublicKey::from_pem(text).map_err(|why| why.to_string())
}

/// Whether a proof file is a signature of `key` over `challenge`: our own text form, or the raw bytes that openssl
/// writes (Ed25519 as they are, ECDSA as DER, RSA as PSS with a salt of 32 bytes).
fn proves(key: &PublicKey, challenge: &[u8], proof: &[u8]) -> bool {
    use crate::tuf::key::Algorithm;
    use crate::tuf::signature::{Hash, Signature};
    let own = std::str::from_utf8(proof)
        .ok()
        .and_then(|text| Signature::try_from(text.trim().to_owned()).ok());
    let raw = match key.algorithm() {
        Algorithm::Ed25519 => proof.try_into().ok().map(Signature::Ed25519),
        algorithm @ (Algorithm::P256 | Algorithm::P384) => {
            Signature::from_ecdsa_der(algorithm, Hash::Sha256, proof)
        }
        Algorithm::Rsa => Some(Signature::RsaPss(proof.to_vec())),
    };
    own.is_some_and(|signature| key.verifies(challenge, &signature))
        || raw.is_some_and(|signature| key.verifies(challenge, &signature))
}
