//! Hash bins: delegations that are stated by their number instead of their names (TAP 15, `succinct_roles`).

use std::collections::BTreeMap;

use super::key::KeyId;
use super::name::RoleName;
use super::root::{RoleKeys, StatedThreshold};
use super::targets::{DelegatedRole, Delegations};
use super::wire::json::Json;

/// The member of delegations that states hash bins.
pub const MEMBER: &str = "succinct_roles";

/// Hash bins that share keys and a threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins {
    /// How many leading bits of the SHA-256 of a path choose the bin: 1 to 32.
    pub bits: u32,
    /// What the names of bins begin with.
    pub prefix: String,
    /// Who signs each bin.
    pub keys: RoleKeys,
}

impl Bins {
    /// The bins of delegations; nothing where there are none, or where they are malformed.
    pub fn of(delegations: &Delegations) -> Option<Self> {
        Self::read(delegations.unknown.get(MEMBER)?).ok()
    }

    /// Reads the member; the error says what is wrong.
    pub fn read(stated: &Json) -> Result<Self, &'static str> {
        let bits = match stated.member("bit_length") {
            Some(Json::Integer(bits)) => u32::try_from(*bits).ok(),
            Some(
                Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_),
            )
            | None => None,
        };
        let bits = bits.filter(|bits| (1..=32).contains(bits)).ok_or("no bit_length of 1 to 32")?;
        let Some(Json::String(prefix)) = stated.member("name_prefix") else {
            return Err("name_prefix is not a string");
        };
        let Some(Json::Array(ids)) = stated.member("keyids") else {
            return Err("keyids is not an array");
        };
        let Some(Json::Integer(threshold)) = stated.member("threshold") else {
            return Err("threshold is not an integer");
        };
        let mut keyids = Vec::new();
        for id in ids {
            let Json::String(id) = id else { return Err("a key id is not a string") };
            keyids.push(KeyId::new(id.clone()));
        }
        let keys =
            RoleKeys { keyids, threshold: StatedThreshold(*threshold), unknown: BTreeMap::new() };
        Ok(Self { bits, prefix: prefix.clone(), keys })
    }

    /// The member as a document states it.
    pub fn to_json(&self) -> Json {
        let ids = self.keys.keyids.iter().map(|id| Json::text(id.as_str()));
        Json::object([
            ("bit_length", Json::Integer(i64::from(self.bits))),
            ("keyids", Json::Array(ids.collect())),
            ("name_prefix", Json::text(self.prefix.clone())),
            ("threshold", Json::Integer(self.keys.threshold.0)),
        ])
    }

    /// The name of a bin, from 0.
    fn name(&self, nth: u64) -> String {
        let width = usize::try_from(self.bits.div_ceil(4)).unwrap_or(8);
        format!("{}-{nth:0width$x}", self.prefix)
    }

    /// The names of the first bin and of the last.
    pub fn names(&self) -> (String, String) {
        (self.name(0), self.name(self.count() - 1))
    }

    /// The names of all bins; of those whose prefix makes no name of a role, none.
    pub fn all(self) -> impl Iterator<Item = RoleName> {
        (0..self.count()).map_while(move |nth| self.name(nth).parse().ok())
    }

    /// How many bins there are.
    pub const fn count(&self) -> u64 {
        1 << self.bits
    }

    /// The bin of this name as a delegated role; nothing where no bin is called so.
    pub fn role(&self, name: &RoleName) -> Option<DelegatedRole> {
        let number = name.as_str().strip_prefix(self.prefix.as_str())?.strip_prefix('-')?;
        let width = usize::try_from(self.bits.div_ceil(4)).ok()?;
        let plain =
            number.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let nth = u64::from_str_radix(number, 16).ok()?;
        (plain && number.len() == width && nth < self.count()).then(|| DelegatedRole {
            name: name.clone(),
            keys: self.keys.clone(),
            paths: None,
            path_hash_prefixes: None,
            terminating: None,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn bins(bits: i64) -> Result<Bins, &'static str> {
        Bins::read(&Json::object([
            ("bit_length", Json::Integer(bits)),
            ("name_prefix", Json::text("bin")),
            ("keyids", Json::Array(vec![Json::text("k")])),
            ("threshold", Json::Integer(1)),
        ]))
    }

    #[test]
    fn a_bin_has_the_name_that_its_number_makes() {
        let bins = bins(5).unwrap();
        assert_eq!(bins.count(), 32);
        for (name, is) in [("bin-00", true), ("bin-1f", true), ("bin-20", false), ("bin-1F", false)]
        {
            assert_eq!(bins.role(&name.parse().unwrap()).is_some(), is, "{name}");
        }
        for name in ["bin-0", "bin-000", "bin", "bin-+1", "other-00"] {
            assert!(bins.role(&name.parse().unwrap()).is_none(), "{name}");
        }
    }

    #[test]
    fn bins_of_no_bits_or_too_many_are_none() {
        assert!(bins(0).is_err() && bins(33).is_err() && bins(-1).is_err());
        assert!(bins(1).is_ok() && bins(32).is_ok());
    }
}
