//! The acts of ceremonies that are about keys alone.

use crate::ceremony::event::{Happened, MAX_INPUT, Trouble};
use crate::ceremony::plan::{BackUp, Drill, Kind, PlannedKey, Store};
use crate::keystore::agefile::renew_copy;
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;

use super::super::file;
use super::super::ports::Company;
use super::super::workspace;
use super::{Bench, Kit, Stores, doing, token_trouble};

impl<S: Stores> Bench<S> {
    pub(super) fn provision(
        &mut self,
        key: &PlannedKey,
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        company.progress(&doing(format!("replacing the factory's secrets of {}", key.name)));
        let done = self.stores.provision(key, &mut *company);
        let done = done.map_err(|error| token_trouble(key, &error))?;
        Ok(Happened::Provisioned {
            pin: done.pin,
            puk: done.puk,
            management_key: done.management_key,
        })
    }

    pub(super) fn change_secret(
        &mut self,
        key: &PlannedKey,
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        company.progress(&doing(format!("changing the secret of {}", key.name)));
        let done = self.stores.change_secret(key, &mut *company);
        done.map(|()| Happened::SecretChanged).map_err(|error| token_trouble(key, &error))
    }

    /// A new secret has proven itself: the file of the key in a second copy of the book, which still opens with the old
    /// one, is let go too. Where that fails the copy is behind, and levelling it says so.
    pub(super) fn let_old_secret_go(&self, key: &PlannedKey) {
        if self.plan.kind != Kind::ChangePin || !matches!(key.store, Some(Store::Age { .. })) {
            return;
        }
        for copy in self.plan.copies() {
            if let Ok(second) = self.media.folder(&self.plan, &copy.name) {
                let [home, second] = [&self.book, &second].map(|book| book.join(workspace::KEYS));
                let _ = renew_copy(&home, &second, &key.name);
            }
        }
    }

    pub(super) fn back_up(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        back_up: &BackUp,
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        let folder = self.media.folder(&self.plan, &back_up.medium)?;
        company.progress(&doing(format!("writing a back-up of {}", key.name)));
        let made = self.stores.back_up(key, public, &back_up.form, &mut *company);
        let bytes = made.map_err(|error| token_trouble(key, &error))?;
        let name = back_up.file();
        let shown = format!("{}:{name}", back_up.medium);
        self.carry(&key.name, (&folder, &name), &shown, &bytes)?;
        Ok(Happened::BackedUp { file: name })
    }

    pub(super) fn drill(
        &mut self,
        key: &PlannedKey,
        drill: &Drill,
        message: &[u8],
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        company.progress(&doing(format!("bringing {} back in memory", key.name)));
        let file = self.kit_file(&drill.medium, &drill.file)?;
        let identity = match &drill.identity {
            Some((medium, path)) => {
                let folder = self.media.folder(&self.plan, medium)?;
                let read = file::read_secret(&folder, path);
                Some(read.map_err(|error| file::trouble(&format!("{medium}:{path}"), &error))?)
            }
            None => None,
        };
        let kit = Kit { name: format!("{}:{}", drill.medium, drill.file), file, identity };
        let recovered = self.stores.recover(key, &kit, message, &mut *company);
        let (public, signature) = recovered.map_err(|error| token_trouble(key, &error))?;
        if !public.verifies(message, &signature) {
            return Err(token_trouble(key, &crate::keystore::TokenError::BadSignature));
        }
        Ok(Happened::Recovered { public, signature })
    }

    fn kit_file(&self, medium: &KeyName, path: &str) -> Result<Vec<u8>, Trouble> {
        let folder = self.media.folder(&self.plan, medium)?;
        file::read_back(&folder, path, MAX_INPUT)
            .map_err(|error| file::trouble(&format!("{medium}:{path}"), &error))
    }
}
