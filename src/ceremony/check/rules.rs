//! What a wise reviewer would object to in a plan, rule by rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::Algorithm;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::time::Timestamp;

use super::super::before::Before;
use super::super::engine::incoming;
use super::super::event::{FileAt, Place};
use super::super::plan::{Origin, Part, Plan, PlannedRole, SignWho, SignedWhere, Store};
use super::super::scene::Verdict;
use super::{Finding, dates};

/// All findings of the rules, with the plan's waivers put in.
pub(super) fn findings(
    plan: &Plan,
    before: Option<&Before>,
    at: Timestamp,
    at_hand: &BTreeMap<FileAt, Vec<u8>>,
) -> Vec<Finding> {
    let mut raised = Vec::new();
    if let Some(anchor) = before.and_then(Before::anchor) {
        super::change::findings(plan, anchor, at, &mut raised);
    }
    for (name, role) in &plan.roles {
        thresholds(plan, name, role, &mut raised);
    }
    dates::findings(plan, at, &mut raised);
    own_snapshot(plan, &mut raised);
    same_keys(plan, &mut raised);
    people(plan, &mut raised);
    real_only(plan, at, &mut raised);
    inputs(plan, at_hand, &mut raised);
    super::care::findings(plan, &mut raised);
    super::fleet::unread(plan, &mut raised);
    waived(plan, raised)
}

/// The findings on one repository of a fleet. What is said of the whole plan is said once, elsewhere.
pub(super) fn of_member(plan: &Plan, before: &Before, at: Timestamp) -> Vec<Finding> {
    let mut raised = Vec::new();
    if let Some(anchor) = before.anchor() {
        super::change::findings(plan, anchor, at, &mut raised);
    }
    dates::of_member(plan, at, &mut raised);
    waived(plan, raised)
}

/// A finding that fails.
pub(super) fn fail(name: &str, about: &str, text: impl Into<String>) -> Finding {
    finding(Verdict::Fail, name, about, text)
}

pub(super) fn finding(
    verdict: Verdict,
    name: &str,
    about: &str,
    text: impl Into<String>,
) -> Finding {
    Finding {
        verdict,
        name: name.to_owned(),
        about: about.to_owned(),
        text: text.into(),
        only_real: false,
        waived_by: None,
    }
}

/// Findings that no waiver helps against.
const NEVER_WAIVED: [&str; 51] = [
    "overwrites-needed-key",
    "fleet-not-read",
    "fleet-none",
    "ed25519-on-yubikey",
    "threshold-zero",
    "threshold-above-keys",
    "one-holder",
    "same-key-twice",
    "expires-in-the-past",
    "certificate-before-root",
    "input-differs",
    "key-differs",
    "does-not-end",
    "client-refuses",
    "before-not-verified",
    "before-other-repository",
    "consistent-snapshot-differs",
    "key-not-listed",
    "old-threshold-not-reached",
    "new-threshold-not-reached",
    "targets-key-without-targets",
    "role-differs-from-root",
    "root-version-stated",
    "version-not-above",
    "version-too-high",
    "snapshot-before-unknown",
    "compromised-key-stays",
    "compromised-key-elsewhere",
    "only-compromised-keys-sign",
    "target-not-signed",
    "target-was-not",
    "not-there",
    "delegation-threshold",
    "delegation-differs",
    "delegation-below",
    "removed-and-stated",
    "known-good-not-older",
    "delegation-key-without-document",
    "names-collide",
    "document-missing",
    "document-too-many",
    "refresh-changes-more",
    "nothing-to-do",
    "same-key-again",
    "online-key-without-document",
    "root-lost",
    "back-up-circular",
    "back-up-beside-key",
    "back-up-beside-identity",
    "key-beside-its-secret",
    "key-still-listed",
];

