//! One document: its bytes against what names it, its structure, and its signatures.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::root::{ListedKey, RoleKeys, Root};
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::{DelegatedRole, Delegations, Targets};
use crate::tuf::verify::{Authority, NoAuthority, Rejected, Verified, verify};

use super::super::tuf1::wrong_hash;
use super::super::{Refused, Stopped, Walking};
use super::told::{Reason, Told};
use super::{DIALECT, exact, tell};

/// Who states the keys of a role.
pub(super) enum Who<'a> {
    Root(&'a Root, RoleName),
    Delegated(&'a Delegations, &'a DelegatedRole),
}

impl Who<'_> {
    pub(super) fn role(&self) -> &RoleName {
        match self {
            Self::Root(_, role) => role,
            Self::Delegated(_, role) => &role.name,
        }
    }

    fn authority(&self) -> Result<Authority, NoAuthority> {
        match self {
            Self::Root(root, role) => Authority::stated_by(root, role),
            Self::Delegated(delegations, role) => Authority::delegated(delegations, role),
        }
    }

    fn stated(&self) -> Option<(&BTreeMap<KeyId, ListedKey>, &RoleKeys)> {
        match self {
            Self::Root(root, role) => Some((&root.keys, root.roles.get(role)?)),
            Self::Delegated(delegations, role) => Some((&delegations.keys, &role.keys)),
        }
    }

    fn keys(&self) -> impl Iterator<Item = (&KeyId, &ListedKey)> {
        let stated = self.stated();
        stated
            .into_iter()
            .flat_map(|(keys, role)| role.keyids.iter().filter_map(|id| keys.get_key_value(id)))
    }

    /// Whether one key is listed under several ids: else counting ids and counting keys is the same.
    fn has_twins(&self) -> bool {
        let ids = self.keys().map(|(id, _)| id).collect::<BTreeSet<_>>().len();
        ids > self.keys().map(|(_, key)| &key.public).collect::<BTreeSet<_>>().len()
    }

    /// How many ids have a good signature, which is what the real client counts; looked at only where one key has several.
    pub(super) fn good_ids<T: Body>(&self, document: &Signed<T>, out: &BTreeSet<KeyId>) -> usize {
        if !self.has_twins() {
            return 0;
        }
        let listed: BTreeMap<_, _> = self.keys().filter(|(id, _)| !out.contains(*id)).collect();
        let good = document.signatures().iter().filter_map(|entry| {
            let key = listed.get(&entry.keyid)?;
            let signature = entry.typed(DIALECT, key)?;
            key.public.verifies(document.signing_bytes(), &signature).then_some(&entry.keyid)
        });
        good.collect::<BTreeSet<_>>().len()
    }

    /// The reason, where enough ids signed but too few keys.
    pub(super) fn several_ids<T: Body>(
        &self,
        document: &Signed<T>,
        out: &BTreeSet<KeyId>,
    ) -> Option<Reason> {
        let needed = usize::try_from(self.stated()?.1.threshold.0).ok().filter(|n| *n > 0)?;
        let ids = self.good_ids(document, out);
        let signed: BTreeSet<_> = document.signatures().iter().map(|entry| &entry.keyid).collect();
        let keys = self.keys().filter(|(id, _)| !out.contains(*id) && signed.contains(*id));
        let keys = keys.map(|(_, key)| &key.public).collect::<BTreeSet<_>>().len();
        (ids >= needed).then_some(Reason::OneKeySeveralIds { ids, keys, needed })
    }
}

/// What names a document: a timestamp or a snapshot, by the roles in it.
pub(super) struct Named<'a> {
    pub(super) by: RoleName,
    pub(super) meta: &'a BTreeMap<String, MetaFile>,
}

impl Named<'_> {
    /// Checks bytes against what is stated of a role. Where they differ but Notary's own writing of them would fit, that is
    /// said: it is what a server does without a word.
    pub(super) fn check(
        &self,
        role: &RoleName,
        bytes: &[u8],
        inexact: Option<&exact::Inexact>,
    ) -> Result<(), Refused> {
        let Some(stated) = self.meta.get(role.as_str()) else {
            return Err(Reason::NotNamed { by: self.by.clone() }.into());
        };
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).ok();
        let wrong = if stated.length.is_some() && stated.length != length(bytes) {
            Some(Refused::Mismatch {
                expected: format!("{} bytes", stated.length.unwrap_or_default()),
                found: format!("{} bytes", bytes.len()),
            })
        } else if stated.hashes.is_empty() {
            Some(Refused::Mismatch {
                expected: format!("a hash of it in the {}", self.by),
                found: "none".to_owned(),
            })
        } else {
            wrong_hash(&stated.hashes, bytes)
        };
        let Some(wrong) = wrong else { return Ok(()) };
        let fits = |written: &[u8]| wrong_hash(&stated.hashes, written).is_none();
        match inexact {
            Some(found) if !stated.hashes.is_empty() && fits(&found.written) => {
                Err(Reason::Bricked { at: found.at.clone() }.into())
            }
            Some(_) | None => Err(wrong),
        }
    }

    /// The name under which a client asks for a document whose hash it knows.
    fn hashed(&self, role: &RoleName) -> Option<String> {
        let hash = self.meta.get(role.as_str())?.hashes.get("sha256")?;
        Some(format!("{role}.{}.json", data_encoding::HEXLOWER.encode(hash)))
    }
}

/// Why a document is not taken.
pub(super) enum Fault {
    /// Every client refuses the whole repository.
    Fatal(Refused),
    /// It has expired, or too few keys signed it: of a delegation, clients drop the subtree and warn.
    Subtree(Refused),
}

