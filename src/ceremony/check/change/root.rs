//! What a change of root keys must not leave behind: dates that go back, keys of people who left, keys that leaked, and
//! documents that nobody signs any more.

use std::collections::BTreeSet;

use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::Fingerprint;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::time::Timestamp;

use super::super::super::before::Anchor;
use super::super::super::plan::{Origin, Plan, PlannedKey, Store};
use super::super::super::recipe::Recipe;
use super::super::super::scene::Verdict;
use super::super::rules::{fail, finding};
use super::super::{Finding, base};
use super::{fingerprint, is_as_listed, of_role};

/// A refresh that ends sooner than what it refreshes is a mistake, and one that jumps over versions is no refresh.
pub(super) fn dates(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    at: Timestamp,
    raised: &mut Vec<Finding>,
) {
    for doc in recipe.all() {
        let now = match &doc.role {
            DocRole::Root => Some(anchor.root().expires.at),
            DocRole::Targets => anchor.targets().map(|held| held.body().expires.at),
            DocRole::Delegated(name) => anchor.delegated(name).map(|held| held.body().expires.at),
            DocRole::Snapshot => anchor.snapshot().map(|held| held.body().expires.at),
            DocRole::Timestamp => anchor.timestamp().map(|held| held.body().expires.at),
            DocRole::Certificate(_) => None,
        };
        let new = base(plan, at).plus(doc.valid_for);
        if let (Some(now), Some(new)) = (now, new)
            && new <= now
        {
            raised.push(fail(
                "sooner-than-before",
                &doc.role.to_string(),
                if new == now {
                    format!("It would expire on {}, as the one that is there.", new.to_minute())
                } else {
                    format!(
                        "It would expire on {}, and the one that is there lasts until {}.",
                        new.to_minute(),
                        now.to_minute()
                    )
                },
            ));
        }
    }
    for (name, _) in plan.roles.iter().filter(|(_, role)| role.version.is_some()) {
        raised.push(fail(
            "refresh-changes-more",
            name.as_str(),
            "A refresh takes the next version; the plan states one.",
        ));
    }
}

/// Whoever leaves is listed nowhere any more, and whoever comes brings a token of their own.
pub(super) fn leaver(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let name = RoleName::root();
    let Some(planned) = plan.roles.get(&name) else { return };
    let old = of_role(anchor.root(), &name);
    let new: BTreeSet<Fingerprint> =
        planned.keys.iter().filter_map(|key| fingerprint(plan, key)).collect();
    let gone: BTreeSet<_> = old.difference(&new).copied().collect();
    if gone.is_empty() {
        raised.push(fail(
            "leaver-still-listed",
            "root",
            "Every key of the root before stays in the new one: whoever leaves could still sign.",
        ));
    }
    for key in planned.keys.iter().filter_map(|key| plan.key(key)) {
        if matches!(key.origin, Origin::Listed(_)) {
            raised.push(fail(
                "leaver-still-listed",
                key.name.as_str(),
                "It stays in the root, and nobody brings it. A leaver's key must go; that its holder is \
                 only away today is a reason to waive this.",
            ));
        }
    }
    for (role, key) in anchor.listed() {
        let restated = plan.roles.contains_key(&role)
            || plan.delegations.iter().any(|planned| planned.name == role);
        if role != name && gone.contains(&key.public.fingerprint()) && !restated {
            raised.push(fail(
                "leaver-still-listed",
                role.as_str(),
                "It lists a key that leaves the root; whoever holds that key still signs here.",
            ));
        }
    }
    let others = plan.roles.iter().filter(|(role, _)| **role != name);
    let others = others.map(|(role, planned)| (role, &planned.keys));
    let delegated = plan.delegations.iter().map(|planned| (&planned.name, &planned.keys));
    for (role, keys) in others.chain(delegated) {
        let is_gone = |key: &&KeyName| fingerprint(plan, key).is_some_and(|f| gone.contains(&f));
        for key in keys.iter().filter(is_gone) {
            raised.push(fail(
                "leaver-still-listed",
                role.as_str(),
                format!(
                    "{key} leaves the root and would go on here; whoever holds it still signs."
                ),
            ));
        }
    }
    let keys = || planned.keys.iter().filter_map(|key| plan.key(key));
    // Made here, or brought: what the root before does not list comes with somebody new.
    let is_new =
        |key: &PlannedKey| fingerprint(plan, &key.name).is_none_or(|known| !old.contains(&known));
    for newcomer in keys().filter(|key| is_new(key)) {
        let Some(token) = newcomer.store.as_ref().and_then(token) else { continue };
        let shares = |key: &&PlannedKey| {
            key.name != newcomer.name
                && key.store.as_ref().and_then(self::token).as_ref() == Some(&token)
        };
        if let Some(other) = keys().find(shares) {
            raised.push(fail(
                "newcomer-shares-token",
                newcomer.name.as_str(),
                format!(
                    "It would be on the {token}, where {} is: one loss takes both.",
                    other.name
                ),
            ));
        }
    }
}

