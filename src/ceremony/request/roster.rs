//! The keys of a request: each must be what the plan says that it is, and be proven as the plan wants it.

use std::collections::BTreeMap;

use crate::tuf::key::KeyId;

use super::super::before::Before;
use super::super::change;
use super::super::engine::incoming;
use super::super::event::FileAt;
use super::super::plan::{Origin, Plan, PlannedKey};
use super::super::recipe::Recipe;
use super::super::roster::{Enrolled, Facts, Proof, Roster, room_challenge};

/// Checks a roster that somebody else wrote. The error is a sentence.
pub(super) fn verify(
    plan: &Plan,
    before: &Before,
    inputs: &BTreeMap<FileAt, Vec<u8>>,
    roster: &Roster,
    facts: &Facts,
) -> Result<(), String> {
    let stranger = |name: &&crate::tuf::name::KeyName| plan.key(name).is_none();
    let all = roster.keys.keys().chain(roster.proofs.keys()).chain(roster.certificates.keys());
    if let Some(name) = all.into_iter().find(stranger) {
        return Err(format!("{name} is no key of the plan"));
    }
    let certified = Recipe::of(plan).certificates;
    for key in &plan.keys {
        let name = &key.name;
        let enrolled = roster.keys.get(name).ok_or_else(|| format!("{name} is missing"))?;
        if enrolled.key().algorithm() != key.algorithm {
            return Err(format!("{name} is not an {} key", key.algorithm));
        }
        let twin = roster.keys.iter().find(|(n, k)| *n != name && k.key() == enrolled.key());
        if let Some((other, _)) = twin {
            return Err(format!("{name} is the same key as {other}"));
        }
        is_as_planned(plan, before, inputs, key, enrolled, roster.proofs.get(name))?;
        match (roster.proofs.get(name), enrolled) {
            (Some(Proof::Challenge(signature)), _) => {
                let challenge = room_challenge(facts, name, enrolled.key());
                if !enrolled.key().verifies(&challenge, signature) {
                    return Err(format!("{name}: its proof of possession does not hold"));
                }
            }
            (Some(Proof::Certificate(_)), _) if certified.contains(name) => {}
            (Some(Proof::Carried { .. }), Enrolled::Enrolled { .. })
            | (None, Enrolled::Server { .. } | Enrolled::Listed { .. }) => {}
            (Some(Proof::Certificate(_) | Proof::Carried { .. }) | None, _) => {
                return Err(format!("{name}: nobody has proven to hold it"));
            }
        }
        if certified.contains(name) {
            certificate(plan, key, enrolled, roster, facts)?;
        } else if roster.certificates.contains_key(name) {
            return Err(format!("{name}: the plan makes no certificate for it"));
        }
    }
    Ok(())
}

/// A key comes from where the plan says, so that nothing passes without the proof that its origin wants.
fn is_as_planned(
    plan: &Plan,
    before: &Before,
    inputs: &BTreeMap<FileAt, Vec<u8>>,
    key: &PlannedKey,
    enrolled: &Enrolled,
    proof: Option<&Proof>,
) -> Result<(), String> {
    let name = &key.name;
    let found = enrolled.key().fingerprint();
    match (&key.origin, enrolled) {
        (Origin::Fingerprint(confirmed), Enrolled::Shown { .. } | Enrolled::Listed { .. })
            if confirmed.value != found =>
        {
            Err(format!("{name}: expected the fingerprint {}, found {found}", confirmed.value))
        }
        (Origin::Make { .. }, Enrolled::Made { .. })
        | (Origin::Fingerprint(_), Enrolled::Shown { .. }) => Ok(()),
        (Origin::Listed(wanted), Enrolled::Listed { .. }) if *wanted != found => {
            Err(format!("{name}: expected the fingerprint {wanted}, found {found}"))
        }
        (Origin::Fingerprint(_) | Origin::Listed(_), Enrolled::Listed { .. }) => {
            let known = before.key(found).is_some_and(|public| public == enrolled.key());
            known.then_some(()).ok_or_else(|| format!("{name}: the state before does not list it"))
        }
        (Origin::Enrol { .. }, Enrolled::Enrolled { .. })
        | (Origin::Server { .. }, Enrolled::Server { .. }) => match incoming(plan, key, inputs)? {
            Some((known, carried)) if known == *enrolled && carried.as_ref() == proof => Ok(()),
            Some(_) => Err(format!("{name} is not what its files hold")),
            None => Err(format!("{name}: its files are not in the request")),
        },
        (
            Origin::Make { .. }
            | Origin::Fingerprint(_)
            | Origin::Listed(_)
            | Origin::Enrol { .. }
            | Origin::Server { .. },
            Enrolled::Made { .. }
            | Enrolled::Shown { .. }
            | Enrolled::Enrolled { .. }
            | Enrolled::Server { .. }
            | Enrolled::Listed { .. },
        ) => Err(format!("{name} does not come from where the plan says")),
    }
}

/// A certificate is the very one that the plan leads to, signed by its key.
fn certificate(
    plan: &Plan,
    key: &PlannedKey,
    enrolled: &Enrolled,
    roster: &Roster,
    facts: &Facts,
) -> Result<(), String> {
    let name = &key.name;
    let wrong = || format!("{name}: its certificate is not the one that the plan leads to");
    let Some(Proof::Certificate(signature)) = roster.proofs.get(name) else {
        return Err(format!("{name}: it has not signed its certificate"));
    };
    let payload =
        change::certificate(plan, key, enrolled.key(), facts).map_err(|why| why.to_string())?;
    let made = payload.envelope(&[(KeyId::new(name.as_str()), signature.clone())]);
    let right = enrolled.key().verifies(payload.to_sign(), signature)
        && roster.certificates.get(name).is_some_and(|pem| pem.as_bytes() == made);
    right.then_some(()).ok_or_else(wrong)
}
