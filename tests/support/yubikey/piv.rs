//! The PIV application: what it holds, and which command goes where.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use super::apdu::{Answer, Command, NO_REFERENCE, Status, UNKNOWN_INSTRUCTION};
use super::attestation::Chain;
use super::controls::{Controls, Effect};
use super::keys::{Origin, Slot};
use super::management::{ManagementKey, Pending};
use super::secrets::Secret;
use super::tlv::element;

/// The slot of the attestation key.
pub(super) const ATTESTATION: u8 = 0xf9;

/// Major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Firmware(pub(crate) [u8; 3]);

impl Firmware {
    /// 3DES is the management key's cipher.
    pub(crate) const V5_4_3: Self = Self([5, 4, 3]);
    /// AES-192 is the management key's cipher; knows Ed25519 and moves keys.
    pub(crate) const V5_7_1: Self = Self([5, 7, 1]);

    pub(super) const V5_3: Self = Self([5, 3, 0]);
    pub(super) const V5_4_2: Self = Self([5, 4, 2]);
    pub(super) const V5_7: Self = Self([5, 7, 0]);
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// What never changes.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) serial: u32,
    pub(super) firmware: Firmware,
    pub(super) chain: Chain,
    /// 1 is a keychain key with USB-A; 0x81 the same of the FIPS series.
    pub(super) form_factor: u8,
}

#[derive(Debug)]
pub(super) struct Piv {
    pub(super) identity: Identity,
    pub(super) pin: Secret,
    pub(super) puk: Secret,
    pub(super) management: ManagementKey,
    pub(super) slots: BTreeMap<u8, Slot>,
    pub(super) objects: BTreeMap<u32, Vec<u8>>,
    pub(super) session: Session,
}

/// What is forgotten when the card loses power or another application is selected.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The PIN was given.
    pub(super) pin: bool,
    /// The PIN was given by the last command.
    pub(super) fresh: bool,
    /// The management key was proven.
    pub(super) management: bool,
    pub(super) pending: Option<Pending>,
    pub(super) touched: Option<Instant>,
}

impl Piv {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            pin: Secret::pin(),
            puk: Secret::puk(),
            management: ManagementKey::factory(identity.firmware),
            slots: BTreeMap::new(),
            objects: BTreeMap::new(),
            session: Session::default(),
            identity,
        }
    }

    pub(super) fn run(
        &mut self,
        command: &Command,
        controls: &Controls,
        effect: Option<Effect>,
    ) -> Answer {
        let fresh = std::mem::take(&mut self.session.fresh);
        let Command { p1, p2, data, .. } = command;
        let (p1, p2) = (*p1, *p2);
        match (command.instruction, p2) {
            (0x20, _) => self.verify(p1, p2, data),
            (0x24, _) => self.change(p2, data),
            (0x2c, _) => self.unblock(p2, data),
            (0x47, _) => self.generate(p2, data),
            (0x87, 0x9b) => self.authenticate(p1, data, controls),
            (0x87, _) => self.sign(p1, p2, data, fresh, controls, effect),
            (0xcb, _) => self.read_object(data),
            (0xdb, _) => self.write_object(data),
            (0xf6, _) => self.move_key(p1, p2),
            (0xf7, _) => self.metadata(p2),
            (0xf8, _) => Ok(self.identity.serial.to_be_bytes().to_vec()),
            (0xf9, _) => self.attest(p1),
            (0xfa, _) => self.set_tries(p1, p2),
            (0xfb, _) => self.reset(),
            (0xfd, _) => Ok(self.identity.firmware.0.to_vec()),
            (0xfe, _) => self.import(p1, p2, data),
            (0xff, _) => self.set_management_key(p1, p2, data),
            _ => Err(UNKNOWN_INSTRUCTION),
        }
        .into()
    }

    /// GET METADATA, from firmware 5.3 on.
    fn metadata(&self, number: u8) -> Result<Vec<u8>, Status> {
        if self.identity.firmware < Firmware::V5_3 {
            return Err(UNKNOWN_INSTRUCTION);
        }
        let secret = |secret: &Secret| {
            [
                element(&[1], &[0xff]),
                element(&[5], &[u8::from(secret.is_factory())]),
                element(&[6], &[secret.limit, secret.left]),
            ]
        };
        match number {
            0x80 => Ok(secret(&self.pin).concat()),
            0x81 => Ok(secret(&self.puk).concat()),
            0x9b => Ok([
                element(&[1], &[self.management.cipher.code()]),
                element(&[2], &[0, self.management.touch.code()]),
                element(&[5], &[u8::from(self.management.is_factory(self.identity.firmware))]),
            ]
            .concat()),
            ATTESTATION => Ok(self.identity.chain.metadata()),
            _ => {
                let slot = self.slots.get(&number).ok_or(NO_REFERENCE)?;
                let origin = match slot.origin {
                    Origin::Generated => 1,
                    Origin::Imported => 2,
                };
                Ok([
                    element(&[1], &[slot.key.algorithm().code()]),
                    element(&[2], &[slot.pin.code(), slot.touch.code()]),
                    element(&[3], &[origin]),
                    element(&[4], &slot.point()),
                ]
                .concat())
            }
        }
    }
}
