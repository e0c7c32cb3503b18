//! Back-ups and drills over real key files, as a real ceremony's stores make and open them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use age::secrecy::ExposeSecret as _;
use anchorite::ceremony::plan::{BackUpForm, Plan, PlannedKey, Recipient};
use anchorite::driver::bench::{Kit, RealStores, Stores as _};
use anchorite::keystore::{Label, Rules, Secret, Spec, TokenError, Unlock};
use anchorite::tuf::key::PublicKey;
use tempfile::TempDir;

/// A holder whose passphrase may change.
struct Holder(&'static str, &'static str);

impl Unlock for Holder {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        Some(Secret::of(self.0))
    }
    fn new_secret(&mut self, _: &Label, _: &Rules) -> Option<Secret> {
        self.0 = self.1;
        Some(Secret::of(self.1))
    }
    fn touch(&mut self, _: &Label) {}
}

fn made() -> (TempDir, RealStores, PlannedKey, PublicKey, Holder) {
    let plan = Plan::parse(&fs::read("ceremonies/back-up/plan.toml").unwrap()).unwrap();
    let folder = TempDir::new().unwrap();
    let keys = folder.path().to_owned();
    let mut stores = RealStores::new(PathBuf::new(), keys, &plan, BTreeMap::new());
    let key = plan.keys.first().unwrap().clone();
    let mut holder = Holder("", "stale-Otter-77-lamp-crossing");
    let spec = Spec { algorithm: key.algorithm, pin: None, touch: None, replaces: None };
    let public = stores.store(&key).unwrap().make(&spec, &mut holder).unwrap().public;
    (folder, stores, key, public, holder)
}

fn kit(file: &[u8], identity: Option<&str>) -> Kit {
    Kit {
        name: "KEYS:release.recovery.age".to_owned(),
        file: file.to_vec(),
        identity: identity.map(Secret::of),
    }
}

#[test]
fn a_back_up_for_a_recipient_brings_the_key_back_without_its_store() {
    let (folder, mut stores, key, public, mut holder) = made();
    let identity = age::x25519::Identity::generate();
    let form = BackUpForm::Recipients(vec![Recipient {
        recipient: identity.to_public().to_string(),
        kept_by: "Recovery holder".parse().unwrap(),
        place: "Bank vault".parse().unwrap(),
        inside: None,
    }]);
    let bytes = stores.back_up(&key, &public, &form, &mut holder).unwrap();
    // Nothing but the kit is left.
    for entry in fs::read_dir(folder.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let text = identity.to_string();
    let whole = kit(&bytes, Some(text.expose_secret()));
    let (found, signature) = stores.recover(&key, &whole, b"challenge", &mut holder).unwrap();
    assert!(found == public && public.verifies(b"challenge", &signature));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");

    let other = age::x25519::Identity::generate().to_string();
    let other = kit(&bytes, Some(other.expose_secret()));
    assert!(stores.recover(&key, &other, b"challenge", &mut holder).is_err());
    let refused = stores.recover(&key, &kit(&bytes, None), b"challenge", &mut holder);
    assert!(matches!(refused.unwrap_err(), TokenError::File { .. }));
}

#[test]
fn a_paper_brings_the_key_back_with_the_passphrase_it_had_then() {
    let (_folder, mut stores, key, public, mut holder) = made();
    let paper = stores.back_up(&key, &public, &BackUpForm::Paper, &mut holder).unwrap();
    holder.1 = "brisk-Heron-31-cork-lantern";
    stores.change_secret(&key, &mut holder).unwrap();
    let mut wrong = Holder(holder.0, "");
    let refused = stores.recover(&key, &kit(&paper, None), b"challenge", &mut wrong);
    assert_eq!(refused.unwrap_err(), TokenError::WrongSecret { tries_left: None });
    let mut old = Holder("stale-Otter-77-lamp-crossing", "");
    let (found, _) = stores.recover(&key, &kit(&paper, None), b"challenge", &mut old).unwrap();
    assert_eq!(found, public);
    // What opens the key now is the new one.
    let fingerprint = public.fingerprint();
    assert!(stores.store(&key).unwrap().signer(&fingerprint, &mut holder).is_ok());
    assert!(stores.store(&key).unwrap().signer(&fingerprint, &mut old).is_err());
}
