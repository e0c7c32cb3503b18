//! Tokens behind PKCS#11 modules, driven by a process of their own, with the real SoftHSM.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anchorite::ceremony::plan::Plan;
use anchorite::driver::bench::{RealStores, Stores as _};
use anchorite::driver::token::{Driven, Patience, list};
use anchorite::keystore::child::{Device, Listed};
use anchorite::keystore::pkcs11::Pkcs11Key;
use anchorite::keystore::{KeyStore, Label, Rules, Secret, SecretKind, Spec, TokenError, Unlock};
use anchorite::tuf::key::{Algorithm, PublicKey};
use anchorite::tuf::signature::{Hash, Signature};
use zeroize::Zeroizing;

use crate::support::ceremony::Ceremony;
use crate::support::command;
use crate::support::softhsm::{MODULE, PIN, SoftHsm};

/// People who say these PINs, one each time they are asked, and may want to give up.
struct People {
    pins: Vec<&'static str>,
    asked: u32,
    give_up: bool,
}

fn people(pins: &[&'static str]) -> People {
    People { pins: pins.to_vec(), asked: 0, give_up: false }
}

impl Unlock for People {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        self.asked += 1;
        if self.pins.is_empty() {
            return None;
        }
        Some(Secret::new(Zeroizing::new(self.pins.remove(0).to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
    }
    fn touch(&mut self, _: &Label) {}
    fn given_up(&mut self) -> bool {
        self.give_up
    }
}

pub(crate) fn token(program: PathBuf, module: &Path, serial: &str) -> Driven {
    let key = Pkcs11Key {
        module: module.to_owned(),
        serial: serial.to_owned(),
        id: vec![7],
        p384: Hash::Sha384,
        unguarded: false,
    };
    let label = Label {
        key: "root-a".parse().unwrap(),
        holder: "Custodian A".to_owned(),
        place: format!("PKCS#11 token {serial}"),
        kind: SecretKind::Pin,
    };
    Driven::new(program, Device::Pkcs11(key), label)
}

const fn spec(algorithm: Algorithm) -> Spec {
    Spec { algorithm, pin: None, touch: None, replaces: None }
}

fn sign(store: &mut Driven, key: &PublicKey, people: &mut People) -> Result<Signature, TokenError> {
    let mut signer = store.signer(&key.fingerprint(), people)?;
    signer.sign(b"message", people)
}

#[test]
fn a_token_makes_keys_that_never_leave_it_and_signs_with_them() {
    let hsm = SoftHsm::new();
    for algorithm in [Algorithm::Ed25519, Algorithm::P256, Algorithm::P384, Algorithm::Rsa] {
        let serial = hsm.token(&algorithm.to_string());
        let mut store = token(hsm.program(&[]), Path::new(MODULE), &serial);
        assert!(store.look().unwrap().keys.is_empty());
        let made = store.make(&spec(algorithm), &mut people(&[PIN])).unwrap().public;
        assert_eq!(made.algorithm(), algorithm);
        let seen = store.look().unwrap();
        assert_eq!((seen.serial, seen.keys), (Some(serial.clone()), vec![made.clone()]));
        let signature = sign(&mut store, &made, &mut people(&[PIN])).unwrap();
        assert!(made.verifies(b"message", &signature));
        // The place is taken now.
        let again = store.make(&spec(algorithm), &mut people(&[PIN])).unwrap_err();
        assert!(matches!(again, TokenError::Occupied(_)), "{again}");
        // Unless people named the very key that is given up.
        let over = |old: &PublicKey| Spec { replaces: Some(old.fingerprint()), ..spec(algorithm) };
        let new = store.make(&over(&made), &mut people(&[PIN])).unwrap().public;
        assert_eq!(store.look().unwrap().keys, std::slice::from_ref(&new));
        let again = store.make(&over(&made), &mut people(&[PIN])).unwrap_err();
        assert!(matches!(again, TokenError::Occupied(_)), "{again}");
        assert!(sign(&mut store, &new, &mut people(&[PIN])).is_ok());

        let tool = command::run(
            Command::new("pkcs11-tool")
                .args(["--module", MODULE, "--login", "--pin", PIN, "-O", "--type", "privkey"])
                .args(["--token-label", &algorithm.to_string()])
                .env("SOFTHSM2_CONF", hsm.conf()),
        )
        .success();
        assert!(tool.contains("sensitive") && tool.contains("never extractable"), "{tool}");
    }
}

#[test]
fn a_wrong_pin_is_asked_for_once_and_nothing_is_signed() {
    let hsm = SoftHsm::new();
    let serial = hsm.token("one");
    let mut store = token(hsm.program(&[]), Path::new(MODULE), &serial);
    let made = store.make(&spec(Algorithm::P256), &mut people(&[PIN])).unwrap().public;
    for wrong in ["271828", "1", ""] {
        let mut people = people(&[wrong, PIN]);
        let error = sign(&mut store, &made, &mut people).unwrap_err();
        let expected = if wrong.is_empty() {
            TokenError::NoSecret
        } else {
            TokenError::WrongSecret { tries_left: None }
        };
        assert_eq!((error, people.asked), (expected, 1), "{wrong:?}");
    }
    assert!(sign(&mut store, &made, &mut people(&[PIN])).is_ok());
}

#[test]
fn another_token_and_no_token_are_noticed_before_a_pin_is_asked() {
    let hsm = SoftHsm::new();
    let program = hsm.program(&[]);
    let (first, second) = (hsm.token("first"), hsm.token("second"));
    let mut store = token(program.clone(), Path::new(MODULE), &first);
    let made = store.make(&spec(Algorithm::P256), &mut people(&[PIN])).unwrap().public;
    let mut people = people(&[PIN]);
    let error = sign(&mut token(program.clone(), Path::new(MODULE), &second), &made, &mut people);
    assert_eq!(error.unwrap_err(), TokenError::NoSuchKey(made.fingerprint()));
    let error = token(program, Path::new(MODULE), "another").look().unwrap_err();
    assert!(matches!(&error, TokenError::Other { serial } if serial.contains(&first)), "{error}");
    assert_eq!(people.asked, 0);
}

#[test]
fn a_module_that_is_none_is_named() {
    let hsm = SoftHsm::new();
    for (module, word) in [
        ("/no/such/module.so", "No such file"),
        ("module.so", "absolute"),
        ("/lib/x86_64-linux-gnu/libm.so.6", "no PKCS#11 module"),
        ("/etc/hostname", "no PKCS#11 module"),
    ] {
        let error = token(hsm.program(&[]), Path::new(module), "1").look().unwrap_err();
        let TokenError::File { path, what } = error else { panic!("{error}") };
        assert!(path == module && what.contains(word), "{path}: {what}");
    }
}

#[test]
fn a_module_that_crashes_lies_or_hangs_is_survived() {
    let hsm = SoftHsm::new();
    let serial = hsm.token("one");
    let module = hsm.bad_module();
    let mut good = token(hsm.program(&[]), &module, &serial);
    let made = good.make(&spec(Algorithm::P256), &mut people(&[PIN])).unwrap().public;
    assert!(sign(&mut good, &made, &mut people(&[PIN])).is_ok());

    let bad = |how| token(hsm.program(&[("BAD_MODULE", how)]), &module, &serial);
    let crashed = sign(&mut bad("crash"), &made, &mut people(&[PIN])).unwrap_err();
    assert_eq!(crashed, TokenError::Crashed { how: "signal 6".to_owned() });
    for lie in ["lie", "short"] {
        let lied = sign(&mut bad(lie), &made, &mut people(&[PIN])).unwrap_err();
        assert_eq!(lied, TokenError::BadSignature, "{lie}");
    }
    // Lengths that no memory has, and more objects than there was room for.
    for how in ["huge", "attribute", "count"] {
        let broken = sign(&mut bad(how), &made, &mut people(&[PIN])).unwrap_err();
        assert!(matches!(broken, TokenError::Crashed { .. } | TokenError::Device(_)), "{broken}");
    }

    let patience = |limit, give_up| Patience {
        limit: Duration::from_millis(limit),
        give_up: Duration::from_millis(give_up),
    };
    let mut hanging = bad("hang").with_patience(patience(500, 10_000));
    assert_eq!(sign(&mut hanging, &made, &mut people(&[PIN])).unwrap_err(), TokenError::Silent);
    let mut hanging = bad("hang").with_patience(patience(30_000, 200));
    let mut impatient = People { give_up: true, ..people(&[PIN]) };
    assert_eq!(sign(&mut hanging, &made, &mut impatient).unwrap_err(), TokenError::Silent);
    // The token itself is as it was.
    assert!(sign(&mut good, &made, &mut people(&[PIN])).is_ok());
}

/// `pkcs11-tool` on the token of this label, logged in.
fn tool(hsm: &SoftHsm, label: &str, arguments: &[&str]) {
    command::run(
        Command::new("pkcs11-tool")
            .args(["--module", MODULE, "--login", "--pin", PIN, "--token-label", label])
            .args(arguments)
            .env("SOFTHSM2_CONF", hsm.conf()),
    )
    .success();
}

const PAIR: [&str; 5] = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "07"];

#[test]
fn ids_that_collide_and_keys_that_are_half_there_are_told() {
    let hsm = SoftHsm::new();
    let serial = hsm.token("one");
    let mut store = token(hsm.program(&[]), Path::new(MODULE), &serial);
    tool(&hsm, "one", &PAIR);
    let first = store.look().unwrap().keys.remove(0);
    assert!(sign(&mut store, &first, &mut people(&[PIN])).is_ok());
    // A second pair under the same id: which one would sign?
    tool(&hsm, "one", &PAIR);
    assert_eq!(store.look().unwrap().keys.len(), 2);
    let mut nobody = people(&[PIN]);
    let error = sign(&mut store, &first, &mut nobody).unwrap_err().to_string();
    assert!(error.contains("2 public keys have the id 07; expected one"), "{error}");
    assert_eq!(nobody.asked, 0);
    // One public half goes; both private ones are left.
    tool(&hsm, "one", &["--delete-object", "--type", "pubkey", "--id", "07"]);
    let left = store.look().unwrap().keys.remove(0);
    let error = sign(&mut store, &left, &mut people(&[PIN])).unwrap_err().to_string();
    assert!(error.contains("2 private keys have the id 07; expected one"), "{error}");
    // A private key without a public one cannot be recognised, and is not written over.
    tool(&hsm, "one", &["--delete-object", "--type", "pubkey", "--id", "07"]);
    assert!(store.look().unwrap().keys.is_empty());
    let error = sign(&mut store, &left, &mut nobody).unwrap_err();
    assert_eq!((error, nobody.asked), (TokenError::NoSuchKey(left.fingerprint()), 0));
    tool(&hsm, "one", &["--delete-object", "--type", "privkey", "--id", "07"]);
    let taken = store.make(&spec(Algorithm::P256), &mut people(&[PIN])).unwrap_err();
    assert_eq!(taken, TokenError::Occupied("id 07".to_owned()));
    tool(&hsm, "one", &["--delete-object", "--type", "privkey", "--id", "07"]);
    assert!(store.make(&spec(Algorithm::P256), &mut people(&[PIN])).is_ok());
}

#[test]
fn a_key_that_can_be_read_out_of_its_token_signs_only_once_people_were_told() {
    let hsm = SoftHsm::new();
    let serial = hsm.token("one");
    let mut ceremony = Ceremony::of("first-root-tuf1");
    ceremony.store(
        "root-a",
        &format!("{{ pkcs11 = {{ module = \"{MODULE}\", serial = \"{serial}\", id = \"07\" }} }}"),
    );
    let plan = Plan::parse(&fs::read(ceremony.plan()).unwrap()).unwrap();
    let key = plan.keys.iter().find(|key| key.name.as_str() == "root-a").unwrap();
    let mut stores =
        RealStores::new(hsm.program(&[]), ceremony.at("BOOK/keys"), &plan, BTreeMap::new());
    let mut signed = |people: &mut People| {
        let mut store = stores.store(key).unwrap();
        let public = store.look().unwrap().keys.remove(0);
        let mut signer = store.signer(&public.fingerprint(), people)?;
        signer.sign(b"message", people)
    };
    tool(&hsm, "one", &[&PAIR[..], &["--extractable"]].concat());
    let told = signed(&mut people(&[PIN])).unwrap_err();
    assert!(
        matches!(&told, TokenError::Unguarded(why) if why.contains("can be extracted")),
        "{told}"
    );
    assert!(told.to_string().contains("trying again signs all the same"), "{told}");
    assert!(signed(&mut people(&[PIN])).is_ok());
    // One that its token keeps signs at once.
    for half in ["pubkey", "privkey"] {
        tool(&hsm, "one", &["--delete-object", "--type", half, "--id", "07"]);
    }
    let mut store = token(hsm.program(&[]), Path::new(MODULE), &serial);
    let made = store.make(&spec(Algorithm::P256), &mut people(&[PIN])).unwrap().public;
    assert!(sign(&mut store, &made, &mut people(&[PIN])).is_ok());
}

#[test]
fn a_token_is_known_by_its_serial_number_whatever_its_label_and_slot() {
    let hsm = SoftHsm::new();
    let serials = ["first", "second"].map(|label| hsm.token(label));
    let module = hsm.bad_module();
    let made = serials.each_ref().map(|serial| {
        let mut store = token(hsm.program(&[]), &module, serial);
        store.make(&spec(Algorithm::P256), &mut people(&[PIN])).unwrap().public
    });
    // Both labels are another one now, the same, and the slots come in another order.
    let renamed = hsm.program(&[("BAD_MODULE", "rename")]);
    let listed = list(&renamed, Some(&module)).unwrap();
    assert!(listed.iter().all(|token| token.name.contains("(UserPIN)")), "{listed:?}");
    let before = list(&hsm.program(&[]), Some(&module)).unwrap();
    let order = |listed: &[Listed]| {
        listed.iter().map(|token| token.serial.clone()).rev().collect::<Vec<_>>()
    };
    let mut turned = order(&listed);
    turned.reverse();
    assert_eq!(turned, order(&before));
    for (serial, made) in serials.iter().zip(&made) {
        let mut store = token(renamed.clone(), &module, serial);
        assert_eq!(store.look().unwrap().keys, std::slice::from_ref(made));
        assert!(sign(&mut store, made, &mut people(&[PIN])).is_ok());
    }
}