fn thresholds(plan: &Plan, name: &RoleName, role: &PlannedRole, raised: &mut Vec<Finding>) {
    let n = role.keys.len();
    let threshold = usize::try_from(role.threshold).unwrap_or(usize::MAX);
    let is_root = *name == RoleName::root();
    if threshold == 0 {
        raised.push(fail(
            "threshold-zero",
            name.as_str(),
            "The threshold is 0: anybody could sign. Expected at least 1.",
        ));
        return;
    }
    if threshold > n {
        raised.push(fail(
            "threshold-above-keys",
            name.as_str(),
            format!(
                "The threshold is {threshold}, but there are only {n} keys: nobody could sign."
            ),
        ));
        return;
    }
    if is_root && threshold == 1 {
        raised.push(fail(
            "threshold-one",
            name.as_str(),
            "One signature is enough for a new root: one stolen key owns the fleet. Expected 2 or more.",
        ));
    } else if is_root && threshold == n {
        raised.push(fail(
            "threshold-all-of-n",
            name.as_str(),
            format!("All {n} keys are needed: one lost key loses the root. Expected a spare key."),
        ));
    } else if threshold == 1 {
        raised.push(finding(
            Verdict::Pass,
            "threshold-one-below-root",
            name.as_str(),
            "One signature is enough. That is usual below root.",
        ));
    }
    if is_root && role.sign == SignWho::Threshold {
        raised.push(fail(
            "not-all-sign",
            name.as_str(),
            "Not all root keys sign, so a key may turn out to be unusable when it is needed.",
        ));
    }
    one_holder(plan, name, role, threshold, raised);
    if is_root {
        one_place(plan, role, raised);
    }
}

/// Root keys that lie in one place are lost in one fire.
fn one_place(plan: &Plan, root: &PlannedRole, raised: &mut Vec<Finding>) {
    let mut kept: BTreeMap<String, &KeyName> = BTreeMap::new();
    for key in root.keys.iter().filter_map(|key| plan.key(key)) {
        let Some(place) = &key.place else { continue };
        if let Some(other) = kept.insert(place.as_str().trim().to_lowercase(), &key.name) {
            let text =
                format!("It would be kept at {place}, where {other} is: one fire takes both.");
            raised.push(fail("keys-in-one-place", key.name.as_str(), text));
        }
    }
}

fn one_holder(
    plan: &Plan,
    name: &RoleName,
    role: &PlannedRole,
    threshold: usize,
    raised: &mut Vec<Finding>,
) {
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    for key in role.keys.iter().filter_map(|key| plan.key(key)) {
        if let Some(holder) = &key.holder {
            *held.entry(holder.as_str()).or_default() += 1;
        }
    }
    for (holder, count) in held {
        if threshold >= 2 && count >= threshold {
            let text = format!(
                "{holder} holds {count} keys and alone reaches the threshold of {threshold}."
            );
            raised.push(if *name == RoleName::root() {
                fail("one-holder", name.as_str(), text)
            } else {
                finding(Verdict::Warn, "one-holder-below-root", name.as_str(), text)
            });
        }
    }
}

/// Where the snapshot key of a Notary repository is ours, every later change needs it.
fn own_snapshot(plan: &Plan, raised: &mut Vec<Finding>) {
    let name = RoleName::snapshot();
    let here = plan.roles.get(&name).is_some_and(|role| role.signed == SignedWhere::Here);
    if here && plan.repository.dialect == Dialect::Notary1 {
        raised.push(finding(
            Verdict::Warn,
            "snapshot-key-here",
            name.as_str(),
            "The server will not sign snapshots: whoever adds a tag or signs for a delegation needs \
             this key too.",
        ));
    }
}

