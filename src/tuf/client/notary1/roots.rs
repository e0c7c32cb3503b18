//! The newest root, and how a client comes to it from the one that it holds.

use std::collections::BTreeSet;

use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::Signed;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, NotASuccessor, Rejected, TrustedRoot};

use super::super::{MAX_ROOT, MAX_ROOTS, Refused, Stopped, Walking};
use super::certificates::{Contact, ending, half_a_year, left_out};
use super::reading::{Who, structure};
use super::told::{Reason, Told};
use super::{DIALECT, tell};

/// Comes from the client's root to the newest one, and gives its bytes as well, which the snapshot names.
pub(super) fn newest(
    walking: &mut Walking<'_>,
    start: TrustedRoot,
    contact: &Contact,
) -> Result<(TrustedRoot, Vec<u8>), Stopped> {
    let (name, bytes) = newest_bytes(walking, &start)?;
    let newest = read(walking, &name, &bytes)?;
    let held = start.clone();
    let stale = held.fresh(walking.at).is_err();
    if !contact.first {
        still_counts(walking, &held, contact)?;
    }
    let same = newest.digest() == start.digest().digest();
    let root = if same { start } else { rotate(walking, start, newest.clone(), &name, contact)? };
    let version = root.root().body().version;
    let name = format!("root.json, version {version}");
    if let Err(why) = root.fresh(walking.at) {
        return walking.refuse(&name, why);
    }
    // A client that trusts a root already does not look at its pins again, unless that root has expired.
    certificates(walking, &name, &newest, contact, contact.first || stale)?;
    walking.accept_verified(&name, root.root());
    let expires = root.root().body().expires.at;
    if half_a_year().and_then(|span| walking.at.plus(span)).is_some_and(|soon| expires < soon) {
        tell(walking, &name, Told::RootEnds(expires));
    }
    if !same && !stale && follow(&held, newest, contact).is_err() {
        let from = held.root().body().version;
        let expires = held.root().body().expires.at;
        tell(walking, &name, Told::WillLockOut { from, expires });
    }
    walking.walk.root = Some(root.clone());
    Ok((root, bytes))
}

/// A client fails before it asks for anything when the certificates of its own root count no more.
fn still_counts(
    walking: &mut Walking<'_>,
    held: &TrustedRoot,
    contact: &Contact,
) -> Result<(), Stopped> {
    let out = left_out(held.root().body(), contact, false, Some(walking.at));
    let tally = held.root().tally();
    let good = tally.good.iter().filter(|counted| !out.contains_key(&counted.keyid)).count();
    if good >= tally.threshold.count() {
        return Ok(());
    }
    let version = held.root().body().version;
    let name = format!("{version}.root.json");
    walking.refuse(&name, Reason::Held { version, left_out: out.into_iter().collect() })
}

/// `root.json`; where a folder has only numbered roots, the last of them.
fn newest_bytes(
    walking: &mut Walking<'_>,
    start: &TrustedRoot,
) -> Result<(String, Vec<u8>), Stopped> {
    let plain = "root.json".to_owned();
    if let Some(bytes) = walking.fetch(&plain, MAX_ROOT)? {
        return Ok((plain, bytes));
    }
    let mut found = None;
    for version in (start.root().body().version..).take(bound()) {
        let name = format!("{version}.root.json");
        match walking.fetch(&name, MAX_ROOT)? {
            Some(bytes) => found = Some((name, bytes)),
            None => break,
        }
    }
    found.map_or_else(|| walking.refuse(&plain, Refused::Missing), Ok)
}

fn bound() -> usize {
    usize::try_from(MAX_ROOTS).unwrap_or(usize::MAX)
}

fn read(walking: &mut Walking<'_>, name: &str, bytes: &[u8]) -> Result<Signed<Root>, Stopped> {
    let root = match Signed::<Root>::read(DIALECT, bytes) {
        Ok(root) => root,
        Err(why) => return walking.refuse(name, why),
    };
    match structure(root.peek()) {
        Ok(()) => Ok(root),
        Err(why) => walking.refuse(name, why),
    }
}

