//! Keys that the register forbids are given no role.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anchorite::ceremony::plan::Plan;
use anchorite::driver::bench::{RealStores, Stores as _};
use anchorite::keystore::agefile::AgeFile;
use anchorite::keystore::{
    KeyStore as _, Label, Rules, Secret, SecretKind, Spec, TokenError, Unlock,
};
use anchorite::tuf::key::Algorithm;

use crate::going_wrong::smallest;
use crate::small::{media, public};
use crate::support::ceremony::PASSPHRASE;

#[test]
fn a_plan_that_authorises_a_compromised_key_is_refused_before_anything_begins() {
    let ceremony = smallest();
    let media = media(&ceremony);
    let signer = public(&ceremony.at("IN/signer.pub")).fingerprint().to_string();
    let run = || {
        let mut arguments = vec!["run", "plan.toml", "--workspace", "BOOK"];
        arguments.extend(media.iter().map(String::as_str));
        ceremony.program(&arguments)
    };
    let state = |to: &str, reason: &str| {
        let said = ["--by", "Custodian B", "--reason", reason, "--workspace", "BOOK"];
        let arguments = [&["key", "state", &signer, "--to", to][..], &said].concat();
        ceremony.program(&arguments).success();
    };
    state("suspended", "its holder is away");
    let said = run().failure(3);
    assert!(said.contains("the plan authorises signer, but the key"), "{said}");
    assert!(said.contains("is suspended since") && said.contains("--to active"), "{said}");
    state("active", "its holder is back");
    // Now it goes on, up to people who are not there.
    let said = run().failure(4);
    assert!(!said.contains("authorises"), "{said}");
    assert_eq!(fs::read_dir(ceremony.at("BOOK/evidence")).unwrap().count(), 1);
    state("not-recovered", "its machine was stolen");
    let said = run().failure(3);
    assert!(said.contains("is not-recovered since") && said.contains("its machine was"), "{said}");
    assert!(said.contains("never authorised again"), "{said}");
    // Nor does the ceremony that began before go on.
    let mut resume = vec!["resume", "--workspace", "BOOK"];
    resume.extend(media.iter().map(String::as_str));
    let said = ceremony.program(&resume).failure(3);
    assert!(said.contains("is not-recovered since"), "{said}");
    assert_eq!(fs::read_dir(ceremony.at("BOOK/evidence")).unwrap().count(), 1);
}

struct Says;

impl Unlock for Says {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        Some(Secret::of(PASSPHRASE))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
    }
    fn touch(&mut self, _: &Label) {}
}

#[test]
fn a_store_that_shows_a_barred_key_is_refused_with_the_reason() {
    let ceremony = smallest();
    let folder = ceremony.at("BOOK/keys");
    let label = Label {
        key: "root-a".parse().unwrap(),
        holder: String::new(),
        place: String::new(),
        kind: SecretKind::Passphrase,
    };
    let spec = Spec { algorithm: Algorithm::Ed25519, pin: None, touch: None, replaces: None };
    let mut file = AgeFile::new(folder.clone(), label).with_work_factor(4);
    let made = file.make(&spec, &mut Says).unwrap().public.fingerprint();
    let plan = Plan::parse(&fs::read(ceremony.at("plan.toml")).unwrap()).unwrap();
    let key = plan.key(&"root-a".parse().unwrap()).unwrap();
    let stores = |barred| RealStores::new(PathBuf::new(), folder.clone(), &plan, barred);
    let mut free = stores(BTreeMap::new()).store(key).unwrap();
    assert!(free.look().is_ok() && free.signer(&made, &mut Says).is_ok());
    let why = "the key old-root is compromised since 2026-12-01T08:00:00Z (lost)".to_owned();
    let mut barred = stores(BTreeMap::from([(made, why.clone())])).store(key).unwrap();
    let errors = [
        barred.look().err(),
        barred.signer(&made, &mut Says).err(),
        barred.sign(&made, b"message", &mut Says).err(),
        barred.stay_open(&made, &mut Says).err(),
    ];
    for error in errors {
        assert_eq!(error, Some(TokenError::Unsupported(why.clone())));
    }
}
