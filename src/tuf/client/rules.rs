//! The rules by which one document is taken or refused (TUF 1.0 sections 5.4 to 5.6), each a function of values.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::tuf::document::Dialect;
use crate::tuf::key::PublicKey;
use crate::tuf::name::RoleName;
use crate::tuf::root::{RoleKeys, Root};
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Rejected, Verified, verify};

use super::delegation::Delegated;
use super::stated::wrong_meta;
use super::{Refused, fetched};

/// What a document of a kind must hold, over what its form demands.
pub(super) trait Sensible: Body {
    fn sensible(&self) -> Result<(), Refused>;
}

impl Sensible for Root {
    fn sensible(&self) -> Result<(), Refused> {
        spec_version(self.spec_version.as_deref())?;
        for role in ["root", "timestamp", "snapshot", "targets"] {
            let stated = self.roles.iter().find(|(name, _)| name.as_str() == role);
            let (_, keys) = stated.ok_or_else(|| not_named(&format!("the role {role}")))?;
            sensible_keys(role, keys)?;
        }
        Ok(())
    }
}

impl Sensible for Timestamped {
    fn sensible(&self) -> Result<(), Refused> {
        spec_version(self.spec_version.as_deref())?;
        if self.meta.contains_key(SNAPSHOT) { Ok(()) } else { Err(not_named("the snapshot")) }
    }
}

impl Sensible for Snapshot {
    fn sensible(&self) -> Result<(), Refused> {
        spec_version(self.spec_version.as_deref())
    }
}

impl Sensible for Targets {
    fn sensible(&self) -> Result<(), Refused> {
        spec_version(self.spec_version.as_deref())?;
        if let Some(delegations) = &self.delegations {
            Delegated::of(delegations)?;
            for role in &delegations.roles {
                sensible_keys(role.name.as_str(), &role.keys)?;
            }
        }
        Ok(())
    }
}

/// A threshold of at least 1, and no key id twice.
fn sensible_keys(role: &str, keys: &RoleKeys) -> Result<(), Refused> {
    if keys.threshold.0 < 1 {
        return Err(Refused::Mismatch {
            expected: format!("a threshold of at least 1 for {role}"),
            found: keys.threshold.0.to_string(),
        });
    }
    let mut seen = BTreeSet::new();
    match keys.keyids.iter().find(|id| !seen.insert(*id)) {
        None => Ok(()),
        Some(again) => Err(Refused::Mismatch {
            expected: format!("each key id of {role} once"),
            found: format!("{again} twice"),
        }),
    }
}

/// The entry of a timestamp.
pub(super) const SNAPSHOT: &str = "snapshot.json";

/// Takes bytes that were fetched: they must be what another document states of them, well signed, of the stated version,
/// fresh and sensible.
pub(super) fn examine<T: Sensible>(
    authority: &Authority,
    stated: Option<&MetaFile>,
    bytes: Vec<u8>,
    at: Timestamp,
) -> Result<Examined<T>, Refused> {
    if let Some(why) = stated.and_then(|stated| wrong_meta(stated, &bytes)) {
        return Err(why);
    }
    let signed = Signed::<T>::take(Dialect::Tuf1, bytes, fetched())?;
    let found = signed.peek().version();
    let expected = stated.and_then(|stated| stated.version);
    if found == 0 || expected.is_some_and(|expected| found != expected) {
        return Err(Refused::Mismatch {
            expected: expected.map_or("a version above 0".to_owned(), |v| format!("version {v}")),
            found: format!("version {found}"),
        });
    }
    let received = signed.shared();
    let document = verify(authority, signed, at)?;
    document.body().sensible()?;
    Ok(Examined { document, received })
}

/// A document that was taken, and the bytes that it came in.
pub(super) struct Examined<T> {
    pub(super) document: Verified<T>,
    pub(super) received: Arc<String>,
}

/// A document that was kept, with a threshold of good signatures by today's keys: good for the comparison with newer ones
/// even where it has expired.
pub(super) struct Recalled<T> {
    pub(super) body: T,
    pub(super) current: Result<Verified<T>, Rejected>,
}

/// Takes bytes that were kept; nothing where today's keys do not vouch for them.
pub(super) fn recall<T: Sensible>(
    authority: &Authority,
    bytes: &[u8],
    at: Timestamp,
) -> Option<Recalled<T>> {
    let signed = Signed::<T>::read(Dialect::Tuf1, bytes).ok()?;
    let body = signed.peek().clone();
    body.sensible().ok()?;
    match verify(authority, signed, at) {
        // Signatures are counted first: what has expired is well signed.
        current @ (Ok(_) | Err(Rejected::Expired { .. })) => Some(Recalled { body, current }),
        Err(Rejected::NoAuthority(_) | Rejected::Threshold { .. } | Rejected::Repeated { .. }) => {
            None
        }
    }
}

/// Whether a timestamp is newer than the one before (TUF 1.0 section 5.4.3); false where it is of the same version.
pub(in crate::tuf) fn newer_timestamp(
    before: &Timestamped,
    new: &Timestamped,
) -> Result<bool, Refused> {
    not_older("timestamp", before.version, new.version)?;
    if new.version == before.version {
        return Ok(false);
    }
    let snapshot = |of: &Timestamped| of.meta.get(SNAPSHOT).and_then(|file| file.version);
    not_older("snapshot", snapshot(before).unwrap_or(0), snapshot(new).unwrap_or(0))?;
    Ok(true)
}

/// Whether a snapshot names everything that the one before named, nothing in an older version (TUF 1.0 section 5.5.5).
pub(in crate::tuf) fn no_rollback(before: &Snapshot, new: &Snapshot) -> Result<(), Refused> {
    for (name, known) in &before.meta {
        let Some(file) = new.meta.get(name) else {
            return Err(not_named(&format!("{name}, as the trusted snapshot does")));
        };
        not_older(name, known.version.unwrap_or(0), file.version.unwrap_or(0))?;
    }
    Ok(())
}

fn not_older(what: &str, trusted: u64, found: u64) -> Result<(), Refused> {
    if found < trusted {
        return Err(Refused::Rollback { what: what.to_owned(), trusted, found });
    }
    Ok(())
}

/// Only major version 1 of the specification is read: `1.0`, `1.0.31`.
fn spec_version(stated: Option<&str>) -> Result<(), Refused> {
    let parts: Vec<&str> = stated.unwrap_or_default().split('.').collect();
    let numbers = parts
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()));
    if numbers && matches!(parts.as_slice(), ["1", _] | ["1", _, _]) {
        return Ok(());
    }
    Err(Refused::Mismatch {
        expected: "a spec_version such as 1.0.31".to_owned(),
        found: format!("{:?}", stated.unwrap_or_default()),
    })
}

pub(super) fn not_named(what: &str) -> Refused {
    Refused::Mismatch { expected: format!("an entry for {what}"), found: "none".to_owned() }
}

/// Whether a key that could sign for the timestamp or the snapshot no longer can: what was kept of both is then let go,
/// so that a repository recovers when an attacker made their versions jump (TUF 1.0 section 5.3.11).
pub(in crate::tuf) fn online_key_left(before: &Root, after: &Root) -> bool {
    [RoleName::timestamp(), RoleName::snapshot()].iter().any(|role| {
        let (before, after) = (keys(before, role), keys(after, role));
        !before.is_subset(&after)
    })
}

fn keys<'a>(root: &'a Root, role: &RoleName) -> BTreeSet<&'a PublicKey> {
    let ids = root.roles.get(role).into_iter().flat_map(|role| &role.keyids);
    ids.filter_map(|id| root.keys.get(id)).map(|key| &key.public).collect()
}
