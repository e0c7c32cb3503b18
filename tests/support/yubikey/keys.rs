//! The keys in the slots: making, importing, signing, moving, and what may be said about them.

use std::time::{Duration, Instant};

use super::apdu::{
    BAD_DATA, BAD_PARAMETERS, NO_REFERENCE, NOT_ALLOWED, NOT_NOW, Status, UNKNOWN_INSTRUCTION,
};
use super::controls::{Controls, Effect};
use super::crypto::{Algorithm, Nonce, PrivateKey};
use super::piv::{Firmware, Piv};
use super::tlv::{element, value};

/// How long a touch counts for a key that caches it.
const CACHED: Duration = Duration::from_secs(15);
/// A destination that stands for deleting.
const NOWHERE: u8 = 0xff;

/// When a key wants the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinPolicy {
    Never,
    /// Once in a session.
    Once,
    /// Right before each signature.
    Always,
}

/// When a key wants to be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TouchPolicy {
    Never,
    Always,
    /// Unless the last touch was less than 15 seconds ago.
    Cached,
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Generated,
    Imported,
}

impl PinPolicy {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Never => 1,
            Self::Once => 2,
            Self::Always => 3,
        }
    }

    fn from_field(data: &[u8], slot: u8) -> Result<Self, Status> {
        match value(data, 0xaa) {
            None | Some([0]) => Ok(match slot {
                0x9c => Self::Always,
                0x9e => Self::Never,
                _ => Self::Once,
            }),
            Some([1]) => Ok(Self::Never),
            Some([2]) => Ok(Self::Once),
            Some([3]) => Ok(Self::Always),
            Some(_) => Err(BAD_DATA),
        }
    }
}

impl TouchPolicy {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Never => 1,
            Self::Always => 2,
            Self::Cached => 3,
        }
    }

    fn from_field(data: &[u8]) -> Result<Self, Status> {
        match value(data, 0xab) {
            None | Some([0 | 1]) => Ok(Self::Never),
            Some([2]) => Ok(Self::Always),
            Some([3]) => Ok(Self::Cached),
            Some(_) => Err(BAD_DATA),
        }
    }
}

/// A slot that has a key.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) key: PrivateKey,
    pub(super) pin: PinPolicy,
    pub(super) touch: TouchPolicy,
    pub(super) origin: Origin,
}

impl Slot {
    /// 86, the point: the form of a public key in PIV.
    pub(super) fn point(&self) -> Vec<u8> {
        element(&[0x86], &self.key.point())
    }
}

/// Whether the number is one of a slot that can hold any key.
pub(super) fn is_slot(number: u8) -> bool {
    matches!(number, 0x9a | 0x9c | 0x9d | 0x9e | 0x82..=0x95)
}

impl Piv {
    /// GENERATE ASYMMETRIC KEY PAIR.
    pub(super) fn generate(&mut self, slot: u8, data: &[u8]) -> Result<Vec<u8>, Status> {
        self.may_write(slot)?;
        let asked = value(data, 0xac).ok_or(BAD_DATA)?;
        let algorithm = match value(asked, 0x80) {
            Some([code]) => self.algorithm(*code)?,
            Some(_) | None => return Err(BAD_DATA),
        };
        let pin = PinPolicy::from_field(asked, slot)?;
        let touch = TouchPolicy::from_field(asked)?;
        let key = PrivateKey::generate(algorithm);
        let made = Slot { key, pin, touch, origin: Origin::Generated };
        let public = element(&[0x7f, 0x49], &made.point());
        self.slots.insert(slot, made);
        Ok(public)
    }

    /// IMPORT ASYMMETRIC KEY; P1 is the algorithm.
    pub(super) fn import(&mut self, p1: u8, slot: u8, data: &[u8]) -> Result<Vec<u8>, Status> {
        self.may_write(slot)?;
        let algorithm = self.algorithm(p1)?;
        let tag = match algorithm {
            Algorithm::P256 | Algorithm::P384 => 0x06,
            Algorithm::Ed25519 => 0x07,
        };
        let bytes = value(data, tag).ok_or(BAD_DATA)?;
        let key = PrivateKey::from_bytes(algorithm, bytes).ok_or(BAD_DATA)?;
        let pin = PinPolicy::from_field(data, slot)?;
        let touch = TouchPolicy::from_field(data)?;
        self.slots.insert(slot, Slot { key, pin, touch, origin: Origin::Imported });
        Ok(Vec::new())
    }

