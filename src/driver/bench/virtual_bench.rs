//! The stores of a rehearsal: virtual tokens play them all.

use std::path::PathBuf;

use crate::ceremony::plan::{BackUpForm, LeavingForm, Origin, PlannedKey, Store};
use crate::keystore::provision::Provisioned;
use crate::keystore::virtual_token::{VirtualSpec, VirtualToken};
use crate::keystore::{KeyStore, Label, SecretKind, TokenError, Unlock};
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::PublicKey;
use crate::tuf::signature::Signature;

use super::{Kit, Stores, own_io};
use crate::driver::file;

/// Virtual tokens, one file each, below a folder of the rehearsal.
#[derive(Debug, Clone)]
pub struct VirtualStores {
    folder: PathBuf,
    seed: Digest,
    dialect: Dialect,
}

impl VirtualStores {
    /// Keeps the tokens' state below `folder`; their keys follow from the twin's seed.
    pub const fn new(folder: PathBuf, seed: Digest, dialect: Dialect) -> Self {
        Self { folder, seed, dialect }
    }

    /// The token that plays the store of a key.
    pub fn token(&self, key: &PlannedKey) -> Result<VirtualToken, TokenError> {
        file::make_folder(&self.folder).map_err(|error| own_io("tokens", &error))?;
        let serial = match &key.store {
            Some(Store::Yubikey { serial, .. } | Store::Virtual { serial }) => {
                Some(serial.to_string())
            }
            Some(Store::Pkcs11 { serial, .. }) => Some(serial.clone()),
            Some(Store::Age { .. }) | None => None,
        };
        let spec = VirtualSpec {
            seed: self.seed,
            name: key.name.to_string(),
            algorithm: key.algorithm,
            dialect: self.dialect,
            serial,
            has_key: matches!(key.origin, Origin::Fingerprint(_)),
        };
        let path = self.folder.join(format!("{}.json", key.name));
        VirtualToken::open(&path, label(key), spec)
    }
}

impl Stores for VirtualStores {
    fn store(&mut self, key: &PlannedKey) -> Result<Box<dyn KeyStore>, TokenError> {
        let mut token = self.token(key)?;
        // A stand-in that was blocked cannot be brought to another console: it was unblocked meanwhile.
        token.unblock()?;
        Ok(Box::new(token))
    }

    fn copy_out(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        unlock: &mut dyn Unlock,
    ) -> Result<(String, Vec<u8>), TokenError> {
        // The holder opens the store, as they would for a real copy; the copy is a stand-in and says so.
        let mut token = self.token(key)?;
        drop(token.signer(&public.fingerprint(), unlock)?);
        let ending = match key.leaves.as_ref().map(|leaves| &leaves.form) {
            Some(LeavingForm::Age { .. }) => "age",
            Some(LeavingForm::Notary) | None => "key",
        };
        let text = format!("REHEARSAL: a stand-in for the encrypted key {}\n", key.name);
        Ok((format!("{}.{ending}", key.name), text.into_bytes()))
    }

    fn provision(
        &mut self,
        key: &PlannedKey,
        unlock: &mut dyn Unlock,
    ) -> Result<Provisioned, TokenError> {
        self.token(key)?.provision(unlock)
    }

    fn change_secret(
        &mut self,
        key: &PlannedKey,
        unlock: &mut dyn Unlock,
    ) -> Result<(), TokenError> {
        self.token(key)?.change_secret(unlock)
    }

    fn back_up(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        _: &BackUpForm,
        unlock: &mut dyn Unlock,
    ) -> Result<Vec<u8>, TokenError> {
        let mut token = self.token(key)?;
        drop(token.signer(&public.fingerprint(), unlock)?);
        Ok(format!("REHEARSAL: a stand-in for the encrypted key {}\n", key.name).into_bytes())
    }

    fn recover(
        &mut self,
        key: &PlannedKey,
        kit: &Kit,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<(PublicKey, Signature), TokenError> {
        let mut label = label(key);
        label.place = format!("a stand-in, which plays the back-up {}", kit.name);
        if kit.identity.is_none() {
            unlock.secret(&label, None).ok_or(TokenError::NoSecret)?;
        }
        let played = self.token(key)?.key_in_back_up(&kit.file)?;
        Ok((played.public_key().clone(), played.sign(message)))
    }
}

/// How a key is spoken of when its secret is asked for.
pub(super) fn label(key: &PlannedKey) -> Label {
    let is_file = matches!(key.store, Some(Store::Age { .. }) | None);
    let store = key.store.as_ref().map(ToString::to_string).unwrap_or_default();
    Label {
        key: key.name.clone(),
        holder: key.holder.as_ref().map(ToString::to_string).unwrap_or_default(),
        place: if store == "age file" {
            "a virtual token, which plays an age file".to_owned()
        } else {
            format!("a virtual token, which plays {store}")
        },
        kind: if is_file { SecretKind::Passphrase } else { SecretKind::Pin },
    }
}
