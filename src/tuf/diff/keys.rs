//! Keys, compared as public keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::key::{Fingerprint, KeyId};
use crate::tuf::name::RoleName;
use crate::tuf::root::{ListedKey, RoleKeys};
use crate::tuf::time::Timestamp;
use crate::tuf::wire::certificate::Certificate;

use super::{Change, Changes};

pub(super) type Listed = BTreeMap<KeyId, ListedKey>;

/// The distinct keys of a role, in the order in which it states them.
pub(super) fn fingerprints(listed: &Listed, role: &RoleKeys) -> Vec<Fingerprint> {
    let mut keys = Vec::new();
    for key in role.keyids.iter().filter_map(|id| listed.get(id)) {
        let fingerprint = key.public.fingerprint();
        if !keys.contains(&fingerprint) {
            keys.push(fingerprint);
        }
    }
    keys
}

/// The keys of a role with all their ids.
fn by_key(listed: &Listed, role: &RoleKeys) -> BTreeMap<Fingerprint, BTreeSet<KeyId>> {
    let mut keys: BTreeMap<Fingerprint, BTreeSet<KeyId>> = BTreeMap::new();
    for id in &role.keyids {
        if let Some(key) = listed.get(id) {
            keys.entry(key.public.fingerprint()).or_default().insert(id.clone());
        }
    }
    keys
}

/// The end of the certificate that carries a key under one of these ids.
fn end(listed: &Listed, ids: &BTreeSet<KeyId>) -> Option<Timestamp> {
    let pems = ids.iter().filter_map(|id| listed.get(id)?.certificate.as_ref());
    pems.filter_map(|pem| Some(Certificate::from_pem(pem).ok()?.not_after)).max()
}

impl Changes {
    /// A role that is there before and now.
    pub(super) fn role(
        &mut self,
        name: &RoleName,
        (old_listed, old): (&Listed, &RoleKeys),
        (new_listed, new): (&Listed, &RoleKeys),
    ) {
        let role = || name.clone();
        if old.threshold != new.threshold {
            let (from, to) = (old.threshold.0, new.threshold.0);
            self.push(Change::Threshold { role: role(), from, to });
        }
        let (before, now) = (by_key(old_listed, old), by_key(new_listed, new));
        if !before.is_empty() && !before.keys().any(|key| now.contains_key(key)) {
            let (before, now) = (before.len(), now.len());
            self.push(Change::AllKeysReplaced { role: role(), before, now });
        }
        for (key, ids) in before.iter().filter(|(key, _)| !now.contains_key(*key)) {
            let ids = ids.iter().cloned().collect();
            self.push(Change::KeyRemoved { role: role(), key: *key, ids });
        }
        for (key, ids) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
            let ids = ids.iter().cloned().collect();
            self.push(Change::KeyAdded { role: role(), key: *key, ids });
        }
        for (key, old_ids) in &before {
            let Some(new_ids) = now.get(key).filter(|ids| *ids != old_ids) else { continue };
            let key = *key;
            match (end(old_listed, old_ids), end(new_listed, new_ids)) {
                (Some(from), Some(to)) => {
                    self.push(Change::CertificateReplaced { role: role(), key, from, to });
                }
                (None | Some(_), None | Some(_)) => self.push(Change::KeyRenamed {
                    role: role(),
                    key,
                    from: old_ids.iter().cloned().collect(),
                    to: new_ids.iter().cloned().collect(),
                }),
            }
        }
        self.unknown(&format!("roles.{name}."), &old.unknown, &new.unknown);
    }

    /// The lists of keys: what stands under an id that stayed, and keys that no role names.
    pub(super) fn listed(
        &mut self,
        (old, old_roles): (&Listed, Vec<&RoleKeys>),
        (new, new_roles): (&Listed, Vec<&RoleKeys>),
    ) {
        for (id, before) in old {
            let Some(now) = new.get(id).filter(|now| now.wire != before.wire) else { continue };
            let (from, to) = (before.public.fingerprint(), now.public.fingerprint());
            self.push(if from == to {
                Change::KeyObject { id: id.clone(), key: to }
            } else {
                Change::KeyBytes { id: id.clone(), from, to }
            });
        }
        let unused = |listed: &Listed, roles: &[&RoleKeys]| -> BTreeMap<KeyId, Fingerprint> {
            let named: BTreeSet<_> = roles.iter().flat_map(|role| &role.keyids).collect();
            let unused = listed.iter().filter(|(id, _)| !named.contains(id));
            unused.map(|(id, key)| (id.clone(), key.public.fingerprint())).collect()
        };
        let (before, now) = (unused(old, &old_roles), unused(new, &new_roles));
        for (id, key) in now.iter().filter(|(id, _)| !old.contains_key(*id)) {
            self.push(Change::UnusedKeyAdded { id: id.clone(), key: *key });
        }
        for (id, key) in before.iter().filter(|(id, _)| !new.contains_key(*id)) {
            self.push(Change::UnusedKeyRemoved { id: id.clone(), key: *key });
        }
    }
}
