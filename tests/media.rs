//! Media and second copies of the book, in whole ceremonies on a seeded bench.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod stage;

use std::collections::BTreeMap;
use std::fs;

use anchorite::ceremony::audit;
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::{Event, Happened, Outcome};
use anchorite::ceremony::plan::Plan;
use anchorite::driver::evidence;
use anchorite::driver::session::Ended;
use stage::{GoodPeople, Stage, noon};

/// A shipped plan with a second copy of the book.
fn with_second_copy() -> (Stage, CheckReport) {
    let mut plan = fs::read("ceremonies/first-root-tuf1/plan.toml").unwrap();
    plan.extend_from_slice(b"\n[[media]]\nname = \"BOOK-2\"\nrole = \"book\"\n");
    let report = CheckReport::of(&Plan::parse(&plan).unwrap(), noon(), &BTreeMap::new());
    (Stage::of(plan), report)
}

fn hold(stage: &Stage, report: &CheckReport) -> Ended {
    let session = stage.begin(report);
    let mut people = GoodPeople::of(session.engine(), stage.plan.digest);
    session.hold(&mut people, &mut stage.bench()).unwrap()
}

fn warned(stage: &Stage, name: &str) -> bool {
    let audit = audit::audit(&evidence::read(&stage.evidence()).unwrap(), None);
    audit.claims.iter().any(|claim| claim.name == name)
}

#[test]
fn a_second_copy_of_the_book_is_level_after_each_step() {
    let (stage, report) = with_second_copy();
    let ended = hold(&stage, &report);
    assert_eq!(ended.outcome, Outcome::Done);
    let levelled = |entry: &anchorite::ceremony::event::Entry| {
        matches!(entry.event, Event::Happened { what: Happened::Levelled { .. }, .. })
    };
    let steps = anchorite::ceremony::steps::steps(ended.engine.plan()).len();
    assert_eq!(stage.entries().iter().filter(|entry| levelled(entry)).count(), steps);
    // The copy holds the record up to the last step, and every sealed file.
    let here = fs::read(stage.evidence().join("transcript.jsonl")).unwrap();
    let there = fs::read(stage.medium("BOOK-2/evidence").join("transcript.jsonl")).unwrap();
    assert!(here.starts_with(&there) && there.len() > here.len() - 1000);
    assert!(stage.medium("BOOK-2/evidence/roster.json").is_file());
    assert!(!warned(&stage, "second-copy"));
}

#[test]
fn a_second_copy_that_is_gone_is_on_record_and_stops_nothing() {
    let (stage, report) = with_second_copy();
    fs::remove_dir_all(stage.medium("BOOK-2")).unwrap();
    let ended = hold(&stage, &report);
    assert_eq!(ended.outcome, Outcome::Done);
    assert!(warned(&stage, "second-copy"));
}

#[test]
fn what_is_on_in_beside_the_plans_files_is_shown_and_ignored() {
    let report = stage::report("first-root-notary1");
    let stage = Stage::set("first-root-notary1");
    fs::write(stage.medium("IN").join("extra.key"), b"not in the plan").unwrap();
    hold(&stage, &report);
    let record = fs::read_to_string(stage.evidence().join("transcript.jsonl")).unwrap();
    assert!(record.contains("\"about\":\"IN/ignored\""));
    assert!(record.contains("\"count\":3"));
    assert!(!stage.evidence().join("inputs/IN/extra.key").exists());
}

#[test]
fn a_medium_that_holds_only_the_plans_files_asks_nothing_more() {
    let report = stage::report("first-root-notary1");
    let stage = Stage::set("first-root-notary1");
    hold(&stage, &report);
    let record = fs::read_to_string(stage.evidence().join("transcript.jsonl")).unwrap();
    assert!(!record.contains("IN/ignored"));
}
