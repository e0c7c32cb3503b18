//! What the register says of the keys of a ceremony before it, and is told of them after it.

use std::collections::{BTreeMap, BTreeSet};

use crate::ceremony::before::Anchor;
use crate::ceremony::check::listed_again;
use crate::ceremony::engine::{Engine, incoming};
use crate::ceremony::event::{Earlier, FileAt, Mode, Outcome};
use crate::ceremony::plan::{Fate, Origin, Plan, Store};
use crate::ceremony::twin::forged_fingerprints;
use crate::cli::{Exit, Failure, say};
use crate::driver::bench::system_time;
use crate::driver::register::{KeyState, Line, Note, Register, What};
use crate::driver::session::Ended;
use crate::driver::signed::{self, Signed};
use crate::driver::workspace::Workspace;
use crate::front::words::escape;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::{KeyName, RepoName};

/// The keys that may not sign in a ceremony of this plan, each with the reason: those of rehearsals, and those that the
/// register forbids. A plan that gives one of these a role, or leaves it in one, is refused.
pub(in crate::cli) fn barred(
    book: &Workspace,
    plan: &Plan,
    anchor: Option<&Anchor>,
    at_hand: &BTreeMap<FileAt, Vec<u8>>,
) -> Result<BTreeMap<Fingerprint, String>, Failure> {
    let register = Register::read(book)?;
    for (role, key) in anchor.map(|anchor| listed_again(plan, anchor)).unwrap_or_default() {
        if let Err(why) = register.may_be_authorised(&key) {
            let what = format!(
                "the new documents would list a key for {role} again, but {}",
                escape(&why.to_string())
            );
            return Err(Failure::new(Exit::Wrong, what)
                .hint(format!("Name the role {role} in the plan, with a key in its place.")));
        }
    }
    for key in plan.authorised().filter_map(|(_, name)| plan.key(name)) {
        let known = match &key.origin {
            Origin::Make { .. } => None,
            Origin::Listed(fingerprint) => Some(*fingerprint),
            Origin::Fingerprint(stated) | Origin::Enrol { fingerprint: stated, .. } => {
                Some(stated.value)
            }
            Origin::Server { .. } => incoming(plan, key, at_hand)
                .ok()
                .flatten()
                .map(|(enrolled, _)| enrolled.key().fingerprint()),
        };
        let why = known.and_then(|known| register.may_be_authorised(&known).err());
        if let Some(why) = why {
            let what =
                format!("the plan authorises {}, but {}", key.name, escape(&why.to_string()));
            return Err(Failure::new(Exit::Wrong, what).hint(
                if why.state == KeyState::Suspended {
                    "Once it may sign again, record that first: anchorite key state … --to active"
                } else {
                    "Such a key is never authorised again: plan another one."
                },
            ));
        }
    }
    let forged = forged_fingerprints(plan).into_keys();
    let forbidden = register.keys().filter_map(|(key, _)| {
        let why = register.may_be_authorised(key).err()?;
        Some((*key, why.to_string()))
    });
    Ok(forged.map(|key| (key, "it is a rehearsal's key".to_owned())).chain(forbidden).collect())
}

/// What was signed of a repository, as far as the workspace knows: what it registered, and what is on the records of
/// ceremonies that never ended, and of fleets.
pub(in crate::cli) fn earlier(
    book: &Workspace,
    repository: &RepoName,
) -> Result<Vec<Earlier>, Failure> {
    let failed = |error: std::io::Error| Failure::file(book.folder(), &error);
    let mut known = Signed::read(book, repository).map_err(failed)?.earlier();
    let mut on_records = Vec::new();
    let wanted = |name: &str| name == repository.as_str();
    let unread = signed::on_records(book.folder(), None, &wanted, &mut |_, found| {
        on_records.push(found);
    });
    for why in unread.map_err(failed)? {
        say(format!("[??] {}; whether something was signed there is not known", escape(&why)));
    }
    for found in on_records {
        let same = |other: &&mut Earlier| {
            (&other.role, other.version, other.payload)
                == (&found.role, found.version, found.payload)
        };
        match known.iter_mut().find(same) {
            Some(other) => {
                let more = found.keys.into_iter().filter(|key| !other.keys.contains(key));
                other.keys.extend(more.collect::<Vec<_>>());
            }
            None => known.push(found),
        }
    }
    Ok(known)
}

/// Adds the keys of a ceremony to the workspace's register. One that was stopped authorises nothing.
pub(in crate::cli) fn register(book: &Workspace, ended: &Ended) -> Result<(), Failure> {
    let engine = &ended.engine;
    if engine.opening().mode == Mode::Real {
        signed::add(book, &signed::of_ended(engine.record(), system_time()))
            .map_err(|error| Failure::file(book.folder(), &error))?;
    }
    // Who answers a request makes no key their own.
    if engine.record().asked.is_some() {
        return Ok(());
    }
    if engine.plan().kind.is_of_keys() {
        let mut lines = cared_for(engine);
        lines.extend(overwritten(engine, &Register::read(book)?));
        return Ok(Register::add(book, &lines)?);
    }
    let state = match ended.outcome {
        Outcome::Done => What::State(KeyState::Active),
        Outcome::Aborted => What::Note(Note::Generated),
    };
    let plan = engine.plan();
    // Who signs once more along with the others gets no role by that, and keeps its state.
    let mut authorised: BTreeSet<&KeyName> = plan.authorised().map(|(_, key)| key).collect();
    let sets = plan.fleet.iter().flat_map(|fleet| fleet.sets.values()).flatten();
    let in_sets: Vec<_> = sets.filter(|(name, _)| authorised.contains(name)).collect();
    authorised.extend(in_sets.into_iter().map(|(_, key)| key));
    let keys = engine.roster().keys.iter().filter(|(name, _)| authorised.contains(name));
    let mut lines: Vec<Line> = keys
        .filter(|(name, _)| plan.key(name).is_some())
        .map(|(name, enrolled)| line(engine, name, enrolled.key().fingerprint(), state))
        .collect();
    lines.extend(overwritten(engine, &Register::read(book)?));
    if ended.outcome == Outcome::Done {
        lines.extend(compromised(engine, &Register::read(book)?));
    }
    Ok(Register::add(book, &lines)?)
}

