//! The TUF walk: specification 1.0, section 5.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256, Sha512};

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::verify::{Authority, TrustedRoot, Verified, verify};

use super::{
    MAX_DELEGATIONS, MAX_DOCUMENT, MAX_ROOT, MAX_STATED, Refused, Stopped, Walking, fetched,
};

const DIALECT: Dialect = Dialect::Tuf1;

pub(super) fn walk(walking: &mut Walking<'_>, root: TrustedRoot) -> Result<(), Stopped> {
    let root = walking.follow_roots(root, |_, _| Ok(()))?;
    let consistent = root.root().body().consistent_snapshot;
    let timestamp: Option<Verified<Timestamped>> =
        top_level(walking, &root, "timestamp.json", &RoleName::timestamp(), MAX_ROOT, None)?;
    let stated = timestamp.and_then(|t| t.body().meta.get("snapshot.json").cloned());
    let name = versioned(consistent, "snapshot", stated.as_ref());
    let snapshot: Option<Verified<Snapshot>> =
        top_level(walking, &root, &name, &RoleName::snapshot(), MAX_DOCUMENT, stated.as_ref())?;
    let meta = snapshot.map(|snapshot| snapshot.body().meta.clone());
    let of = |role: &str| meta.as_ref().and_then(|meta| meta.get(&format!("{role}.json")).cloned());
    let stated = of("targets");
    let name = versioned(consistent, "targets", stated.as_ref());
    if meta.is_some() && stated.is_none() {
        return walking.refuse(&name, not_in_snapshot());
    }
    let targets: Option<Verified<Targets>> =
        top_level(walking, &root, &name, &RoleName::targets(), MAX_DOCUMENT, stated.as_ref())?;
    if let Some(targets) = targets {
        walking.keep(RoleName::targets(), &targets);
        delegations(walking, consistent, &targets, meta.as_ref())?;
    }
    Ok(())
}

fn not_in_snapshot() -> Refused {
    Refused::Mismatch { expected: "an entry in the snapshot".to_owned(), found: "none".to_owned() }
}

/// `3.targets.json` where snapshots are consistent, `targets.json` where they are not. Version 1 where nothing states one.
fn versioned(consistent: bool, role: &str, stated: Option<&MetaFile>) -> String {
    let version = stated.and_then(|file| file.version).unwrap_or(1);
    if consistent { format!("{version}.{role}.json") } else { format!("{role}.json") }
}

fn top_level<T: Body>(
    walking: &mut Walking<'_>,
    root: &TrustedRoot,
    name: &str,
    role: &RoleName,
    limit: u64,
    stated: Option<&MetaFile>,
) -> Result<Option<Verified<T>>, Stopped> {
    let authority = match root.authority(role) {
        Ok(authority) => authority,
        Err(why) => {
            return walking.refuse(name, crate::tuf::verify::Rejected::NoAuthority(why));
        }
    };
    let limit = stated.and_then(|file| file.length).map_or(limit, |length| length.min(MAX_STATED));
    let Some(bytes) = walking.need(name, role, limit)? else { return Ok(None) };
    read(walking, name, &authority, bytes, stated).map(Some)
}

/// Checks a document against what names it, its authority, and the clock.
fn read<T: Body>(
    walking: &mut Walking<'_>,
    name: &str,
    authority: &Authority,
    bytes: Vec<u8>,
    stated: Option<&MetaFile>,
) -> Result<Verified<T>, Stopped> {
    if let Some(why) = stated.and_then(|stated| mismatch(stated, &bytes)) {
        return walking.refuse(name, why);
    }
    let signed = match Signed::<T>::take(DIALECT, bytes, fetched()) {
        Ok(signed) => signed,
        Err(why) => return walking.refuse(name, why),
    };
    let found = signed.peek().version();
    if let Some(expected) = stated.and_then(|stated| stated.version)
        && found != expected
    {
        return walking.refuse(
            name,
            Refused::Mismatch {
                expected: format!("version {expected}"),
                found: format!("version {found}"),
            },
        );
    }
    match verify(authority, signed, walking.at) {
        Ok(verified) => {
            walking.accept_verified(name, &verified);
            Ok(verified)
        }
        Err(why) => walking.refuse(name, why),
    }
}

/// Where length or hashes are stated, they must be right.
fn mismatch(stated: &MetaFile, bytes: &[u8]) -> Option<Refused> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if let Some(expected) = stated.length.filter(|expected| *expected != length) {
        return Some(Refused::Mismatch {
            expected: format!("{expected} bytes"),
            found: format!("{length} bytes"),
        });
    }
    wrong_hash(&stated.hashes, bytes)
}

/// The first of the known hashes that is wrong; a set without any known hash is wrong too, unless it is empty.
pub(super) fn wrong_hash(hashes: &BTreeMap<String, Vec<u8>>, bytes: &[u8]) -> Option<Refused> {
    let mut known = 0;
    for (name, expected) in hashes {
        let found = match name.as_str() {
            "sha256" => Sha256::digest(bytes).to_vec(),
            "sha512" => Sha512::digest(bytes).to_vec(),
            _ => continue,
        };
        known += 1;
        if found != *expected {
            return Some(Refused::Mismatch {
                expected: format!("{name} {}", data_encoding::HEXLOWER.encode(expected)),
                found: data_encoding::HEXLOWER.encode(&found),
            });
        }
    }
    (known == 0 && !hashes.is_empty()).then(|| Refused::Mismatch {
        expected: "a sha256 or sha512 hash".to_owned(),
        found: hashes.keys().cloned().collect::<Vec<_>>().join(", "),
    })
}

/// Visits delegated roles breadth first; each is checked against the document that delegates to it.
fn delegations(
    walking: &mut Walking<'_>,
    consistent: bool,
    targets: &Verified<Targets>,
    meta: Option<&BTreeMap<String, MetaFile>>,
) -> Result<(), Stopped> {
    let mut waiting: Vec<_> = targets.body().delegations.iter().cloned().collect();
    let mut visited = 0;
    while let Some(delegations) = waiting.pop() {
        for role in &delegations.roles {
            visited += 1;
            if visited > MAX_DELEGATIONS {
                return Ok(());
            }
            if walking.walk.targets.contains_key(&role.name) {
                continue;
            }
            let stated = meta.and_then(|meta| meta.get(&format!("{}.json", role.name)));
            let name = versioned(consistent, role.name.as_str(), stated);
            if meta.is_some() && stated.is_none() {
                return walking.refuse(&name, not_in_snapshot());
            }
            let authority = match Authority::delegated(&delegations, role) {
                Ok(authority) => authority,
                Err(why) => {
                    return walking.refuse(&name, crate::tuf::verify::Rejected::NoAuthority(why));
                }
            };
            let Some(bytes) = walking.need(&name, &role.name, MAX_DOCUMENT)? else { continue };
            let read: Verified<Targets> = read(walking, &name, &authority, bytes, stated)?;
            walking.keep(role.name.clone(), &read);
            waiting.extend(read.body().delegations.clone());
        }
    }
    Ok(())
}
