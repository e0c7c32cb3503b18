//! Targets and delegations of a change: from the state before, or the last one that is known to be good, with what the
//! plan adds, moves, keeps and takes out.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::bins::{self, Bins};
use crate::tuf::client::pattern_covers;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::KeyId;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::root::{Expires, RoleKeys, StatedThreshold};
use crate::tuf::table::TargetTable;
use crate::tuf::targets::{DelegatedRole, Delegations, TargetFile, Targets};

use super::super::before::{Anchor, Good, Held};
use super::super::plan::{Plan, PlannedDelegation, What};
use super::super::recipe::Recipe;
use super::body::Drafting;
use super::{DraftError, listed};

/// Something that was signed after the known-good state, and is not signed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// What.
    pub what: What,
    /// Whether it stays all the same, because the plan keeps it.
    pub kept: bool,
    /// In words: added, moved, changed, taken out.
    pub how: &'static str,
}

/// The body of a targets document, top-level or delegated.
pub(super) fn targets(
    drafting: &Drafting<'_>,
    role: &RoleName,
    version: u64,
    expires: Expires,
) -> Result<Targets, DraftError> {
    let plan = drafting.plan;
    let old = drafting.anchor().and_then(|anchor| anchor.signs(role)).map(Held::body);
    let top = *role == RoleName::targets();
    if top && old.is_none() && plan.kind.is_change() {
        return Err(DraftError::Missing(role.clone()));
    }
    let start = Start::of(plan, drafting.anchor(), role);
    let table = edited(plan, role, start.targets)?;
    let delegations =
        if top { delegations(drafting, start.delegations)? } else { start.delegations };
    let empty = match plan.repository.dialect {
        Dialect::Notary1 => Some(Delegations::default()),
        Dialect::Tuf1 => None,
    };
    Ok(Targets {
        version,
        expires,
        targets: table,
        delegations: delegations.or(empty),
        spec_version: old.map_or_else(|| drafting.spec_version(), |old| old.spec_version.clone()),
        unknown: drafting.marks(old.map(|old| old.unknown.clone())),
    })
}

/// The delegations of the top-level targets as they will be, without their keys: what check looks at.
pub fn planned_delegations(plan: &Plan, anchor: &Anchor) -> Vec<DelegatedRole> {
    let start = Start::of(plan, Some(anchor), &RoleName::targets()).delegations;
    let mut all = start.map(|delegations| delegations.roles).unwrap_or_default();
    all.retain(|role| !is_removed(plan, &role.name));
    for planned in &plan.delegations {
        let keys = RoleKeys {
            keyids: Vec::new(),
            threshold: StatedThreshold(i64::from(planned.threshold)),
            unknown: BTreeMap::new(),
        };
        let made = role_of(plan, planned, keys);
        match all.iter_mut().find(|role| role.name == made.name) {
            Some(known) => *known = made,
            None => all.push(made),
        }
    }
    all
}

/// The delegations that are listed now and will not be: taken out by name, undone, or below one that is.
pub fn gone_delegations(plan: &Plan, anchor: &Anchor) -> BTreeSet<RoleName> {
    let mut stay: BTreeSet<RoleName> = if Recipe::of(plan).makes(&DocRole::Targets) {
        planned_delegations(plan, anchor).into_iter().map(|role| role.name).collect()
    } else {
        listed_by(anchor.targets())
    };
    let mut open: Vec<RoleName> = stay.iter().cloned().collect();
    while let Some(role) = open.pop() {
        for below in listed_by(anchor.delegated(&role)) {
            if stay.insert(below.clone()) {
                open.push(below);
            }
        }
    }
    let now = anchor.targets().into_iter().chain(anchor.all_delegated().values());
    now.flat_map(|held| listed_by(Some(held))).filter(|role| !stay.contains(role)).collect()
}

fn listed_by(held: Option<&Held<Targets>>) -> BTreeSet<RoleName> {
    let delegations = held.and_then(|held| held.body().delegations.as_ref());
    delegations.into_iter().flat_map(|all| &all.roles).map(|role| role.name.clone()).collect()
}

/// The targets of a role's document as they will be; nothing where the plan takes out what is not there.
pub fn planned_targets(plan: &Plan, anchor: &Anchor, role: &RoleName) -> Option<TargetTable> {
    edited(plan, role, Start::of(plan, Some(anchor), role).targets).ok()
}