/// Gets a document: by its hash where the server lays it out so, else by its role.
pub(super) fn fetch(
    walking: &mut Walking<'_>,
    role: &RoleName,
    named: Option<&Named<'_>>,
    limit: u64,
) -> Result<Option<Vec<u8>>, Stopped> {
    if let Some(name) = named.and_then(|named| named.hashed(role))
        && let Some(bytes) = walking.fetch(&name, limit)?
    {
        return Ok(Some(bytes));
    }
    walking.fetch(&format!("{role}.json"), limit)
}

/// Judges the bytes of a document. `guarded` says whether somebody else hashes what Notary writes for it.
pub(super) fn judge<T: Body>(
    walking: &mut Walking<'_>,
    who: &Who<'_>,
    bytes: &[u8],
    named: Option<&Named<'_>>,
) -> Result<Verified<T>, Fault> {
    let role = who.role().clone();
    let signed =
        Signed::<T>::read(DIALECT, bytes).map_err(|why| Fault::Fatal(Refused::from(why)))?;
    exactness(walking, &role, bytes, named, &signed).map_err(Fault::Fatal)?;
    if let Some((id, _)) = who.keys().find(|(id, key)| exact::key_id(&key.wire) != **id) {
        let reason = Reason::OtherId { role, id: id.clone() };
        return Err(Fault::Fatal(reason.into()));
    }
    let none = BTreeSet::new();
    let authority = match who.authority() {
        Ok(authority) => authority,
        Err(why @ NoAuthority::NoRole(_)) => {
            return Err(Fault::Fatal(Rejected::from(why).into()));
        }
        Err(why @ NoAuthority::Threshold { .. }) => {
            let reason = who.several_ids(&signed, &none);
            let why = reason.map_or_else(|| Rejected::from(why).into(), Refused::from);
            return Err(Fault::Subtree(why));
        }
    };
    let ids = who.good_ids(&signed, &none);
    let several = who.several_ids(&signed, &none);
    match verify(&authority, signed, walking.at) {
        Ok(verified) => {
            let keys = verified.tally().good.len();
            if ids > keys {
                tell(walking, &format!("{role}.json"), Told::Ids { ids, keys });
            }
            Ok(verified)
        }
        Err(why @ Rejected::Threshold { .. }) => {
            Err(Fault::Subtree(several.map_or_else(|| why.into(), Refused::from)))
        }
        Err(
            why @ (Rejected::Expired { .. } | Rejected::NoAuthority(_) | Rejected::Repeated { .. }),
        ) => Err(Fault::Subtree(why.into())),
    }
}

/// Checks that a document is named as it lies there, and that nobody will name what Notary would write instead.
fn exactness<T: Body>(
    walking: &mut Walking<'_>,
    role: &RoleName,
    bytes: &[u8],
    named: Option<&Named<'_>>,
    signed: &Signed<T>,
) -> Result<(), Refused> {
    // Nothing names a timestamp.
    if *role == RoleName::timestamp() {
        return Ok(());
    }
    let inexact = exact::inexact(bytes, signed.signatures());
    match (named, inexact) {
        (Some(named), inexact) => {
            named.check(role, bytes, inexact.as_ref())?;
            if let Some(found) = inexact {
                tell(walking, &format!("{role}.json"), Told::OwnSnapshot { at: found.at });
            }
            Ok(())
        }
        (None, Some(found)) => Err(Reason::Inexact { at: found.at }.into()),
        (None, None) => Ok(()),
    }
}

/// What a root must have: the four roles, each with a threshold and with its keys.
pub(super) fn structure(root: &Root) -> Result<(), Refused> {
    let four = [RoleName::root(), RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()];
    for name in four {
        let Some(role) = root.roles.get(&name) else {
            return Err(Rejected::from(NoAuthority::NoRole(name)).into());
        };
        sound(&name, role, &root.keys)?;
    }
    Ok(())
}

/// What a targets document must have: delegations directly below its role, each sound; and hashes.
pub(super) fn sound_targets(role: &RoleName, targets: &Targets) -> Result<(), Refused> {
    let none = Delegations::default();
    let delegations = targets.delegations.as_ref().unwrap_or(&none);
    for child in &delegations.roles {
        if !is_child(role, &child.name) {
            let (parent, role) = (role.clone(), child.name.clone());
            return Err(Reason::DelegationName { parent, role }.into());
        }
        sound(&child.name, &child.keys, &delegations.keys)?;
    }
    match targets.targets.iter().find(|(_, file)| file.hashes.is_empty()) {
        Some((name, _)) => Err(Reason::NoHash(name.into_owned()).into()),
        None => Ok(()),
    }
}

fn sound(
    name: &RoleName,
    role: &RoleKeys,
    keys: &BTreeMap<KeyId, ListedKey>,
) -> Result<(), Refused> {
    let missing = role.keyids.iter().filter(|id| !keys.contains_key(id)).count();
    let threshold = role.threshold.0;
    if threshold < 1 || missing > 0 {
        return Err(Reason::BadRole { role: name.clone(), threshold, missing }.into());
    }
    Ok(())
}

/// Whether a role may be delegated by another: one more part, of `a-z`, `0-9`, `-` and `_`.
fn is_child(parent: &RoleName, role: &RoleName) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    role.as_str()
        .strip_prefix(parent.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|last| !last.is_empty() && last.chars().all(allowed))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_delegation_lies_directly_below_the_role_that_delegates() {
        let child = |name: &str| is_child(&RoleName::targets(), &name.parse().unwrap());
        for good in ["targets/releases", "targets/a-b_9"] {
            assert!(child(good), "{good}");
        }
        for bad in [
            "targets",
            "targets/",
            "targets/a/b",
            "targets/Bad",
            "targets/a.b",
            "other/a",
            "targetsa",
        ] {
            assert!(!child(bad), "{bad}");
        }
    }
}
