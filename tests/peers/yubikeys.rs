//! `YubiKeys`, as the product drives them: a virtual card behind the real pcscd.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anchorite::driver::token::{Driven, list, provision_yubikey};
use anchorite::keystore::attest::{Anchors, BadAttestation, verify};
use anchorite::keystore::child::Device;
use anchorite::keystore::yubikey::YubikeySlot;
use anchorite::keystore::{
    KeyStore, Label, Rules, Secret, SecretKind, Seen, Spec, TokenError, Unlock,
};
use anchorite::tuf::key::{Algorithm, PublicKey};
use anchorite::tuf::policy::{PinPolicy, TouchPolicy};
use anchorite::tuf::signature::{Hash, Signature};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::support::command::run;
use crate::support::wrapped;
use crate::support::yubikey::{self, Card, Chain, Effect, Firmware, Kind, Pcscd, Touch};

pub(crate) const PIN: &str = "314159";
const SOON: Duration = Duration::from_secs(5);

/// A holder who says these secrets and counts the touches that are asked for.
pub(crate) struct Holder {
    secrets: Vec<&'static str>,
    tries: Vec<Option<u8>>,
    touches: u32,
}

pub(crate) fn holder(secrets: &[&'static str]) -> Holder {
    Holder { secrets: secrets.to_vec(), tries: Vec::new(), touches: 0 }
}

impl Unlock for Holder {
    fn secret(&mut self, _: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.tries.push(tries_left);
        if self.secrets.is_empty() {
            return None;
        }
        Some(Secret::new(Zeroizing::new(self.secrets.remove(0).to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
    }
    fn touch(&mut self, _: &Label) {
        self.touches += 1;
    }
}

/// A desk: a daemon, and the program that finds it.
pub(crate) struct Desk {
    pcscd: Pcscd,
    pub(crate) program: PathBuf,
    _folder: TempDir,
}

impl Desk {
    pub(crate) fn with(cards: &[&Card]) -> Self {
        let pcscd = Pcscd::with_cards(cards);
        let folder = TempDir::new().unwrap();
        let program = wrapped::program(folder.path(), "anchorite", &[pcscd.variable()]);
        Self { pcscd, program, _folder: folder }
    }

    pub(crate) fn slot(&self, serial: u32, slot: u8) -> Driven {
        let device = Device::Yubikey(YubikeySlot { serial, slot, p384: Hash::Sha384 });
        Driven::new(self.program.clone(), device, label(serial))
    }
}

fn label(serial: u32) -> Label {
    Label {
        key: "root-a".parse().unwrap(),
        holder: "Custodian A".to_owned(),
        place: format!("YubiKey {serial}"),
        kind: SecretKind::Pin,
    }
}

const fn spec(algorithm: Algorithm) -> Spec {
    Spec {
        algorithm,
        pin: Some(PinPolicy::Always),
        touch: Some(TouchPolicy::Always),
        replaces: None,
    }
}

pub(crate) fn sign(
    store: &mut Driven,
    key: &PublicKey,
    holder: &mut Holder,
) -> Result<Signature, TokenError> {
    store.signer(&key.fingerprint(), holder)?.sign(b"message", holder)
}

fn has(seen: &Seen, remark: &str) -> bool {
    seen.remarks.iter().any(|found| found.name == remark && found.weak)
}

/// A card that its holder made their own, with a key on it.
pub(crate) fn provisioned(desk: &Desk, card: &Card, algorithm: Algorithm) -> PublicKey {
    let serial = card.serial();
    let mut people = holder(&[PIN, "87651234"]);
    let done = provision_yubikey(&desk.program, serial, label(serial), &mut people).unwrap();
    assert!(done.pin && done.puk && done.management_key);
    let made = desk.slot(serial, 0x9c).make(&spec(algorithm), &mut holder(&[PIN])).unwrap();
    made.public
}

#[test]
fn a_card_is_provisioned_makes_a_key_proves_it_and_signs() {
    for firmware in [Firmware::V5_4_3, Firmware::V5_7_1] {
        for (algorithm, chain) in [(Algorithm::P256, Chain::Rsa), (Algorithm::P384, Chain::P256)] {
            let card = Card::with_chain(1001, firmware, chain);
            let desk = Desk::with(&[&card]);
            let fresh = desk.slot(1001, 0x9c).look().unwrap();
            assert!(has(&fresh, "factory-pin") && has(&fresh, "factory-puk"), "{fresh:?}");
            let made = provisioned(&desk, &card, algorithm);

            let mut store = desk.slot(1001, 0x9c);
            let seen = store.look().unwrap();
            assert_eq!((seen.serial.as_deref(), &seen.keys), (Some("1001"), &vec![made.clone()]));
            assert_eq!(has(&seen, "eucleak"), firmware == Firmware::V5_4_3);
            assert!(!has(&seen, "factory-pin") && !has(&seen, "factory-management-key"));

            // The proof leads to the card's own root, which nobody here trusts unless told to.
            let [slot, device] = seen.attestation.as_slice() else { panic!("{seen:?}") };
            let foreign = verify(slot, device, &Anchors::yubico()).unwrap_err();
            assert!(matches!(foreign, BadAttestation::Foreign { .. }), "{foreign}");
            let anchors = Anchors::yubico()
                .with_root(der::pem::decode_vec(chain.root_pem().as_bytes()).unwrap().1);
            let proven = verify(slot, device, &anchors).unwrap();
            assert_eq!((proven.public, proven.serial), (made.clone(), 1001));
            assert_eq!(
                (proven.pin, proven.touch),
                (Some(PinPolicy::Always), Some(TouchPolicy::Always))
            );

            let mut people = holder(&[PIN]);
            let signature = sign(&mut store, &made, &mut people).unwrap();
            assert!(made.verifies(b"message", &signature));
            assert_eq!((people.touches, people.tries), (1, vec![Some(3)]));
            let again = store.make(&spec(algorithm), &mut holder(&[PIN])).unwrap_err();
            assert!(matches!(again, TokenError::Occupied(_)), "{again}");
            // Unless people named the very key that is given up.
            let over =
                |old: &PublicKey| Spec { replaces: Some(old.fingerprint()), ..spec(algorithm) };
            let new = store.make(&over(&made), &mut holder(&[PIN])).unwrap().public;
            assert_eq!(store.look().unwrap().keys, [new]);
            let again = store.make(&over(&made), &mut holder(&[PIN])).unwrap_err();
            assert!(matches!(again, TokenError::Occupied(_)), "{again}");
        }
    }
}

#[test]
fn a_wrong_pin_costs_one_try_and_the_factorys_costs_none() {
    let card = Card::new(1002, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    let mut store = desk.slot(1002, 0x9c);
    for refused in ["123456", "12345", "123456789"] {
        let error = sign(&mut store, &made, &mut holder(&[refused, PIN])).unwrap_err();
        assert!(matches!(error, TokenError::Unsupported(_)), "{error}");
    }
    assert_eq!(card.pin_tries().left, 3);
    let mut people = holder(&["271828", PIN]);
    let wrong = sign(&mut store, &made, &mut people).unwrap_err();
    assert_eq!(wrong, TokenError::WrongSecret { tries_left: Some(2) });
    assert_eq!((people.tries.len(), people.touches), (1, 0));
    card.set_pin_tries(1);
    let mut people = holder(&["271828"]);
    assert_eq!(sign(&mut store, &made, &mut people).unwrap_err(), TokenError::Blocked);
    assert_eq!(people.tries, [Some(1)]);
    let mut people = holder(&[PIN]);
    assert_eq!(sign(&mut store, &made, &mut people).unwrap_err(), TokenError::Blocked);
    assert!(people.tries.is_empty(), "a blocked card asks nobody");
}

#[test]
fn a_card_that_does_not_tell_what_is_in_a_slot_makes_no_key_there() {
    let card = Card::new(1021, Firmware([5, 2, 7]));
    let desk = Desk::with(&[&card]);
    let mut people = holder(&[PIN]);
    let error = desk.slot(1021, 0x9c).make(&spec(Algorithm::P256), &mut people).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("firmware before 5.3 does not tell whether there is one"), "{said}");
    assert!(people.tries.is_empty(), "nobody was asked for a PIN");
}

#[test]
fn provisioning_over_a_pin_of_ones_own_submits_neither_the_factorys_nor_one_too_many() {
    let card = Card::new(1022, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let (name, path) = desk.pcscd.variable();
    run(Command::new("yubico-piv-tool")
        .args(["-a", "change-pin", "-P", "123456", "-N", PIN])
        .env(name, path))
    .success();
    let provision = |people: &mut Holder| {
        provision_yubikey(&desk.program, 1022, label(1022), people).map(|done| done.management_key)
    };
    let error = provision(&mut holder(&["123456", "87651234"])).unwrap_err();
    assert!(error.to_string().contains("the factory's PIN"), "{error}");
    assert_eq!(card.pin_tries().left, 3);
    let wrong = provision(&mut holder(&["271828", "87651234"])).unwrap_err();
    assert_eq!(wrong, TokenError::WrongSecret { tries_left: Some(2) });
    let mut people = holder(&[PIN, "87651234"]);
    assert_eq!(provision(&mut people), Ok(true));
    // Nobody chose a PUK before the PIN was known to be right.
    assert_eq!(people.tries, [Some(2), None]);
}

#[test]
fn the_right_card_is_found_among_several_and_the_wrong_one_is_named() {
    let (first, second) = (Card::new(1003, Firmware::V5_7_1), Card::new(1004, Firmware::V5_4_3));
    let mut desk = Desk::with(&[&first, &second]);
    let made = provisioned(&desk, &second, Algorithm::P256);
    let listed = list(&desk.program, None).unwrap();
    let serials: Vec<&str> = listed.iter().map(|token| token.serial.as_str()).collect();
    assert_eq!(serials, ["1003", "1004"]);
    assert!(sign(&mut desk.slot(1004, 0x9c), &made, &mut holder(&[PIN])).is_ok());

    let mut people = holder(&[PIN]);
    let error = sign(&mut desk.slot(1003, 0x9c), &made, &mut people).unwrap_err();
    assert_eq!(error, TokenError::NoSuchKey(made.fingerprint()));
    second.unplug();
    desk.pcscd.settle();
    let error = sign(&mut desk.slot(1004, 0x9c), &made, &mut people).unwrap_err();
    assert_eq!(error, TokenError::Other { serial: "1003".to_owned() });
    first.unplug();
    desk.pcscd.settle();
    let error = sign(&mut desk.slot(1004, 0x9c), &made, &mut people).unwrap_err();
    assert_eq!(error, TokenError::Absent);
    assert!(people.tries.is_empty(), "no PIN is asked for before the card is known");
}

#[test]
fn what_goes_wrong_with_a_card_is_told_apart() {
    let card = Card::new(1005, Firmware::V5_7_1);
    let mut desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    let mut store = desk.slot(1005, 0x9c);
    for effect in [Effect::CorruptSignature, Effect::OtherKey] {
        card.fail(Kind::Sign, 1, effect);
        let error = sign(&mut store, &made, &mut holder(&[PIN])).unwrap_err();
        assert_eq!(error, TokenError::BadSignature);
    }
    // Nobody touches it.
    card.set_touch(Touch::ByHand(Duration::from_millis(200)));
    let mut people = holder(&[PIN]);
    assert_eq!(sign(&mut store, &made, &mut people).unwrap_err(), TokenError::NoTouch);
    assert_eq!((people.touches, card.pin_tries().left), (1, 3));
    // It is pulled while it waits for the touch.
    card.set_touch(Touch::ByHand(SOON));
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            assert!(card.wait_for_blinking(SOON));
            card.unplug();
        });
        sign(&mut store, &made, &mut holder(&[PIN])).unwrap_err()
    });
    assert_eq!(error, TokenError::Gone);
    card.set_touch(Touch::Granted);
    desk.pcscd.settle();
    card.plug(&mut desk.pcscd);
    assert!(sign(&mut store, &made, &mut holder(&[PIN])).is_ok());
    // The daemon itself goes.
    desk.pcscd.end();
    let error = store.look().unwrap_err();
    assert!(matches!(&error, TokenError::Device(why) if why.contains("pcscd")), "{error}");
}

#[test]
fn a_root_key_that_notary_made_is_found_and_used() {
    let card = Card::new(1006, Firmware::V5_4_3);
    card.set_pin(PIN);
    let key = yubikey::PrivateKey::generate(yubikey::Algorithm::P256);
    let public = PublicKey::from_spki_der(&card.import_notary_root(0x9c, key)).unwrap();
    let desk = Desk::with(&[&card]);
    let mut store = desk.slot(1006, 0x9c);
    let seen = store.look().unwrap();
    assert_eq!(seen.keys, std::slice::from_ref(&public));
    assert!(has(&seen, "imported") && seen.attestation.is_empty());
    assert!(sign(&mut store, &public, &mut holder(&[PIN])).is_ok());
}

#[test]
fn keys_that_a_card_cannot_hold_and_cards_that_are_not_provisioned_are_refused() {
    let card = Card::new(1007, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let mut store = desk.slot(1007, 0x9c);
    let error = store.make(&spec(Algorithm::Ed25519), &mut holder(&[PIN])).unwrap_err();
    assert!(error.to_string().contains("a thousand bytes"), "{error}");
    let error = store.make(&spec(Algorithm::P256), &mut holder(&["123456"])).unwrap_err();
    assert!(error.to_string().contains("provision"), "{error}");
    let error = desk.slot(1007, 0xf9).look().unwrap_err();
    assert!(error.to_string().contains("no slot for keys"), "{error}");
}

#[test]
fn a_card_or_key_that_was_swapped_after_the_look_is_noticed_before_a_pin_is_asked() {
    let (card, other) = (Card::new(1008, Firmware::V5_7_1), Card::new(1009, Firmware::V5_7_1));
    let mut desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    provisioned_by(&mut desk, &other);
    let mut store = desk.slot(1008, 0x9c);
    let mut people = holder(&[PIN]);
    let mut signer = store.signer(&made.fingerprint(), &mut people).unwrap();
    card.unplug();
    desk.pcscd.settle();
    other.plug(&mut desk.pcscd);
    let error = signer.sign(b"message", &mut people).unwrap_err();
    assert_eq!(error, TokenError::Other { serial: "1009".to_owned() });
    other.unplug();
    desk.pcscd.settle();
    card.plug(&mut desk.pcscd);
    // The same card, with another key in the slot.
    drop(signer);
    let mut signer = store.signer(&made.fingerprint(), &mut people).unwrap();
    let key = yubikey::PrivateKey::generate(yubikey::Algorithm::P256);
    card.import_notary_root(0x9c, key);
    let error = signer.sign(b"message", &mut people).unwrap_err();
    assert_eq!(error, TokenError::NoSuchKey(made.fingerprint()));
    assert!(people.tries.is_empty(), "no PIN is asked for before the card and its key are known");
    drop(signer);
    let there = store.look().unwrap().keys.remove(0);
    assert!(sign(&mut store, &there, &mut people).is_ok());
}

/// Puts a card beside the first one and makes it its holder's own.
fn provisioned_by(desk: &mut Desk, card: &Card) {
    card.plug(&mut desk.pcscd);
    provisioned(desk, card, Algorithm::P256);
    card.unplug();
    desk.pcscd.settle();
}

#[test]
fn a_card_that_counts_more_tries_than_it_can_say_is_asked_once() {
    let card = Card::new(1010, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    card.set_pin_tries(255);
    let mut store = desk.slot(1010, 0x9c);
    let mut people = holder(&["271828", PIN]);
    // After a wrong PIN a card can say 15 at the most.
    let error = sign(&mut store, &made, &mut people).unwrap_err();
    assert_eq!(error, TokenError::WrongSecret { tries_left: Some(15) });
    assert_eq!(card.pin_tries().left, 254);
    assert!(sign(&mut store, &made, &mut people).is_ok());
    assert_eq!(people.tries, [Some(255), Some(254)]);
}
