//! Parsing a plan: strict, with sentences that say where, what was expected, and what was found.

mod care;
mod change;
mod error;
mod fleet;
mod keys;
mod lists;
mod place;
mod roles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::name::KeyName;

use super::file::{self, PlanFile};
use super::{Client, Kind, Medium, MediumRole, NextCeremony, Person, Plan, Repository, Window};
pub use error::{PlanError, PlanErrors};
use place::{Place, Places, at};

/// The largest plan file: 1 MiB.
pub const MAX_PLAN: usize = 1 << 20;

impl Plan {
    /// Parses a plan file. What makes no sense by itself is refused here, all of it at once as far as possible; what
    /// makes no sense together is for the check.
    pub fn parse(bytes: &[u8]) -> Result<Self, PlanErrors> {
        if bytes.len() > MAX_PLAN {
            return Err(PlanErrors::whole("at most 1 MiB", "a larger file"));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| PlanErrors::whole("UTF-8 text", "other bytes"))?;
        let places = Places::of(text);
        version(text, &places)?;
        let file: PlanFile =
            toml::from_str(text).map_err(|error| PlanErrors::of_toml(&places, &error))?;
        Parsing { places, errors: Vec::new() }.plan(file, Digest::of(bytes))
    }
}

/// The format comes first: a later one may have members that look unknown here.
fn version(text: &str, places: &Places<'_>) -> Result<(), PlanErrors> {
    #[derive(Deserialize)]
    struct Format {
        anchorite: Option<toml::Value>,
    }
    let found = match toml::from_str(text) {
        Ok(Format { anchorite: Some(toml::Value::Integer(1)) }) | Err(_) => return Ok(()),
        Ok(Format { anchorite: None }) => "no such member".to_owned(),
        Ok(Format { anchorite: Some(other) }) => other.to_string(),
    };
    let expected = "1, the only format of plans that this version reads";
    Err(PlanErrors { errors: vec![PlanError::new(places, &at("anchorite"), expected, &found)] })
}

struct Parsing<'a> {
    places: Places<'a>,
    errors: Vec<PlanError>,
}

