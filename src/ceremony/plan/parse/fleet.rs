//! What a change of many repositories states, and what it cannot state.

use std::collections::BTreeMap;

use crate::tuf::document::Dialect;
use crate::tuf::key::Algorithm;
use crate::tuf::name::{RepoName, RoleName};

use super::super::file::{BeforeFile, FleetFile, KnownGoodFile};
use super::super::{
    FleetPlan, Input, Kind, Medium, MediumRole, PlannedKey, PlannedRole, Repository,
};
use super::Parsing;
use super::place::at;

impl Repository {
    /// What people call a fleet stands where other plans name their repository. Its keys are proven by challenges, as in
    /// tuf1; each repository has a dialect of its own.
    pub(super) const fn of_fleet(name: RepoName) -> Self {
        Self { name, dialect: Dialect::Tuf1, consistent_snapshot: true }
    }
}

impl Parsing<'_> {
    pub(super) fn fleet(
        &mut self,
        kind: Kind,
        stated: FleetFile,
        media: &[Medium],
        inputs: &[Input],
        keys: &[PlannedKey],
    ) -> FleetPlan {
        let place = at("fleet");
        if !matches!(
            kind,
            Kind::Refresh | Kind::RotateRoot | Kind::ReplaceCustodian | Kind::RotateTagging
        ) {
            let expected = "refresh, rotate-root, replace-custodian or rotate-tagging for a fleet";
            self.refuse(&at("kind"), expected, &kind.to_string());
        }
        self.medium(&place.field("medium"), &stated.medium, MediumRole::In, media);
        self.path(&place.field("list"), &stated.list);
        let pairs = stated.sets.values().flatten().flat_map(|(from, to)| [from, to]);
        for key in stated.also_sign.iter().chain(pairs) {
            if !keys.iter().any(|known| known.name == *key) {
                self.refuse(&place, "keys of the plan", &format!("{:?}", key.as_str()));
            }
        }
        for key in keys.iter().filter(|key| key.is_here()) {
            // Notary and TUF hash differently before a P-384 key signs, and one key signs for both.
            if !matches!(key.algorithm, Algorithm::P256 | Algorithm::Ed25519) {
                let place = at("keys").named(key.name.as_str()).field("algorithm");
                let expected = "p256 or ed25519 for a key that signs for a fleet";
                self.refuse(&place, expected, &key.algorithm.to_string());
            }
        }
        let fleet = FleetPlan {
            medium: stated.medium,
            list: stated.list,
            also_sign: stated.also_sign,
            sets: stated.sets,
        };
        if !inputs.iter().any(|input| fleet.is_list(input)) {
            let expected = "a file that is listed under [[inputs]]";
            self.refuse(&place.field("list"), expected, &format!("{:?}", fleet.list));
        }
        fleet
    }

    /// What a repository starts from stands in the list of a fleet, not in its plan.
    pub(super) fn alone(
        &mut self,
        before: Option<&BeforeFile>,
        good: Option<&KnownGoodFile>,
        is_fleet: bool,
    ) {
        for (table, stated) in [("before", before.is_some()), ("known_good", good.is_some())] {
            if is_fleet && stated {
                self.refuse(&at(table), "no such table beside [fleet]", "one");
            }
        }
    }

    /// What would be said of every repository alike.
    pub(super) fn whole_fleet(
        &mut self,
        tables: &[(&str, bool)],
        roles: &BTreeMap<RoleName, PlannedRole>,
    ) {
        for (table, _) in tables.iter().filter(|(_, empty)| !empty) {
            self.refuse(&at(table), "no such table beside [fleet]", "one");
        }
        for (name, role) in roles {
            let online = *name == RoleName::snapshot() || *name == RoleName::timestamp();
            if online && role.valid_for.is_some() {
                let expected = "no valid_for in a fleet: its servers sign snapshots and timestamps";
                self.refuse(&at("roles").field(name.as_str()), expected, "one");
            }
            if role.version.is_some() {
                let place = at("roles").field(name.as_str()).field("version");
                self.refuse(&place, "no version in a fleet", "one");
            }
        }
    }
}
