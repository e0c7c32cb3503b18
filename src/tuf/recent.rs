//! What was found good a moment ago. A change over a fleet meets the same keys in thousands of documents, and each signature
//! again when it is put together and read back; an elliptic curve costs hundreds of times what a comparison does.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};

use sha2::{Digest as _, Sha256};

use super::key::PublicKey;
use super::signature::Signature;

/// How many good signatures each of the two generations holds: with both, 131,072 and less than 10 MiB.
const GENERATION: usize = 1 << 16;

/// A longer message costs more to hash than its signature to verify.
const LONG: usize = 64 << 10;

thread_local! {
    static GOOD: RefCell<Recent> = RefCell::default();
}

/// Whether `signature` is `key`'s over `message`. Only a good answer is remembered, under a hash of all three, so that
/// remembering never makes one good.
pub(super) fn verifies(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    if message.len() > LONG {
        return signature.is_by(key, message);
    }
    let name = name(key, message, signature);
    GOOD.with_borrow_mut(|good| {
        if good.knows(&name) {
            return true;
        }
        let verifies = signature.is_by(key, message);
        if verifies {
            good.learn(name);
        }
        verifies
    })
}

/// The last few readings that went well, each beside the bytes that were read.
pub(super) type Readings<T> = RefCell<VecDeque<(Vec<u8>, T)>>;

/// Reads bytes, unless they are the very bytes of one of the last readings.
pub(super) fn reading<T: Clone, E>(
    last: &Readings<T>,
    bytes: &[u8],
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    const KEPT: usize = 32;
    const LONGEST: usize = 8 << 10;
    if let Some((_, found)) = last.borrow().iter().find(|(known, _)| known == bytes) {
        return Ok(found.clone());
    }
    let found = read()?;
    if bytes.len() <= LONGEST {
        let mut last = last.borrow_mut();
        last.truncate(KEPT - 1);
        last.push_front((bytes.to_vec(), found.clone()));
    }
    Ok(found)
}

/// The SHA-256 by which a good signature is remembered: each part has its length before it, so that no two say the same.
fn name(key: &PublicKey, message: &[u8], signature: &Signature) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [key.spki_der(), signature.kind().as_bytes(), signature.as_bytes(), message] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A set that forgets: when the younger half is full, the older one goes.
#[derive(Default)]
struct Recent {
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

impl Recent {
    fn knows(&self, name: &[u8; 32]) -> bool {
        self.young.contains(name) || self.old.contains(name)
    }

    fn learn(&mut self, name: [u8; 32]) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::tuf::digest::Digest;
    use crate::tuf::forge::ForgedKey;
    use crate::tuf::key::Algorithm;

    #[test]
    fn a_good_signature_makes_no_other_good() {
        let key = ForgedKey::new(&Digest::of(b"recent"), "one", Algorithm::P256).unwrap();
        let other = ForgedKey::new(&Digest::of(b"recent"), "two", Algorithm::P256).unwrap();
        let good = key.sign(b"message");
        for _ in 0..2 {
            assert!(verifies(key.public_key(), b"message", &good));
            assert!(!verifies(key.public_key(), b"massage", &good));
            assert!(!verifies(other.public_key(), b"message", &good));
            assert!(!verifies(key.public_key(), b"message", &other.sign(b"message")));
        }
        // A bad one that was asked for often stays bad.
        let Signature::Ecdsa { rs, .. } = &good else { panic!("a P-256 signature is ECDSA") };
        let hash = crate::tuf::signature::Hash::Sha384;
        let typed = Signature::Ecdsa { hash, rs: rs.clone() };
        assert!(!verifies(key.public_key(), b"message", &typed));
    }

    #[test]
    fn only_the_very_same_bytes_are_read_once_and_a_fault_is_read_again() {
        let last = Readings::<u8>::default();
        assert_eq!(reading(&last, b"a", || Err("bad")), Err("bad"));
        assert_eq!(reading(&last, b"a", || Ok::<_, &str>(1)), Ok(1));
        assert_eq!(reading(&last, b"a", || Err("not asked")), Ok(1));
        assert_eq!(reading(&last, b"ab", || Err("asked")), Err("asked"));
        for n in 0..32 {
            reading(&last, &[0, n], || Ok::<_, &str>(n)).unwrap();
        }
        assert_eq!(reading(&last, b"a", || Err("forgotten")), Err("forgotten"));
        assert!(last.borrow().len() <= 32);
    }

    #[test]
    fn it_forgets_the_oldest_and_keeps_the_last() {
        let mut recent = Recent::default();
        let name = |n: usize| *Sha256::digest(n.to_be_bytes()).first_chunk().unwrap_or(&[0; 32]);
        for n in 0..=2 * GENERATION {
            recent.learn(name(n));
        }
        assert!(!recent.knows(&name(0)));
        assert!((GENERATION..=2 * GENERATION).all(|n| recent.knows(&name(n))));
    }
}
