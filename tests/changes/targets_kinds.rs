//! The kinds that change targets and delegations.

mod bins;
mod delegations;
mod grown;
pub(crate) mod ship;
mod tagging;
mod tags;
mod traps;

use std::collections::BTreeMap;

use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::review::review;
use anchorite::ceremony::scene::{Block, Verdict};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::targets::Targets;

use crate::sample::*;
use crate::{check, passes};
use grown::Grown;

const BOTH: [Dialect; 2] = [Dialect::Notary1, Dialect::Tuf1];

/// The ceremony as the check plays it, once it passed.
fn played(sample: &Sample, text: &Text) -> Engine {
    passes(&check(sample, text));
    crate::sample::played(sample, text)
}

/// The names of the documents that were signed.
fn signed(engine: &Engine) -> Vec<&str> {
    engine.served().keys().map(String::as_str).collect()
}

/// A targets document that was signed.
fn targets(engine: &Engine, role: &str) -> Targets {
    let dialect = engine.plan().repository.dialect;
    let ending = format!("{role}.json");
    let of_role = |name: &&String| **name == ending || name.ends_with(&format!(".{ending}"));
    let (name, bytes): (&String, &Vec<u8>) = engine
        .served()
        .iter()
        .find(|(name, _)| of_role(name))
        .unwrap_or_else(|| panic!("{role}: {:?}", signed(engine)));
    let read =
        Signed::<Targets>::read(dialect, bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
    read.peek().clone()
}

fn names(targets: &Targets) -> Vec<String> {
    targets.targets.keys().map(std::borrow::Cow::into_owned).collect()
}

fn delegated(targets: &Targets) -> Vec<&str> {
    targets.delegations.iter().flat_map(|all| &all.roles).map(|role| role.name.as_str()).collect()
}

/// The review as lines of text.
fn reviewed(engine: &Engine) -> Vec<String> {
    let blocks = review(engine.plan(), engine.record());
    blocks
        .into_iter()
        .flat_map(|block| match block {
            Block::Rows(rows) => rows.into_iter().map(|(a, b)| format!("{a}: {b}")).collect(),
            Block::Heading(text) | Block::Text(text) | Block::Mark(_, text) => vec![text],
            other @ (Block::ReadAloud(_)
            | Block::Digest { .. }
            | Block::List { .. }
            | Block::Banner(_)
            | Block::Gap) => vec![format!("{other:?}")],
        })
        .collect()
}

/// The position of the first line that has these words.
fn line(lines: &[String], words: &str) -> usize {
    let found = lines.iter().position(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("{words}: {lines:#?}"))
}

/// The verdict that a check gives under a finding's name.
fn verdict(report: &CheckReport, name: &str) -> Option<Verdict> {
    report.findings.iter().filter(|found| found.name == name).map(|found| found.verdict).max()
}

/// Refused at check, for this reason.
fn refused(sample: &Sample, text: &Text, name: &str) {
    let report = check(sample, text);
    assert_eq!(verdict(&report, name), Some(Verdict::Fail), "{name}: {report:#?}");
}

/// Whether every delegation but `touched` is there byte for byte, in the bytes that were signed.
fn untouched_byte_for_byte(sample: &Sample, engine: &Engine, touched: &[&str]) {
    let before = newest(engine.record().before.anchor().unwrap().files()).unwrap();
    let after = String::from_utf8(newest(engine.served()).unwrap()).unwrap();
    let old = entries(&before);
    let untouched = |entry: &&String| !touched.iter().any(|name| entry.contains(name));
    let mut count = 0;
    for entry in old.iter().filter(untouched) {
        assert!(String::from_utf8(before.clone()).unwrap().contains(entry));
        assert!(after.contains(entry), "{entry}\n{after}");
        count += 1;
    }
    let named = entries(&sample.newest_targets());
    assert_eq!(count, named.iter().filter(untouched).count());
    // Their documents are not signed again.
    for name in signed(engine).iter().filter(|name| !name.contains("targets.json")) {
        let sent =
            ["root", "snapshot", "timestamp"].iter().chain(touched).any(|role| name.contains(role));
        assert!(sent, "{name}");
    }
}

/// The entries of `roles`, as they stand in the bytes.
fn entries(bytes: &[u8]) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let roles = &value["signed"]["delegations"]["roles"];
    roles.as_array().into_iter().flatten().map(ToString::to_string).collect()
}

fn newest(files: &BTreeMap<String, Vec<u8>>) -> Option<Vec<u8>> {
    let of_targets = |name: &&String| *name == "targets.json" || name.ends_with(".targets.json");
    let name = files.keys().filter(of_targets).max_by_key(|name| {
        name.split_once('.').and_then(|(version, _)| version.parse::<u64>().ok()).unwrap_or(0)
    })?;
    files.get(name).cloned()
}

impl Sample {
    fn newest_targets(&self) -> Vec<u8> {
        newest(&self.files).unwrap()
    }
}
