//! The shipped plans: each passes the check, and plays to its end in a model of the room.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, play};
use anchorite::ceremony::event::{FileAt, Mode};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Verdict;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::media::beside;
use anchorite::tuf::time::Timestamp;

const FIRST: [&str; 2] = ["first-root-notary1", "first-root-tuf1"];

/// The changes of a root; each starts from the sample repository beside it.
const CHANGES: [&str; 11] = [
    "refresh",
    "rotate-root",
    "replace-custodian",
    "rotate-online",
    "root-compromise",
    "adopt",
    "rotate-tagging",
    "add-delegation",
    "rotate-delegation",
    "remove-delegation",
    "sign-targets",
];

fn shipped() -> Vec<String> {
    let changes =
        CHANGES.iter().flat_map(|kind| ["notary1", "tuf1"].map(|d| format!("{kind}-{d}")));
    FIRST.iter().map(ToString::to_string).chain(changes).collect()
}

fn plan(name: &str) -> Plan {
    Plan::parse(&fs::read(format!("ceremonies/{name}/plan.toml")).unwrap()).unwrap()
}

fn at_hand(name: &str) -> BTreeMap<FileAt, Vec<u8>> {
    beside(Path::new(&format!("ceremonies/{name}/plan.toml")), &plan(name))
}

fn before(name: &str) -> Before {
    Before::of(&plan(name), &at_hand(name)).unwrap()
}

fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

#[test]
fn every_shipped_plan_may_be_rehearsed() {
    for name in &shipped() {
        let report = CheckReport::of(&plan(name), noon(), &at_hand(name));
        assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{name}: {report:#?}");
        let walked = report.findings.iter().find(|f| f.name == "client-accepts");
        assert!(walked.is_some(), "{name}: {report:#?}");
    }
}

#[test]
fn no_shipped_plan_may_be_held_for_real_as_it_is() {
    for name in &shipped() {
        let report = CheckReport::of(&plan(name), noon(), &at_hand(name));
        assert_eq!(report.verdict(Mode::Real), Verdict::Fail, "{name}");
        assert!(report.clear(&plan(name), Mode::Real).is_none());
    }
}

#[test]
fn the_same_plan_plays_to_the_same_transcript() {
    for name in &shipped() {
        let twin = Twin::new(&plan(name), &before(name), Purpose::Check);
        let first = play(&twin, noon()).unwrap();
        let again = play(&twin, noon()).unwrap();
        assert_eq!(first.head(), again.head());
        assert_eq!(first.served(), again.served());
    }
}

#[test]
fn a_rehearsal_and_a_check_never_share_a_key() {
    let plan = plan("first-root-tuf1");
    let check = play(&Twin::new(&plan, &Before::none(), Purpose::Check), noon()).unwrap();
    let rehearsal = Twin::new(&plan, &Before::none(), Purpose::Rehearse);
    for (name, enrolled) in &check.roster().keys {
        assert_ne!(rehearsal.key(name).unwrap().public_key(), enrolled.key());
    }
    assert_eq!(rehearsal.plan().digest, plan.digest);
    assert!(rehearsal.plan().repository.name.as_str().starts_with("rehearsal.invalid/"));
}
