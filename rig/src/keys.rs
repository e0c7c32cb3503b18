//! Keys that every side of the comparison knows: the seed is SHA-256 of the name.

use anchorite::tuf::document::{Dialect, DocId};
use anchorite::tuf::key::{KeyId, PublicKey};
use anchorite::tuf::root::ListedKey;
use anchorite::tuf::signature::Signature;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

pub struct Key {
    secret: SigningKey,
    id: KeyId,
    listed: ListedKey,
}

impl Key {
    pub fn named(name: &str) -> Self {
        let secret = SigningKey::from_bytes(&Sha256::digest(name.as_bytes()).into());
        let public = PublicKey::from_ed25519(&secret.verifying_key().to_bytes()).unwrap();
        let (id, listed) = Dialect::Tuf1.list_key(&public).unwrap();
        Self { secret, id, listed }
    }

    pub fn listed(&self) -> (KeyId, ListedKey) {
        (self.id.clone(), self.listed.clone())
    }

    pub fn sign(&self, message: &[u8]) -> (KeyId, Signature) {
        (self.id.clone(), Signature::Ed25519(self.secret.sign(message).to_bytes()))
    }
}

pub fn document(role: &str, version: u64) -> DocId {
    DocId { repository: "example.com/rig".parse().unwrap(), role: role.parse().unwrap(), version }
}
