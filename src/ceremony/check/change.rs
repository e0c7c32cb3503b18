//! What a wise reviewer would object to in a change, before anybody comes to the room.

mod adopt;
mod bins;
mod delegations;
mod kinds;
mod root;
mod signed_things;
mod snapshot;

use std::collections::BTreeSet;

use crate::tuf::client::certificates_fit;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::Fingerprint;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::root::{ListedKey, Root};
use crate::tuf::time::Timestamp;
use crate::tuf::verify::Authority;
use crate::tuf::wire::certificate::Certificate;

use super::super::before::Anchor;
use super::super::plan::{Kind, Origin, Plan, PlannedKey, PlannedRole, SignedWhere};
use super::super::recipe::Recipe;
use super::super::scene::Verdict;
use super::rules::{fail, finding};
use super::{Finding, base};

/// All findings on a change.
pub(super) fn findings(plan: &Plan, anchor: &Anchor, at: Timestamp, raised: &mut Vec<Finding>) {
    repository(plan, anchor, raised);
    expired(anchor, at, raised);
    keys(plan, anchor, raised);
    let recipe = Recipe::of(plan);
    if recipe.makes(&DocRole::Root) {
        both_thresholds(plan, anchor, &recipe, at, raised);
        new_keys_need_new_documents(plan, anchor, &recipe, raised);
    } else {
        roles_as_they_are(plan, anchor, raised);
    }
    versions(plan, anchor, raised);
    compromised(plan, anchor, &recipe, raised);
    snapshot::follows(plan, anchor, &recipe, raised);
    root::lost(plan, anchor, raised);
    signed_things::findings(plan, anchor, &recipe, raised);
    kinds::findings(plan, anchor, &recipe, at, raised);
    if plan.kind == Kind::Adopt {
        adopt::findings(plan, anchor, at, raised);
    }
}

/// The fingerprint that the plan knows a key by before the ceremony; nothing for keys that are made or that a server gives.
pub(super) fn fingerprint(plan: &Plan, name: &KeyName) -> Option<Fingerprint> {
    match &plan.key(name)?.origin {
        Origin::Fingerprint(confirmed) => Some(confirmed.value),
        Origin::Enrol { fingerprint, .. } => Some(fingerprint.value),
        Origin::Listed(fingerprint) => Some(*fingerprint),
        Origin::Make { .. } | Origin::Server { .. } => None,
    }
}

/// The fingerprints of a role's keys in a root.
pub(super) fn of_role(root: &Root, role: &RoleName) -> BTreeSet<Fingerprint> {
    let keyids = root.roles.get(role).map(|role| role.keyids.as_slice()).unwrap_or_default();
    keyids.iter().filter_map(|id| Some(root.keys.get(id)?.public.fingerprint())).collect()
}

/// Whether the plan's keys of a role are those that the root lists, and its threshold too.
pub(super) fn is_as_listed(plan: &Plan, root: &Root, name: &RoleName, role: &PlannedRole) -> bool {
    let planned: Option<BTreeSet<_>> = role.keys.iter().map(|key| fingerprint(plan, key)).collect();
    let threshold = root.roles.get(name).map(|role| role.threshold.0);
    planned == Some(of_role(root, name)) && threshold == Some(i64::from(role.threshold))
}

fn repository(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    if plan.repository.dialect == Dialect::Notary1
        && let Err(why) = certificates_fit(anchor.root(), plan.repository.name.as_str())
    {
        raised.push(fail(
            "before-other-repository",
            "before",
            format!("The root is not one of {}: {why}.", plan.repository.name),
        ));
    }
    let stated = plan.repository.consistent_snapshot;
    if plan.repository.dialect == Dialect::Tuf1 && stated != anchor.root().consistent_snapshot {
        raised.push(fail(
            "consistent-snapshot-differs",
            "repository",
            format!("The plan says consistent_snapshot = {stated}, the root says otherwise."),
        ));
    }
}

