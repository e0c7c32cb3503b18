//! The nonces of ECDSA signatures, as far as they show: the `r` halves.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::key::Fingerprint;
use super::signature::Signature;

/// Every `r` that keys have used, and over which bytes. Whoever holds two signatures of one key with the same `r` over
/// different bytes can compute the private key (FIPS 186-5, 6.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nonces(BTreeMap<(Fingerprint, Vec<u8>), Digest>);

impl Nonces {
    /// Notes a signature over bytes with this digest; false where the key used its `r` before, over other bytes.
    pub fn note(&mut self, key: Fingerprint, signature: &Signature, bytes: Digest) -> bool {
        let Some(r) = signature.ecdsa_r() else { return true };
        *self.0.entry((key, r.to_vec())).or_insert(bytes) == bytes
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::forge::ForgedKey;
    use super::super::key::Algorithm;
    use super::*;

    #[test]
    fn one_nonce_over_two_messages_is_noticed_and_the_same_signature_again_is_not() {
        for algorithm in [Algorithm::P256, Algorithm::Ed25519] {
            let key = ForgedKey::new(&Digest::of(b"seed"), "a", algorithm).unwrap();
            let fingerprint = key.public_key().fingerprint();
            let mut nonces = Nonces::default();
            let mut note = |message: &[u8]| {
                let signature = key.sign_with_one_nonce(message);
                assert!(key.public_key().verifies(message, &signature));
                nonces.note(fingerprint, &signature, Digest::of(message))
            };
            assert!(note(b"one"));
            assert!(note(b"one"));
            // Ed25519 derives its nonces; there is none to use twice.
            assert_eq!(note(b"two"), algorithm == Algorithm::Ed25519);
            assert!(note(b"one"));
        }
    }

    #[test]
    fn other_keys_and_other_nonces_are_no_repetition() {
        let key = |label| ForgedKey::new(&Digest::of(b"seed"), label, Algorithm::P256).unwrap();
        let mut nonces = Nonces::default();
        for key in [key("a"), key("b")] {
            for message in [b"one", b"two"] {
                let fingerprint = key.public_key().fingerprint();
                assert!(nonces.note(fingerprint, &key.sign(message), Digest::of(message)));
            }
        }
    }
}