/// The keys of the register that others were made over: they are gone, also where the ceremony was stopped later.
fn overwritten(engine: &Engine, register: &Register) -> Vec<Line> {
    let plan = engine.plan();
    let made = plan.keys.iter().filter(|key| engine.roster().keys.contains_key(&key.name));
    made.filter_map(|key| {
        let old = key.replaces()?;
        let name = register.of(&old)?.key.clone();
        Some(Line {
            reason: format!("{} {}: {} was made over it", plan.kind, plan.codename, key.name),
            ..line(engine, &name, old, What::State(KeyState::Destroyed))
        })
    })
    .collect()
}

/// The keys that the plan states as compromised, under the names by which they are known.
fn compromised(engine: &Engine, register: &Register) -> Vec<Line> {
    let plan = engine.plan();
    let each = plan.compromised.iter().map(|row| {
        let known = register.of(&row.fingerprint).map(|standing| standing.key.clone());
        let roster = engine.roster().keys.iter();
        let planned = roster.filter(|(_, key)| key.key().fingerprint() == row.fingerprint);
        let planned = planned.map(|(name, _)| name.clone()).next();
        let hex: String = row.fingerprint.to_string().chars().take(8).collect();
        let name = known.or(planned).or_else(|| format!("key-{hex}").parse().ok())?;
        Some(Line {
            reason: format!("{} {}: {}", plan.kind, plan.codename, row.reason),
            ..line(engine, &name, row.fingerprint, What::State(KeyState::Compromised))
        })
    });
    each.flatten().collect()
}

/// What a ceremony says of a key: who held it, where it is, and by whose word.
fn line(engine: &Engine, name: &KeyName, fingerprint: Fingerprint, what: What) -> Line {
    let plan = engine.plan();
    let key = plan.key(name);
    let store = key.and_then(|key| key.store.as_ref());
    Line {
        by: engine.record().decides(plan),
        holder: key.and_then(|key| key.holder.as_ref()).map(ToString::to_string),
        store: store.map(ToString::to_string),
        serial: store.and_then(serial),
        location: key.and_then(|key| key.place.as_ref()).map(ToString::to_string),
        reason: format!("{} {}", plan.kind, plan.codename),
        session: Some(engine.opening().session),
        ..Line::new(system_time(), name.clone(), fingerprint, what)
    }
}

/// What a ceremony without documents did, as lines of the register: what was done stands, also where it was stopped later.
fn cared_for(engine: &Engine) -> Vec<Line> {
    let (plan, care) = (engine.plan(), &engine.record().care);
    let line = |name: &KeyName, fingerprint, what| line(engine, name, fingerprint, what);
    let known = |name: &KeyName| engine.roster().keys.get(name).map(|key| key.key().fingerprint());
    let mut lines = Vec::new();
    for key in &plan.keys {
        let name = &key.name;
        // A secret counts as changed once the key signed under the new one; a key that exists keeps its state.
        let proven = engine.roster().proofs.contains_key(name);
        let what = if care.provisioned.contains(name) {
            Note::Generated
        } else if proven && care.changed.contains(name) {
            Note::SecretChanged
        } else {
            continue;
        };
        let Some(fingerprint) = known(name) else { continue };
        let bags = engine.bagged(name);
        lines.push(Line {
            location: bags.map(|bags| bags.place.to_string()),
            seal: bags.map(|bags| bags.bag.to_string()),
            ..line(name, fingerprint, What::Note(what))
        });
    }
    for back_up in &plan.back_ups {
        let written = care.backed_up.keys().any(|about| {
            *about == format!("{}@{}/{}", back_up.key, back_up.medium, back_up.file())
        });
        if let Some(fingerprint) = known(&back_up.key).filter(|_| written) {
            lines.push(line(&back_up.key, fingerprint, What::Note(Note::BackedUp)));
        }
    }
    for (name, drill) in &care.recovered {
        lines.push(line(name, drill.fingerprint, What::Note(Note::Restored)));
    }
    for row in engine.retired() {
        let state = match row.fate {
            Fate::Destroyed => KeyState::Destroyed,
            Fate::NotRecovered => KeyState::NotRecovered,
        };
        lines.push(Line {
            holder: Some(row.holder.to_string()),
            serial: row.serial.as_ref().map(ToString::to_string),
            reason: format!("{} {}: {}", plan.kind, plan.codename, row.reason),
            ..line(&row.name, row.fingerprint, What::State(state))
        });
    }
    lines
}

/// The serial number of the token that a key is in.
fn serial(store: &Store) -> Option<String> {
    match store {
        Store::Yubikey { serial, .. } => Some(serial.to_string()),
        Store::Pkcs11 { serial, .. } => Some(serial.clone()),
        Store::Age { .. } | Store::Virtual { .. } => None,
    }
}
