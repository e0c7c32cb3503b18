//! A store whose key may be one that is given no role any more.

use crate::driver::fleet::Barred;
use crate::keystore::{KeyStore, Made, Seen, Signed, Signer, Spec, TokenError, Unlock};
use crate::tuf::key::Fingerprint;

/// A store that neither shows nor opens a barred key.
pub(super) struct Barring {
    pub(super) store: Box<dyn KeyStore>,
    pub(super) barred: Barred,
}

impl Barring {
    fn check(&self, key: &Fingerprint) -> Result<(), TokenError> {
        match self.barred.get(key) {
            Some(why) => Err(TokenError::Unsupported(why.clone())),
            None => Ok(()),
        }
    }
}

impl KeyStore for Barring {
    fn look(&mut self) -> Result<Seen, TokenError> {
        let seen = self.store.look()?;
        seen.keys.iter().try_for_each(|key| self.check(&key.fingerprint()))?;
        Ok(seen)
    }

    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError> {
        let made = self.store.make(spec, unlock)?;
        self.check(&made.public.fingerprint())?;
        Ok(made)
    }

    fn signer(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        self.check(key)?;
        self.store.signer(key, unlock)
    }

    fn sign(
        &mut self,
        key: &Fingerprint,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<Signed, TokenError> {
        self.check(key)?;
        self.store.sign(key, message, unlock)
    }

    fn stay_open(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Option<Box<dyn Signer>>, TokenError> {
        self.check(key)?;
        self.store.stay_open(key, unlock)
    }
}
