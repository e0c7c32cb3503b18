//! The stores of a real ceremony: age files in the workspace, and tokens in processes of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::ceremony::event::MAX_INPUT;
use crate::ceremony::plan::{BackUpForm, LeavingForm, Plan, PlannedKey, Store};
use crate::keystore::agefile::{AgeFile, OpensWith, decrypt, decrypt_with, encrypt_for, opened_by};
use crate::keystore::child::{Device, Token};
use crate::keystore::leaving::{notary_file_name, notary_pem};
use crate::keystore::paper;
use crate::keystore::pkcs11::Pkcs11Key;
use crate::keystore::provision::Provisioned;
use crate::keystore::yubikey::YubikeySlot;
use crate::keystore::{KeyStore, Label, Rules, SecretKind, TokenError, Unlock};
use crate::tuf::document::Dialect;
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::signature::{Hash, Signature};

use super::super::file;
use super::super::token::{Driven, change_secret, provision_yubikey};
use super::barring::Barring;
use super::{Kit, Stores, own_io};
use crate::driver::fleet::Barred;

/// Where a real ceremony's keys live.
#[derive(Debug, Clone)]
pub struct RealStores {
    program: PathBuf,
    folder: PathBuf,
    dialect: Dialect,
    gun: String,
    targets: BTreeSet<String>,
    given: BTreeSet<KeyName>,
    barred: Barred,
    /// Each remembers of its token what people were told.
    driven: BTreeMap<KeyName, Driven>,
}

impl RealStores {
    /// Keeps key files in `folder`, and drives tokens by `program`, this program's own file. A key that is
    /// `barred` is given no role: it is refused with the reason that stands beside it.
    pub fn new(
        program: PathBuf,
        folder: PathBuf,
        plan: &Plan,
        barred: BTreeMap<Fingerprint, String>,
    ) -> Self {
        let targets = plan.roles.get(&crate::tuf::name::RoleName::targets());
        Self {
            program,
            folder,
            dialect: plan.repository.dialect,
            gun: plan.repository.name.to_string(),
            targets: targets
                .iter()
                .flat_map(|role| role.keys.iter().map(ToString::to_string))
                .collect(),
            given: plan.roles.values().flat_map(|role| role.keys.iter().cloned()).collect(),
            barred: Arc::new(barred),
            driven: BTreeMap::new(),
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
        let file = AgeFile::new(self.folder.clone(), label(key));
        Ok(file.with_recovery(recovery).with_hash(self.p384()))
    }

    /// What P-384 keys hash with in this dialect.
    const fn p384(&self) -> Hash {
        match self.dialect {
            Dialect::Notary1 => Hash::Sha256,
            Dialect::Tuf1 => Hash::Sha384,
        }
    }

    /// A hardware token, in a process of its own; nothing for keys in files.
    fn device(&mut self, key: &PlannedKey) -> Result<Option<Driven>, TokenError> {
        if let Some(driven) = self.driven.get(&key.name) {
            return Ok(Some(driven.clone()));
        }
        let device = match &key.store {
            Some(Store::Pkcs11 { module, serial, id }) => Device::Pkcs11(Pkcs11Key {
                module: PathBuf::from(module),
                serial: serial.clone(),
                id: data_encoding::HEXLOWER_PERMISSIVE
                    .decode(id.as_bytes())
                    .map_err(|_| TokenError::Unsupported(format!("the id {id}: not hex")))?,
                p384: self.p384(),
                unguarded: false,
            }),
            Some(Store::Yubikey { serial, slot }) => Device::Yubikey(YubikeySlot {
                serial: *serial,
                slot: u8::from_str_radix(slot, 16)
                    .map_err(|_| TokenError::Unsupported(format!("the slot {slot}")))?,
                p384: self.p384(),
            }),
            Some(Store::Age { .. } | Store::Virtual { .. }) | None => return Ok(None),
        };
        let driven = Driven::new(self.program.clone(), device, label(key));
        self.driven.insert(key.name.clone(), driven.clone());
        Ok(Some(driven))
    }
}

impl Stores for RealStores {
    fn barred(&self) -> Barred {
        Arc::clone(&self.barred)
    }

