//! PIN and PUK: checking, changing, tries, blocking.

use super::apdu::{BAD_DATA, BLOCKED, NO_REFERENCE, NOT_ALLOWED, NOT_NOW, Status};
use super::piv::Piv;

const SIZE: usize = 8;
const SHORTEST: usize = 6;
const FILLER: u8 = 0xff;

/// A PIN or a PUK with its tries.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    value: Vec<u8>,
    factory: &'static [u8],
    /// Tries left.
    pub(super) left: u8,
    /// Tries after a right one.
    pub(super) limit: u8,
}

impl Secret {
    pub(super) fn pin() -> Self {
        Self::new(b"123456\xff\xff")
    }

    pub(super) fn puk() -> Self {
        Self::new(b"12345678")
    }

    fn new(factory: &'static [u8]) -> Self {
        Self { value: factory.to_vec(), factory, left: 3, limit: 3 }
    }

    pub(super) fn is_factory(&self) -> bool {
        self.value == self.factory
    }

    fn check(&mut self, given: &[u8]) -> Result<(), Status> {
        if self.left == 0 {
            return Err(BLOCKED);
        }
        if given != self.value {
            self.left -= 1;
            // Assumed: the last try answers 63C0, and only the next one 6983.
            return Err(tries(self.left));
        }
        self.left = self.limit;
        Ok(())
    }

    /// A new value and all tries; the value is padded already.
    fn renew(&mut self, value: &[u8]) -> Result<(), Status> {
        let length = value.iter().position(|byte| *byte == FILLER).unwrap_or(value.len());
        let (secret, filler) = value.split_at(length);
        if secret.len() < SHORTEST || filler.iter().any(|byte| *byte != FILLER) {
            return Err(BAD_DATA);
        }
        self.value = value.to_vec();
        self.left = self.limit;
        Ok(())
    }

    /// Another secret, not yet padded, without the old one.
    pub(super) fn stage(&mut self, secret: &[u8]) {
        let mut value = secret.to_vec();
        value.resize(SIZE.max(secret.len()), FILLER);
        self.renew(&value).expect("6 to 8 bytes");
    }

    fn restore(&mut self, limit: u8) {
        self.value = self.factory.to_vec();
        (self.left, self.limit) = (limit, limit);
    }
}

/// 63Cx: so many tries are left.
fn tries(left: u8) -> Status {
    0x63c0 | Status::from(left.min(15))
}

impl Piv {
    /// VERIFY: with data the PIN is checked, without it is asked about; P1 of FF logs out.
    pub(super) fn verify(&mut self, p1: u8, p2: u8, data: &[u8]) -> Result<Vec<u8>, Status> {
        if p2 != 0x80 {
            return Err(NO_REFERENCE);
        }
        match (p1, data) {
            (0xff, []) => self.session.pin = false,
            (0, []) if self.session.pin => {}
            (0, []) if self.pin.left == 0 => return Err(BLOCKED),
            (0, []) => return Err(tries(self.pin.left)),
            (0, data) if data.len() == SIZE => {
                self.session.pin = false;
                self.pin.check(data)?;
                (self.session.pin, self.session.fresh) = (true, true);
            }
            _ => return Err(BAD_DATA),
        }
        Ok(Vec::new())
    }

    /// CHANGE REFERENCE: the old PIN or PUK, then the new one.
    pub(super) fn change(&mut self, p2: u8, data: &[u8]) -> Result<Vec<u8>, Status> {
        let (old, new) = halves(data)?;
        let secret = match p2 {
            0x80 => &mut self.pin,
            0x81 => &mut self.puk,
            _ => return Err(NO_REFERENCE),
        };
        // Assumed: a new one of a bad form is refused after the old one is checked; and changing does not log in.
        secret.check(old)?;
        secret.renew(new)?;
        Ok(Vec::new())
    }

    /// RESET RETRY COUNTER: the PUK, then a new PIN.
    pub(super) fn unblock(&mut self, p2: u8, data: &[u8]) -> Result<Vec<u8>, Status> {
        let (puk, pin) = halves(data)?;
        if p2 != 0x80 {
            return Err(NO_REFERENCE);
        }
        self.puk.check(puk)?;
        self.pin.renew(pin)?;
        self.session.pin = false;
        Ok(Vec::new())
    }

    /// SET PIN RETRIES: PIN and PUK go back to what the factory set.
    pub(super) fn set_tries(&mut self, pin: u8, puk: u8) -> Result<Vec<u8>, Status> {
        if !(self.session.management && self.session.pin) {
            return Err(NOT_ALLOWED);
        }
        if pin == 0 || puk == 0 {
            return Err(BAD_DATA);
        }
        self.pin.restore(pin);
        self.puk.restore(puk);
        self.session.pin = false;
        Ok(Vec::new())
    }

    /// RESET: everything as from the factory, but only when PIN and PUK are blocked.
    pub(super) fn reset(&mut self) -> Result<Vec<u8>, Status> {
        if self.pin.left > 0 || self.puk.left > 0 {
            return Err(NOT_NOW);
        }
        *self = Self::new(self.identity.clone());
        Ok(Vec::new())
    }
}

fn halves(data: &[u8]) -> Result<(&[u8], &[u8]), Status> {
    if data.len() == 2 * SIZE { Ok(data.split_at(SIZE)) } else { Err(BAD_DATA) }
}
