//! What a change states: the state before, what is known to be good, delegations, what goes and what stays.

use std::collections::BTreeSet;

use crate::tuf::document::Dialect;
use crate::tuf::name::{KeyName, RoleName};

use super::super::file::{
    self, BeforeFile, BinsFile, CompromisedFile, DelegationFile, KeepFile, KnownGoodFile,
    RemoveFile,
};
use super::super::fleet::dialect_of;
use super::super::{
    BeforePlan, Compromised, Confirmed, Input, KeptBack, Kind, KnownGood, Medium, MediumRole,
    PlannedBins, PlannedDelegation, Removed, SignWho, What,
};
use super::Parsing;
use super::place::{Place, at};

impl Parsing<'_> {
    pub(super) fn before(
        &mut self,
        kind: Kind,
        stated: Option<BeforeFile>,
        media: &[Medium],
        inputs: &[Input],
        keys: &BTreeSet<KeyName>,
    ) -> Option<BeforePlan> {
        let place = at("before");
        let Some(stated) = stated else {
            if kind.is_change() {
                let expected = format!("[before], since {kind} changes a repository");
                self.refuse(&place, &expected, "none");
            }
            return None;
        };
        if !kind.is_change() {
            let expected = if kind == Kind::FirstRoot {
                "no such table in a first root".to_owned()
            } else {
                format!("no such table, since {kind} changes no repository")
            };
            self.refuse(&place, &expected, "one");
        }
        self.medium(&place.field("medium"), &stated.medium, MediumRole::In, media);
        if !stated.folder.is_empty() {
            self.path(&place.field("folder"), &stated.folder);
        }
        for key in &stated.also_sign {
            if !keys.contains(key) {
                let found = format!("{:?}", key.as_str());
                self.refuse(&place.field("also_sign"), "one of the keys", &found);
            }
        }
        let before = BeforePlan {
            medium: stated.medium,
            folder: stated.folder,
            root: Confirmed { value: stated.root, by: stated.confirmed_by, source: stated.source },
            also_sign: stated.also_sign,
        };
        if !inputs.iter().any(|input| before.name_of(input).is_some()) {
            let expected =
                "files in this folder among the [[inputs]]: the documents of the state before";
            self.refuse(&place, expected, "none");
        }
        Some(before)
    }

    pub(super) fn known_good(
        &mut self,
        stated: Option<KnownGoodFile>,
        before: Option<&BeforePlan>,
        inputs: &[Input],
    ) -> Option<KnownGood> {
        let stated = stated?;
        let place = at("known_good");
        let medium = before.map(|before| &before.medium);
        let there =
            inputs.iter().any(|input| Some(&input.medium) == medium && input.path == stated.file);
        if !there {
            let expected = "a file of the medium of [before] that is listed under [[inputs]]";
            self.refuse(&place.field("file"), expected, &format!("{:?}", stated.file));
        }
        let since = stated.since.map(|since| self.moment(&place.field("since"), &since));
        Some(KnownGood { file: stated.file, form: stated.form, since: since.flatten() })
    }

    pub(super) fn moment(
        &mut self,
        place: &Place,
        stated: &toml::value::Datetime,
    ) -> Option<crate::tuf::time::Timestamp> {
        let found = file::moment(stated);
        if found.is_none() {
            let expected = "a time such as 2026-12-01T08:00:00Z, without quotes";
            self.refuse(place, expected, &stated.to_string());
        }
        found
    }

    pub(super) fn delegations(
        &mut self,
        stated: Vec<DelegationFile>,
        dialect: Option<Dialect>,
        keys: &BTreeSet<KeyName>,
    ) -> Vec<PlannedDelegation> {
        self.unique(&at("delegations"), stated.iter().map(|role| role.name.as_str()));
        stated
            .into_iter()
            .map(|role| {
                let place = at("delegations").named(role.name.as_str());
                // A fleet has both dialects, and the name tells them apart.
                let dialect = dialect.unwrap_or_else(|| dialect_of(&role.name));
                self.delegated_name(&place.field("name"), &role.name, dialect);
                if role.keys.is_empty() {
                    self.refuse(&place.field("keys"), "at least one key", "none");
                }
                for key in role.keys.iter().filter(|key| !keys.contains(*key)) {
                    let found = format!("{:?}", key.as_str());
                    self.refuse(&place.field("keys"), "one of the keys", &found);
                }
                self.paths(&place, &role, dialect);
                PlannedDelegation {
                    name: role.name,
                    keys: role.keys,
                    threshold: role.threshold,
                    sign: role.sign.unwrap_or(SignWho::All),
                    paths: role.paths,
                    path_hash_prefixes: role.path_hash_prefixes,
                    terminating: role.terminating,
                    valid_for: role.valid_for,
                    version: role.version,
                }
            })
            .collect()
    }

    /// Which names a delegation may have is for the dialect to say: Notary wants `targets/` and its own alphabet, TUF a
    /// name that is no top-level role and no path.
    fn delegated_name(&mut self, place: &Place, name: &RoleName, dialect: Dialect) {
        let text = name.as_str();
        let fits = match dialect {
            Dialect::Notary1 => {
                text.strip_prefix("targets/").is_some_and(|rest| {
                    !rest.is_empty() && rest.split('/').all(|part| !part.is_empty())
                }) && text.len() < 256
                    && text.bytes().all(|b| {
                        b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_/".contains(&b)
                    })
            }
            Dialect::Tuf1 => {
                !["root", "targets", "snapshot", "timestamp"].contains(&text)
                    && !text.contains(['/', '\\'])
                    && !text.starts_with('.')
            }
        };
        if !fits {
            let expected = match dialect {
                Dialect::Notary1 => {
                    "targets/ and a name of small letters, digits, - and _, such as targets/releases"
                }
                Dialect::Tuf1 => "a name such as releases: no top-level role, no / and no \\",
            };
            self.refuse(place, expected, &format!("{text:?}"));
        }
    }

    /// Hash bins: of a TUF repository, in the kinds that change delegations.
    pub(super) fn bins(
        &mut self,
        kind: Kind,
        stated: BinsFile,
        (dialect, one): (Dialect, bool),
        keys: &BTreeSet<KeyName>,
    ) -> PlannedBins {
        let place = at("bins");
        if dialect != Dialect::Tuf1 || !one {
            let expected = "no such table but in a plan of one tuf1 repository";
            self.refuse(&place, expected, "one");
        }
        if !matches!(kind, Kind::AddDelegation | Kind::RotateDelegation) {
            let expected = "no such table but in add-delegation and rotate-delegation";
            self.refuse(&place, expected, &kind.to_string());
        }
        self.delegated_name(&place.field("name_prefix"), &stated.name_prefix, Dialect::Tuf1);
        // TUF allows 32. Each bin is a document that somebody signs and a client is asked for.
        if !(1..=16).contains(&stated.bit_length) {
            let found = stated.bit_length.to_string();
            self.refuse(&place.field("bit_length"), "1 to 16", &found);
        }
        if stated.keys.is_empty() {
            self.refuse(&place.field("keys"), "at least one key", "none");
        }
        for key in stated.keys.iter().filter(|key| !keys.contains(*key)) {
            let found = format!("{:?}", key.as_str());
            self.refuse(&place.field("keys"), "one of the keys", &found);
        }
        PlannedBins {
            prefix: stated.name_prefix,
            bits: stated.bit_length,
            keys: stated.keys,
            threshold: stated.threshold,
        }
    }

    fn paths(&mut self, place: &Place, role: &DelegationFile, dialect: Dialect) {
        match dialect {
            Dialect::Notary1 => {
                if role.terminating || !role.path_hash_prefixes.is_empty() {
                    let expected =
                        "paths alone: Notary knows neither terminating nor prefixes of hashes";
                    self.refuse(place, expected, "more");
                }
                if role.paths.is_empty() {
                    let expected = "at least one prefix of tags; \"\" is every tag";
                    self.refuse(&place.field("paths"), expected, "none");
                }
            }
            Dialect::Tuf1 => {
                if role.paths.is_empty() == role.path_hash_prefixes.is_empty() {
                    let expected = "either paths or path_hash_prefixes";
                    self.refuse(place, expected, "neither or both");
                }
                let hex = |prefix: &String| {
                    !prefix.is_empty()
                        && prefix.len() <= 64
                        && prefix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                };
                if let Some(bad) = role.path_hash_prefixes.iter().find(|prefix| !hex(prefix)) {
                    let place = place.field("path_hash_prefixes");
                    self.refuse(&place, "1 to 64 lower-case hex digits", &format!("{bad:?}"));
                }
            }
        }
        if let Some(bad) = role.paths.iter().find(|path| path.chars().any(char::is_control)) {
            let place = place.field("paths");
            self.refuse(&place, "printable characters", &format!("{bad:?}"));
        }
    }

    pub(super) fn removed(&mut self, stated: Vec<RemoveFile>) -> Vec<Removed> {
        let mut all = Vec::new();
        for (nth, row) in stated.into_iter().enumerate() {
            let place = at("remove").nth(nth);
            if let Some(what) = self.what(&place, row.delegation, row.target, row.role) {
                all.push(Removed { what, reason: row.reason.0 });
            }
        }
        all
    }

    pub(super) fn kept(&mut self, stated: Vec<KeepFile>) -> Vec<KeptBack> {
        let mut all = Vec::new();
        for (nth, row) in stated.into_iter().enumerate() {
            let place = at("keep").nth(nth);
            if let Some(what) = self.what(&place, row.delegation, row.target, row.role) {
                all.push(KeptBack { what, reason: row.reason.0, by: row.by });
            }
        }
        all
    }

    fn what(
        &mut self,
        place: &Place,
        delegation: Option<RoleName>,
        target: Option<String>,
        role: Option<RoleName>,
    ) -> Option<What> {
        match (delegation, target) {
            (Some(_), None) if role.is_some() => {
                self.refuse(&place.field("role"), "it beside a target only", "a delegation");
                None
            }
            (Some(delegation), None) => Some(What::Delegation(delegation)),
            (None, Some(name)) => {
                Some(What::Target { role: role.unwrap_or_else(RoleName::targets), name })
            }
            (Some(_), Some(_)) => {
                self.refuse(place, "either a delegation or a target", "both");
                None
            }
            (None, None) => {
                self.refuse(place, "a delegation or a target", "neither");
                None
            }
        }
    }

    pub(super) fn compromised(&mut self, stated: Vec<CompromisedFile>) -> Vec<Compromised> {
        let mut all = Vec::new();
        for (nth, row) in stated.into_iter().enumerate() {
            let place = at("compromised").nth(nth);
            let since = row.since.and_then(|since| self.moment(&place.field("since"), &since));
            all.push(Compromised { fingerprint: row.fingerprint, since, reason: row.reason.0 });
        }
        all
    }
}
