//! PIN, PUK, management key, tries, blocking and reset, with the `yubikey` crate.

use std::time::Duration;

use ::yubikey::piv::{ManagementSlotId, SlotAlgorithmId, SlotId};
use ::yubikey::{Error, MgmAlgorithmId, MgmKey, Serial, Version, YubiKey, piv};

use crate::support::yubikey::{Card, Firmware, ManagementCipher, Pcscd, Touch, Tries, alone};
use crate::{BOTH, log_in, on_both, open};

#[test]
fn a_card_is_found_by_its_serial_among_two() {
    alone("administration::a_card_is_found_by_its_serial_among_two", || {
        let first = Card::new(1001, Firmware::V5_4_3);
        let second = Card::new(u32::MAX, Firmware::V5_7_1);
        let _pcscd = Pcscd::with_cards(&[&first, &second]);
        let key = open(&second);
        assert_eq!(key.version(), Version { major: 5, minor: 7, patch: 1 });
        assert_eq!(key.serial(), Serial(u32::MAX));
        assert_eq!(open(&first).version(), Version { major: 5, minor: 4, patch: 3 });
        assert_eq!(YubiKey::open_by_serial(Serial(7)).unwrap_err(), Error::NotFound);
        assert_eq!(YubiKey::open().unwrap_err(), Error::PcscError { inner: None });
    });
}

#[test]
fn opening_another_card_forgets_the_pin_of_the_first() {
    alone("administration::opening_another_card_forgets_the_pin_of_the_first", || {
        let cards = BOTH.map(|firmware| Card::new(u32::from(firmware.0[1]), firmware));
        let _pcscd = Pcscd::with_cards(&cards.each_ref());
        let mut first = open(&cards[0]);
        first.verify_pin(b"123456").unwrap();
        first.verify_pin(b"").unwrap();
        let _second = open(&cards[1]);
        assert_eq!(first.verify_pin(b"").unwrap_err(), Error::WrongPin { tries: 3 });
    });
}

#[test]
fn an_unknown_major_version_is_refused() {
    alone("administration::an_unknown_major_version_is_refused", || {
        let card = Card::new(1, Firmware([6, 0, 0]));
        let _pcscd = Pcscd::with_cards(&[&card]);
        assert_eq!(YubiKey::open_by_serial(Serial(1)).unwrap_err(), Error::NotFound);
    });
}

#[test]
fn pins_are_counted_changed_blocked_and_unblocked() {
    alone("administration::pins_are_counted_changed_blocked_and_unblocked", || {
        on_both(|card, key, _| {
            assert_eq!(key.get_pin_retries().unwrap(), 3);
            assert_eq!(key.verify_pin(b"000000").unwrap_err(), Error::WrongPin { tries: 2 });
            assert_eq!(card.pin_tries(), Tries { left: 2, limit: 3 });
            key.verify_pin(b"123456").unwrap();
            assert_eq!(card.pin_tries(), Tries { left: 3, limit: 3 });
            let wrong = key.change_pin(b"000000", b"654321");
            assert_eq!(wrong.unwrap_err(), Error::WrongPin { tries: 2 });
            assert_eq!(key.change_pin(b"123456", b"123").unwrap_err(), Error::GenericError);
            key.change_pin(b"123456", b"65432100").unwrap();
            key.change_puk(b"12345678", b"87654321").unwrap();
            key.verify_pin(b"65432100").unwrap();
            for tries in [2, 1, 0, 0] {
                assert_eq!(key.verify_pin(b"123456").unwrap_err(), Error::WrongPin { tries });
            }
            let blocked = key.change_pin(b"65432100", b"123456");
            assert_eq!(blocked.unwrap_err(), Error::PinLocked);
            let wrong = key.unblock_pin(b"12345678", b"123456");
            assert_eq!(wrong.unwrap_err(), Error::WrongPin { tries: 2 });
            key.unblock_pin(b"87654321", b"123456").unwrap();
            key.verify_pin(b"123456").unwrap();
        });
    });
}

