//! What a change of many repositories states, and what it cannot state.

use std::collections::BTreeMap;
use std::path::Path;

use crate::tuf::document::Dialect;
use crate::tuf::key::Algorithm;
use crate::tuf::name::{RepoName, RoleName};

use super::super::file::{BeforeFile, FleetFile, KnownGoodFile};
use super::super::{
    FleetPlan, Input, Kind, KnownGood, Medium, MediumRole, PlannedKey, PlannedRole, PlannedTarget,
    Removed, Repository, What,
};
use super::Parsing;
use super::place::at;

impl Repository {
    /// What people call a fleet stands where other plans name their repository. Its keys are proven as in tuf1, by challenges,
    /// or by the one certificate that they get for Notary; each repository has a dialect of its own.
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
            Kind::Refresh
                | Kind::RotateRoot
                | Kind::ReplaceCustodian
                | Kind::RotateTagging
                | Kind::AddDelegation
                | Kind::RotateDelegation
                | Kind::RemoveDelegation
        ) {
            let expected = "refresh, rotate-root, replace-custodian, rotate-tagging, or a kind of \
                            delegations for a fleet";
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
        let known_good = stated.known_good.map(|good| self.good_of_each(kind, good));
        let fleet = FleetPlan {
            medium: stated.medium,
            list: stated.list,
            also_sign: stated.also_sign,
            sets: stated.sets,
            known_good,
        };
        if !inputs.iter().any(|input| fleet.is_list(input)) {
            let expected = "a file that is listed under [[inputs]]";
            self.refuse(&place.field("list"), expected, &format!("{:?}", fleet.list));
        }
        fleet
    }

    /// Below each repository's folder lies what states its known-good targets, beside its documents and not one of them.
    fn good_of_each(&mut self, kind: Kind, stated: KnownGoodFile) -> KnownGood {
        let place = at("fleet").field("known_good");
        if kind != Kind::RotateTagging {
            self.refuse(&place, "no such table but for rotate-tagging", "one");
        }
        self.path(&place.field("file"), &stated.file);
        if Path::new(&stated.file).extension().is_some_and(|ending| ending == "json") {
            let expected = "a name that does not end in .json, as the documents of a folder do";
            self.refuse(&place.field("file"), expected, &format!("{:?}", stated.file));
        }
        let since = stated.since.map(|since| self.moment(&place.field("since"), &since));
        KnownGood { file: stated.file, form: stated.form, since: since.flatten() }
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

    /// A root key may have one certificate for all Notary repositories whose names begin alike.
    pub(super) fn certified_roots(
        &mut self,
        fleet: &FleetPlan,
        roles: &BTreeMap<RoleName, PlannedRole>,
        keys: &[PlannedKey],
    ) {
        let root = roles.get(&RoleName::root()).map(|root| root.keys.as_slice());
        for key in keys {
            let Some(certificate) = &key.certificate else { continue };
            let place = at("keys").named(key.name.as_str());
            let in_sets = fleet.sets.values().flatten().any(|(_, to)| *to == key.name);
            if !in_sets && !root.unwrap_or_default().contains(&key.name) {
                let expected = "certificates for root keys only";
                self.refuse(&place.field("certificate"), expected, "one for another key");
            }
            if key.algorithm != Algorithm::P256 {
                let expected = "p256 for a key that gets a certificate";
                self.refuse(&place.field("algorithm"), expected, &key.algorithm.to_string());
            }
            let common_name = certificate.common_name.as_deref();
            let begins = common_name.and_then(|name| name.strip_suffix('*'));
            if !begins.is_some_and(|begins| !begins.is_empty() && !begins.contains('*')) {
                let place = place.field("certificate").field("common_name");
                let expected = "the beginning that the names of the repositories share, and *";
                self.refuse(&place, expected, &format!("{:?}", common_name.unwrap_or("none")));
            }
        }
    }

    /// What would be said of every repository alike.
    pub(super) fn whole_fleet(
        &mut self,
        removed: &[Removed],
        targets: &[PlannedTarget],
        roles: &BTreeMap<RoleName, PlannedRole>,
    ) {
        if !targets.is_empty() {
            self.refuse(&at("targets"), "no such table beside [fleet]", "one");
        }
        if removed.iter().any(|removed| matches!(removed.what, What::Target { .. })) {
            self.refuse(&at("remove"), "delegations alone beside [fleet]", "a target");
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
