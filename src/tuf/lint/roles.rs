//! Roles: who may sign, and how many must.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::any::AnyDocument;
use crate::tuf::bins;
use crate::tuf::key::{Fingerprint, KeyId};
use crate::tuf::name::RoleName;
use crate::tuf::root::{ListedKey, RoleKeys, Root};

use super::table::{
    KEY_ID_NOT_LISTED, KEY_ID_REPEATED, KEY_IN_SEVERAL_ROLES, KEY_UNUSED, ROLE_EXTRA, ROLE_MISSING,
    SAME_KEY_TWICE, THRESHOLD_ABOVE_KEYS, THRESHOLD_ALL_OF_N, THRESHOLD_ONE,
    THRESHOLD_ONE_BELOW_ROOT, THRESHOLD_ZERO,
};
use super::{Counted, Raised};

/// The four roles of a root.
const FOUR: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

pub(super) fn findings(document: &AnyDocument, raised: &mut Raised<'_>) {
    match document {
        AnyDocument::Root(root) => {
            let root = root.peek();
            of_root(root, raised);
            let roles = root.roles.iter().map(|(name, keys)| (name.as_str(), keys));
            unused(&root.keys, roles, raised);
        }
        AnyDocument::Targets(targets) => {
            let Some(delegations) = &targets.peek().delegations else { return };
            for role in &delegations.roles {
                of_role(role.name.as_str(), &role.keys, &delegations.keys, raised);
            }
            // Who signs hash bins stands elsewhere.
            if !delegations.unknown.contains_key(bins::MEMBER) {
                let roles = delegations.roles.iter().map(|role| (role.name.as_str(), &role.keys));
                unused(&delegations.keys, roles, raised);
            }
        }
        AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => {}
    }
}

fn of_root(root: &Root, raised: &mut Raised<'_>) {
    for name in FOUR {
        if !root.roles.keys().any(|role| role.as_str() == name) {
            raised.raise(&ROLE_MISSING, name, "no such role");
        }
    }
    for (name, role) in &root.roles {
        if !FOUR.contains(&name.as_str()) {
            raised.raise(&ROLE_EXTRA, name.as_str(), "a role beyond the four");
        }
        of_role(name.as_str(), role, &root.keys, raised);
    }
    let mut roles: BTreeMap<Fingerprint, BTreeSet<&RoleName>> = BTreeMap::new();
    for (name, role) in &root.roles {
        for key in role.keyids.iter().filter_map(|id| root.keys.get(id)) {
            roles.entry(key.public.fingerprint()).or_default().insert(name);
        }
    }
    let mut together: BTreeMap<Vec<&str>, Counted> = BTreeMap::new();
    for (fingerprint, names) in roles.iter().filter(|(_, names)| names.len() > 1) {
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        // One machine signs both.
        if names == ["snapshot", "timestamp"] {
            continue;
        }
        together.entry(names).or_default().add(|| fingerprint.to_string());
    }
    for (names, keys) in together {
        raised.raise_counted(&KEY_IN_SEVERAL_ROLES, &names.join(" and "), &keys);
    }
}

fn of_role(
    name: &str,
    role: &RoleKeys,
    listed: &BTreeMap<KeyId, ListedKey>,
    raised: &mut Raised<'_>,
) {
    let ids: BTreeSet<_> = role.keyids.iter().collect();
    if ids.len() < role.keyids.len() {
        raised.raise(
            &KEY_ID_REPEATED,
            name,
            format!("{} ids, {} distinct", role.keyids.len(), ids.len()),
        );
    }
    let mut keys: BTreeMap<Fingerprint, Vec<&str>> = BTreeMap::new();
    let mut absent = Counted::default();
    for id in ids {
        match listed.get(id) {
            Some(key) => keys.entry(key.public.fingerprint()).or_default().push(id.as_str()),
            None => absent.add(|| id.to_string()),
        }
    }
    raised.raise_counted(&KEY_ID_NOT_LISTED, name, &absent);
    for ids in keys.values().filter(|ids| ids.len() > 1) {
        raised.raise(&SAME_KEY_TWICE, name, format!("one key as {}", ids.join(" and ")));
    }
    threshold(name, role.threshold.0, keys.len(), raised);
}

fn threshold(name: &str, stated: i64, keys: usize, raised: &mut Raised<'_>) {
    let found = format!("{stated} of {keys} keys");
    let is_root = name == "root";
    let reachable = usize::try_from(stated).ok();
    let rule = match reachable {
        None | Some(0) => &THRESHOLD_ZERO,
        Some(count) if count > keys => &THRESHOLD_ABOVE_KEYS,
        Some(1) if is_root => &THRESHOLD_ONE,
        Some(1) => &THRESHOLD_ONE_BELOW_ROOT,
        Some(count) if is_root && count == keys => &THRESHOLD_ALL_OF_N,
        Some(_) => return,
    };
    raised.raise(rule, name, found);
}

fn unused<'a>(
    listed: &BTreeMap<KeyId, ListedKey>,
    roles: impl Iterator<Item = (&'a str, &'a RoleKeys)>,
    raised: &mut Raised<'_>,
) {
    let named: BTreeSet<&KeyId> = roles.flat_map(|(_, role)| &role.keyids).collect();
    let mut unused = Counted::default();
    for id in listed.keys().filter(|id| !named.contains(id)) {
        unused.add(|| id.to_string());
    }
    raised.raise_counted(&KEY_UNUSED, "keys", &unused);
}
