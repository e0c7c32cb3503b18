//! Parsing a plan: strict, with sentences that say where, what was expected, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::Algorithm;
use crate::tuf::name::{KeyName, RoleName};

use super::file::{self, FormFile, KeyFile, PlanFile, RoleFile};
use super::{
    CertificatePlan, Client, Confirmed, Input, InsertedStep, Leaves, LeavingForm, Medium,
    MediumRole, Origin, Person, Plan, PlannedKey, PlannedRole, PlannedTarget, Repository, SignWho,
    SignedWhere, Waiver, Window,
};

/// The largest plan file: 1 MiB.
pub const MAX_PLAN: usize = 1 << 20;

impl Plan {
    /// Parses a plan file. What makes no sense by itself is refused here, all of it at once as far as possible; what
    /// makes no sense together is for the check.
    pub fn parse(bytes: &[u8]) -> Result<Self, PlanErrors> {
        if bytes.len() > MAX_PLAN {
            return Err(PlanErrors::one("file", "at most 1 MiB", "a larger file"));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| PlanErrors::one("file", "UTF-8 text", "other bytes"))?;
        let file: PlanFile =
            toml::from_str(text).map_err(|error| PlanErrors::of_toml(text, &error))?;
        if file.anchorite != 1 {
            let found = file.anchorite.to_string();
            return Err(PlanErrors::one("anchorite", "1, the format this program reads", &found));
        }
        Parsing { errors: Vec::new() }.plan(file, Digest::of(bytes))
    }
}

/// Everything that is wrong with a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanErrors {
    /// The errors, in the order of the file.
    pub errors: Vec<PlanError>,
}

/// One thing that is wrong with a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// The line and column, from 1, where the TOML itself is at fault.
    pub position: Option<(usize, usize)>,
    /// The field, as a path: `keys.root-a.store`.
    pub field: String,
    /// What should be there, and what is there.
    pub text: String,
}

impl PlanErrors {
    fn one(field: &str, expected: &str, found: &str) -> Self {
        Self { errors: vec![PlanError::new(field, expected, found)] }
    }

    fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let position = error.span().and_then(|span| text.get(..span.start)).map(|before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            (line, column)
        });
        let text = error.message().trim().replace('\n', "; ");
        Self { errors: vec![PlanError { position, field: String::new(), text }] }
    }
}

impl PlanError {
    fn new(field: &str, expected: &str, found: &str) -> Self {
        Self {
            position: None,
            field: field.to_owned(),
            text: format!("expected {expected}, found {found}"),
        }
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, error) in self.errors.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for PlanErrors {}

struct Parsing {
    errors: Vec<PlanError>,
}

impl Parsing {
    fn refuse(&mut self, field: impl AsRef<str>, expected: &str, found: &str) {
        self.errors.push(PlanError::new(field.as_ref(), expected, found));
    }

    fn plan(mut self, file: PlanFile, digest: Digest) -> Result<Plan, PlanErrors> {
        let dialect = file.repository.dialect;
        let window = file.window.as_ref().and_then(|window| self.window(window));
        let repository = self.repository(&file);
        self.clients(&file);
        self.unique("people", file.people.iter().map(|person| person.name.as_str()));
        self.unique("media", file.media.iter().map(|medium| medium.name.as_str()));
        self.unique("keys", file.keys.iter().map(|key| key.name.as_str()));
        let people: Vec<Person> = file
            .people
            .into_iter()
            .map(|person| Person { name: person.name, roles: person.roles })
            .collect();
        let media: Vec<Medium> = file
            .media
            .into_iter()
            .map(|medium| Medium { name: medium.name, role: medium.role })
            .collect();
        if !media.iter().any(|medium| medium.role == MediumRole::Out) {
            self.refuse("media", "a medium with role = \"out\"", "none");
        }
        let keys: Vec<PlannedKey> = file
            .keys
            .into_iter()
            .filter_map(|key| self.key(key, dialect, &people, &media))
            .collect();
        let mut roles = BTreeMap::new();
        for (name, role) in file.roles.named() {
            let role = self.role(name, role, dialect, &keys);
            if let Ok(name) = name.parse::<RoleName>() {
                roles.insert(name, role);
            }
        }
        self.root_keys(dialect, &roles, &keys);
        let inputs: Vec<Input> = file
            .inputs
            .into_iter()
            .map(|input| {
                let field = format!("inputs.{}", input.path);
                self.path(&field, &input.path);
                self.medium(&field, &input.medium, MediumRole::In, &media);
                Input {
                    medium: input.medium,
                    path: input.path,
                    sha256: Confirmed {
                        value: input.sha256,
                        by: input.confirmed_by,
                        source: input.source,
                    },
                }
            })
            .collect();
        self.listed(&keys, &inputs);
        let targets = self.targets(file.targets, dialect);
        let steps = self.steps(file.steps);
        let waivers = file
            .waivers
            .into_iter()
            .map(|waiver| Waiver {
                finding: waiver.finding,
                reason: waiver.reason.0,
                by: waiver.by,
            })
            .collect();
        if !self.errors.is_empty() {
            return Err(PlanErrors { errors: self.errors });
        }
        Ok(Plan {
            digest,
            kind: file.kind,
            title: file.title,
            codename: file.codename,
            clients: file.clients,
            window,
            repository,
            people,
            media,
            keys,
            roles,
            inputs,
            targets,
            steps,
            waivers,
        })
    }

