//! The objects of a card: certificates, identifiers, whatever else people put there.

use super::apdu::{BAD_DATA, NO_ROOM, NOT_ALLOWED, NOT_FOUND, Status};
use super::piv::{ATTESTATION, Piv};
use super::tlv::{element, elements};

const DISCOVERY: u32 = 0x7e;
/// Readable with the PIN only: printed information, fingerprints, face, iris.
const PROTECTED: [u32; 4] = [0x005f_c109, 0x005f_c103, 0x005f_c108, 0x005f_c121];
const LARGEST: usize = 3052;

/// The object with the certificate of a slot; none when the number is not one of a slot.
pub(super) fn certificate_object(slot: u8) -> Option<u32> {
    match slot {
        0x9a => Some(0x005f_c105),
        0x9c => Some(0x005f_c10a),
        0x9d => Some(0x005f_c10b),
        0x9e => Some(0x005f_c101),
        0x82..=0x95 => Some(0x005f_c10d + u32::from(slot - 0x82)),
        ATTESTATION => Some(0x005f_ff01),
        _ => None,
    }
}

/// A certificate in the form in which cards hold it: not compressed.
pub(super) fn wrapped(certificate: &[u8]) -> Vec<u8> {
    [element(&[0x70], certificate), element(&[0x71], &[0]), element(&[0xfe], &[])].concat()
}

impl Piv {
    /// GET DATA.
    pub(super) fn read_object(&self, data: &[u8]) -> Result<Vec<u8>, Status> {
        let id = match elements(data).ok_or(BAD_DATA)?.as_slice() {
            [(0x5c, id)] => object_id(id)?,
            _ => return Err(BAD_DATA),
        };
        if PROTECTED.contains(&id) && !self.session.pin {
            return Err(NOT_ALLOWED);
        }
        if id == DISCOVERY {
            let application = element(&[0x4f], &super::applet::PIV_FULL);
            let usage = element(&[0x5f, 0x2f], &[0x40, 0]);
            return Ok(element(&[0x7e], &[application, usage].concat()));
        }
        let object = match self.objects.get(&id) {
            Some(object) => object.clone(),
            None if Some(id) == certificate_object(ATTESTATION) => {
                wrapped(&self.identity.chain.intermediate())
            }
            None => return Err(NOT_FOUND),
        };
        Ok(element(&[0x53], &object))
    }

    /// PUT DATA; an empty object is none.
    pub(super) fn write_object(&mut self, data: &[u8]) -> Result<Vec<u8>, Status> {
        if !self.session.management {
            return Err(NOT_ALLOWED);
        }
        let (id, object) = match elements(data).ok_or(BAD_DATA)?.as_slice() {
            [(0x5c, id), (0x53, object)] => (object_id(id)?, *object),
            _ => return Err(BAD_DATA),
        };
        if object.len() > LARGEST {
            return Err(NO_ROOM);
        }
        if object.is_empty() {
            self.objects.remove(&id);
        } else {
            self.objects.insert(id, object.to_vec());
        }
        Ok(Vec::new())
    }
}

fn object_id(bytes: &[u8]) -> Result<u32, Status> {
    match bytes {
        [0x7e] => Ok(DISCOVERY),
        [0x5f, middle, last] => Ok(u32::from_be_bytes([0, 0x5f, *middle, *last])),
        _ => Err(BAD_DATA),
    }
}
