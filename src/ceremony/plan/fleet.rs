//! What a change of many repositories states beside its keys and roles.

use std::collections::BTreeMap;

use crate::tuf::document::Dialect;
use crate::tuf::name::{KeyName, RoleName};

use super::{Input, KnownGood, Plan};

/// A change of many repositories at once. Which they are stands in a list, a file on the IN medium that is listed among
/// the inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetPlan {
    /// The IN medium, where the list and all documents are.
    pub medium: KeyName,
    /// The list, a path on the medium.
    pub list: String,
    /// Keys of earlier roots that sign new roots beside their own.
    pub also_sign: Vec<KeyName>,
    /// Sets of keys: in the repositories that name a set, which key of the plan takes the place of which.
    pub sets: BTreeMap<KeyName, BTreeMap<KeyName, KeyName>>,
    /// The last state of each repository that is known to be good: a file below its folder. A repository without it is
    /// refused.
    pub known_good: Option<KnownGood>,
}

/// In a fleet of both dialects a delegation's name tells which it is of: Notary's begin with `targets/`, TUF's have no
/// slash.
pub(in crate::ceremony) fn dialect_of(delegation: &RoleName) -> Dialect {
    if delegation.as_str().starts_with("targets/") { Dialect::Notary1 } else { Dialect::Tuf1 }
}

impl FleetPlan {
    /// Whether an input is the list.
    pub fn is_list(&self, input: &Input) -> bool {
        input.medium == self.medium && input.path == self.list
    }
}

impl Plan {
    /// What states the targets that are known to be good, of one repository or of each of a fleet.
    pub fn good_state(&self) -> Option<&KnownGood> {
        let of_fleet = || self.fleet.as_ref()?.known_good.as_ref();
        self.known_good.as_ref().or_else(of_fleet)
    }

    /// The input that is the list of the fleet; nothing in a plan of one repository.
    pub fn fleet_list(&self) -> Option<&Input> {
        let fleet = self.fleet.as_ref()?;
        self.inputs.iter().find(|input| fleet.is_list(input))
    }
}