/// An expired document is a reason for a change, and to be known.
fn expired(anchor: &Anchor, at: Timestamp, raised: &mut Vec<Finding>) {
    let root = (DocRole::Root, anchor.root().expires.at);
    let targets = anchor.targets().map(|held| (DocRole::Targets, held.body().expires.at));
    let below = anchor
        .all_delegated()
        .iter()
        .map(|(name, held)| (DocRole::Delegated(name.clone()), held.body().expires.at));
    for (role, end) in [root].into_iter().chain(targets).chain(below) {
        if end <= at {
            raised.push(finding(
                Verdict::Warn,
                "before-expired",
                &role.to_string(),
                format!("It expired on {}: clients refuse it since.", end.to_minute()),
            ));
        }
    }
}

/// Every key that the plan takes from the state before is there, with the algorithm that the plan states.
fn keys(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let find = |known: Fingerprint| {
        anchor
            .listed()
            .map(|(_, key)| &key.public)
            .chain(
                anchor
                    .roots()
                    .values()
                    .flat_map(|root| root.peek().keys.values().map(|key| &key.public)),
            )
            .find(|public| public.fingerprint() == known)
    };
    for key in &plan.keys {
        if let Some(old) = key.replaces()
            && find(old).is_some()
        {
            raised.push(finding(
                Verdict::Warn,
                "overwrites-listed-key",
                key.name.as_str(),
                format!(
                    "It is made over the key {old}, which the documents before still list: nobody \
                     can sign with that one afterwards, also where this ceremony does not come to \
                     its end."
                ),
            ));
        }
        let Some(known) = fingerprint(plan, &key.name) else { continue };
        match (find(known), &key.origin) {
            (None, Origin::Listed(_)) => raised.push(fail(
                "key-not-listed",
                key.name.as_str(),
                format!("No document of the state before lists the key {known}."),
            )),
            (Some(public), _) if public.algorithm() != key.algorithm => raised.push(fail(
                "key-differs",
                key.name.as_str(),
                format!("The plan says {}, the key is {}.", key.algorithm, public.algorithm()),
            )),
            (Some(_) | None, _) => {}
        }
    }
}

/// A new root wants enough signatures of the root before, and enough of its own.
fn both_thresholds(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    at: Timestamp,
    raised: &mut Vec<Finding>,
) {
    let Some(doc) = recipe.documents.iter().find(|doc| doc.role == DocRole::Root) else { return };
    let root = RoleName::root();
    let old = of_role(anchor.root(), &root);
    let signing: Vec<_> = doc
        .signers
        .iter()
        .filter(|name| fingerprint(plan, name).is_some_and(|known| old.contains(&known)))
        .collect();
    let distinct: BTreeSet<_> = signing.iter().filter_map(|name| fingerprint(plan, name)).collect();
    let need =
        Authority::stated_by(anchor.root(), &root).map_or(usize::MAX, |a| a.threshold().count());
    if distinct.len() < need {
        let names: Vec<_> = signing.iter().map(ToString::to_string).collect();
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        raised.push(fail(
            "old-threshold-not-reached",
            "root",
            format!(
                "The root before wants {need} of its {} keys; those that sign: {there}. Name more of \
                 them under [before] also_sign: without them every client refuses the new root. Where \
                 so many are lost that {need} cannot be brought, no change can be signed any more: hold \
                 a first-root ceremony before this root expires on {}.",
                old.len(),
                anchor.root().expires.at.to_minute()
            ),
        ));
    }
    let Some(planned) = plan.roles.get(&root) else { return };
    kept_certificates(plan, anchor, planned, base(plan, at).plus(doc.valid_for), raised);
    let own = doc.signers.iter().filter(|name| planned.keys.contains(name)).count();
    if own < usize::try_from(planned.threshold).unwrap_or(usize::MAX) {
        raised.push(fail(
            "new-threshold-not-reached",
            "root",
            format!(
                "The new root wants {} of its own keys, and {own} of them sign here.",
                planned.threshold
            ),
        ));
    }
    both_tokens(plan, &signing, planned, raised);
}

