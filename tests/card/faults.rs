//! What goes wrong on demand, as the `yubikey` crate sees it.

use std::thread;
use std::time::Duration;

use ::yubikey::piv::{AlgorithmId, SlotId};
use ::yubikey::{Error, PinPolicy as Pin, TouchPolicy as Finger, piv};
use spki::SubjectPublicKeyInfoOwned;

use crate::keys::{is_right, sign};
use crate::support::yubikey::{
    Algorithm, Card, Effect, Firmware, Kind, Pcscd, PinPolicy, Touch, TouchPolicy, alone,
};
use crate::{SOON, log_in, on_both, open};

const SIGNATURE: SlotId = SlotId::Signature;

#[test]
fn a_card_is_pulled_in_the_middle_of_a_signature_and_comes_back() {
    alone("faults::a_card_is_pulled_in_the_middle_of_a_signature_and_comes_back", || {
        on_both(|card, key, pcscd| {
            let p256 = AlgorithmId::EccP256;
            card.make_key(0x9c, Algorithm::P256, PinPolicy::Once, TouchPolicy::Always);
            key.verify_pin(b"123456").unwrap();

            // By a hand, while the card waits for touch.
            card.set_touch(Touch::ByHand(SOON));
            let error = thread::scope(|scope| {
                scope.spawn(|| {
                    assert!(card.wait_for_blinking(SOON));
                    card.unplug();
                });
                sign(key, SIGNATURE, p256).unwrap_err()
            });
            assert_eq!(error, Error::GenericError);
            assert!(matches!(sign(key, SIGNATURE, p256).unwrap_err(), Error::PcscError { .. }));
            assert_eq!(card.log().last().unwrap().status, None);

            // By a fault, once it is back.
            card.set_touch(Touch::Granted);
            card.plug(pcscd);
            assert!(sign(key, SIGNATURE, p256).is_err(), "the old handle stays dead");
            let key = &mut open(card);
            assert_eq!(sign(key, SIGNATURE, p256).unwrap_err(), Error::AuthenticationError);
            key.verify_pin(b"123456").unwrap();
            sign(key, SIGNATURE, p256).unwrap();
            card.fail(Kind::Sign, 2, Effect::Unplug);
            sign(key, SIGNATURE, p256).unwrap();
            card.forget();
            card.fail(Kind::Sign, 1, Effect::UnplugAfter);
            assert_eq!(sign(key, SIGNATURE, p256).unwrap_err(), Error::GenericError);
            assert!(!card.is_plugged());
            assert_eq!(card.counts().signatures, 1);
        });
    });
}

#[test]
fn a_key_is_there_although_its_answer_never_came() {
    alone("faults::a_key_is_there_although_its_answer_never_came", || {
        let card = Card::new(5, Firmware::V5_7_1);
        let mut pcscd = Pcscd::with_readers(1);
        card.plug(&mut pcscd);
        let key = &mut open(&card);
        log_in(key);
        card.fail(Kind::Generate, 1, Effect::UnplugAfter);
        assert!(
            piv::generate(key, SIGNATURE, AlgorithmId::EccP256, Pin::Once, Finger::Never).is_err()
        );
        assert!(card.public(0x9c).is_some());
        card.plug(&mut pcscd);
        assert!(piv::metadata(&mut open(&card), SIGNATURE).is_ok());
    });
}

#[test]
fn signatures_can_be_wrong_in_three_ways() {
    alone("faults::signatures_can_be_wrong_in_three_ways", || {
        on_both(|card, key, _| {
            for (curve, algorithm) in
                [(Algorithm::P256, AlgorithmId::EccP256), (Algorithm::P384, AlgorithmId::EccP384)]
            {
                let public = card.make_key(0x9c, curve, PinPolicy::Never, TouchPolicy::Never);
                let public = SubjectPublicKeyInfoOwned::try_from(public.as_slice()).unwrap();
                for effect in [Effect::CorruptSignature, Effect::OtherKey] {
                    card.fail(Kind::Sign, 1, effect);
                    let signature = sign(key, SIGNATURE, algorithm).unwrap();
                    assert!(!is_right(&public, algorithm, &signature), "{effect:?}");
                }
                let signatures = [1, 2, 3].map(|n| {
                    if n < 3 {
                        card.fail(Kind::Sign, 1, Effect::RepeatedNonce);
                    }
                    sign(key, SIGNATURE, algorithm).unwrap()
                });
                let mut numbers = Vec::new();
                for signature in signatures {
                    assert!(is_right(&public, algorithm, &signature));
                    // The length of r is the fourth byte, and r follows.
                    numbers.push(signature[4..][..usize::from(signature[3])].to_vec());
                }
                assert_eq!(numbers[0], numbers[1]);
                assert_ne!(numbers[1], numbers[2]);
            }
        });
    });
}

#[test]
fn a_card_answers_what_the_test_wants_or_late() {
    alone("faults::a_card_answers_what_the_test_wants_or_late", || {
        let card = Card::new(6, Firmware::V5_4_3);
        card.make_key(0x9c, Algorithm::P256, PinPolicy::Never, TouchPolicy::Never);
        let _pcscd = Pcscd::with_cards(&[&card]);
        let key = &mut open(&card);
        card.fail(Kind::Sign, 1, Effect::Answer(0x6f00));
        card.fail(Kind::Sign, 2, Effect::Stall(Duration::from_millis(700)));
        assert_eq!(sign(key, SIGNATURE, AlgorithmId::EccP256).unwrap_err(), Error::GenericError);
        sign(key, SIGNATURE, AlgorithmId::EccP256).unwrap();
        sign(key, SIGNATURE, AlgorithmId::EccP256).unwrap();
        let log: Vec<_> = card.log().into_iter().filter(|entry| entry.kind == Kind::Sign).collect();
        assert_eq!(log[0].status, Some(0x6f00));
        assert_eq!((log[0].header, log[0].length), ([0, 0x87, 0x11, 0x9c], 38));
        assert!(log[0].started < log[1].started);
        assert!(log[1].took >= Duration::from_millis(700));
        assert_eq!(log[2].status, Some(0x9000));
        assert_eq!(card.counts().signatures, 2);
    });
}

#[test]
fn the_daemon_ends_under_the_hands_of_its_client() {
    alone("faults::the_daemon_ends_under_the_hands_of_its_client", || {
        let card = Card::new(7, Firmware::V5_4_3);
        let mut pcscd = Pcscd::with_cards(&[&card]);
        let key = &mut open(&card);
        pcscd.end();
        let error = key.verify_pin(b"123456").unwrap_err();
        assert!(matches!(error, Error::PcscError { .. }), "{error:?}");
        assert!(!card.is_plugged());
        let _pcscd = Pcscd::with_cards(&[&card]);
        open(&card).verify_pin(b"123456").unwrap();
    });
}