/// The token of a store, whatever its slot.
fn token(store: &Store) -> Option<String> {
    match store {
        Store::Yubikey { serial, .. } => Some(format!("YubiKey {serial}")),
        Store::Pkcs11 { serial, .. } => Some(format!("PKCS#11 token {serial}")),
        Store::Age { .. } | Store::Virtual { .. } => None,
    }
}

/// Snapshot and timestamp that the new root's keys have not signed are refused by every client.
pub(super) fn published_together(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    raised: &mut Vec<Finding>,
) {
    for role in [DocRole::Snapshot, DocRole::Timestamp] {
        let Some(name) = role.role_name() else { continue };
        let Some(planned) = plan.roles.get(&name) else { continue };
        if is_as_listed(plan, anchor.root(), &name, planned) || recipe.makes(&role) {
            continue;
        }
        let here = planned.keys.iter().filter_map(|key| plan.key(key)).any(PlannedKey::is_here);
        if here {
            raised.push(fail(
                "online-key-without-document",
                name.as_str(),
                format!(
                    "The root lists a key that is here, and no new {name} is signed with it: clients \
                     refuse the one that is there. Give the role a valid_for."
                ),
            ));
            continue;
        }
        raised.push(finding(
            Verdict::Warn,
            "online-signs-at-once",
            name.as_str(),
            match plan.repository.dialect {
                Dialect::Notary1 => format!(
                    "The server signs a new {name} with its new key when this root is uploaded. Only \
                     the server that gave the key can."
                ),
                Dialect::Tuf1 => format!(
                    "Publish a new {name} under the new key together with this root: until then every \
                     client that sees the root refuses the repository."
                ),
            },
        ));
    }
}

/// The new root needs more keys than those that leaked. At or above the old threshold there is no way back inside the repository, whatever the plan calls the change.
pub(super) fn lost(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let name = RoleName::root();
    let old = of_role(anchor.root(), &name);
    let bad: BTreeSet<_> =
        plan.compromised.iter().map(|row| row.fingerprint).filter(|f| old.contains(f)).collect();
    if let Some(planned) = plan.roles.get(&name).filter(|_| !bad.is_empty())
        && usize::try_from(planned.threshold).is_ok_and(|threshold| threshold <= bad.len())
    {
        raised.push(fail(
            "threshold-within-reach",
            "root",
            format!(
                "{} keys leaked, and {} would be enough for the next root. Expected a threshold above \
                 what leaked once.",
                bad.len(),
                planned.threshold
            ),
        ));
    }
    let threshold = anchor.root().roles.get(&name).map_or(0, |role| role.threshold.0);
    if bad.is_empty() || !i64::try_from(bad.len()).is_ok_and(|bad| bad >= threshold) {
        return;
    }
    let trust_data = match plan.repository.dialect {
        Dialect::Notary1 => format!(
            " Clients of docker and notary must remove what they keep of it, ~/.docker/trust/tuf/{0} \
             and ~/.notary/tuf/{0}, before they see the new one; docker has no other way.",
            plan.repository.name
        ),
        Dialect::Tuf1 => " Clients must be shipped with the new root.json.".to_owned(),
    };
    raised.push(fail(
        "root-lost",
        "root",
        format!(
            "{} keys leaked and {threshold} are enough for a new root: whoever has them can sign one \
             too, and no client can tell which is yours. Nothing signed here can mend that. Hold a \
             first-root ceremony with new keys and bring its anchors to every client by another way. \
             Withdraw the repository that is there.{trust_data}",
            bad.len()
        ),
    ));
}

/// What leaked is said.
pub(super) fn compromise(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let name = RoleName::root();
    let old = of_role(anchor.root(), &name);
    let bad = plan.compromised.iter().filter(|row| old.contains(&row.fingerprint)).count();
    if bad == 0 {
        raised.push(fail(
            "nothing-to-do",
            "compromised",
            "No key of the root is stated as compromised.",
        ));
    }
}