    fn window(&mut self, stated: &file::WindowFile) -> Option<Window> {
        let (Some(from), Some(until)) = (file::moment(&stated.from), file::moment(&stated.until))
        else {
            self.refuse("window", "dates such as 2026-12-01T08:00:00Z", "another form");
            return None;
        };
        if from.has_fraction() || until <= from {
            self.refuse("window", "whole seconds, and until after from", "another order");
            return None;
        }
        Some(Window { from, until })
    }

    fn repository(&mut self, file: &PlanFile) -> Repository {
        let stated = &file.repository;
        if stated.dialect == Dialect::Notary1 && stated.consistent_snapshot.is_some() {
            self.refuse(
                "repository.consistent_snapshot",
                "it in tuf1 plans only",
                "it in a notary1 plan",
            );
        }
        Repository {
            name: stated.name.clone(),
            dialect: stated.dialect,
            consistent_snapshot: match stated.dialect {
                Dialect::Notary1 => false,
                Dialect::Tuf1 => stated.consistent_snapshot.unwrap_or(true),
            },
        }
    }

    fn clients(&mut self, file: &PlanFile) {
        for client in &file.clients {
            let of_notary = match client {
                Client::Notary | Client::Docker => Dialect::Notary1,
                Client::PythonTuf
                | Client::GoTuf
                | Client::TufJs
                | Client::Tough
                | Client::RustTuf => Dialect::Tuf1,
            };
            if of_notary != file.repository.dialect {
                let expected = format!("clients of {}", file.repository.dialect);
                self.refuse("clients", &expected, &format!("{client:?}"));
            }
        }
    }

    fn unique<'a>(&mut self, field: &str, names: impl Iterator<Item = &'a str>) {
        let mut known = BTreeSet::new();
        for name in names {
            if !known.insert(name.to_lowercase()) {
                self.refuse(field, "names that differ, capitals aside", &format!("{name:?} twice"));
            }
        }
    }

    fn key(
        &mut self,
        key: KeyFile,
        dialect: Dialect,
        people: &[Person],
        media: &[Medium],
    ) -> Option<PlannedKey> {
        let field = format!("keys.{}", key.name);
        let origin = self.origin(&field, &key, media)?;
        let here = matches!(origin, Origin::Make { .. } | Origin::Fingerprint(_));
        match (&key.holder, here) {
            (None, true) => self.refuse(&field, "a holder", "none"),
            (Some(holder), _) if !people.iter().any(|person| person.name == *holder) => {
                let found = format!("{:?}", holder.as_str());
                self.refuse(format!("{field}.holder"), "one of the people", &found);
            }
            (Some(_) | None, _) => {}
        }
        match (&key.store, here) {
            (None, true) => self.refuse(&field, "a store", "none"),
            (Some(_), false) => {
                self.refuse(&field, "no store, since the key does not come to the room", "one");
            }
            (Some(_), true) | (None, false) => {}
        }
        if key.algorithm == Algorithm::Rsa && here {
            self.refuse(&field, "ed25519, p256 or p384 for a key that signs here", "rsa");
        }
        if key.certificate.is_some() && dialect == Dialect::Tuf1 {
            self.refuse(&field, "certificates in notary1 plans only", "one in a tuf1 plan");
        }
        let leaves = match key.leaves {
            None => None,
            Some(leaves) => {
                self.medium(&format!("{field}.leaves"), &leaves.medium, MediumRole::Keys, media);
                if key.make.is_none() || !matches!(key.store, Some(super::Store::Age { .. })) {
                    self.refuse(&field, "leaves only for an age key that is made here", "another");
                }
                let form = match leaves.form {
                    FormFile::Notary => LeavingForm::Notary,
                    FormFile::Age => LeavingForm::Age { to: leaves.to },
                };
                if matches!(&form, LeavingForm::Age { to } if to.is_empty()) {
                    self.refuse(
                        format!("{field}.leaves.to"),
                        "at least one age1 recipient",
                        "none",
                    );
                }
                Some(Leaves { medium: leaves.medium, form })
            }
        };
        Some(PlannedKey {
            name: key.name,
            holder: key.holder,
            store: key.store,
            algorithm: key.algorithm,
            origin,
            certificate: key.certificate.map(|c| CertificatePlan { valid_for: c.valid_for }),
            leaves,
        })
    }

