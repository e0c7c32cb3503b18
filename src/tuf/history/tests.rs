//! Keys that share the beginning of their fingerprints are different keys, and one that came back is found by all of it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::forge::ForgedKey;
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::name::RoleName;
use crate::tuf::root::{Expires, ListedKey, RoleKeys, Root, StatedThreshold};

use super::*;

fn key(label: &str) -> PublicKey {
    ForgedKey::new(&Digest::of(b"history"), label, Algorithm::Ed25519).unwrap().public_key().clone()
}

/// Two keys whose fingerprints begin with the same two bytes.
fn alike() -> [PublicKey; 2] {
    let mut seen: BTreeMap<Vec<u8>, PublicKey> = BTreeMap::new();
    let mut keys = (0..10_000).map(|nth| key(&nth.to_string()));
    let pair = keys.find_map(|key| {
        let begin = key.fingerprint().digest().as_bytes().iter().take(2).copied().collect();
        seen.insert(begin, key.clone()).map(|other| [other, key])
    });
    pair.unwrap()
}

/// Roots, version after version, that give roles to keys.
fn roots(history: &[&[(RoleName, &PublicKey)]]) -> Vec<Root> {
    let made = history.iter().zip(1..).map(|(named, version)| {
        let mut keys: BTreeMap<_, ListedKey> = BTreeMap::new();
        let mut roles: BTreeMap<RoleName, RoleKeys> = BTreeMap::new();
        for (role, key) in *named {
            let (id, listed) = crate::tuf::document::Dialect::Tuf1.list_key(key).unwrap();
            keys.insert(id.clone(), listed);
            let (threshold, unknown) = (StatedThreshold(1), BTreeMap::new());
            let empty = RoleKeys { keyids: Vec::new(), threshold, unknown };
            roles.entry(role.clone()).or_insert(empty).keyids.push(id);
        }
        Root {
            version,
            expires: Expires::new("2030-01-01T00:00:00Z".parse().unwrap()),
            consistent_snapshot: true,
            keys,
            roles,
            spec_version: Some("1.0.0".to_owned()),
            unknown: BTreeMap::new(),
        }
    });
    made.collect()
}

fn told(history: &[&[(RoleName, &PublicKey)]]) -> Vec<(String, u64, u64, u64)> {
    let found = returned(&roots(history));
    found.into_iter().map(|key| (key.role.to_string(), key.last, key.left, key.back)).collect()
}

#[test]
fn a_key_that_came_back_is_found_though_one_with_the_same_beginning_stood_between() {
    let [a, b] = alike();
    let (root, targets) = (RoleName::root, RoleName::targets);
    let none = Vec::new();
    let back = vec![("root".to_owned(), 1, 2, 3)];
    assert_eq!(told(&[&[(root(), &a)], &[(root(), &b)], &[(root(), &a)]]), back);
    assert_eq!(told(&[&[(root(), &a)], &[], &[(root(), &a)]]), back);
    // The one that came new is not the one that left.
    assert_eq!(told(&[&[(root(), &a)], &[], &[(root(), &b)]]), none);
    assert_eq!(told(&[&[(root(), &a)], &[(root(), &a)], &[(root(), &b)]]), none);
    // Into another role: after it was nowhere it came back; from role to role it only moved.
    let other = vec![("targets".to_owned(), 1, 2, 3)];
    assert_eq!(told(&[&[(root(), &a)], &[(root(), &b)], &[(root(), &b), (targets(), &a)]]), other);
    assert_eq!(told(&[&[(root(), &a)], &[(targets(), &a)], &[(targets(), &a)]]), none);
    assert_eq!(told(&[&[(root(), &a)], &[(targets(), &a)], &[(root(), &a)]]), back);
}

#[test]
fn every_gap_of_a_key_is_told_once() {
    let a = key("a");
    let with: &[_] = &[(RoleName::targets(), &a)];
    let found = told(&[with, &[], &[], with, with, &[], with]);
    let targets = || "targets".to_owned();
    assert_eq!(found, [(targets(), 1, 2, 4), (targets(), 5, 6, 7)]);
}

#[test]
fn room_and_jumps_end_where_they_should() {
    let last = 9_007_199_254_740_991;
    assert!(ends_soon(last) && ends_soon(last - ROOM + 1) && !ends_soon(last - ROOM));
    assert!(jumps(1, JUMP + 2) && !jumps(1, JUMP + 1) && !jumps(JUMP + 9, 1));
}
