//! The virtual `YubiKey`, proven with other people's clients.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

#[path = "card/administration.rs"]
mod administration;
#[path = "card/faults.rs"]
mod faults;
#[path = "card/keys.rs"]
mod keys;
#[path = "card/piv_tool.rs"]
mod piv_tool;
#[path = "card/raw.rs"]
mod raw;

use std::time::Duration;

use ::yubikey::{MgmKey, Serial, YubiKey};
use support::yubikey::{Card, Firmware, Pcscd};

const BOTH: [Firmware; 2] = [Firmware::V5_4_3, Firmware::V5_7_1];

/// Runs something with a card of each firmware at the same time in one daemon.
fn on_both(run: impl Fn(&Card, &mut YubiKey, &mut Pcscd)) {
    let cards = BOTH.map(|firmware| Card::new(1000 + u32::from(firmware.0[1]), firmware));
    let mut pcscd = Pcscd::with_cards(&cards.each_ref());
    for card in &cards {
        run(card, &mut open(card), &mut pcscd);
    }
}

fn open(card: &Card) -> YubiKey {
    YubiKey::open_by_serial(Serial(card.serial())).unwrap()
}

fn log_in(key: &mut YubiKey) {
    let management = MgmKey::get_default(key).unwrap();
    key.authenticate(&management).unwrap();
}

const SOON: Duration = Duration::from_secs(5);