/// A certificate that stays has a clock of its own, and the end of too many of them is for good.
fn kept_certificates(
    plan: &Plan,
    anchor: &Anchor,
    root: &PlannedRole,
    expires: Option<Timestamp>,
    raised: &mut Vec<Finding>,
) {
    let Some(role) = anchor.root().roles.get(&RoleName::root()) else { return };
    let kept = root.keys.iter().filter_map(|key| plan.key(key));
    for key in kept.filter(|key| key.certificate.is_none()) {
        let known = fingerprint(plan, &key.name);
        let ends = role.keyids.iter().filter_map(|id| {
            let listed = anchor.root().keys.get(id)?;
            let pem = listed.certificate.as_deref()?;
            (Some(listed.public.fingerprint()) == known)
                .then(|| Certificate::from_pem(pem).ok())?
                .map(|certificate| certificate.not_after)
        });
        if let (Some(end), Some(expires)) = (ends.max(), expires)
            && end < expires
        {
            raised.push(finding(
                Verdict::Warn,
                "kept-certificate-ends-first",
                key.name.as_str(),
                format!(
                    "Its certificate stays and ends on {}, before the new root on {}. When fewer are left \
                     than the threshold, every client refuses the repository for good. Renew it before \
                     that by rotate-root.",
                    end.to_minute(),
                    expires.to_minute()
                ),
            ));
        }
    }
}

/// One person may have to bring two tokens: the old key's and the new one's.
fn both_tokens(plan: &Plan, old: &[&KeyName], new: &PlannedRole, raised: &mut Vec<Finding>) {
    for name in old.iter().filter(|name| !new.keys.contains(name)) {
        let Some(old) = plan.key(name) else { continue };
        let new = new
            .keys
            .iter()
            .filter_map(|key| plan.key(key))
            .find(|key| old.holder.is_some() && key.holder == old.holder);
        if let (Some(holder), Some(new)) = (&old.holder, new) {
            let is_in = |key: &PlannedKey| {
                let store = key.store.as_ref().map(|store| format!(" ({store})"));
                format!("{}{}", key.name, store.unwrap_or_default())
            };
            raised.push(finding(
                Verdict::Pass,
                "brings-both-tokens",
                name.as_str(),
                format!(
                    "{holder} brings both tokens: {} for the root before, {} for the new one.",
                    is_in(old),
                    is_in(new)
                ),
            ));
        }
    }
}

/// A key that is replaced takes its document with it: the old document is signed by nobody that the new root knows.
fn new_keys_need_new_documents(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    raised: &mut Vec<Finding>,
) {
    let targets = RoleName::targets();
    let Some(role) = plan.roles.get(&targets) else { return };
    let stays = is_as_listed(plan, anchor.root(), &targets, role);
    if stays || recipe.makes(&DocRole::Targets) {
        return;
    }
    let online = plan.repository.dialect == Dialect::Tuf1 && role.signed == SignedWhere::Online;
    let text = "The root lists other keys for targets, and no new targets document is signed with them: \
                the server would say 200 and every client would refuse.";
    raised.push(if online && anchor.targets().is_none() {
        finding(
            Verdict::Warn,
            "targets-signed-online",
            "targets",
            "The online side must publish targets under the new keys together with this root.",
        )
    } else {
        fail("targets-key-without-targets", "targets", text)
    });
}

/// Where no root is made, roles can only be restated.
fn roles_as_they_are(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    for (name, role) in &plan.roles {
        if !is_as_listed(plan, anchor.root(), name, role) {
            raised.push(fail(
                "role-differs-from-root",
                name.as_str(),
                "Keys or threshold are not those of the root, and no new root is signed here.",
            ));
        }
    }
}

/// A version that the plan states must be above what there is, and not so high that nothing fits above it.
fn versions(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    const HIGHEST: u64 = 1 << 31;
    let top = plan.roles.iter().map(|(name, role)| (name, role.version));
    let below = plan.delegations.iter().map(|role| (&role.name, role.version));
    for (name, version) in top.chain(below) {
        let (Some(stated), Ok(doc)) = (version, name.as_str().parse::<DocRole>()) else {
            continue;
        };
        let now = anchor.last_version(&doc).unwrap_or(0);
        let about = name.as_str();
        if doc == DocRole::Root {
            raised.push(fail(
                "root-version-stated",
                about,
                "A root's version is exactly one more than the one before; no client takes another.",
            ));
        } else if stated <= now {
            raised.push(fail(
                "version-not-above",
                about,
                format!("The plan says version {stated}; there is version {now} already."),
            ));
        } else if stated >= HIGHEST {
            raised.push(fail(
                "version-too-high",
                about,
                format!("Version {stated} leaves too little room above it; expected less than {HIGHEST}."),
            ));
        } else if stated > now + 1 {
            raised.push(finding(
                Verdict::Warn,
                "version-jumps",
                about,
                format!("It goes from version {now} to {stated}."),
            ));
        }
    }
}

