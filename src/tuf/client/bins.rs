//! Hash bins: one role that stands for many, each for a part of all paths (TUF 1.0 section 4.5.1, TAP 15).

use sha2::{Digest as _, Sha256};

use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::root::{RoleKeys, StatedThreshold};
use crate::tuf::targets::{DelegatedRole, Delegations};
use crate::tuf::wire::json::Json;

use super::delegation::BadDelegation;

/// The member `succinct_roles` of a document's delegations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashBins {
    keys: RoleKeys,
    bit_length: u32,
    name_prefix: String,
}

impl HashBins {
    /// Reads the bins that a document delegates to; nothing where it has no such member.
    pub fn of(delegations: &Delegations) -> Result<Option<Self>, BadDelegation> {
        let Some(stated) = delegations.unknown.get("succinct_roles") else { return Ok(None) };
        let bit_length = integer(stated, "bit_length")?;
        let bit_length = u32::try_from(bit_length)
            .ok()
            .filter(|bits| (1..=32).contains(bits))
            .ok_or(BadDelegation::BitLength(bit_length))?;
        let name_prefix = text(stated.member("name_prefix"), "name_prefix")?;
        if name_prefix.is_empty() {
            return Err(BadDelegation::Bins("name_prefix"));
        }
        let Some(Json::Array(ids)) = stated.member("keyids") else {
            return Err(BadDelegation::Bins("keyids"));
        };
        let ids: Result<Vec<_>, _> = ids.iter().map(|id| text(Some(id), "keyids")).collect();
        let bins = Self {
            keys: RoleKeys {
                keyids: ids?.into_iter().map(KeyId::new).collect(),
                threshold: StatedThreshold(integer(stated, "threshold")?),
                unknown: std::collections::BTreeMap::new(),
            },
            bit_length,
            name_prefix,
        };
        match bins.name(0).parse::<RoleName>() {
            Ok(_) => Ok(Some(bins)),
            Err(_) => Err(BadDelegation::Bins("name_prefix")),
        }
    }

    /// How many bins there are.
    pub const fn count(&self) -> u64 {
        1 << self.bit_length
    }

    /// The bin for a path: by the first bits of the path's SHA-256.
    pub fn bin(&self, path: &str) -> DelegatedRole {
        let digest: [u8; 32] = Sha256::digest(path.as_bytes()).into();
        let [a, b, c, d, ..] = digest;
        self.role(u64::from(u32::from_be_bytes([a, b, c, d]) >> (32 - self.bit_length)))
    }

    /// Every bin, in order.
    pub fn all(&self) -> impl Iterator<Item = DelegatedRole> {
        (0..self.count()).map(|nth| self.role(nth))
    }

    fn name(&self, nth: u64) -> String {
        let width = usize::try_from(self.bit_length.div_ceil(4)).unwrap_or(8);
        format!("{}-{nth:0width$x}", self.name_prefix)
    }

    fn role(&self, nth: u64) -> DelegatedRole {
        let name = self.name(nth).parse();
        DelegatedRole {
            name: name.expect("the name of the first bin is one, and all names have one length"),
            keys: self.keys.clone(),
            paths: None,
            path_hash_prefixes: None,
            terminating: Some(true),
        }
    }
}

fn integer(stated: &Json, name: &'static str) -> Result<i64, BadDelegation> {
    match stated.member(name) {
        Some(Json::Integer(number)) => Ok(*number),
        Some(Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_))
        | None => Err(BadDelegation::Bins(name)),
    }
}

fn text(stated: Option<&Json>, name: &'static str) -> Result<String, BadDelegation> {
    match stated {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_))
        | None => Err(BadDelegation::Bins(name)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn bins(bit_length: i64, prefix: &str) -> Result<HashBins, BadDelegation> {
        let mut delegations = Delegations::default();
        let stated = Json::object([
            ("keyids", Json::Array(vec![Json::text("k")])),
            ("threshold", Json::Integer(1)),
            ("bit_length", Json::Integer(bit_length)),
            ("name_prefix", Json::text(prefix)),
        ]);
        delegations.unknown.insert("succinct_roles".to_owned(), stated);
        HashBins::of(&delegations).map(Option::unwrap)
    }

    #[test]
    fn bins_are_named_by_the_first_bits_of_the_hash_of_a_path() {
        // SHA-256 of "file.txt" begins with aadf327c.
        for (bits, name) in [(1, "b-1"), (4, "b-a"), (5, "b-15"), (8, "b-aa"), (32, "b-aadf327c")] {
            assert_eq!(bins(bits, "b").unwrap().bin("file.txt").name.as_str(), name);
        }
        let names: Vec<_> = bins(5, "b").unwrap().all().map(|bin| bin.name.to_string()).collect();
        assert_eq!(names.len(), 32);
        assert_eq!(
            (names.first().unwrap().as_str(), names.last().unwrap().as_str()),
            ("b-00", "b-1f")
        );
    }

    #[test]
    fn a_length_of_no_bits_or_of_more_than_32_makes_no_sense() {
        for bits in [1, 32] {
            bins(bits, "b").unwrap();
        }
        for bits in [0, -1, 33, 1 << 31, 1 << 40] {
            assert_eq!(bins(bits, "b").unwrap_err(), BadDelegation::BitLength(bits));
        }
    }

    #[test]
    fn a_prefix_must_make_names_of_roles() {
        bins(8, "team/x").unwrap();
        for prefix in ["", "a\nb", &"x".repeat(255)] {
            assert_eq!(bins(8, prefix).unwrap_err(), BadDelegation::Bins("name_prefix"));
        }
    }
}