impl Parsing<'_> {
    fn refuse(&mut self, place: &Place, expected: &str, found: &str) {
        self.errors.push(PlanError::new(&self.places, place, expected, found));
    }

    fn plan(mut self, file: PlanFile, digest: Digest) -> Result<Plan, PlanErrors> {
        let window = file.window.as_ref().and_then(|window| self.window(window));
        let next = file.next.as_ref().and_then(|next| self.next(next));
        let repository = self.repository(&file);
        let dialect = repository.dialect;
        if file.fleet.is_none() {
            self.clients(&file, dialect);
        }
        let people = self.people(file.people);
        let media = self.media(file.kind, file.media);
        self.unique(&at("keys"), file.keys.iter().map(|key| key.name.as_str()));
        let is_fleet = file.fleet.is_some();
        let known: BTreeSet<KeyName> = file.keys.iter().map(|key| key.name.clone()).collect();
        let keys: Vec<_> = file
            .keys
            .into_iter()
            .filter_map(|key| self.key(key, (dialect, is_fleet, file.by_request), &people, &media))
            .collect();
        let kind = file.kind;
        self.by_request(file.by_request, kind, is_fleet, &keys);
        let mut roles = BTreeMap::new();
        for (name, role) in file.roles.named() {
            let Some(role) = role else {
                if !kind.is_change() && !kind.is_of_keys() {
                    let expected = format!("[roles.{name}], since a first root states all four");
                    self.refuse(&at("roles"), &expected, "none");
                }
                continue;
            };
            if kind.is_of_keys() {
                let expected = format!("no roles, since {kind} signs no document");
                self.refuse(&at("roles").field(name.as_str()), &expected, "one");
            }
            let planned =
                self.role(name.as_str(), role, (kind, dialect, file.by_request), &keys, &known);
            roles.insert(name, planned);
        }
        self.root_keys((kind, &repository), &roles, &keys);
        self.snapshot_after_targets(dialect, &roles);
        let inputs = self.inputs(file.inputs, &media);
        self.listed(&keys, &inputs);
        self.alone(file.before.as_ref(), file.known_good.as_ref(), is_fleet);
        let one = !is_fleet;
        let fleet = file.fleet.map(|stated| self.fleet(kind, stated, &media, &inputs, &keys));
        let before = match &fleet {
            Some(_) => None,
            None => self.before(kind, file.before, &media, &inputs, &known),
        };
        let known_good = self.known_good(file.known_good, before.as_ref(), &inputs);
        let delegations = self.delegations(file.delegations, one.then_some(dialect), &known);
        let bins = file.bins.map(|stated| self.bins(kind, stated, (dialect, one), &known));
        let removed = self.removed(file.remove);
        let kept = self.kept(file.keep);
        let compromised = self.compromised(file.compromised);
        let bags = self.bags(kind, file.bags, &keys);
        let back_ups = self.back_ups(kind, file.back_ups, &keys, &media);
        let drills = self.drills(kind, file.drills, &keys, &media);
        let retired = self.retired(kind, file.retire);
        self.keys_of_kind(kind, &keys);
        let targets = self.targets(file.targets, dialect);
        let steps = self.steps(file.steps);
        let waivers = self.waivers(file.waivers);
        if let Some(fleet) = &fleet {
            self.whole_fleet(&removed, &targets, &roles);
            self.certified_roots(fleet, &roles, &keys);
        }
        if !self.errors.is_empty() {
            self.errors.sort_by_key(|error| error.position);
            return Err(PlanErrors { errors: self.errors });
        }
        Ok(Plan {
            digest,
            kind,
            title: file.title,
            codename: file.codename,
            clients: file.clients,
            by_request: file.by_request,
            window,
            next,
            repository,
            people,
            media,
            keys,
            roles,
            fleet,
            before,
            known_good,
            delegations,
            bins,
            removed,
            kept,
            compromised,
            bags,
            back_ups,
            drills,
            retired,
            inputs,
            targets,
            steps,
            waivers,
        })
    }

    fn window(&mut self, stated: &file::WindowFile) -> Option<Window> {
        let place = at("window");
        let (Some(from), Some(until)) = (file::moment(&stated.from), file::moment(&stated.until))
        else {
            let expected = "two times such as 2026-12-01T08:00:00Z, without quotes";
            self.refuse(&place, expected, &format!("{} and {}", stated.from, stated.until));
            return None;
        };
        if from.has_fraction() {
            self.refuse(&place.field("from"), "whole seconds", &from.to_string());
            return None;
        }
        if until <= from {
            let expected = format!("a time after {from}");
            self.refuse(&place.field("until"), &expected, &until.to_string());
            return None;
        }
        Some(Window { from, until })
    }

    fn next(&mut self, stated: &file::NextFile) -> Option<NextCeremony> {
        let at = self.moment(&at("next").field("at"), &stated.at)?;
        Some(NextCeremony { at, standby: stated.standby })
    }

    fn repository(&mut self, file: &PlanFile) -> Repository {
        let stated = match (&file.repository, &file.fleet) {
            (Some(stated), None) => stated,
            (None, None) => {
                self.refuse(&at("repository"), "[repository], or [fleet] in its place", "neither");
                return Repository::of_fleet("nameless".parse().expect("a name"));
            }
            (Some(_), Some(_)) => {
                self.refuse(&at("repository"), "[repository] or [fleet]", "both");
                return Repository::of_fleet("nameless".parse().expect("a name"));
            }
            (None, Some(fleet)) => return Repository::of_fleet(fleet.name.clone()),
        };
        if let (Dialect::Notary1, Some(found)) = (stated.dialect, stated.consistent_snapshot) {
            let place = at("repository").field("consistent_snapshot");
            self.refuse(&place, "it in tuf1 plans only", &format!("{found} in a notary1 plan"));
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

    fn clients(&mut self, file: &PlanFile, expected: Dialect) {
        for client in &file.clients {
            let (name, dialect) = match client {
                Client::Notary => ("notary", Dialect::Notary1),
                Client::Docker => ("docker", Dialect::Notary1),
                Client::PythonTuf => ("python-tuf", Dialect::Tuf1),
                Client::GoTuf => ("go-tuf", Dialect::Tuf1),
                Client::TufJs => ("tuf-js", Dialect::Tuf1),
                Client::Tough => ("tough", Dialect::Tuf1),
                Client::RustTuf => ("rust-tuf", Dialect::Tuf1),
            };
            if dialect != expected {
                let expected = match expected {
                    Dialect::Notary1 => "notary and docker in a notary1 plan",
                    Dialect::Tuf1 => {
                        "python-tuf, go-tuf, tuf-js, tough and rust-tuf in a tuf1 plan"
                    }
                };
                self.refuse(&at("clients"), expected, name);
            }
        }
    }

    fn people(&mut self, stated: Vec<file::PersonFile>) -> Vec<Person> {
        self.unique(&at("people"), stated.iter().map(|person| person.name.as_str()));
        for person in &stated {
            if person.roles.is_empty() {
                let place = at("people").named(person.name.as_str()).field("roles");
                self.refuse(&place, "at least one role", "none");
            }
        }
        stated.into_iter().map(|person| Person { name: person.name, roles: person.roles }).collect()
    }

    fn media(&mut self, kind: Kind, stated: Vec<file::MediumFile>) -> Vec<Medium> {
        self.unique(&at("media"), stated.iter().map(|medium| medium.name.as_str()));
        if !kind.is_of_keys() && !stated.iter().any(|medium| medium.role == MediumRole::Out) {
            self.refuse(&at("media"), "a medium with role = \"out\"", "none");
        }
        stated.into_iter().map(|medium| Medium { name: medium.name, role: medium.role }).collect()
    }

    /// Names in the order of their list: each once, capitals aside.
    fn unique<'n>(&mut self, list: &Place, names: impl Iterator<Item = &'n str>) {
        let mut known = BTreeSet::new();
        for (nth, name) in names.enumerate() {
            if !known.insert(name.to_lowercase()) {
                let expected = "names that differ, capitals aside";
                self.refuse(&list.nth(nth), expected, &format!("{name:?} twice"));
            }
        }
    }

    fn medium(&mut self, place: &Place, name: &KeyName, role: MediumRole, media: &[Medium]) {
        match media.iter().find(|medium| medium.name == *name) {
            Some(medium) if medium.role == role => {}
            Some(medium) => {
                let expected = format!("a medium with role \"{role}\"");
                self.refuse(place, &expected, &format!("{name}, which is \"{}\"", medium.role));
            }
            None => self.refuse(place, "one of the media", &format!("{:?}", name.as_str())),
        }
    }

    /// A path on a medium or in a repository: it must be safe everywhere.
    fn path(&mut self, place: &Place, path: &str) {
        let safe = !path.is_empty()
            && path.len() <= 200
            && !path.contains(['\\', ':'])
            && !path.chars().any(|c| c.is_control() || super::is_format(c))
            && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !safe {
            let expected = "a relative path of at most 200 bytes, with / between its segments, none \
                            of them empty or . or .., without \\ and :";
            self.refuse(place, expected, &format!("{path:?}"));
        }
    }
}
