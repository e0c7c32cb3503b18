//! The Notary walk: what the `notary` client 0.7 and docker do with what a server gives, or with what they keep.
//!
//! Where we are stricter than they are, the documents' authors lose nothing and `docs/dialects.md` says so by name.

mod certificates;
mod delegations;
mod exact;
mod reading;
mod roots;
mod told;

use std::collections::BTreeSet;

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::{Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{TrustedRoot, Verified};
use crate::tuf::wire::certificate::Certificate;

pub use certificates::{Contact, LeftOut};
pub use delegations::is_hidden;
pub use roots::takes_root;
pub use told::{Reason, Told};

use super::kept::KeepsNothing;
use super::{Fetcher, MAX_DOCUMENT, MAX_ROOT, Refused, Stopped, Walk, WalkVerdict, Walking};
use reading::{Fault, Named, Who, fetch, judge, sound_targets};

const DIALECT: Dialect = Dialect::Notary1;

/// Walks a repository as a client that meets it in this way. The root is the one that the client holds; of a first
/// contact the newest.
pub fn meet(
    contact: &Contact,
    root: TrustedRoot,
    fetcher: &mut dyn Fetcher,
    at: Timestamp,
    pending: &BTreeSet<RoleName>,
) -> Walk {
    let mut kept = KeepsNothing;
    let mut walking = Walking::new(fetcher, &mut kept, at, pending);
    // The reason is in the steps.
    let _ = walk(&mut walking, root, contact);
    walking.walk
}

pub(super) fn walk(
    walking: &mut Walking<'_>,
    root: TrustedRoot,
    contact: &Contact,
) -> Result<(), Stopped> {
    let (root, bytes) = roots::newest(walking, root, contact)?;
    let root = root.root().body();
    let timestamp: Option<Verified<Timestamped>> =
        top_level(walking, root, RoleName::timestamp(), MAX_ROOT, None)?;
    let named =
        timestamp.as_ref().map(|read| Named { by: RoleName::timestamp(), meta: &read.body().meta });
    let snapshot: Option<Verified<Snapshot>> =
        top_level(walking, root, RoleName::snapshot(), MAX_DOCUMENT, named.as_ref())?;
    let named =
        snapshot.as_ref().map(|read| Named { by: RoleName::snapshot(), meta: &read.body().meta });
    root_is_named(walking, root, &bytes, named.as_ref())?;
    let targets: Option<Verified<Targets>> =
        top_level(walking, root, RoleName::targets(), MAX_DOCUMENT, named.as_ref())?;
    if let Some(targets) = targets {
        if let Err(why) = sound_targets(&RoleName::targets(), targets.body()) {
            return walking.refuse("targets.json", why);
        }
        walking.keep(RoleName::targets(), &targets);
        delegations::visit(walking, &targets, named.as_ref())?;
    }
    Ok(())
}

fn tell(walking: &mut Walking<'_>, name: &str, told: Told) {
    walking.note(name, WalkVerdict::Told(told));
}

/// The snapshot names the root by its hash too.
fn root_is_named(
    walking: &mut Walking<'_>,
    root: &Root,
    bytes: &[u8],
    named: Option<&Named<'_>>,
) -> Result<(), Stopped> {
    let name = format!("root.json, version {}", root.version);
    let signatures = match Signed::<Root>::read(DIALECT, bytes) {
        Ok(read) => read.signatures().to_vec(),
        Err(why) => return walking.refuse(&name, why),
    };
    let inexact = exact::inexact(bytes, &signatures);
    match (named, inexact) {
        (Some(named), inexact) => {
            if let Err(why) = named.check(&RoleName::root(), bytes, inexact.as_ref()) {
                return walking.refuse(&name, why);
            }
            if let Some(found) = inexact {
                tell(walking, &name, Told::OwnSnapshot { at: found.at });
            }
            Ok(())
        }
        (None, Some(found)) => walking.refuse(&name, Reason::Inexact { at: found.at }),
        (None, None) => Ok(()),
    }
}

fn top_level<T: Body>(
    walking: &mut Walking<'_>,
    root: &Root,
    role: RoleName,
    limit: u64,
    named: Option<&Named<'_>>,
) -> Result<Option<Verified<T>>, Stopped> {
    let name = format!("{role}.json");
    let who = Who::Root(root, role);
    let role = who.role();
    let Some(bytes) = fetch(walking, role, named, limit)? else {
        // It is noted as pending, or as missing.
        return walking.need(&name, role, limit).map(|_| None);
    };
    match judge(walking, &who, &bytes, named) {
        Ok(verified) => {
            walking.accept_verified(&name, &verified);
            Ok(Some(verified))
        }
        Err(Fault::Fatal(why) | Fault::Subtree(why)) => walking.refuse(&name, why),
    }
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
