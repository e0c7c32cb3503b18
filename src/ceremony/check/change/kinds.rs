//! What a kind may change, and what it must.

use std::collections::BTreeSet;

use crate::tuf::document::DocRole;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::Authority;

use super::super::super::before::{Anchor, Good};
use super::super::super::plan::{Kind, Origin, Plan};
use super::super::super::recipe::Recipe;
use super::super::super::scene::Verdict;
use super::super::Finding;
use super::super::rules::{fail, finding};
use super::{fingerprint, is_as_listed, of_role, root};

pub(super) fn findings(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    at: Timestamp,
    raised: &mut Vec<Finding>,
) {
    documents(plan, recipe, raised);
    match plan.kind {
        Kind::FirstRoot
        | Kind::Adopt
        | Kind::ProvisionToken
        | Kind::ChangePin
        | Kind::BackUp
        | Kind::RestoreDrill => {}
        Kind::RetireToken => super::super::care::still_listed(plan, anchor, raised),
        Kind::Refresh => {
            refresh(plan, anchor, raised);
            root::dates(plan, anchor, recipe, at, raised);
        }
        Kind::RotateRoot => root_changes(plan, anchor, raised),
        Kind::ReplaceCustodian => {
            root_changes(plan, anchor, raised);
            root::leaver(plan, anchor, raised);
        }
        Kind::RotateOnline => {
            online(plan, anchor, raised);
            root::published_together(plan, anchor, recipe, raised);
        }
        Kind::RotateTagging => tagging(plan, anchor, recipe, raised),
        Kind::AddDelegation => {
            super::bins::findings(plan, anchor, raised);
            delegations(plan, raised, |role| {
                let there = anchor.delegation(role).is_some();
                there.then_some("It is there already; expected a new name.")
            });
        }
        Kind::RotateDelegation => {
            delegations(plan, raised, |role| {
                anchor.delegation(role).is_none().then_some("There is no such delegation.")
            });
            let same = |planned| super::delegations::has_keys_of_now(plan, anchor, planned);
            super::bins::findings(plan, anchor, raised);
            if !plan.delegations.is_empty() && plan.delegations.iter().all(same) {
                let text = "Every delegation keeps its keys: the same key again is no rotation.";
                raised.push(fail("same-key-again", "delegations", text));
            }
        }
        Kind::RemoveDelegation => {
            let removes = super::super::super::change::removes_delegations(plan);
            if !removes {
                raised.push(fail("nothing-to-do", "plan", "No delegation is taken out."));
            }
        }
        Kind::SignTargets => {
            if plan.targets.is_empty() && plan.removed.is_empty() {
                raised.push(fail(
                    "nothing-to-do",
                    "plan",
                    "No target is added, moved or taken out.",
                ));
            }
        }
        Kind::RootCompromise => root::compromise(plan, anchor, raised),
    }
}

/// The documents that a kind may make, and those that it must.
fn documents(plan: &Plan, recipe: &Recipe, raised: &mut Vec<Finding>) {
    let online = [DocRole::Snapshot, DocRole::Timestamp];
    let (must, may): (&[DocRole], &[DocRole]) = match plan.kind {
        Kind::FirstRoot | Kind::Refresh => return,
        Kind::RotateRoot | Kind::ReplaceCustodian | Kind::RootCompromise | Kind::RotateOnline => {
            (&[DocRole::Root], &[DocRole::Root, DocRole::Targets])
        }
        Kind::RotateTagging => {
            (&[DocRole::Root, DocRole::Targets], &[DocRole::Root, DocRole::Targets])
        }
        Kind::AddDelegation | Kind::RotateDelegation | Kind::RemoveDelegation => {
            (&[DocRole::Targets], &[DocRole::Targets])
        }
        Kind::SignTargets => (&[], &[DocRole::Targets]),
        Kind::Adopt
        | Kind::ProvisionToken
        | Kind::ChangePin
        | Kind::BackUp
        | Kind::RestoreDrill
        | Kind::RetireToken => (&[], &[]),
    };
    for role in must.iter().filter(|role| !recipe.makes(role)) {
        raised.push(fail(
            "document-missing",
            &role.to_string(),
            format!("{} signs a new {role}; the plan gives its role no valid_for.", plan.kind),
        ));
    }
    for doc in recipe.all() {
        let delegated = matches!(doc.role, DocRole::Delegated(_)) && plan.kind != Kind::Adopt;
        let allowed = may.contains(&doc.role)
            || (online.contains(&doc.role) && plan.kind != Kind::Adopt)
            || delegated;
        if !allowed {
            raised.push(fail(
                "document-too-many",
                &doc.role.to_string(),
                format!("{} signs no {}.", plan.kind, doc.role),
            ));
        }
    }
}

