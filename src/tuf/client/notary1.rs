//! The Notary walk: what the `notary` client 0.7 does with what a server gives.

use std::collections::BTreeMap;

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Rejected, TrustedRoot, Verified, verify};
use crate::tuf::wire::certificate::Certificate;

use super::tuf1::wrong_hash;
use super::{MAX_DELEGATIONS, MAX_DOCUMENT, MAX_ROOT, Refused, Stopped, Walking, fetched};

const DIALECT: Dialect = Dialect::Notary1;

pub(super) fn walk(walking: &mut Walking<'_>, root: TrustedRoot) -> Result<(), Stopped> {
    let root = walking.follow_roots(root, certificates)?;
    let timestamp: Option<Verified<Timestamped>> =
        top_level(walking, &root, &RoleName::timestamp(), MAX_ROOT, None)?;
    let meta = timestamp.map(|timestamp| timestamp.body().meta.clone());
    let snapshot: Option<Verified<Snapshot>> =
        top_level(walking, &root, &RoleName::snapshot(), MAX_DOCUMENT, meta.as_ref())?;
    let meta = snapshot.map(|snapshot| snapshot.body().meta.clone());
    let targets: Option<Verified<Targets>> =
        top_level(walking, &root, &RoleName::targets(), MAX_DOCUMENT, meta.as_ref())?;
    if let Some(targets) = targets {
        walking.keep(RoleName::targets(), &targets);
        delegations(walking, &targets, meta.as_ref())?;
    }
    Ok(())
}

/// Every root key must come in a certificate that the client takes now: of a leaf, with a clock of its own.
fn certificates(root: &Root, at: Timestamp) -> Result<(), Refused> {
    let Some(role) = root.roles.get(&RoleName::root()) else { return Ok(()) };
    let bad = |why: String| Err(Refused::Certificate(why));
    for key in role.keyids.iter().filter_map(|id| root.keys.get(id)) {
        let Some(pem) = &key.certificate else {
            return bad("a root key is listed without a certificate".to_owned());
        };
        let certificate = Certificate::from_pem(pem)?;
        let name = &certificate.common_name;
        if certificate.is_ca {
            return bad(format!("{name:?} says that it is a certificate authority"));
        }
        if name.is_empty() {
            return bad("the common name is empty".to_owned());
        }
        if !certificate.exact_form {
            return bad(format!("{name:?} is not in the exact PEM form"));
        }
        if certificate.not_after <= at {
            let ended = certificate.not_after.to_minute();
            return bad(format!("{name:?} ended on {ended}: every client refuses it for good"));
        }
        // A day ahead is tolerated.
        if at.plus_seconds(86_400).is_some_and(|ahead| certificate.not_before > ahead) {
            return bad(format!("{name:?} begins on {}", certificate.not_before.to_minute()));
        }
    }
    Ok(())
}

/// Whether every root certificate is for this GUN.
pub(super) fn for_gun(root: &Root, gun: &str) -> Result<(), Refused> {
    let role = root.roles.get(&RoleName::root());
    let ids = role.iter().flat_map(|role| &role.keyids);
    for pem in ids.filter_map(|id| root.keys.get(id)?.certificate.as_ref()) {
        let certificate = Certificate::from_pem(pem)?;
        if !certificate.fits_gun(gun) {
            return Err(Refused::Certificate(format!(
                "expected the common name {gun:?}, found {:?}",
                certificate.common_name
            )));
        }
    }
    Ok(())
}

fn top_level<T: Body>(
    walking: &mut Walking<'_>,
    root: &TrustedRoot,
    role: &RoleName,
    limit: u64,
    meta: Option<&BTreeMap<String, MetaFile>>,
) -> Result<Option<Verified<T>>, Stopped> {
    let name = format!("{role}.json");
    let authority = match root.authority(role) {
        Ok(authority) => authority,
        Err(why) => return walking.refuse(&name, Rejected::NoAuthority(why)),
    };
    read(walking, &name, &authority, role, limit, meta)
}

fn read<T: Body>(
    walking: &mut Walking<'_>,
    name: &str,
    authority: &Authority,
    role: &RoleName,
    limit: u64,
    meta: Option<&BTreeMap<String, MetaFile>>,
) -> Result<Option<Verified<T>>, Stopped> {
    let Some(bytes) = walking.need(name, role, limit)? else { return Ok(None) };
    if let Some(meta) = meta {
        let Some(stated) = meta.get(role.as_str()) else {
            return walking.refuse(
                name,
                Refused::Mismatch {
                    expected: "an entry that names it".to_owned(),
                    found: "none".to_owned(),
                },
            );
        };
        let length = u64::try_from(bytes.len()).ok();
        if stated.length.is_some() && stated.length != length {
            return walking.refuse(
                name,
                Refused::Mismatch {
                    expected: format!("{} bytes", stated.length.unwrap_or_default()),
                    found: format!("{} bytes", length.unwrap_or_default()),
                },
            );
        }
        if let Some(why) = wrong_hash(&stated.hashes, &bytes) {
            return walking.refuse(name, why);
        }
    }
    let signed = match Signed::<T>::take(DIALECT, bytes, fetched()) {
        Ok(signed) => signed,
        Err(why) => return walking.refuse(name, why),
    };
    // A server that signs the snapshot writes documents again and hashes that: a difference bricks the repository.
    if signed.reemitted() != signed.received() {
        return walking.refuse(
            name,
            Refused::Mismatch {
                expected: "the bytes that Notary itself would write".to_owned(),
                found: "others".to_owned(),
            },
        );
    }
    match verify(authority, signed, walking.at) {
        Ok(verified) => {
            walking.accept_verified(name, &verified);
            Ok(Some(verified))
        }
        Err(why) => walking.refuse(name, why),
    }
}

fn delegations(
    walking: &mut Walking<'_>,
    targets: &Verified<Targets>,
    meta: Option<&BTreeMap<String, MetaFile>>,
) -> Result<(), Stopped> {
    let mut waiting: Vec<_> = targets.body().delegations.iter().cloned().collect();
    let mut visited = 0;
    while let Some(delegations) = waiting.pop() {
        for role in &delegations.roles {
            visited += 1;
            if visited > MAX_DELEGATIONS || walking.walk.targets.contains_key(&role.name) {
                continue;
            }
            let name = format!("{}.json", role.name);
            // A delegation that nobody published is no fault.
            let named = meta.is_some_and(|meta| meta.contains_key(role.name.as_str()));
            if meta.is_some() && !named {
                continue;
            }
            let authority = match Authority::delegated(&delegations, role) {
                Ok(authority) => authority,
                Err(why) => return walking.refuse(&name, Rejected::NoAuthority(why)),
            };
            let read: Option<Verified<Targets>> =
                read(walking, &name, &authority, &role.name, MAX_DOCUMENT, meta)?;
            if let Some(read) = read {
                walking.keep(role.name.clone(), &read);
                waiting.extend(read.body().delegations.clone());
            }
        }
    }
    Ok(())
}