/// The keys that the state before lists for roles of which the plan says nothing: they stay.
fn left_as_they_are<'a>(
    plan: &'a Plan,
    anchor: &'a Anchor,
) -> impl Iterator<Item = (RoleName, &'a ListedKey)> {
    anchor.listed().filter(|(role, _)| {
        let restated = plan.roles.contains_key(role)
            || plan.delegations.iter().any(|planned| planned.name == *role)
            || plan.bins.as_ref().is_some_and(|bins| bins.prefix == *role)
            || super::super::change::is_removed(plan, role);
        !restated
    })
}

/// The keys that new documents would list again although the plan does not name them, each with its role: those of the root
/// where a root is signed, and those of delegations where targets are.
pub fn listed_again(plan: &Plan, anchor: &Anchor) -> Vec<(RoleName, Fingerprint)> {
    let recipe = Recipe::of(plan);
    let of_root = recipe.makes(&DocRole::Root);
    let of_targets = recipe.all().any(|doc| match doc.role {
        DocRole::Targets | DocRole::Delegated(_) => true,
        DocRole::Root | DocRole::Snapshot | DocRole::Timestamp | DocRole::Certificate(_) => false,
    });
    let again = left_as_they_are(plan, anchor).filter(|(role, _)| {
        if anchor.root().roles.contains_key(role) { of_root } else { of_targets }
    });
    again.map(|(role, key)| (role, key.public.fingerprint())).collect()
}

/// The keys that the plan names for a role and knows beforehand, each with its role.
pub fn named(plan: &Plan) -> Vec<(RoleName, Fingerprint)> {
    let all = plan.authorised();
    all.filter_map(|(role, key)| Some((role.clone(), fingerprint(plan, key)?))).collect()
}

/// A key that somebody else may have is listed nowhere any more, and does not sign alone.
fn compromised(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    let bad: BTreeSet<_> = plan.compromised.iter().map(|row| row.fingerprint).collect();
    if bad.is_empty() {
        return;
    }
    let is_bad = |name: &&KeyName| fingerprint(plan, name).is_some_and(|f| bad.contains(&f));
    let new_roles = plan.roles.iter().map(|(name, role)| (name, &role.keys));
    let delegated = plan.delegations.iter().map(|role| (&role.name, &role.keys));
    let delegated = delegated.chain(plan.bins.iter().map(|bins| (&bins.prefix, &bins.keys)));
    for (name, keys) in new_roles.chain(delegated) {
        for key in keys.iter().filter(is_bad) {
            raised.push(fail(
                "compromised-key-stays",
                name.as_str(),
                format!("{key} is among the compromised keys and would sign for {name} again."),
            ));
        }
    }
    for (role, key) in left_as_they_are(plan, anchor) {
        if bad.contains(&key.public.fingerprint()) {
            raised.push(fail(
                "compromised-key-elsewhere",
                role.as_str(),
                "The state before lists a compromised key for this role too, and the plan leaves it there.",
            ));
        }
    }
    for doc in recipe.all() {
        let role = doc.role.role_name();
        let own = role.as_ref().and_then(|name| {
            let top = plan.roles.get(name).map(|role| &role.keys);
            top.or_else(|| plan.delegations.iter().find(|d| d.name == *name).map(|d| &d.keys))
        });
        if doc.signers.iter().all(|name| is_bad(&name)) && own.is_some() {
            raised.push(fail(
                "only-compromised-keys-sign",
                &doc.role.to_string(),
                "Every key that signs it is one that somebody else may have.",
            ));
        }
    }
}
