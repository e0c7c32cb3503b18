//! What a change of many repositories states beside its keys and roles.

use std::collections::BTreeMap;

use crate::tuf::name::KeyName;

use super::{Input, Plan};

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
}

impl FleetPlan {
    /// Whether an input is the list.
    pub fn is_list(&self, input: &Input) -> bool {
        input.medium == self.medium && input.path == self.list
    }
}

impl Plan {
    /// The input that is the list of the fleet; nothing in a plan of one repository.
    pub fn fleet_list(&self) -> Option<&Input> {
        let fleet = self.fleet.as_ref()?;
        self.inputs.iter().find(|input| fleet.is_list(input))
    }
}