    /// GENERAL AUTHENTICATE with a key: a signature. `fresh` says that the command before was a right VERIFY.
    pub(super) fn sign(
        &mut self,
        p1: u8,
        slot: u8,
        data: &[u8],
        fresh: bool,
        controls: &Controls,
        effect: Option<Effect>,
    ) -> Result<Vec<u8>, Status> {
        // Assumed: an empty slot is no reference here, as it is for GET METADATA and ATTEST, but bad data.
        let held = self.slots.get(&slot).ok_or(BAD_DATA)?.clone();
        if held.key.algorithm().code() != p1 {
            return Err(BAD_DATA);
        }
        let input = value(data, 0x7c).and_then(|asked| value(asked, 0x81)).ok_or(BAD_DATA)?;
        let known = match held.pin {
            PinPolicy::Never => true,
            PinPolicy::Once => self.session.pin,
            // Assumed: any command in between ends it, not only a signature.
            PinPolicy::Always => self.session.pin && fresh,
        };
        if !known || !self.touched(held.touch, controls) {
            return Err(NOT_ALLOWED);
        }
        let made = match effect {
            Some(Effect::OtherKey) => {
                PrivateKey::generate(held.key.algorithm()).sign(input, Nonce::Random)
            }
            Some(Effect::RepeatedNonce) => held.key.sign(input, Nonce::Fixed),
            Some(
                Effect::CorruptSignature
                | Effect::Stall(_)
                | Effect::Unplug
                | Effect::UnplugAfter
                | Effect::Answer(_),
            )
            | None => held.key.sign(input, Nonce::Random),
        };
        let mut signature = made.ok_or(BAD_DATA)?;
        if let (Some(Effect::CorruptSignature), Some(last)) = (effect, signature.last_mut()) {
            *last ^= 1;
        }
        controls.signed();
        Ok(element(&[0x7c], &element(&[0x82], &signature)))
    }

    /// MOVE KEY, from firmware 5.7 on: to another slot, or away for good.
    pub(super) fn move_key(&mut self, to: u8, from: u8) -> Result<Vec<u8>, Status> {
        if self.identity.firmware < Firmware::V5_7 {
            return Err(UNKNOWN_INSTRUCTION);
        }
        self.may_write(from)?;
        if to != NOWHERE && !is_slot(to) {
            return Err(BAD_PARAMETERS);
        }
        if self.slots.contains_key(&to) {
            // Documented: the slot must be empty. The status is assumed.
            return Err(NOT_NOW);
        }
        let held = self.slots.remove(&from).ok_or(NO_REFERENCE)?;
        if to != NOWHERE {
            self.slots.insert(to, held);
        }
        Ok(Vec::new())
    }

    /// Whether the card was touched, if the policy wants it.
    pub(super) fn touched(&mut self, policy: TouchPolicy, controls: &Controls) -> bool {
        let lately = self.session.touched.is_some_and(|touched| touched.elapsed() < CACHED);
        if policy == TouchPolicy::Never || (policy == TouchPolicy::Cached && lately) {
            return true;
        }
        let touched = controls.await_touch();
        if touched {
            self.session.touched = Some(Instant::now());
        }
        touched
    }

    fn may_write(&self, slot: u8) -> Result<(), Status> {
        if !self.session.management {
            return Err(NOT_ALLOWED);
        }
        if is_slot(slot) { Ok(()) } else { Err(BAD_PARAMETERS) }
    }

    fn algorithm(&self, code: u8) -> Result<Algorithm, Status> {
        let algorithm = Algorithm::from_code(code).ok_or(BAD_DATA)?;
        if algorithm == Algorithm::Ed25519 && self.identity.firmware < Firmware::V5_7 {
            return Err(BAD_DATA);
        }
        Ok(algorithm)
    }
}
