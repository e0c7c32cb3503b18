//! Targets and delegations, compared by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::bins::{self, Bins};
use crate::tuf::lint::each_target;
use crate::tuf::name::RoleName;
use crate::tuf::targets::{DelegatedRole, Delegations, TargetFile, Targets};

use super::keys::fingerprints;
use super::{Change, Changes, canonical};

impl Changes {
    /// One pass over each list of targets.
    pub(super) fn targets(&mut self, old: &Targets, new: &Targets) {
        each_target(old, |name, before| {
            let name = name.to_owned();
            match found(new, &name) {
                None => self.push(Change::TargetRemoved { name, hash: hash(before) }),
                Some(now) if *before == now => {}
                Some(now) if differs(before, &now) => {
                    self.push(Change::TargetMoved { name, from: hash(before), to: hash(&now) });
                }
                Some(_) => self.push(Change::TargetDescribed { name }),
            }
        });
        each_target(new, |name, now| {
            if !old.targets.contains_key(name) {
                self.push(Change::TargetAdded { name: name.to_owned(), hash: hash(now) });
            }
        });
        let none = Delegations::default();
        self.delegations(
            old.delegations.as_ref().unwrap_or(&none),
            new.delegations.as_ref().unwrap_or(&none),
        );
        self.unknown("", &old.unknown, &new.unknown);
    }

    fn delegations(&mut self, old: &Delegations, new: &Delegations) {
        let (old_roles, new_roles) = (by_name(old), by_name(new));
        for before in &old.roles {
            match new_roles.get(&before.name) {
                None => self.push(Change::DelegationRemoved { role: before.name.clone() }),
                Some(now) => {
                    self.role(&before.name, (&old.keys, &before.keys), (&new.keys, &now.keys));
                    self.scope(before, now);
                }
            }
        }
        for now in new.roles.iter().filter(|now| !old_roles.contains_key(&now.name)) {
            let prefixes = now.path_hash_prefixes.iter().flatten();
            self.push(Change::DelegationAdded {
                role: now.name.clone(),
                threshold: now.keys.threshold.0,
                keys: fingerprints(&new.keys, &now.keys),
                paths: now.paths.iter().flatten().chain(prefixes).cloned().collect(),
            });
        }
        let stayed = |list: &Delegations, other: &Named<'_>| -> Vec<RoleName> {
            let stayed = list.roles.iter().filter(|role| other.contains_key(&role.name));
            stayed.map(|role| role.name.clone()).collect()
        };
        let (from, to) = (stayed(old, &new_roles), stayed(new, &old_roles));
        if from != to {
            self.push(Change::DelegationOrder { from, to });
        }
        let bins = |list: &Delegations| list.unknown.get(bins::MEMBER).map(canonical);
        let (from, to) = (bins(old), bins(new));
        if from != to {
            self.push(Change::Bins { from, to });
        }
        let (old_bins, new_bins) = (Bins::of(old), Bins::of(new));
        self.listed(
            (
                &old.keys,
                old.roles.iter().map(|r| &r.keys).chain(old_bins.iter().map(|b| &b.keys)).collect(),
            ),
            (
                &new.keys,
                new.roles.iter().map(|r| &r.keys).chain(new_bins.iter().map(|b| &b.keys)).collect(),
            ),
        );
        let without = |list: &Delegations| {
            let mut unknown = list.unknown.clone();
            unknown.remove(bins::MEMBER);
            unknown
        };
        self.unknown("delegations.", &without(old), &without(new));
    }

    /// What a delegation may sign for.
    fn scope(&mut self, before: &DelegatedRole, now: &DelegatedRole) {
        let scope = |role: &DelegatedRole| -> BTreeSet<String> {
            let prefixes = role.path_hash_prefixes.iter().flatten();
            let prefixes = prefixes.map(|prefix| format!("hash prefix {prefix}"));
            role.paths.iter().flatten().cloned().chain(prefixes).collect()
        };
        let (old, new) = (scope(before), scope(now));
        let role = || now.name.clone();
        let paths: Vec<_> = new.difference(&old).cloned().collect();
        if !paths.is_empty() {
            self.push(Change::PathsAdded { role: role(), paths });
        }
        let paths: Vec<_> = old.difference(&new).cloned().collect();
        if !paths.is_empty() {
            self.push(Change::PathsRemoved { role: role(), paths });
        }
        if before.terminating != now.terminating {
            self.push(Change::Terminating { role: role(), to: now.terminating });
        }
    }
}

type Named<'a> = BTreeMap<&'a RoleName, &'a DelegatedRole>;

fn by_name(delegations: &Delegations) -> Named<'_> {
    delegations.roles.iter().map(|role| (&role.name, role)).collect()
}

fn found(targets: &Targets, name: &str) -> Option<TargetFile> {
    targets.targets.get(name)
}

/// Whether two targets can be the same content: a hash that both state differs, or they share none.
fn differs(before: &TargetFile, now: &TargetFile) -> bool {
    let mut shared = before.hashes.iter().filter(|(name, _)| now.hashes.contains_key(*name));
    let none = shared.clone().next().is_none();
    none || shared.any(|(name, hash)| now.hashes.get(name) != Some(hash))
        || before.length != now.length
}

/// The hash by which people compare a target: its sha256, or another one with its name.
fn hash(file: &TargetFile) -> String {
    let hex = |bytes: &Vec<u8>| data_encoding::HEXLOWER.encode(bytes);
    match file.hashes.get("sha256") {
        Some(bytes) => hex(bytes),
        None => file
            .hashes
            .iter()
            .next()
            .map_or_else(|| "no hash".to_owned(), |(name, bytes)| format!("{name} {}", hex(bytes))),
    }
}