    /// Exactly one of `make`, `fingerprint`, `enrol`, `server`.
    fn origin(&mut self, field: &str, key: &KeyFile, media: &[Medium]) -> Option<Origin> {
        let confirmed = key.confirmed_by.is_some() || key.source.is_some();
        if confirmed && key.fingerprint.is_none() {
            self.refuse(
                field,
                "confirmed_by and source beside a fingerprint only",
                "no fingerprint",
            );
        }
        match (&key.make, key.fingerprint, &key.enrol, &key.server) {
            (Some(make), None, None, None) => {
                Some(Origin::Make { pin: make.pin, touch: make.touch })
            }
            (None, Some(value), None, None) => {
                let Some(by) = key.confirmed_by.clone() else {
                    self.refuse(field, "confirmed_by, beside a fingerprint", "nothing");
                    return None;
                };
                Some(Origin::Fingerprint(Confirmed { value, by, source: key.source.clone() }))
            }
            (None, None, Some(enrol), None) => {
                for path in [&enrol.public, &enrol.proof] {
                    self.path(field, path);
                }
                self.medium(&format!("{field}.enrol"), &enrol.medium, MediumRole::In, media);
                Some(Origin::Enrol {
                    medium: enrol.medium.clone(),
                    public: enrol.public.clone(),
                    proof: enrol.proof.clone(),
                    fingerprint: Confirmed {
                        value: enrol.fingerprint,
                        by: enrol.confirmed_by.clone(),
                        source: enrol.source.clone(),
                    },
                })
            }
            (None, None, None, Some(server)) => {
                self.path(field, &server.file);
                self.medium(&format!("{field}.server"), &server.medium, MediumRole::In, media);
                Some(Origin::Server {
                    medium: server.medium.clone(),
                    file: server.file.clone(),
                    id: server.id.clone(),
                })
            }
            _ => {
                let stated = [
                    ("make", key.make.is_some()),
                    ("fingerprint", key.fingerprint.is_some()),
                    ("enrol", key.enrol.is_some()),
                    ("server", key.server.is_some()),
                ];
                let found: Vec<_> =
                    stated.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
                let found =
                    if found.is_empty() { "none of them".to_owned() } else { found.join(" and ") };
                self.refuse(field, "exactly one of make, fingerprint, enrol and server", &found);
                None
            }
        }
    }

    fn medium(&mut self, field: &str, name: &KeyName, role: MediumRole, media: &[Medium]) {
        match media.iter().find(|medium| medium.name == *name) {
            Some(medium) if medium.role == role => {}
            Some(medium) => {
                let expected = format!("a medium with role \"{role}\"");
                self.refuse(field, &expected, &format!("{name}, which is \"{}\"", medium.role));
            }
            None => self.refuse(field, "one of the media", &format!("{:?}", name.as_str())),
        }
    }

    fn path(&mut self, field: &str, path: &str) {
        let safe = !path.is_empty()
            && !path.contains(['\\', ':'])
            && !path.chars().any(char::is_control)
            && path.len() <= 200
            && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !safe {
            self.refuse(field, "a relative path without . and ..", &format!("{path:?}"));
        }
    }

    fn role(
        &mut self,
        name: &str,
        role: RoleFile,
        dialect: Dialect,
        keys: &[PlannedKey],
    ) -> PlannedRole {
        let field = format!("roles.{name}");
        if role.keys.is_empty() {
            self.refuse(&field, "at least one key", "none");
        }
        let signed = role.signed.unwrap_or(SignedWhere::Here);
        for key in &role.keys {
            match keys.iter().find(|known| known.name == *key) {
                None => {
                    let found = format!("{:?}", key.as_str());
                    self.refuse(format!("{field}.keys"), "one of the keys", &found);
                }
                Some(known) => {
                    if signed == SignedWhere::Here && !known.is_here() {
                        self.refuse(
                            &field,
                            "keys that come to the room, since it is signed here",
                            &format!("{key}, which stays elsewhere"),
                        );
                    }
                    let server = matches!(known.origin, Origin::Server { .. });
                    if server && !matches!(name, "snapshot" | "timestamp") {
                        let found = format!("{key}, which the server holds");
                        self.refuse(&field, "server keys for snapshot and timestamp only", &found);
                    }
                }
            }
        }
        if signed == SignedWhere::Here && role.valid_for.is_none() {
            self.refuse(&field, "valid_for, since it is signed here", "none");
        }
        if name == "root" && signed == SignedWhere::Online {
            self.refuse(&field, "signed = \"here\"", "\"online\"");
        }
        if dialect == Dialect::Notary1
            && signed == SignedWhere::Here
            && matches!(name, "snapshot" | "timestamp")
        {
            self.refuse(
                format!("{field}.signed"),
                "\"online\": a Notary server signs it over the files that it holds",
                "\"here\"",
            );
        }
        PlannedRole {
            keys: role.keys,
            threshold: role.threshold,
            sign: role.sign.unwrap_or(SignWho::All),
            signed,
            valid_for: role.valid_for,
        }
    }

