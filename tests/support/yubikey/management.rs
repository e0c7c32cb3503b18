//! The management key: proving it, both ways, and changing it.

use cipher::{BlockCipherEncrypt as _, KeyInit as _};

use super::apdu::{BAD_DATA, BAD_PARAMETERS, NOT_ALLOWED, Status};
use super::controls::Controls;
use super::crypto::random_bytes;
use super::keys::TouchPolicy;
use super::piv::{Firmware, Piv};
use super::tlv::{element, value};

/// The key that every card leaves the factory with.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];
/// The number of the management key among the keys.
const REFERENCE: u8 = 0x9b;

/// The ciphers, with the numbers that PIV gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManagementCipher {
    Tdes,
    Aes128,
    Aes192,
    Aes256,
}

impl ManagementCipher {
    fn from_code(code: u8) -> Option<Self> {
        let all = [Self::Tdes, Self::Aes128, Self::Aes192, Self::Aes256];
        all.into_iter().find(|cipher| cipher.code() == code)
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Tdes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0a,
            Self::Aes256 => 0x0c,
        }
    }

    fn block(self) -> usize {
        match self {
            Self::Tdes => 8,
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
        }
    }

    /// One block; none when the key or the block has the wrong size.
    fn encrypt(self, key: &[u8], block: &[u8]) -> Option<Vec<u8>> {
        let mut out = block.to_vec();
        let place = out.as_mut_slice();
        match self {
            Self::Tdes => {
                des::TdesEde3::new_from_slice(key).ok()?.encrypt_block(place.try_into().ok()?);
            }
            Self::Aes128 => {
                aes::Aes128::new_from_slice(key).ok()?.encrypt_block(place.try_into().ok()?);
            }
            Self::Aes192 => {
                aes::Aes192::new_from_slice(key).ok()?.encrypt_block(place.try_into().ok()?);
            }
            Self::Aes256 => {
                aes::Aes256::new_from_slice(key).ok()?.encrypt_block(place.try_into().ok()?);
            }
        }
        Some(out)
    }
}

#[derive(Debug, Clone)]
pub(super) struct ManagementKey {
    pub(super) cipher: ManagementCipher,
    key: Vec<u8>,
    pub(super) touch: TouchPolicy,
}

/// What the other side has to answer next.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    Witness(Vec<u8>),
    Challenge(Vec<u8>),
}

impl ManagementKey {
    pub(super) fn factory(firmware: Firmware) -> Self {
        let cipher = if firmware < Firmware::V5_7 {
            ManagementCipher::Tdes
        } else {
            ManagementCipher::Aes192
        };
        Self::new(cipher, &FACTORY).expect("24 bytes fit both ciphers")
    }

    /// None when the key has the wrong size for its cipher.
    pub(super) fn new(cipher: ManagementCipher, key: &[u8]) -> Option<Self> {
        cipher.encrypt(key, &vec![0; cipher.block()])?;
        Some(Self { cipher, key: key.to_vec(), touch: TouchPolicy::Never })
    }

    pub(super) fn is_factory(&self, firmware: Firmware) -> bool {
        let factory = Self::factory(firmware);
        (self.cipher, &self.key) == (factory.cipher, &factory.key)
    }
}

impl Piv {
    /// GENERAL AUTHENTICATE with the management key: either both sides prove it, or only the host does.
    pub(super) fn authenticate(
        &mut self,
        p1: u8,
        data: &[u8],
        controls: &Controls,
    ) -> Result<Vec<u8>, Status> {
        let pending = self.session.pending.take();
        if p1 != self.management.cipher.code() {
            // Assumed status.
            return Err(BAD_PARAMETERS);
        }
        let asked = value(data, 0x7c).ok_or(BAD_DATA)?;
        let [witness, challenge, response] = [0x80, 0x81, 0x82].map(|tag| value(asked, tag));
        match (witness, challenge, response, pending) {
            (Some([]), None, None, _) => {
                let ours = random_bytes(self.management.cipher.block());
                let sent = self.encrypted(&ours)?;
                self.session.pending = Some(Pending::Witness(ours));
                Ok(answer(0x80, &sent))
            }
            (None, Some([]), None, _) => {
                let ours = random_bytes(self.management.cipher.block());
                self.session.pending = Some(Pending::Challenge(ours.clone()));
                Ok(answer(0x81, &ours))
            }
            (Some(witness), Some(challenge), _, Some(Pending::Witness(ours))) => {
                let sent = self.encrypted(challenge)?;
                self.admit(witness == ours, controls)?;
                Ok(answer(0x82, &sent))
            }
            (None, None, Some(response), Some(Pending::Challenge(ours))) => {
                let right = self.encrypted(&ours)? == response;
                self.admit(right, controls)?;
                Ok(Vec::new())
            }
            _ => Err(BAD_DATA),
        }
    }

    /// SET MANAGEMENT KEY; P2 says whether using it wants touch.
    pub(super) fn set_management_key(
        &mut self,
        p1: u8,
        p2: u8,
        data: &[u8],
    ) -> Result<Vec<u8>, Status> {
        if !self.session.management {
            return Err(NOT_ALLOWED);
        }
        let touch = match (p1, p2) {
            (0xff, 0xff) => TouchPolicy::Never,
            (0xff, 0xfe) => TouchPolicy::Always,
            (0xff, 0xfd) => TouchPolicy::Cached,
            _ => return Err(BAD_PARAMETERS),
        };
        let (&[cipher, REFERENCE, length], key) = data.split_first_chunk().ok_or(BAD_DATA)? else {
            return Err(BAD_DATA);
        };
        if usize::from(length) != key.len() {
            return Err(BAD_DATA);
        }
        let cipher = ManagementCipher::from_code(cipher).ok_or(BAD_DATA)?;
        if cipher != ManagementCipher::Tdes && self.identity.firmware < Firmware::V5_4_2 {
            return Err(BAD_DATA);
        }
        let new = ManagementKey::new(cipher, key).ok_or(BAD_DATA)?;
        self.management = ManagementKey { touch, ..new };
        Ok(Vec::new())
    }

    fn encrypted(&self, block: &[u8]) -> Result<Vec<u8>, Status> {
        self.management.cipher.encrypt(&self.management.key, block).ok_or(BAD_DATA)
    }

    fn admit(&mut self, right: bool, controls: &Controls) -> Result<(), Status> {
        if !right || !self.touched(self.management.touch, controls) {
            return Err(NOT_ALLOWED);
        }
        self.session.management = true;
        Ok(())
    }
}

fn answer(tag: u8, data: &[u8]) -> Vec<u8> {
    element(&[0x7c], &element(&[tag], data))
}
