//! What a wise reviewer would object to in the care of keys: what lies beside what opens it, and keys that are still in use.

use std::collections::BTreeSet;

use crate::tuf::name::KeyName;

use super::super::before::Anchor;
use super::super::plan::{BackUpForm, Label, Plan, cost};
use super::super::scene::Verdict;
use super::Finding;
use super::rules::{fail, finding};

/// All findings on bags and back-ups.
pub(super) fn findings(plan: &Plan, raised: &mut Vec<Finding>) {
    bags(plan, raised);
    back_ups(plan, raised);
    circular(plan, raised);
}

fn same(a: &Label, b: &Label) -> bool {
    a.as_str().trim().to_lowercase() == b.as_str().trim().to_lowercase()
}

fn bags(plan: &Plan, raised: &mut Vec<Finding>) {
    for row in &plan.bags {
        if same(&row.bag, &row.secrets_bag) || same(&row.place, &row.secrets_place) {
            raised.push(fail(
                "key-beside-its-secret",
                row.key.as_str(),
                "The key and the paper that opens it would lie in one bag or one place: who finds one has both.",
            ));
        }
        if let Some(key) = plan.key(&row.key)
            && row.repositories > 1
        {
            raised.push(finding(
                Verdict::Pass,
                "policy-cost",
                row.key.as_str(),
                format!("Its policies will cost, for {}.", cost(key, row.repositories)),
            ));
        }
    }
}

fn back_ups(plan: &Plan, raised: &mut Vec<Finding>) {
    for row in &plan.back_ups {
        if same(&row.place, &row.home) {
            raised.push(fail(
                "back-up-beside-key",
                row.key.as_str(),
                format!(
                    "The back-up would lie where the key is: one fire at {} takes both.",
                    row.home
                ),
            ));
        }
        let BackUpForm::Recipients(to) = &row.form else { continue };
        if let Some(beside) = to.iter().find(|to| same(&to.place, &row.place)) {
            raised.push(fail(
                "back-up-beside-identity",
                row.key.as_str(),
                format!(
                    "The identity that {} keeps would lie beside the back-up at {}: who finds one has both.",
                    beside.kept_by, row.place
                ),
            ));
        }
    }
}

/// A back-up is of use when somebody can open it without the very keys that it saves.
fn circular(plan: &Plan, raised: &mut Vec<Finding>) {
    let mut usable: BTreeSet<&KeyName> = BTreeSet::new();
    loop {
        let more: Vec<&KeyName> = plan
            .back_ups
            .iter()
            .filter(|row| !usable.contains(&row.key))
            .filter(|row| match &row.form {
                BackUpForm::Paper => true,
                BackUpForm::Recipients(to) => to
                    .iter()
                    .any(|to| to.inside.as_ref().is_none_or(|inside| usable.contains(inside))),
            })
            .map(|row| &row.key)
            .collect();
        if more.is_empty() {
            break;
        }
        usable.extend(more);
    }
    let lost: BTreeSet<&KeyName> =
        plan.back_ups.iter().map(|row| &row.key).filter(|key| !usable.contains(key)).collect();
    for key in lost {
        raised.push(fail(
            "back-up-circular",
            key.as_str(),
            "Every identity that opens it lies only in what it saves: when the key is lost, so is the way in.",
        ));
    }
}

/// A key that a document still lists is not given up: clients would go on trusting it.
pub(super) fn still_listed(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    for row in &plan.retired {
        let roles: BTreeSet<String> = anchor
            .listed()
            .filter(|(_, key)| key.public.fingerprint() == row.fingerprint)
            .map(|(role, _)| role.to_string())
            .collect();
        if !roles.is_empty() {
            let roles: Vec<_> = roles.into_iter().collect();
            raised.push(fail(
                "key-still-listed",
                row.name.as_str(),
                format!(
                    "{} still lists it for {}: take it out of the documents first.",
                    plan.repository.name,
                    roles.join(" and ")
                ),
            ));
        }
    }
}
