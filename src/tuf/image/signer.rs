//! Which role signs a tag, in the order in which clients ask; and whether an image is what that role signs.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256, Sha512};

use crate::tuf::client;
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::targets::{DelegatedRole, TargetFile, Targets};
use crate::tuf::verify::Verified;

/// The delegation that `docker pull` asks before the targets role itself.
const RELEASES: &str = "targets/releases";

/// Who signs a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// This role, and as what.
    Role(RoleName, TargetFile),
    /// Nobody whom the client asks; these roles list it all the same.
    Nobody(Vec<RoleName>),
}

/// Finds who signs a tag. Notary: `targets/releases`, then `targets`, and nobody else, as `docker pull` does. TUF: the
/// targets role, then its delegations in their order (specification 1.0, section 5.6.7).
pub fn signer(
    dialect: Dialect,
    targets: &BTreeMap<RoleName, Arc<Verified<Targets>>>,
    tag: &str,
) -> Signer {
    let search = Search { targets, tag };
    let found = match dialect {
        Dialect::Notary1 => search.notary1(),
        Dialect::Tuf1 => search.tuf1(),
    };
    if let Some((role, file)) = found {
        return Signer::Role(role, file);
    }
    let all = targets.keys().filter(|role| search.entry(role).is_some());
    Signer::Nobody(all.cloned().collect())
}

struct Search<'a> {
    targets: &'a BTreeMap<RoleName, Arc<Verified<Targets>>>,
    tag: &'a str,
}

type Found = Option<(RoleName, TargetFile)>;

impl Search<'_> {
    fn entry(&self, role: &RoleName) -> Option<TargetFile> {
        self.targets.get(role)?.body().targets.get(self.tag)
    }

    fn delegates(&self, role: &RoleName) -> &[DelegatedRole] {
        let delegations = self.targets.get(role).and_then(|one| one.body().delegations.as_ref());
        delegations.map(|delegations| delegations.roles.as_slice()).unwrap_or_default()
    }

    fn notary1(&self) -> Found {
        let targets = RoleName::targets();
        // Notary's paths are prefixes; a delegation without any can publish nothing.
        let covers = |role: &&DelegatedRole| {
            let mut paths = role.paths.iter().flatten();
            role.name.as_str() == RELEASES && paths.any(|path| self.tag.starts_with(path))
        };
        let releases = self.delegates(&targets).iter().find(covers).map(|role| role.name.clone());
        let mut order = releases.into_iter().chain([targets]);
        order.find_map(|role| Some((role.clone(), self.entry(&role)?)))
    }

    fn tuf1(&self) -> Found {
        let found = client::asked_for(self.targets, self.tag)?;
        Some((found.role, found.file))
    }
}

/// Whether a manifest is what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Same,
    /// Another length.
    Length {
        /// What is signed.
        signed: u64,
        /// What is there.
        found: u64,
    },
    /// Another hash.
    Hash {
        /// Which hash.
        name: String,
        /// What is signed, in hex.
        signed: String,
        /// What is there, in hex.
        found: String,
    },
    /// None of the hashes that a client needs is signed; these are.
    NoHash(Vec<String>),
}

/// Compares the bytes of a manifest with a signed entry: its length and every hash that we know. Docker needs a SHA-256,
/// and so does a Notary entry here.
pub fn compare(dialect: Dialect, signed: &TargetFile, manifest: &[u8]) -> Match {
    let mut known = 0;
    for (name, stated) in &signed.hashes {
        let found = match name.as_str() {
            "sha256" => Sha256::digest(manifest).to_vec(),
            "sha512" => Sha512::digest(manifest).to_vec(),
            _ => continue,
        };
        known += 1;
        if found != *stated {
            let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
            return Match::Hash { name: name.clone(), signed: hex(stated), found: hex(&found) };
        }
    }
    let enough = match dialect {
        Dialect::Notary1 => signed.hashes.contains_key("sha256"),
        Dialect::Tuf1 => known > 0,
    };
    if !enough {
        return Match::NoHash(signed.hashes.keys().cloned().collect());
    }
    match u64::try_from(manifest.len()).unwrap_or(u64::MAX) {
        found if found != signed.length => Match::Length { signed: signed.length, found },
        _ => Match::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(hashes: &[(&str, Vec<u8>)], length: u64) -> TargetFile {
        TargetFile {
            length,
            hashes: hashes.iter().map(|(name, hash)| ((*name).to_owned(), hash.clone())).collect(),
            custom: None,
            unknown: BTreeMap::new(),
        }
    }

    #[test]
    fn length_and_every_hash_must_be_right() {
        let (sha256, sha512) = (Sha256::digest(b"m").to_vec(), Sha512::digest(b"m").to_vec());
        let both = [("sha256", sha256.clone()), ("sha512", sha512.clone())];
        let of = |dialect, hashes: &[_], length| compare(dialect, &entry(hashes, length), b"m");
        assert_eq!(of(Dialect::Notary1, &both, 1), Match::Same);
        assert_eq!(of(Dialect::Notary1, &both, 2), Match::Length { signed: 2, found: 1 });
        let wrong = [("sha256", sha256), ("sha512", vec![0; 64])];
        assert!(
            matches!(of(Dialect::Notary1, &wrong, 1), Match::Hash { name, .. } if name == "sha512")
        );
        let only_512 = [("sha512", sha512)];
        assert!(matches!(of(Dialect::Notary1, &only_512, 1), Match::NoHash(_)));
        assert_eq!(of(Dialect::Tuf1, &only_512, 1), Match::Same);
        for dialect in [Dialect::Notary1, Dialect::Tuf1] {
            assert!(matches!(of(dialect, &[], 1), Match::NoHash(_)));
            assert!(matches!(of(dialect, &[("md5", vec![0; 16])], 1), Match::NoHash(_)));
        }
    }
}