/// The names that are found no more when a delegation goes: those that it signs, and neither targets nor a delegation that
/// stays. Nothing where its document is not at hand.
pub fn lost_with(plan: &Plan, anchor: &Anchor, role: &RoleName) -> Option<Vec<String>> {
    let gone = &anchor.delegated(role)?.body().targets;
    let stays: BTreeSet<RoleName> = [RoleName::targets()]
        .into_iter()
        .chain(planned_delegations(plan, anchor).into_iter().map(|role| role.name))
        .collect();
    let tables: Vec<_> =
        stays.iter().filter_map(|role| planned_targets(plan, anchor, role)).collect();
    let lost = gone.keys().filter(|name| !tables.iter().any(|table| table.contains_key(name)));
    Some(lost.map(std::borrow::Cow::into_owned).collect())
}

/// What a document starts from.
struct Start {
    targets: TargetTable,
    delegations: Option<Delegations>,
}

impl Start {
    fn of(plan: &Plan, anchor: Option<&Anchor>, role: &RoleName) -> Self {
        let now = anchor.and_then(|anchor| anchor.signs(role)).map(Held::body);
        let (Some(now), Some(good)) = (now, anchor.and_then(Anchor::good)) else {
            return Self {
                targets: now.map(|now| now.targets.clone()).unwrap_or_default(),
                delegations: now.and_then(|now| now.delegations.clone()),
            };
        };
        if *role != RoleName::targets() {
            return Self { targets: now.targets.clone(), delegations: now.delegations.clone() };
        }
        let mut targets = match good {
            Good::Targets(good) => good.peek().targets.to_map(),
            Good::Builds(builds) => builds
                .iter()
                .map(|(name, build)| {
                    let same = now.targets.get(name).filter(|file| is_build(file, build));
                    (name.clone(), same.unwrap_or_else(|| of_build(build)))
                })
                .collect(),
        };
        for (name, file) in now.targets.iter() {
            if keeps_target(plan, role, &name) {
                targets.insert(name.into_owned(), file);
            }
        }
        for name in gone(&now.targets, &targets) {
            if keeps_target(plan, role, &name) {
                targets.remove(&name);
            }
        }
        let mut delegations = match good {
            Good::Targets(good) => good.peek().delegations.clone(),
            Good::Builds(_) => now.delegations.as_ref().map(|_| Delegations::default()),
        };
        keep_delegations(plan, now.delegations.as_ref(), &mut delegations);
        Self { targets: targets.into(), delegations }
    }
}

fn is_build(file: &TargetFile, build: &super::super::before::Build) -> bool {
    file.length == build.length
        && file.hashes.get("sha256").is_some_and(|raw| raw.as_slice() == build.sha256.as_bytes())
}

fn of_build(build: &super::super::before::Build) -> TargetFile {
    TargetFile {
        length: build.length,
        hashes: BTreeMap::from([("sha256".to_owned(), build.sha256.as_bytes().to_vec())]),
        custom: None,
        unknown: BTreeMap::new(),
    }
}

/// Names that the good state has and the one of now has not.
fn gone(now: &TargetTable, good: &BTreeMap<String, TargetFile>) -> Vec<String> {
    good.keys().filter(|name| !now.contains_key(name)).cloned().collect()
}

/// Whether the plan keeps what was done to a target after the good state: by its name, or by a pattern.
fn keeps_target(plan: &Plan, role: &RoleName, name: &str) -> bool {
    plan.kept.iter().any(|kept| match &kept.what {
        What::Target { role: of, name: pattern } => {
            of == role && (pattern == name || pattern_covers(pattern, name))
        }
        What::Delegation(_) => false,
    })
}

fn keeps_delegation(plan: &Plan, role: &RoleName) -> bool {
    plan.kept.iter().any(|kept| match &kept.what {
        What::Delegation(name) => name == role,
        What::Target { .. } => false,
    })
}

/// Takes over the delegations of now that the plan keeps.
fn keep_delegations(plan: &Plan, now: Option<&Delegations>, good: &mut Option<Delegations>) {
    let Some(now) = now else { return };
    for role in now.roles.iter().filter(|role| keeps_delegation(plan, &role.name)) {
        let delegations = good.get_or_insert_default();
        delegations.roles.retain(|known| known.name != role.name);
        delegations.roles.push(role.clone());
        for id in &role.keys.keyids {
            if let Some(key) = now.keys.get(id) {
                delegations.keys.insert(id.clone(), key.clone());
            }
        }
    }
}

