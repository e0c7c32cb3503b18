//! Commands that no client at hand sends.

use std::ffi::CString;

use crate::support::yubikey::{Algorithm, Card, Firmware, Pcscd, PinPolicy, TouchPolicy, alone};

const SELECT: &[u8] = b"\x00\xa4\x04\x00\x05\xa0\x00\x00\x03\x08";
const MANAGEMENT: &[u8] = b"\x00\xa4\x04\x00\x08\xa0\x00\x00\x05\x27\x47\x11\x17";

fn with_card(firmware: Firmware, run: impl Fn(&Card, &dyn Fn(&[u8]) -> Vec<u8>)) {
    let card = Card::new(77, firmware);
    let _pcscd = Pcscd::with_cards(&[&card]);
    let context = pcsc::Context::establish(pcsc::Scope::System).unwrap();
    let name = CString::new("Yubico YubiKey CCID 0 00 00").unwrap();
    let handle = context.connect(&name, pcsc::ShareMode::Shared, pcsc::Protocols::ANY).unwrap();
    let transmit = |command: &[u8]| {
        let mut buffer = [0; 4096];
        handle.transmit(command, &mut buffer).unwrap().to_vec()
    };
    run(&card, &transmit);
}

#[test]
fn long_answers_come_in_pieces_or_at_once() {
    alone("raw::long_answers_come_in_pieces_or_at_once", || {
        with_card(Firmware::V5_7_1, |card, transmit| {
            card.set_object(0x005f_c10a, &[0x42; 600]);
            let whole = [b"\x53\x82\x02\x58".as_slice(), &[0x42; 600]].concat();
            transmit(SELECT);
            let mut got = Vec::new();
            let mut answer = transmit(b"\x00\xcb\x3f\xff\x05\x5c\x03\x5f\xc1\x0a\x00");
            for status in [[0x61, 0], [0x61, 0x5c], [0x90, 0]] {
                assert!(answer.ends_with(&status), "{answer:02x?}");
                got.extend_from_slice(&answer[..answer.len() - 2]);
                if status[0] == 0x61 {
                    answer = transmit(b"\x00\xc0\x00\x00\x00");
                }
            }
            assert_eq!(got, whole);
            let extended = b"\x00\xcb\x3f\xff\x00\x00\x05\x5c\x03\x5f\xc1\x0a\x00\x00";
            assert_eq!(transmit(extended), [whole, vec![0x90, 0]].concat());
        });
    });
}

#[test]
fn a_key_moves_to_another_slot_and_away() {
    alone("raw::a_key_moves_to_another_slot_and_away", || {
        with_card(Firmware::V5_7_1, |card, transmit| {
            let public = card.make_key(0x9c, Algorithm::P256, PinPolicy::Once, TouchPolicy::Always);
            card.set_management_key(crate::support::yubikey::ManagementCipher::Aes128, &[0; 16]);
            transmit(SELECT);
            assert_eq!(transmit(b"\x00\xf6\x82\x9c"), [0x69, 0x82]);
            // Only the host proves that it knows the key.
            let challenge = transmit(b"\x00\x87\x08\x9b\x04\x7c\x02\x81\x00\x00");
            let answer = encrypted(&challenge[4..20]);
            let proof = [b"\x00\x87\x08\x9b\x14\x7c\x12\x82\x10".as_slice(), &answer].concat();
            assert_eq!(transmit(&proof), [0x90, 0]);
            assert_eq!(transmit(b"\x00\xf6\x82\x9c"), [0x90, 0]);
            assert_eq!((card.public(0x82), card.public(0x9c)), (Some(public), None));
            assert_eq!(transmit(b"\x00\xf6\x82\x9c"), [0x69, 0x85], "that slot is taken");
            assert_eq!(transmit(b"\x00\xf6\x83\x9c"), [0x6a, 0x88], "this slot is empty");
            assert_eq!(transmit(b"\x00\xf6\xff\x82"), [0x90, 0]);
            assert_eq!(card.public(0x82), None);
        });
    });
}

#[test]
fn a_card_tells_about_itself_and_refuses_what_it_does_not_know() {
    alone("raw::a_card_tells_about_itself_and_refuses_what_it_does_not_know", || {
        with_card(Firmware::V5_4_3, |_, transmit| {
            assert_eq!(transmit(b"\x00\xfd\x00\x00"), [0x6d, 0]);
            assert_eq!(transmit(b"\x00\xa4\x04\x00\x01\xd2"), [0x6a, 0x82]);
            assert!(transmit(MANAGEMENT).starts_with(b"Virtual mgr - FW version 5.4.3"));
            let configuration = transmit(b"\x00\x1d\x00\x00");
            assert_eq!(usize::from(configuration[0]), configuration.len() - 3);
            assert!(transmit(SELECT).ends_with(&[0x90, 0]));
            assert_eq!(transmit(b"\x00\xfd\x00\x00\x00"), [5, 4, 3, 0x90, 0]);
            assert_eq!(transmit(b"\x00\xf8\x00\x00\x00"), [0, 0, 0, 77, 0x90, 0]);
            assert_eq!(transmit(b"\x00\xf6\x82\x9c"), [0x6d, 0]);
            assert_eq!(transmit(b"\x84\xfd\x00\x00\x00"), [0x6e, 0]);
            assert_eq!(transmit(b"\x00\x20\x00\x80\x08123456\xff"), [0x67, 0]);
            assert_eq!(transmit(b"\x00\x20\x00\x80\x08123456\xff\xff"), [0x90, 0]);
            assert_eq!(transmit(b"\x00\x20\x00\x80"), [0x90, 0]);
            assert_eq!(transmit(b"\x00\x20\xff\x80"), [0x90, 0]);
            assert_eq!(transmit(b"\x00\x20\x00\x80"), [0x63, 0xc3]);
        });
    });
}

fn encrypted(block: &[u8]) -> Vec<u8> {
    use cipher::{BlockCipherEncrypt as _, KeyInit as _};
    let mut out = block.to_vec();
    let place = out.as_mut_slice().try_into().unwrap();
    aes::Aes128::new_from_slice(&[0; 16]).unwrap().encrypt_block(place);
    out
}
