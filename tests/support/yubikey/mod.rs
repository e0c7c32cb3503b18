//! A virtual `YubiKey`: a card with the PIV application that the real pcscd serves to real clients.
//!
//! [`Card`] is the card, and the hand that holds it; [`Pcscd`] is a daemon with readers. A client, such as the program under test,
//! finds the daemon by a variable in its environment:
//!
//! ```ignore
//! let card = Card::new(10_000_001, Firmware::V5_7_1);
//! let pcscd = Pcscd::with_cards(&[&card]);
//! let public = card.make_key(0x9c, Algorithm::P256, PinPolicy::Always, TouchPolicy::Always);
//! card.set_touch(Touch::ByHand(Duration::from_secs(15)));
//! let child = Command::new(program).envs([pcscd.variable()]).spawn();
//! assert!(card.wait_for_blinking(Duration::from_secs(10)));
//! card.touch();
//! ```
//!
//! A test that calls PC/SC itself runs in [`alone`]. What real cards do where no document says it is marked as assumed.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of the card")]

mod alone;
mod apdu;
mod applet;
mod attestation;
mod card;
mod controls;
mod crypto;
mod device;
mod keys;
mod management;
mod objects;
mod pcscd;
mod piv;
mod reader;
mod secrets;
mod tlv;
mod x509;

pub(crate) use alone::alone;
pub(crate) use attestation::Chain;
pub(crate) use card::{Card, Tries};
pub(crate) use controls::{Counts, Effect, Entry, Kind, Touch};
pub(crate) use crypto::{Algorithm, PrivateKey};
pub(crate) use keys::{PinPolicy, TouchPolicy};
pub(crate) use management::ManagementCipher;
pub(crate) use pcscd::Pcscd;
pub(crate) use piv::Firmware;
pub(crate) use x509::self_signed;
