//! The stores of a real ceremony: age files in the workspace.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::ceremony::plan::{LeavingForm, Plan, PlannedKey, Store};
use crate::keystore::agefile::{AgeFile, encrypt_for};
use crate::keystore::leaving::{notary_file_name, notary_pem};
use crate::keystore::{KeyStore, Label, Rules, SecretKind, TokenError, Unlock};
use crate::tuf::document::Dialect;
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::signature::Hash;

use super::Stores;

/// Where a real ceremony's keys live.
#[derive(Debug, Clone)]
pub struct RealStores {
    folder: PathBuf,
    dialect: Dialect,
    gun: String,
    targets: BTreeSet<String>,
    forged: BTreeSet<Fingerprint>,
}

impl RealStores {
    /// Keeps key files in `folder`. Keys that checks and rehearsals of this plan use are refused.
    pub fn new(folder: PathBuf, plan: &Plan, forged: BTreeSet<Fingerprint>) -> Self {
        let targets = plan.roles.get(&crate::tuf::name::RoleName::targets());
        Self {
            folder,
            dialect: plan.repository.dialect,
            gun: plan.repository.name.to_string(),
            targets: targets
                .iter()
                .flat_map(|role| role.keys.iter().map(ToString::to_string))
                .collect(),
            forged,
        }
    }

    fn file(&self, key: &PlannedKey) -> Result<AgeFile, TokenError> {
        let recovery = match &key.store {
            Some(Store::Age { recovery }) => recovery.clone(),
            Some(
                other @ (Store::Yubikey { .. } | Store::Pkcs11 { .. } | Store::Virtual { .. }),
            ) => {
                return Err(TokenError::Unsupported(format!("{other} in a real ceremony")));
            }
            None => return Err(TokenError::Unsupported("it has no store".to_owned())),
        };
        let hash = match self.dialect {
            Dialect::Notary1 => Hash::Sha256,
            Dialect::Tuf1 => Hash::Sha384,
        };
        Ok(AgeFile::new(self.folder.clone(), label(key)).with_recovery(recovery).with_hash(hash))
    }
}

impl Stores for RealStores {
    fn store(&mut self, key: &PlannedKey) -> Result<Box<dyn KeyStore>, TokenError> {
        let mut file = self.file(key)?;
        if file.look()?.keys.iter().any(|public| self.forged.contains(&public.fingerprint())) {
            return Err(TokenError::Unsupported("it is a rehearsal's key".to_owned()));
        }
        Ok(Box::new(file))
    }

    fn copy_out(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        unlock: &mut dyn Unlock,
    ) -> Result<(String, Vec<u8>), TokenError> {
        let opened = self.file(key)?.open(unlock)?;
        if opened.public_key() != public {
            return Err(TokenError::NoSuchKey(public.fingerprint()));
        }
        match key.leaves.as_ref().map(|leaves| &leaves.form) {
            Some(LeavingForm::Age { to }) => {
                let pem = opened.to_pkcs8_pem()?;
                Ok((format!("{}.age", key.name), encrypt_for(to, &pem)?))
            }
            Some(LeavingForm::Notary) => {
                let mut leaving = label(key);
                "the copy that docker and notary read".clone_into(&mut leaving.place);
                let secret = unlock
                    .new_secret(&leaving, &Rules::passphrase())
                    .ok_or(TokenError::NoSecret)?;
                let role =
                    if self.targets.contains(key.name.as_str()) { "targets" } else { "root" };
                let gun = (role == "targets").then_some(self.gun.as_str());
                let pem = notary_pem(&opened, role, gun, &secret)?;
                Ok((notary_file_name(public), pem.as_bytes().to_vec()))
            }
            None => Err(TokenError::Unsupported("it does not leave".to_owned())),
        }
    }
}

/// How a key is spoken of when its secret is asked for.
fn label(key: &PlannedKey) -> Label {
    Label {
        key: key.name.clone(),
        holder: key.holder.as_ref().map(ToString::to_string).unwrap_or_default(),
        place: format!("age file {}.age", key.name),
        kind: SecretKind::Passphrase,
    }
}