/// Follows another root than the one that the client holds. Step by step, each one version up; or straight, where the
/// client's root has expired: then it does not ask for those between.
fn rotate(
    walking: &mut Walking<'_>,
    start: TrustedRoot,
    newest: Signed<Root>,
    name: &str,
    contact: &Contact,
) -> Result<TrustedRoot, Stopped> {
    let (from, to) = (start.root().body().version, newest.peek().version);
    if from == to {
        return walking.refuse(name, Reason::TwoRoots(from));
    }
    let straight = follow(&start, newest.clone(), contact);
    if start.fresh(walking.at).is_err() {
        return match straight {
            Ok(root) => {
                tell(walking, name, Told::Jumped { from, to });
                Ok(root)
            }
            Err(NotASuccessor::Old(tally)) => {
                let reason = Reason::LockedOut {
                    from,
                    expired: start.root().body().expires.at,
                    to,
                    good: tally.good.len(),
                    needed: tally.threshold.count(),
                };
                walking.refuse(name, reason)
            }
            Err(why @ (NotASuccessor::Version { .. } | NotASuccessor::Own(_))) => {
                walking.refuse(name, why)
            }
        };
    }
    let mut root = start;
    for version in (from + 1..to).take(bound()) {
        let name = format!("{version}.root.json");
        let Some(bytes) = walking.fetch(&name, MAX_ROOT)? else { break };
        let next = read(walking, &name, &bytes)?;
        // The client tries the newest first, and asks for those between only when its own keys did not sign that.
        if straight.is_err() {
            certificates(walking, &name, &next, contact, false)?;
        }
        root = step(walking, &root, next, &name, contact)?;
        walking.accept_verified(&name, root.root());
    }
    step(walking, &root, newest, name, contact)
}

/// One version up.
fn step(
    walking: &mut Walking<'_>,
    root: &TrustedRoot,
    next: Signed<Root>,
    name: &str,
    contact: &Contact,
) -> Result<TrustedRoot, Stopped> {
    match root.succeed(next.clone()).and_then(|_| follow(root, next, contact)) {
        Ok(next) => Ok(next),
        Err(why) => walking.refuse(name, why),
    }
}

/// Trusts a later root by the word of an earlier one, whose certificates must be for this name; their clocks are not looked
/// at again.
fn follow(
    root: &TrustedRoot,
    next: Signed<Root>,
    contact: &Contact,
) -> Result<TrustedRoot, NotASuccessor> {
    let out: BTreeSet<KeyId> =
        left_out(root.root().body(), contact, false, None).into_keys().collect();
    let old = root.authority(&RoleName::root()).map_err(Rejected::from)?.without(&out);
    let tally = old.tally(&next);
    if tally.reached() { root.jump(next) } else { Err(NotASuccessor::Old(Box::new(tally))) }
}

/// Whether enough signatures are left once the certificates that do not count now are left out.
fn certificates(
    walking: &mut Walking<'_>,
    name: &str,
    root: &Signed<Root>,
    contact: &Contact,
    pinned: bool,
) -> Result<(), Stopped> {
    let out = left_out(root.peek(), contact, pinned, Some(walking.at));
    let ids: BTreeSet<KeyId> = out.keys().cloned().collect();
    let who = Who::Root(root.peek(), RoleName::root());
    let own = match Authority::stated_by(root.peek(), &RoleName::root()) {
        Ok(own) => own.without(&ids),
        Err(why) => {
            let why = who.several_ids(root, &ids).map_or(Rejected::from(why).into(), Refused::from);
            return walking.refuse(name, why);
        }
    };
    let tally = own.tally(root);
    if !tally.reached() {
        if let Some(why) = who.several_ids(root, &ids) {
            return walking.refuse(name, why);
        }
        let reason = Reason::Certificates {
            good: tally.good.len(),
            needed: tally.threshold.count(),
            left_out: out.into_iter().collect(),
        };
        return walking.refuse(name, reason);
    }
    for (id, why) in out {
        tell(walking, name, Told::LeftOut(id, why));
    }
    for told in ending(root.peek(), &ids, walking.at) {
        tell(walking, name, told);
    }
    let signed = who.good_ids(root, &ids);
    if signed > tally.good.len() {
        tell(walking, name, Told::Ids { ids: signed, keys: tally.good.len() });
    }
    Ok(())
}

/// Whether a first contact takes a root: its own signatures, its expiry, and the certificates that count for this name.
pub fn takes_root(root: &Signed<Root>, contact: &Contact, at: Timestamp) -> bool {
    let out: BTreeSet<KeyId> =
        left_out(root.peek(), contact, contact.first, Some(at)).into_keys().collect();
    let own = Authority::stated_by(root.peek(), &RoleName::root());
    at < root.peek().expires.at && own.is_ok_and(|own| own.without(&out).tally(root).reached())
}
