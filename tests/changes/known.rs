//! A change does not start from anything older than what the workspace trusts already.

use std::fs;
use std::path::Path;

use anchorite::ceremony::before::{Anchor, Before};
use anchorite::ceremony::plan::Plan;
use anchorite::driver::known::{NotCurrent, current};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::document::DocRole;

use super::sample::{Sample, Text, plan};

fn anchor(sample: &Sample) -> Anchor {
    let text = Text { kind: "adopt", codename: "X", title: "Y", ..Text::default() };
    let plan = Plan::parse(plan(sample, &text).as_bytes()).unwrap();
    Before::of(&plan, &sample.at_hand(&[])).unwrap().anchor().unwrap().clone()
}

fn trusts(folder: &Path, sample: &Sample, name: &str, bytes: &[u8]) {
    let repository = folder.join(sample.twin.plan().repository.name.as_str());
    fs::create_dir_all(&repository).unwrap();
    fs::write(repository.join(name), bytes).unwrap();
}

/// A document with another version; its signature no longer matters here.
fn versioned(bytes: &[u8], version: u64) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.replace("\"version\":1", &format!("\"version\":{version}")).into_bytes()
}

#[test]
fn a_workspace_that_knows_as_much_or_less_objects_to_nothing() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let sample = Sample::new(dialect);
        let (anchor, trust) = (anchor(&sample), tempfile::tempdir().unwrap());
        current(trust.path(), &anchor).unwrap();
        for (name, bytes) in &sample.files {
            trusts(trust.path(), &sample, name, bytes);
        }
        current(trust.path(), &anchor).unwrap();
    }
}

#[test]
fn documents_older_than_those_that_the_workspace_trusts_are_refused() {
    let sample = Sample::new(Dialect::Notary1);
    let (anchor, trust) = (anchor(&sample), tempfile::tempdir().unwrap());
    let newer = versioned(&sample.files["targets.json"], 7);
    trusts(trust.path(), &sample, "7.targets.json", &newer);
    let why = current(trust.path(), &anchor).unwrap_err();
    assert!(
        matches!(why, NotCurrent::Older { role: DocRole::Targets, found: 1, known: 7 }),
        "{why}"
    );
}

#[test]
fn another_document_of_the_same_version_is_a_second_history() {
    let sample = Sample::new(Dialect::Notary1);
    let (anchor, trust) = (anchor(&sample), tempfile::tempdir().unwrap());
    let text = String::from_utf8(sample.files["root.json"].clone()).unwrap();
    let other = text.replacen("2036-", "2037-", 1);
    assert_ne!(text, other);
    trusts(trust.path(), &sample, "1.root.json", other.as_bytes());
    let why = current(trust.path(), &anchor).unwrap_err();
    assert!(matches!(why, NotCurrent::Other { role: DocRole::Root, version: 1, .. }), "{why}");
}