/// What was signed after the good state: delegations first, since somebody may have added one for themselves.
pub fn dropped(plan: &Plan, anchor: &Anchor) -> Vec<Dropped> {
    let (Some(held), Some(good)) = (anchor.targets(), anchor.good()) else { return Vec::new() };
    let now = held.body();
    let mut all = Vec::new();
    let none = Delegations::default();
    let current = now.delegations.as_ref().unwrap_or(&none);
    let was = match good {
        Good::Targets(good) => good.peek().delegations.clone().unwrap_or_default(),
        Good::Builds(_) => Delegations::default(),
    };
    let keys = |of: &Delegations, role: &DelegatedRole| -> BTreeSet<_> {
        role.keys
            .keyids
            .iter()
            .filter_map(|id| of.keys.get(id))
            .map(|key| key.public.fingerprint())
            .collect()
    };
    let same = |a: &DelegatedRole, b: &DelegatedRole| {
        keys(current, a) == keys(&was, b)
            && a.keys.threshold == b.keys.threshold
            && a.paths == b.paths
            && a.path_hash_prefixes == b.path_hash_prefixes
            && a.terminating == b.terminating
    };
    for role in &current.roles {
        let how = match was.roles.iter().find(|old| old.name == role.name) {
            None => "added",
            Some(old) if !same(role, old) => "changed",
            Some(_) => continue,
        };
        let kept = keeps_delegation(plan, &role.name);
        all.push(Dropped { what: What::Delegation(role.name.clone()), kept, how });
    }
    for old in &was.roles {
        if !current.roles.iter().any(|role| role.name == old.name) {
            all.push(Dropped {
                what: What::Delegation(old.name.clone()),
                kept: false,
                how: "taken out",
            });
        }
    }
    all.extend(dropped_targets(plan, now, good));
    all
}

fn dropped_targets(plan: &Plan, now: &Targets, good: &Good) -> Vec<Dropped> {
    let role = RoleName::targets();
    let mut all = Vec::new();
    let mut tell = |name: &str, how| {
        let what = What::Target { role: role.clone(), name: name.to_owned() };
        all.push(Dropped { what, kept: keeps_target(plan, &role, name), how });
    };
    for (name, file) in now.targets.iter() {
        let how = match good {
            Good::Targets(good) => match good.peek().targets.get(&name) {
                None => "added",
                Some(old) if old.hashes != file.hashes || old.length != file.length => "moved",
                Some(old) if old != file => "described otherwise",
                Some(_) => continue,
            },
            Good::Builds(builds) => match builds.get(name.as_ref()) {
                None => "not among the builds",
                Some(build) if !is_build(&file, build) => "not what was built",
                Some(_) => continue,
            },
        };
        tell(&name, how);
    }
    let names: Vec<String> = match good {
        Good::Targets(good) => {
            good.peek().targets.keys().map(std::borrow::Cow::into_owned).collect()
        }
        Good::Builds(builds) => builds.keys().cloned().collect(),
    };
    for name in names.iter().filter(|name| !now.targets.contains_key(name)) {
        tell(name, "taken out");
    }
    all
}

/// The targets of one document with the plan's own in it.
fn edited(plan: &Plan, role: &RoleName, start: TargetTable) -> Result<TargetTable, DraftError> {
    let mut gone = plan.removed.iter().filter_map(|removed| match &removed.what {
        What::Target { role: of, name } if of == role => Some(name),
        What::Target { .. } | What::Delegation(_) => None,
    });
    let mut new = plan.targets.iter().filter(|target| target.role == *role).peekable();
    let first = gone.next();
    if first.is_none() && new.peek().is_none() {
        return Ok(start);
    }
    let mut table = start.to_map();
    for name in first.into_iter().chain(gone) {
        if table.remove(name).is_none() {
            return Err(DraftError::NotThere(format!("the target {name:?} of {role}")));
        }
    }
    for target in new {
        let file = TargetFile {
            length: target.length,
            hashes: BTreeMap::from([("sha256".to_owned(), target.sha256.as_bytes().to_vec())]),
            custom: None,
            unknown: BTreeMap::new(),
        };
        table.insert(target.name.clone(), file);
    }
    Ok(table.into())
}