#[test]
fn new_tries_bring_back_the_default_pin_and_puk() {
    alone("administration::new_tries_bring_back_the_default_pin_and_puk", || {
        on_both(|card, key, _| {
            card.set_pin("000111");
            card.set_puk("00011122");
            assert_eq!(default(key, ManagementSlotId::Pin), Some(false));
            assert_eq!(default(key, ManagementSlotId::Puk), Some(false));
            log_in(key);
            assert_eq!(key.set_pin_retries(5, 7).unwrap_err(), Error::AuthenticationError);
            key.verify_pin(b"000111").unwrap();
            key.set_pin_retries(0, 7).unwrap();
            assert_eq!(card.pin_tries(), Tries { left: 3, limit: 3 });
            key.set_pin_retries(5, 7).unwrap();
            assert_eq!(card.pin_tries(), Tries { left: 5, limit: 5 });
            assert_eq!(card.puk_tries(), Tries { left: 7, limit: 7 });
            key.verify_pin(b"123456").unwrap();
            card.set_pin_tries(1);
            let metadata = piv::metadata(key, SlotId::Management(ManagementSlotId::Pin)).unwrap();
            let tries = metadata.retries.unwrap();
            assert_eq!((tries.retry_count, tries.remaining_count), (5, 1));
            assert_eq!(default(key, ManagementSlotId::Pin), Some(true));
        });
    });
}

#[test]
fn a_card_is_reset_when_both_are_blocked_and_not_before() {
    alone("administration::a_card_is_reset_when_both_are_blocked_and_not_before", || {
        on_both(|card, key, _| {
            card.set_object(0x005f_c10a, b"x");
            card.set_pin("000111");
            assert_eq!(key.reset_device().unwrap_err(), Error::GenericError);
            card.set_pin_tries(0);
            assert_eq!(key.reset_device().unwrap_err(), Error::GenericError);
            log_in(key);
            key.block_puk().unwrap();
            assert_eq!(card.puk_tries().left, 0);
            key.reset_device().unwrap();
            assert_eq!(card.object(0x005f_c10a), None);
            key.verify_pin(b"123456").unwrap();
            log_in(key);
        });
    });
}

#[test]
fn the_management_key_is_proven_and_changed() {
    alone("administration::the_management_key_is_proven_and_changed", || {
        on_both(|card, key, _| {
            let slot = SlotId::Management(ManagementSlotId::Management);
            let algorithm = match key.version().minor {
                4 => MgmAlgorithmId::ThreeDes,
                _ => MgmAlgorithmId::Aes192,
            };
            let metadata = piv::metadata(key, slot).unwrap();
            assert_eq!(metadata.algorithm, SlotAlgorithmId::Management(algorithm));
            assert_eq!(metadata.default, Some(true));

            let new = MgmKey::from_bytes([7; 32], Some(MgmAlgorithmId::Aes256)).unwrap();
            assert!(new.set_manual(key, false).is_err());
            log_in(key);
            new.set_manual(key, false).unwrap();
            // The old key stays proven until the card forgets.
            key.save_object(0x005f_c10a, &mut [1]).unwrap();
            key.get_pin_retries().unwrap();
            assert_eq!(default(key, ManagementSlotId::Management), Some(false));
            let old = MgmKey::get_default(key).unwrap();
            assert_eq!(key.authenticate(&old).unwrap_err(), Error::AuthenticationError);
            let wrong = MgmKey::from_bytes([8; 32], Some(MgmAlgorithmId::Aes256)).unwrap();
            assert_eq!(key.authenticate(&wrong).unwrap_err(), Error::AuthenticationError);
            let refused = key.save_object(0x005f_c10a, &mut [1]);
            assert_eq!(refused.unwrap_err(), Error::AuthenticationError);
            key.authenticate(&new).unwrap();

            // Kept on the card, behind the PIN.
            let protected = MgmKey::from_bytes([9; 24], Some(MgmAlgorithmId::ThreeDes)).unwrap();
            protected.set_protected(key).unwrap();
            assert!(MgmKey::get_protected(key).is_err());
            key.verify_pin(b"123456").unwrap();
            let read = MgmKey::get_protected(key).unwrap();
            key.authenticate(&read).unwrap();
            assert_eq!(card.counts().touches_asked, 0);
            protected.set_manual(key, true).unwrap();
            key.authenticate(&protected).unwrap();
            assert_eq!(card.counts().touches, 1);
            card.set_touch(Touch::ByHand(Duration::ZERO));
            assert_eq!(key.authenticate(&protected).unwrap_err(), Error::AuthenticationError);
            card.set_management_key(ManagementCipher::Aes128, &[3; 16]);
            let staged = MgmKey::from_bytes([3; 16], Some(MgmAlgorithmId::Aes128)).unwrap();
            key.authenticate(&staged).unwrap();
        });
    });
}

fn default(key: &mut YubiKey, slot: ManagementSlotId) -> Option<bool> {
    piv::metadata(key, SlotId::Management(slot)).unwrap().default
}
