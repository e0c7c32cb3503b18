//! Whether bytes are what another document says of them: lengths and hashes.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256, Sha512};

use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::TargetFile;

use super::Refused;

/// Where a snapshot or timestamp states length or hashes, they must be right (TUF 1.0 sections 5.5.2, 5.6.2).
pub(super) fn wrong_meta(stated: &MetaFile, bytes: &[u8]) -> Option<Refused> {
    stated
        .length
        .and_then(|expected| wrong_length(expected, bytes))
        .or_else(|| wrong_hash(&stated.hashes, bytes))
}

/// Whether a target is the one that is signed: its length, each hash that we know, and at least one of those (TUF 1.0
/// section 5.7.2).
pub fn check_target(stated: &TargetFile, bytes: &[u8]) -> Result<(), Refused> {
    if stated.hashes.is_empty() {
        return Err(no_known_hash(&stated.hashes));
    }
    match wrong_length(stated.length, bytes).or_else(|| wrong_hash(&stated.hashes, bytes)) {
        Some(why) => Err(why),
        None => Ok(()),
    }
}

/// The name under which the file of a target is asked for: `dir/HASH.name` where snapshots are consistent, else the path
/// itself (TUF 1.0 sections 3 and 5.7.3); nothing where no hash is known.
pub fn target_name(path: &str, stated: &TargetFile, consistent: bool) -> Option<String> {
    if !consistent {
        return Some(path.to_owned());
    }
    let hash = ["sha256", "sha512"].into_iter().find_map(|name| stated.hashes.get(name))?;
    let hash = HEXLOWER.encode(hash);
    Some(match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{hash}.{name}"),
        None => format!("{hash}.{path}"),
    })
}

/// The first of the known hashes that is wrong; a set without any known hash is wrong too, unless it is empty.
pub(super) fn wrong_hash(hashes: &BTreeMap<String, Vec<u8>>, bytes: &[u8]) -> Option<Refused> {
    let mut known = 0;
    for (name, expected) in hashes {
        let found = match name.as_str() {
            "sha256" => Sha256::digest(bytes).to_vec(),
            "sha512" => Sha512::digest(bytes).to_vec(),
            _ => continue,
        };
        known += 1;
        if found != *expected {
            return Some(Refused::Mismatch {
                expected: format!("{name} {}", HEXLOWER.encode(expected)),
                found: HEXLOWER.encode(&found),
            });
        }
    }
    (known == 0 && !hashes.is_empty()).then(|| no_known_hash(hashes))
}

fn wrong_length(expected: u64, bytes: &[u8]) -> Option<Refused> {
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    (found != expected).then(|| Refused::Mismatch {
        expected: format!("{expected} bytes"),
        found: format!("{found} bytes"),
    })
}

fn no_known_hash(hashes: &BTreeMap<String, Vec<u8>>) -> Refused {
    let found = hashes.keys().cloned().collect::<Vec<_>>().join(", ");
    Refused::Mismatch {
        expected: "a sha256 or sha512 hash".to_owned(),
        found: if found.is_empty() { "none".to_owned() } else { found },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn stated(hashes: &[(&str, Vec<u8>)], length: u64) -> TargetFile {
        let hashes = hashes.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
        TargetFile { length, hashes: hashes.collect(), custom: None, unknown: BTreeMap::new() }
    }

    #[test]
    fn a_target_is_taken_by_any_known_hash_and_by_all_of_them() {
        let sha256 = ("sha256", Sha256::digest(b"abc").to_vec());
        let sha512 = ("sha512", Sha512::digest(b"abc").to_vec());
        let strange = ("md5", vec![1]);
        let good: [&[(&str, Vec<u8>)]; 4] = [
            std::slice::from_ref(&sha256),
            std::slice::from_ref(&sha512),
            &[sha256.clone(), sha512.clone()],
            &[sha256.clone(), strange.clone()],
        ];
        for hashes in good {
            check_target(&stated(hashes, 3), b"abc").unwrap();
            check_target(&stated(hashes, 3), b"abd").unwrap_err();
            check_target(&stated(hashes, 4), b"abc").unwrap_err();
        }
        let wrong = ("sha512", sha256.1.clone());
        for hashes in [&[][..], &[strange], &[sha256, wrong]] {
            check_target(&stated(hashes, 3), b"abc").unwrap_err();
        }
    }

    #[test]
    fn an_empty_target_still_needs_its_hash() {
        let empty = ("sha256", Sha256::digest(b"").to_vec());
        check_target(&stated(&[empty], 0), b"").unwrap();
        check_target(&stated(&[], 0), b"").unwrap_err();
    }
}
