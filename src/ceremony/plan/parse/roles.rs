//! The roles of a plan, and what they ask of their keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::document::Dialect;
use crate::tuf::key::Algorithm;
use crate::tuf::name::{KeyName, RoleName};

use super::super::file::RoleFile;
use super::super::{Kind, Origin, PlannedKey, PlannedRole, Repository, SignWho, SignedWhere};
use super::Parsing;
use super::place::at;

impl Parsing<'_> {
    /// `known` names all keys of the file, also those in which something else is wrong.
    pub(super) fn role(
        &mut self,
        name: &str,
        role: RoleFile,
        (kind, dialect, by_request): (Kind, Dialect, bool),
        keys: &[PlannedKey],
        known: &BTreeSet<KeyName>,
    ) -> PlannedRole {
        let place = at("roles").field(name);
        if role.keys.is_empty() {
            self.refuse(&place.field("keys"), "at least one key", "none");
        }
        // A change makes the documents that have a lifetime; a first root makes them all.
        let signed = role.signed.unwrap_or(if kind.is_change() && role.valid_for.is_none() {
            SignedWhere::Online
        } else {
            SignedWhere::Here
        });
        for key in &role.keys {
            if !known.contains(key) {
                let found = format!("{:?}", key.as_str());
                self.refuse(&place.field("keys"), "one of the keys", &found);
            }
            let Some(key) = keys.iter().find(|known| known.name == *key) else { continue };
            let answers = by_request && matches!(key.origin, Origin::Enrol { .. });
            let stays = !key.is_here() && !matches!(key.origin, Origin::Listed(_)) && !answers;
            if signed == SignedWhere::Here && stays {
                let expected = "keys that come to the room, since it is signed here";
                let found = format!("{}, which stays elsewhere", key.name);
                self.refuse(&place.field("keys"), expected, &found);
            }
            let server = matches!(key.origin, Origin::Server { .. });
            if server && !matches!(name, "snapshot" | "timestamp") {
                let found = format!("{}, which the server holds", key.name);
                let expected = "server keys for snapshot and timestamp only";
                self.refuse(&place.field("keys"), expected, &found);
            }
        }
        if signed == SignedWhere::Here && role.valid_for.is_none() {
            self.refuse(&place, "valid_for, since it is signed here", "none");
        }
        if name == "root" && role.signed == Some(SignedWhere::Online) {
            let expected = "\"here\": a root is never signed online";
            self.refuse(&place.field("signed"), expected, "\"online\"");
        }
        if dialect == Dialect::Notary1 && signed == SignedWhere::Here && name == "timestamp" {
            let expected = "\"online\": a Notary server always signs it itself";
            self.refuse(&place.field("signed"), expected, "\"here\"");
        }
        PlannedRole {
            keys: role.keys,
            threshold: role.threshold,
            sign: role.sign.unwrap_or(SignWho::All),
            signed,
            valid_for: role.valid_for,
            version: role.version,
        }
    }

    /// What is signed on several machines is a change of one repository, and makes no key: that wants a room.
    pub(super) fn by_request(
        &mut self,
        stated: bool,
        kind: Kind,
        fleet: bool,
        keys: &[PlannedKey],
    ) {
        if !stated {
            return;
        }
        let place = at("by_request");
        if !kind.is_change() {
            let expected = "it for changes only: nothing that signers elsewhere could have pinned";
            self.refuse(&place, expected, kind.as_str());
        }
        if fleet {
            self.refuse(&place, "it for one repository", "a fleet");
        }
        for key in keys.iter().filter(|key| matches!(key.origin, Origin::Make { .. })) {
            let expected =
                "enrol = { ... } in a plan by request, with the proof of whoever made the key";
            self.refuse(&at("keys").named(key.name.as_str()).field("make"), expected, "make");
        }
    }

    /// A notary1 snapshot hashes the signed targets, so it is signed where they are.
    pub(super) fn snapshot_after_targets(
        &mut self,
        dialect: Dialect,
        roles: &BTreeMap<RoleName, PlannedRole>,
    ) {
        let signed = |name: RoleName| roles.get(&name).map(|role| role.signed);
        if dialect == Dialect::Notary1
            && signed(RoleName::snapshot()) == Some(SignedWhere::Here)
            && signed(RoleName::targets()) == Some(SignedWhere::Online)
        {
            let place = at("roles").field("snapshot").field("signed");
            let expected = "\"online\", since targets is signed online and the snapshot hashes it";
            self.refuse(&place, expected, "\"here\"");
        }
    }

    /// Notary's root keys come in certificates, and only ECDSA keys can.
    pub(super) fn root_keys(
        &mut self,
        (kind, repository): (Kind, &Repository),
        roles: &BTreeMap<RoleName, PlannedRole>,
        keys: &[PlannedKey],
    ) {
        if repository.dialect == Dialect::Tuf1 {
            return;
        }
        let root = roles.get(&RoleName::root());
        let is_root = |key: &PlannedKey| root.is_some_and(|root| root.keys.contains(&key.name));
        for key in keys {
            let place = at("keys").named(key.name.as_str());
            match (is_root(key), key.certificate.is_some()) {
                // A key of the root before keeps its certificate.
                (true, false)
                    if kind.is_change()
                        && matches!(key.origin, Origin::Fingerprint(_) | Origin::Listed(_)) => {}
                (true, false) => {
                    let expected = "certificate = { valid_for = ... } for a root key";
                    self.refuse(&place, expected, "none");
                }
                (false, true) => {
                    let expected = "certificates for root keys only";
                    self.refuse(&place.field("certificate"), expected, "one for another key");
                }
                (true, true) | (false, false) => {}
            }
            let common_name = key.certificate.as_ref().and_then(|c| c.common_name.as_deref());
            if let Some(stated) = common_name {
                let begins = stated.strip_suffix('*');
                if !begins.is_some_and(|begins| repository.name.as_str().starts_with(begins)) {
                    let place = place.field("certificate").field("common_name");
                    let expected = "a beginning of the repository's name, and *";
                    self.refuse(&place, expected, &format!("{stated:?}"));
                }
            }
            let kept = key.certificate.is_none() && key.algorithm == Algorithm::Rsa;
            if is_root(key) && !kept && !matches!(key.algorithm, Algorithm::P256 | Algorithm::P384)
            {
                let expected = "p256 or p384 for a root key: no certificate is made for another";
                self.refuse(&place.field("algorithm"), expected, &key.algorithm.to_string());
            }
        }
    }
}