    /// Notary's root keys come in certificates, and only ECDSA keys can.
    fn root_keys(
        &mut self,
        dialect: Dialect,
        roles: &BTreeMap<RoleName, PlannedRole>,
        keys: &[PlannedKey],
    ) {
        if dialect == Dialect::Tuf1 {
            return;
        }
        let root = roles.get(&RoleName::root());
        let is_root = |key: &PlannedKey| root.is_some_and(|root| root.keys.contains(&key.name));
        for key in keys {
            let field = format!("keys.{}", key.name);
            match (is_root(key), key.certificate.is_some()) {
                (true, false) => self.refuse(&field, "a certificate for a root key", "none"),
                (false, true) => {
                    self.refuse(&field, "certificates for root keys only", "another key");
                }
                (true, true) | (false, false) => {}
            }
            if is_root(key) && !matches!(key.algorithm, Algorithm::P256 | Algorithm::P384) {
                self.refuse(
                    format!("{field}.algorithm"),
                    "p256 or p384: no Notary client takes another root key",
                    &key.algorithm.to_string(),
                );
            }
        }
    }

    /// Every file that a key names is listed among the inputs, once.
    fn listed(&mut self, keys: &[PlannedKey], inputs: &[Input]) {
        let all = inputs.iter().map(|input| format!("{}:{}", input.medium, input.path));
        let all: Vec<String> = all.collect();
        self.unique("inputs", all.iter().map(String::as_str));
        for key in keys {
            let files: Vec<String> = match &key.origin {
                Origin::Make { .. } | Origin::Fingerprint(_) => Vec::new(),
                Origin::Enrol { medium, public, proof, .. } => {
                    vec![format!("{medium}:{public}"), format!("{medium}:{proof}")]
                }
                Origin::Server { medium, file, .. } => vec![format!("{medium}:{file}")],
            };
            for file in files.iter().filter(|file| !all.contains(file)) {
                let field = format!("keys.{}", key.name);
                self.refuse(field, "its files among [[inputs]], with digests", file);
            }
        }
    }

    fn targets(&mut self, stated: Vec<file::TargetFile>, dialect: Dialect) -> Vec<PlannedTarget> {
        let mut known = BTreeSet::new();
        for target in &stated {
            let field = format!("targets.{}", target.name.escape_debug());
            if !known.insert(target.name.clone()) {
                self.refuse(&field, "each name once", "it twice");
            }
            match dialect {
                Dialect::Notary1 if !is_tag(&target.name) => self.refuse(
                    &field,
                    "an image tag: letters, digits, . _ - , at most 128, no . or - first",
                    &format!("{:?}", target.name),
                ),
                Dialect::Tuf1 => self.path(&field, &target.name),
                Dialect::Notary1 => {}
            }
            if target.length > crate::tuf::wire::json::MAX_INTEGER.unsigned_abs() {
                self.refuse(&field, "a length below 2^53", &target.length.to_string());
            }
        }
        stated
            .into_iter()
            .map(|target| PlannedTarget {
                name: target.name,
                length: target.length,
                sha256: target.sha256,
            })
            .collect()
    }

    fn steps(&mut self, stated: Vec<file::StepFile>) -> Vec<InsertedStep> {
        let known = super::super::steps::FIRST_ROOT;
        stated
            .into_iter()
            .map(|step| {
                if !known.contains(&step.after.as_str()) {
                    let expected = format!("one of {}", known.join(", "));
                    self.refuse("steps.after", &expected, &format!("{:?}", step.after));
                }
                if step.text.is_empty()
                    || step.text.chars().count() > 400
                    || step.text.chars().any(|c| c.is_control() || super::is_format(c))
                {
                    self.refuse("steps.text", "1 to 400 printable characters", "another text");
                }
                InsertedStep { after: step.after, insert: step.insert, text: step.text }
            })
            .collect()
    }
}

/// Whether a name is an image tag as registries take it.
fn is_tag(name: &str) -> bool {
    let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    starts
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}
