//! ROCA (CVE-2017-15361): RSA keys whose primes a chip's library made in so few ways that the private half can be computed
//! from the public one.
//!
//! Such primes are powers of 65537 modulo each small prime, and so is their product. An honest modulus is that for all of
//! them by a chance of less than one in 2^27 (Nemec et al., "The Return of Coppersmith's Attack", section 2).

/// The odd primes below 170, which divide the number that the library worked with, whatever the size of the key.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus (big-endian) is one of these.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % prime);
        let step = 65537 % prime;
        let mut power = 1;
        loop {
            if power == rest {
                return true;
            }
            power = power * step % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_modulus_of_the_weak_library_is_known_and_its_neighbours_are_not() {
        let weak = include_str!("../../tests/data/keys/roca-modulus.hex").trim_end();
        let weak = data_encoding::HEXLOWER.decode(weak.as_bytes()).unwrap();
        assert!(has_fingerprint(&weak));
        for at in 0..weak.len() {
            let mut other = weak.clone();
            other[at] ^= 2;
            assert!(!has_fingerprint(&other), "{at}");
        }
        assert!(!has_fingerprint(&[0]));
    }
}