fn same_keys(plan: &Plan, raised: &mut Vec<Finding>) {
    let mut known: BTreeMap<String, &KeyName> = BTreeMap::new();
    for key in &plan.keys {
        let identity = match &key.origin {
            Origin::Make { .. } => continue,
            Origin::Fingerprint(confirmed) => confirmed.value.to_string(),
            Origin::Listed(fingerprint) => fingerprint.to_string(),
            Origin::Enrol { fingerprint, .. } => fingerprint.value.to_string(),
            Origin::Server { id, .. } => format!("server {id}"),
        };
        if let Some(other) = known.insert(identity, &key.name) {
            raised.push(fail(
                "same-key-twice",
                key.name.as_str(),
                format!("It is the same key as {other}. One key counts once."),
            ));
        }
    }
    for key in &plan.keys {
        let old = key.replaces();
        if let Some(other) = old.and_then(|old| known.get(&old.to_string())) {
            raised.push(fail(
                "overwrites-needed-key",
                key.name.as_str(),
                format!("It is made over {other}, which the plan still names."),
            ));
        }
    }
    let mut slots: BTreeMap<String, &KeyName> = BTreeMap::new();
    for key in plan.keys.iter().filter(|key| key.is_here()) {
        let slot = match &key.store {
            Some(Store::Yubikey { serial, slot }) => format!("YubiKey {serial}, slot {slot}"),
            Some(Store::Pkcs11 { serial, id, .. }) => format!("PKCS#11 token {serial}, id {id}"),
            Some(Store::Virtual { serial }) => format!("virtual token {serial}"),
            Some(Store::Age { .. }) | None => continue,
        };
        if let Some(other) = slots.insert(slot.clone(), &key.name) {
            raised.push(fail(
                "same-key-twice",
                key.name.as_str(),
                format!("{slot} is the place of {other} already."),
            ));
        }
    }
    for (name, role) in &plan.roles {
        let distinct: BTreeSet<_> = role.keys.iter().collect();
        if distinct.len() < role.keys.len() {
            raised.push(fail("same-key-twice", name.as_str(), "It lists a key twice."));
        }
    }
    for key in &plan.keys {
        let roles: Vec<_> = plan
            .roles
            .iter()
            .filter(|(_, role)| role.keys.contains(&key.name))
            .map(|(name, _)| name.to_string())
            .collect();
        if roles.len() > 1 {
            raised.push(finding(
                Verdict::Warn,
                "key-in-several-roles",
                key.name.as_str(),
                format!("It signs for {}. A leak in one is a leak in all.", roles.join(" and ")),
            ));
        }
        let sets = plan.fleet.iter().flat_map(|fleet| fleet.sets.values());
        let in_set =
            sets.flat_map(std::collections::BTreeMap::values).any(|name| *name == key.name);
        let signs_along = plan.before.iter().flat_map(|before| &before.also_sign);
        let signs_along = signs_along.chain(plan.fleet.iter().flat_map(|fleet| &fleet.also_sign));
        let signs = in_set || signs_along.into_iter().any(|name| *name == key.name);
        if roles.is_empty() && !signs && !plan.kind.is_of_keys() {
            raised.push(finding(
                Verdict::Warn,
                "key-without-role",
                key.name.as_str(),
                "No role lists it; it would be made for nothing.",
            ));
        }
    }
}

fn people(plan: &Plan, raised: &mut Vec<Finding>) {
    let operators: BTreeSet<_> =
        plan.people_who(Part::Operator).map(|person| person.name.as_str()).collect();
    let witnesses: BTreeSet<_> =
        plan.people_who(Part::Witness).map(|person| person.name.as_str()).collect();
    if operators.is_empty() {
        raised.push(fail(
            "no-operator",
            "people",
            "Nobody is the operator. Expected one person who is the only one at the keyboard.",
        ));
    }
    if witnesses.is_empty() {
        raised.push(finding(
            Verdict::Warn,
            "no-witness",
            "people",
            "Nobody is a witness; words are compared by whoever reads aloud.",
        ));
    } else if witnesses.is_subset(&operators) {
        raised.push(fail(
            "operator-is-witness",
            "people",
            "The only witness is the operator, who would compare with themselves.",
        ));
    }
}