/// A refresh changes versions and dates, and nothing else.
fn refresh(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    for (name, role) in &plan.roles {
        if !is_as_listed(plan, anchor.root(), name, role) {
            raised.push(fail(
                "refresh-changes-more",
                name.as_str(),
                "A refresh keeps every key and threshold; this role has others.",
            ));
        }
    }
    let more = !plan.targets.is_empty() || !plan.removed.is_empty() || plan.known_good.is_some();
    let delegations = plan.delegations.iter().any(|planned| {
        let Some((_, delegations, role)) = anchor.delegation(&planned.name) else { return true };
        let listed: BTreeSet<_> = role
            .keys
            .keyids
            .iter()
            .filter_map(|id| Some(delegations.keys.get(id)?.public.fingerprint()))
            .collect();
        let keys: Option<BTreeSet<_>> =
            planned.keys.iter().map(|key| fingerprint(plan, key)).collect();
        let paths = role.paths.clone().unwrap_or_default() == planned.paths;
        keys != Some(listed) || !paths || role.keys.threshold.0 != i64::from(planned.threshold)
    });
    if more || delegations {
        let text = "A refresh changes no target and no delegation.";
        raised.push(fail("refresh-changes-more", "targets", text));
    }
    if plan.keys.iter().any(|key| matches!(key.origin, Origin::Make { .. })) {
        raised.push(fail("refresh-changes-more", "keys", "A refresh makes no key."));
    }
    if !Recipe::of(plan).certificates.is_empty() {
        let text = "A new certificate gives a root key another id; that is a rotation.";
        raised.push(fail("refresh-changes-more", "certificates", text));
    }
}

/// A root that changes nothing is a refresh; one that leaves no key of the root before is to be known.
fn root_changes(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let name = RoleName::root();
    let Some(root) = plan.roles.get(&name) else { return };
    let renewed = root.keys.iter().filter_map(|key| plan.key(key)).any(|k| k.certificate.is_some());
    if is_as_listed(plan, anchor.root(), &name, root) && !renewed {
        raised.push(fail("nothing-to-do", "root", "The root keeps all keys; that is a refresh."));
    }
    let old = of_role(anchor.root(), &name);
    let kept =
        root.keys.iter().filter_map(|key| fingerprint(plan, key)).filter(|f| old.contains(f));
    if kept.count() == 0 {
        raised.push(finding(
            Verdict::Warn,
            "all-root-keys-replaced",
            "root",
            "No key of the root before stays. Replacing fewer than the threshold at a time is safer.",
        ));
    }
}

/// Another key must come for one of the roles that the online side signs.
fn online(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let changed = plan.roles.iter().any(|(name, role)| {
        *name != RoleName::root() && !is_as_listed(plan, anchor.root(), name, role)
    });
    if !changed {
        let text = "Every online role keeps its keys: the same key again is no rotation.";
        raised.push(fail("same-key-again", "roles", text));
    }
}

fn tagging(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    known_good(plan, anchor, raised);
    let name = RoleName::targets();
    let old = of_role(anchor.root(), &name);
    let stays = plan.roles.get(&name).into_iter().flat_map(|role| &role.keys).find(|key| {
        fingerprint(plan, key).is_some_and(|known| old.contains(&known))
            && plan.compromised.is_empty()
    });
    if let Some(key) = stays {
        raised.push(fail(
            "tagging-key-stays",
            key.as_str(),
            "It signs for targets now and would go on. Say under [[compromised]] which key leaked.",
        ));
    }
    if plan.known_good.is_none() && recipe.makes(&DocRole::Targets) {
        raised.push(finding(
            Verdict::Warn,
            "no-known-good",
            "targets",
            "No known-good state is named: everything that the leaked key signed is signed again, and \
             every tag and delegation must be read.",
        ));
    }
    let leaked_below = plan.compromised.iter().any(|row| {
        !old.contains(&row.fingerprint)
            && anchor.listed().any(|(role, key)| {
                key.public.fingerprint() == row.fingerprint
                    && !["root", "targets", "snapshot", "timestamp"].contains(&role.as_str())
            })
    });
    if leaked_below && !plan.compromised.iter().any(|row| old.contains(&row.fingerprint)) {
        raised.push(fail(
            "only-a-delegation-key",
            "compromised",
            "The leaked key signs for a delegation only: rotate-delegation replaces it, without the root.",
        ));
    }
}

/// A known-good document was signed by the repository's own keys, and is older than what there is.
fn known_good(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    super::delegations::kept(plan, anchor, raised);
    let Some(Good::Targets(good)) = anchor.good() else { return };
    let targets = RoleName::targets();
    let signed = anchor.roots().values().any(|root| {
        Authority::stated_by(root.peek(), &targets).is_ok_and(|a| a.tally(good).reached())
    });
    if !signed {
        raised.push(fail(
            "known-good-not-signed",
            "known_good",
            "No root at hand lists enough keys that signed it: it is no targets document of this \
             repository, or the roots of its time are missing.",
        ));
    }
    let now = anchor.targets().map_or(0, |held| held.body().version);
    let was = good.peek().version;
    if was > now {
        let text = format!(
            "It is version {was}, the current one is {now}: these are not the current files."
        );
        raised.push(fail("known-good-not-older", "known_good", text));
    }
}

fn delegations(
    plan: &Plan,
    raised: &mut Vec<Finding>,
    objection: impl Fn(&RoleName) -> Option<&'static str>,
) {
    if plan.delegations.is_empty() && plan.bins.is_none() {
        raised.push(fail("nothing-to-do", "plan", "The plan states no delegation."));
    }
    // What is signed for at the same time, as docker does with targets/releases, may be there or not.
    let all = plan.delegations.iter().all(|planned| objection(&planned.name).is_some());
    for planned in plan.delegations.iter().filter(|_| all) {
        if let Some(text) = objection(&planned.name) {
            raised.push(fail("delegation-name", planned.name.as_str(), text));
        }
    }
}
