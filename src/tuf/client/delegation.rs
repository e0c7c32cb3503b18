//! Who is asked for a path, in which order: delegations and their limits.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::targets::{DelegatedRole, Delegations};

use super::bins::HashBins;
use super::pattern::pattern_covers;

/// Why the delegations of a document make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDelegation {
    /// A delegation to the name of a top-level role.
    #[error("it delegates to {0}, which is the name of a top-level role")]
    TopLevel(RoleName),
    /// Two delegations to one name.
    #[error("it delegates to {0} twice")]
    Twice(RoleName),
    /// A role needs path patterns or hash prefixes, and not both.
    #[error("{0}: expected either paths or path_hash_prefixes")]
    Paths(RoleName),
    /// Roles and hash bins in one document.
    #[error("it has both roles and succinct_roles")]
    Both,
    /// A member of `succinct_roles` that is missing or makes no sense.
    #[error("succinct_roles: {0} is missing or makes no sense")]
    Bins(&'static str),
    /// A number of bits that makes no sense.
    #[error("succinct_roles: expected a bit_length of 1 to 32, found {0}")]
    BitLength(i64),
    /// More delegated roles than are visited.
    #[error("there are more than {0} delegated roles")]
    TooMany(usize),
}

/// The delegations of one document, checked (TUF 1.0 section 4.5).
#[derive(Debug, Clone)]
pub(super) struct Delegated<'a> {
    roles: &'a [DelegatedRole],
    bins: Option<HashBins>,
}

impl<'a> Delegated<'a> {
    pub(super) fn of(delegations: &'a Delegations) -> Result<Self, BadDelegation> {
        let bins = HashBins::of(delegations)?;
        if bins.is_some() && !delegations.roles.is_empty() {
            return Err(BadDelegation::Both);
        }
        let mut names = BTreeSet::new();
        for role in &delegations.roles {
            if top_level(&role.name) {
                return Err(BadDelegation::TopLevel(role.name.clone()));
            }
            if role.paths.is_some() == role.path_hash_prefixes.is_some() {
                return Err(BadDelegation::Paths(role.name.clone()));
            }
            if !names.insert(&role.name) {
                return Err(BadDelegation::Twice(role.name.clone()));
            }
        }
        Ok(Self { roles: &delegations.roles, bins })
    }

    /// The roles that are asked for a path, first things first: as far as a terminating one, that included.
    pub(super) fn asked(&self, path: &str) -> Vec<DelegatedRole> {
        if let Some(bins) = &self.bins {
            return vec![bins.bin(path)];
        }
        let mut asked = Vec::new();
        for role in self.roles.iter().filter(|role| covers(role, path)) {
            asked.push(role.clone());
            if role.terminating == Some(true) {
                break;
            }
        }
        asked
    }

    /// Every role, in order; an error where there are more than `limit`.
    pub(super) fn all(&self, limit: usize) -> Result<Vec<DelegatedRole>, BadDelegation> {
        let count = self
            .bins
            .as_ref()
            .map_or(self.roles.len(), |bins| usize::try_from(bins.count()).unwrap_or(usize::MAX));
        if count > limit {
            return Err(BadDelegation::TooMany(super::MAX_ROLES));
        }
        match &self.bins {
            Some(bins) => Ok(bins.all().collect()),
            None => Ok(self.roles.to_vec()),
        }
    }
}

/// Whether a name is that of a role that only a root gives.
pub(super) fn top_level(name: &RoleName) -> bool {
    ["root", "targets", "snapshot", "timestamp"].contains(&name.as_str())
}

/// Whether a delegation covers a path: by pattern or hash in TUF, by prefix in Notary.
pub fn delegation_covers(dialect: Dialect, role: &DelegatedRole, path: &str) -> bool {
    match dialect {
        Dialect::Tuf1 => covers(role, path),
        Dialect::Notary1 => role.paths.iter().flatten().any(|prefix| path.starts_with(prefix)),
    }
}

pub(super) fn covers(role: &DelegatedRole, path: &str) -> bool {
    let by_pattern = || role.paths.iter().flatten().any(|pattern| pattern_covers(pattern, path));
    let by_hash = || {
        let digits = data_encoding::HEXLOWER.encode(&Sha256::digest(path.as_bytes()));
        role.path_hash_prefixes.iter().flatten().any(|prefix| digits.starts_with(prefix))
    };
    by_pattern() || (role.path_hash_prefixes.is_some() && by_hash())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tuf::root::{RoleKeys, StatedThreshold};

    fn role(
        name: &str,
        paths: Option<&[&str]>,
        prefixes: Option<&[&str]>,
        end: bool,
    ) -> DelegatedRole {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let threshold = StatedThreshold(1);
        DelegatedRole {
            name: name.parse().unwrap(),
            keys: RoleKeys { keyids: vec![], threshold, unknown: BTreeMap::new() },
            paths: paths.map(owned),
            path_hash_prefixes: prefixes.map(owned),
            terminating: Some(end),
        }
    }

    fn asked(roles: &[DelegatedRole], path: &str) -> Vec<String> {
        let delegations = Delegations { roles: roles.to_vec(), ..Delegations::default() };
        let asked = Delegated::of(&delegations).unwrap().asked(path);
        asked.into_iter().map(|role| role.name.to_string()).collect()
    }

    #[test]
    fn roles_are_asked_in_order_as_far_as_a_terminating_one_that_covers_the_path() {
        let roles = [
            role("a", Some(&["*.txt"]), None, false),
            role("b", Some(&["*.md"]), None, true),
            role("c", Some(&["*"]), None, true),
            role("d", Some(&["*"]), None, false),
        ];
        assert_eq!(asked(&roles, "x.txt"), ["a", "c"]);
        assert_eq!(asked(&roles, "x.md"), ["b"]);
        assert_eq!(asked(&roles, "x/y"), Vec::<String>::new());
    }

    #[test]
    fn prefixes_are_of_the_hash_of_the_whole_path() {
        // SHA-256 of "file.txt" begins with aadf.
        let roles =
            [role("a", None, Some(&["aade", "ab"]), false), role("b", None, Some(&["aad"]), false)];
        assert_eq!(asked(&roles, "file.txt"), ["b"]);
        assert_eq!(asked(&[role("a", None, Some(&[]), false)], "file.txt"), Vec::<String>::new());
    }

    #[test]
    fn delegations_that_make_no_sense_are_refused() {
        let bad = |roles: &[DelegatedRole]| {
            let delegations = Delegations { roles: roles.to_vec(), ..Delegations::default() };
            Delegated::of(&delegations).err()
        };
        let good = role("a", Some(&["*"]), None, false);
        assert_eq!(bad(std::slice::from_ref(&good)), None);
        for name in ["root", "targets", "snapshot", "timestamp"] {
            let found = bad(&[role(name, Some(&["*"]), None, false)]);
            assert_eq!(found, Some(BadDelegation::TopLevel(name.parse().unwrap())));
        }
        assert!(matches!(bad(&[good.clone(), good]), Some(BadDelegation::Twice(_))));
        assert!(matches!(bad(&[role("a", None, None, false)]), Some(BadDelegation::Paths(_))));
        let both = role("a", Some(&["*"]), Some(&["5"]), false);
        assert!(matches!(bad(&[both]), Some(BadDelegation::Paths(_))));
    }
}