fn real_only(plan: &Plan, at: Timestamp, raised: &mut Vec<Finding>) {
    let mut real = |name: &str, about: &str, text: String| {
        raised.push(Finding { only_real: true, ..fail(name, about, text) });
    };
    match plan.window {
        None => real(
            "no-window",
            "window",
            "The plan says nothing about when it may be held.".to_owned(),
        ),
        Some(window) if at < window.from || at > window.until => real(
            "outside-window",
            "window",
            format!(
                "It is {}; the plan allows {} to {}.",
                at.to_minute(),
                window.from.to_minute(),
                window.until.to_minute()
            ),
        ),
        Some(_) => {}
    }
    for key in &plan.keys {
        if matches!(key.store, Some(Store::Yubikey { .. })) && key.algorithm == Algorithm::Ed25519 {
            real(
                "ed25519-on-yubikey",
                key.name.as_str(),
                "A YubiKey signs at most about a thousand bytes with Ed25519, less than a root. \
                 Expected p256."
                    .to_owned(),
            );
        }
    }
    let root = plan.roles.get(&RoleName::root());
    for key in root.iter().flat_map(|root| &root.keys).filter_map(|key| plan.key(key)) {
        // Whoever answers a request with a key for which the plan names no store has it in a file.
        let unsaid = key.store.is_none() && plan.by_request && plan.may_sign(key);
        if unsaid || matches!(key.store, Some(Store::Age { .. })) {
            real(
                "file-root-key",
                key.name.as_str(),
                "A root key in a file can be copied without a trace. Expected a token.".to_owned(),
            );
        }
    }
    for key in &plan.keys {
        match &key.store {
            Some(Store::Virtual { .. }) => real(
                "virtual-store",
                key.name.as_str(),
                "A virtual token is for rehearsals only.".to_owned(),
            ),
            Some(Store::Age { .. } | Store::Yubikey { .. } | Store::Pkcs11 { .. }) | None => {}
        }
    }
}

fn inputs(plan: &Plan, at_hand: &BTreeMap<FileAt, Vec<u8>>, raised: &mut Vec<Finding>) {
    // The list of a fleet may be long: whoever walks the fleet reads it.
    let is_list = |input: &super::super::plan::Input| {
        plan.fleet.as_ref().is_some_and(|fleet| fleet.is_list(input))
    };
    for input in plan.inputs.iter().filter(|input| !is_list(input)) {
        let file = FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
        match at_hand.get(&file).map(|bytes| Digest::of(bytes)) {
            None => raised.push(finding(
                Verdict::Unknown,
                "input-not-at-hand",
                &file.to_string(),
                "It could not be read here. Name its medium to check it.",
            )),
            Some(found) if found != input.sha256.value => raised.push(fail(
                "input-differs",
                &file.to_string(),
                format!("Expected sha256 {}, found {found}.", input.sha256.value),
            )),
            Some(_) => {}
        }
    }
    for key in &plan.keys {
        if let Err(why) = incoming(plan, key, at_hand) {
            raised.push(fail("key-differs", key.name.as_str(), why));
        }
    }
}

/// Puts the plan's waivers in, and names those that waive nothing.
fn waived(plan: &Plan, mut raised: Vec<Finding>) -> Vec<Finding> {
    let known: BTreeSet<String> = raised.iter().map(|finding| finding.name.clone()).collect();
    for finding in &mut raised {
        if finding.verdict != Verdict::Fail || NEVER_WAIVED.contains(&finding.name.as_str()) {
            continue;
        }
        if finding.name == "virtual-store" {
            continue;
        }
        if let Some(waiver) = plan.waiver(&finding.name) {
            finding.verdict = Verdict::Warn;
            finding.waived_by = Some(waiver.by.to_string());
        }
    }
    for waiver in &plan.waivers {
        let in_the_room = waiver.finding.starts_with("room-") || waiver.finding == "unattended";
        // What single clients object to shows only in drafted documents.
        let of_a_client = super::super::walk::is_of_a_client(&waiver.finding);
        if !known.contains(&waiver.finding) && !in_the_room && !of_a_client {
            raised.push(finding(
                Verdict::Warn,
                "waiver-without-finding",
                &waiver.finding,
                "The plan waives what was not found.",
            ));
        }
    }
    raised
}