    fn store(&mut self, key: &PlannedKey) -> Result<Box<dyn KeyStore>, TokenError> {
        let store: Box<dyn KeyStore> = match self.device(key)? {
            Some(driven) => Box::new(driven),
            None => Box::new(self.file(key)?),
        };
        if self.given.contains(&key.name) {
            let barred = Arc::clone(&self.barred);
            return Ok(Box::new(Barring { store, barred }));
        }
        Ok(store)
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

    fn provision(
        &mut self,
        key: &PlannedKey,
        unlock: &mut dyn Unlock,
    ) -> Result<Provisioned, TokenError> {
        match &key.store {
            Some(Store::Yubikey { serial, .. }) => {
                provision_yubikey(&self.program, *serial, label(key), unlock)
            }
            // Its PINs were set when the token was initialised by its vendor's tool: there are none of a factory.
            Some(Store::Pkcs11 { .. }) => Ok(Provisioned::default()),
            Some(Store::Age { .. } | Store::Virtual { .. }) | None => {
                Err(TokenError::Unsupported("it is no token".to_owned()))
            }
        }
    }

    fn change_secret(
        &mut self,
        key: &PlannedKey,
        unlock: &mut dyn Unlock,
    ) -> Result<(), TokenError> {
        let token = match &key.store {
            Some(Store::Yubikey { serial, .. }) => Token::Yubikey(*serial),
            Some(Store::Pkcs11 { module, serial, .. }) => {
                Token::Pkcs11 { module: PathBuf::from(module), serial: serial.clone() }
            }
            Some(Store::Age { .. } | Store::Virtual { .. }) | None => {
                return self.file(key)?.change_passphrase(unlock).map(|_| ());
            }
        };
        change_secret(&self.program, token, label(key), unlock)
    }

    fn back_up(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        form: &BackUpForm,
        unlock: &mut dyn Unlock,
    ) -> Result<Vec<u8>, TokenError> {
        // Opened in any case: a back-up of a file that does not open is none.
        let opened = self.file(key)?.open(unlock)?;
        if opened.public_key() != public {
            return Err(TokenError::NoSuchKey(public.fingerprint()));
        }
        match form {
            BackUpForm::Recipients(to) => {
                let to: Vec<String> = to.iter().map(|to| to.recipient.clone()).collect();
                encrypt_for(&to, &opened.to_pkcs8_pem()?)
            }
            BackUpForm::Paper => {
                let name = format!("{}.age", key.name);
                let file = file::read_back(&self.folder, &name, MAX_INPUT)
                    .map_err(|error| own_io(&name, &error))?;
                Ok(paper::print(&key.name, public, &file)?.into_bytes())
            }
        }
    }

    fn recover(
        &mut self,
        key: &PlannedKey,
        kit: &Kit,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<(PublicKey, Signature), TokenError> {
        let bad = |what: String| TokenError::File { path: kit.name.clone(), what };
        let file = if paper::is_paper(&kit.file) {
            let text = String::from_utf8_lossy(&kit.file);
            paper::read(&text).map_err(|why| bad(why.to_string()))?
        } else {
            kit.file.clone()
        };
        let found = match (opened_by(&file)?, &kit.identity) {
            (OpensWith::Passphrase { .. }, None) => {
                let mut label = label(key);
                label.place = format!("the back-up {}", kit.name);
                let secret = unlock.secret(&label, None).ok_or(TokenError::NoSecret)?;
                decrypt(&file, &secret)?
            }
            (OpensWith::Recipients(_), Some(identity)) => decrypt_with(&file, identity)?,
            (OpensWith::Passphrase { .. }, Some(_)) => {
                return Err(bad(
                    "it opens with a passphrase, and the plan names an identity".into()
                ));
            }
            (OpensWith::Recipients(_), None) => {
                return Err(bad("it opens with an identity, and the plan names none".into()));
            }
        };
        let found = found.with_hash(self.p384());
        Ok((found.public_key().clone(), found.sign(message)?))
    }
}

/// How a key is spoken of when its secret is asked for.
fn label(key: &PlannedKey) -> Label {
    Label {
        key: key.name.clone(),
        holder: key.holder.as_ref().map(ToString::to_string).unwrap_or_default(),
        place: match &key.store {
            Some(
                store @ (Store::Yubikey { .. } | Store::Pkcs11 { .. } | Store::Virtual { .. }),
            ) => store.to_string(),
            Some(Store::Age { .. }) | None => format!("age file {}.age", key.name),
        },
        kind: match &key.store {
            Some(Store::Yubikey { .. } | Store::Pkcs11 { .. } | Store::Virtual { .. }) => {
                SecretKind::Pin
            }
            Some(Store::Age { .. }) | None => SecretKind::Passphrase,
        },
    }
}