/// The delegated roles that the plan takes out.
pub(super) fn removed_roles(plan: &Plan) -> impl Iterator<Item = &RoleName> {
    plan.removed.iter().filter_map(|removed| match &removed.what {
        What::Delegation(name) => Some(name),
        What::Target { .. } => None,
    })
}

/// Whether the plan takes a delegation out.
pub fn is_removed(plan: &Plan, role: &RoleName) -> bool {
    removed_roles(plan).any(|name| name == role)
}

/// Whether the plan takes any delegation out.
pub fn removes_delegations(plan: &Plan) -> bool {
    removed_roles(plan).next().is_some()
}

/// The delegations of the top-level targets: in their order, with those that the plan states in the place of those that
/// they replace, or behind all others. What is not mentioned stays as it is.
fn delegations(
    drafting: &Drafting<'_>,
    start: Option<Delegations>,
) -> Result<Option<Delegations>, DraftError> {
    let plan = drafting.plan;
    let mut all = start.clone().unwrap_or_default();
    let mut touched = false;
    for name in removed_roles(plan) {
        let before = all.roles.len();
        all.roles.retain(|role| role.name != *name);
        let bins = Bins::of(&all).is_some_and(|bins| bins.prefix == name.as_str());
        if bins {
            all.unknown.remove(bins::MEMBER);
        }
        if all.roles.len() == before && !bins {
            return Err(DraftError::NotThere(format!("the delegation {name}")));
        }
        touched = true;
    }
    for planned in &plan.delegations {
        let made = delegated(drafting, planned, &mut all)?;
        match all.roles.iter_mut().find(|role| role.name == planned.name) {
            Some(known) if *known == made => {}
            Some(known) => *known = made,
            None => all.roles.push(made),
        }
        touched = true;
    }
    if let Some(planned) = &plan.bins {
        let keyids = key_ids(drafting, &planned.prefix, &planned.keys, &mut all)?;
        let threshold = StatedThreshold(i64::from(planned.threshold));
        let keys = RoleKeys { keyids, threshold, unknown: BTreeMap::new() };
        let made = Bins { bits: planned.bits, prefix: planned.prefix.to_string(), keys };
        all.unknown.insert(bins::MEMBER.to_owned(), made.to_json());
        touched = true;
    }
    if !touched {
        return Ok(start);
    }
    let in_bins = Bins::of(&all).into_iter().flat_map(|bins| bins.keys.keyids);
    let in_roles = all.roles.iter().flat_map(|role| &role.keys.keyids).cloned();
    let used: BTreeSet<_> = in_roles.chain(in_bins).collect();
    all.keys.retain(|id, _| used.contains(id));
    Ok(Some(all))
}

fn delegated(
    drafting: &Drafting<'_>,
    planned: &PlannedDelegation,
    all: &mut Delegations,
) -> Result<DelegatedRole, DraftError> {
    let known = all.roles.iter().find(|role| role.name == planned.name).cloned();
    let keyids = key_ids(drafting, &planned.name, &planned.keys, all)?;
    let keys = RoleKeys {
        keyids,
        threshold: StatedThreshold(i64::from(planned.threshold)),
        unknown: known.map(|known| known.keys.unknown).unwrap_or_default(),
    };
    Ok(role_of(drafting.plan, planned, keys))
}

/// Lists keys for a role, and gives their ids.
fn key_ids(
    drafting: &Drafting<'_>,
    role: &RoleName,
    keys: &[KeyName],
    all: &mut Delegations,
) -> Result<Vec<KeyId>, DraftError> {
    let mut ids = Vec::new();
    for key in keys {
        drafting.proven(key)?;
        let (id, object) = listed(drafting.plan, drafting.before, drafting.roster, role, key)?;
        // The id may be there already, for another role.
        all.keys.entry(id.clone()).or_insert(object);
        ids.push(id);
    }
    Ok(ids)
}

fn role_of(plan: &Plan, planned: &PlannedDelegation, keys: RoleKeys) -> DelegatedRole {
    let tuf = plan.repository.dialect == Dialect::Tuf1;
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    DelegatedRole {
        name: planned.name.clone(),
        keys,
        paths: if tuf { some(&planned.paths) } else { Some(planned.paths.clone()) },
        path_hash_prefixes: some(&planned.path_hash_prefixes),
        terminating: tuf.then_some(planned.terminating),
    }
}
