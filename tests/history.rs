//! What `anchorite verify` says of a repository's past: two documents of one version, documents older than those that were
//! kept, keys that came back, versions without room. Each with a twin in which the one bad thing is put right.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "client/repository.rs"]
mod repository;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::tuf::wire::json::MAX_INTEGER;
use repository::{NOW, Repository};
use serde_json::{Value, json};
use support::command::{Ran, in_package, run};
use support::notary_repo::{Cert, Plan, role};
use tempfile::TempDir;

const GUN: &str = "registry.example.com/team/app";

fn folder(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn verify(folder: &Path, more: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anchorite"));
    command.env_remove("ANCHORITE_WORKSPACE").arg("verify").arg(folder);
    run(command.args(["--at", NOW]).args(more))
}

/// Verifies a repository, and compares it with a kept one.
fn against(here: &TempDir, kept: &TempDir) -> Ran {
    verify(here.path(), &["--known", kept.path().to_str().unwrap()])
}

#[track_caller]
fn says(ran: Ran, code: i32, words: &[&str]) -> String {
    let said = if code == 0 { ran.success() } else { ran.failure(code) };
    for word in words {
        assert!(said.contains(word), "expected {word:?} in:\n{said}");
    }
    said
}

/// The lines with root digests after the line that tells of a fork.
fn digests(said: &str) -> usize {
    let digits = said.lines().filter_map(|line| line.strip_prefix("       "));
    digits.filter(|rest| rest.len() == 64 && !rest.contains(' ')).count()
}

/// A repository of three root keys of which two must sign, and its next root.
fn two_roots(next_targets_key: &str) -> (Repository, Repository) {
    let mut first = Repository::new();
    first.authorize("root", &["a", "b", "c"], 2);
    first.served.clear();
    first.publish(&["root", "targets", "snapshot", "timestamp"]);
    let mut second = first.clone();
    second.authorize("targets", &[next_targets_key], 1);
    second.sign_with("root", &["a", "b"]);
    second.publish(&["root"]);
    second.publish_all();
    (first, second)
}

#[test]
fn two_successors_of_one_root_stop_everything_with_both_digests_and_who_signed() {
    let here = folder(&two_roots("t2").1.served);
    let other = two_roots("thief").1;
    let mirror = folder(&other.served);
    let words = [
        "[NO] different documents of root, version 2:",
        "in 2.root.json",
        "[ok] by root 1: 2 good signatures, 2 needed",
        "[ok] by itself: 2 good signatures, 2 needed",
        "Stop: sign, upload and install none of them",
        "root-compromise",
    ];
    let said = says(against(&here, &mirror), 3, &words);
    assert_eq!(digests(&said), 2, "{said}");
    // A client's cache has its newest root only.
    let newest = BTreeMap::from([("root.json".to_owned(), other.served["2.root.json"].clone())]);
    says(against(&here, &folder(&newest)), 3, &words);

    let report = verify(here.path(), &["--json", "--known", mirror.path().to_str().unwrap()]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let branches = report["history"]["forks"][0]["branches"].as_array().unwrap();
    assert_eq!(report["history"]["forks"][0]["version"], 2);
    assert_ne!(branches[0]["digest"], branches[1]["digest"]);
    assert_eq!(branches[1]["signed"][0]["by"], "root 1");
    assert_eq!(branches[1]["signed"][0]["good"].as_array().unwrap().len(), 2);
    let documented = fs::read_to_string(in_package("docs/verify.md")).unwrap();
    for member in report["history"].as_object().unwrap().keys() {
        assert!(documented.contains(&format!("`{member}`")), "{member} is not in docs/verify.md");
    }
}

#[test]
fn one_successor_with_more_signatures_in_one_copy_is_one_successor() {
    let (_, second) = two_roots("t2");
    let mut more = second.clone();
    more.sign_with("root", &["c", "b"]);
    more.served.insert("2.root.json".to_owned(), more.signed("root"));
    let (here, mirror) = (folder(&second.served), folder(&more.served));
    let said = says(against(&here, &mirror), 0, &["PASS", "compared with what was kept in"]);
    assert!(!said.contains("different documents"), "{said}");
    // Behind the mirror by nothing, ahead of an older copy.
    says(against(&here, &folder(&two_roots("t2").0.served)), 0, &["PASS"]);
}

#[test]
fn two_files_for_one_version_of_the_root_in_one_folder_are_told() {
    let mut both = two_roots("t2").1.served;
    let thief = two_roots("thief").1.served;
    both.insert("root.json".to_owned(), thief["2.root.json"].clone());
    let words = ["different documents of root, version 2", "in root.json", "in 2.root.json"];
    says(verify(folder(&both).path(), &[]), 3, &words);
    both.insert("root.json".to_owned(), both["2.root.json"].clone());
    says(verify(folder(&both).path(), &[]), 0, &["PASS"]);
    // The root that a repository begins with may lie there as well.
    both.insert("root.json".to_owned(), both["1.root.json"].clone());
    says(verify(folder(&both).path(), &[]), 0, &["PASS"]);
}

#[test]
fn two_well_signed_documents_of_one_version_are_told_and_badly_signed_ones_are_not_believed() {
    let mut here = Repository::new();
    let mut kept = here.clone();
    for (repository, name) in [(&mut here, "one"), (&mut kept, "other")] {
        repository.add_target("targets", name, name);
        repository.publish_all();
    }
    let ours = folder(&here.served);
    let said = says(against(&ours, &folder(&kept.served)), 3, &["of targets, version 2"]);
    // Snapshot and timestamp name versions only, and are the same.
    assert_eq!(said.matches("[NO] different documents").count(), 1, "{said}");
    assert!(said.contains("[ok] by root 1: 1 good signature, 1 needed"), "{said}");
    // What no key of ours signed may lie in a copy, and accuses nobody.
    kept.sign_with("targets", &["stranger"]);
    kept.publish_as_it_is("targets");
    says(against(&ours, &folder(&kept.served)), 0, &["PASS"]);
    says(against(&ours, &folder(&here.served)), 0, &["PASS", "compared with what was kept"]);
}

#[test]
fn a_snapshot_of_the_same_version_with_other_entries_is_told() {
    let mut here = Repository::new();
    here.publish(&["targets", "snapshot", "timestamp"]);
    let mut kept = here.clone();
    kept.body("snapshot")["meta"]["more.json"] = json!({"version": 1});
    kept.publish_as_it_is("snapshot");
    let ours = folder(&here.served);
    says(against(&ours, &folder(&kept.served)), 3, &["different documents of snapshot, version 2"]);
    says(against(&ours, &folder(&here.served)), 0, &["PASS"]);
}

#[test]
fn documents_older_than_the_kept_ones_are_refused_and_newer_ones_are_not() {
    let older = Repository::new();
    let mut newer = older.clone();
    newer.publish_all();
    let (old, new) = (folder(&older.served), folder(&newer.served));
    let words = [
        "2.targets.json: targets: version 1 is older than the trusted version 2",
        "snapshot: version 1 is older",
        "timestamp: version 1 is older",
        "must not follow",
        "somebody serves old documents",
    ];
    says(against(&old, &new), 3, &words);
    says(against(&new, &old), 0, &["PASS", "compared with what was kept"]);
    // Newer files that no client is led to are no help.
    let mut beside = older.served.clone();
    beside.insert("2.targets.json".to_owned(), newer.served["2.targets.json"].clone());
    says(against(&folder(&beside), &new), 3, &["targets: version 1 is older"]);
}

#[test]
fn an_older_root_and_an_older_delegation_are_refused() {
    let (first, second) = two_roots("t2");
    let said =
        says(against(&folder(&first.served), &folder(&second.served)), 3, &["must not follow"]);
    assert!(said.contains("root: version 1 is older than the trusted version 2"), "{said}");

    let mut older = Repository::new();
    older.delegate("targets", "team", &json!({"paths": ["*"]}));
    older.publish_all();
    let mut newer = older.clone();
    newer.publish(&["team"]);
    let old = folder(&older.served);
    says(against(&old, &folder(&newer.served)), 3, &["team: version 1 is older"]);
    says(against(&old, &folder(&older.served)), 0, &["PASS"]);
}

#[test]
fn a_snapshot_that_lost_an_entry_is_refused_and_a_kept_one_that_nobody_signed_is_told() {
    let mut kept = Repository::new();
    kept.delegate("targets", "team", &json!({"paths": ["*"]}));
    kept.publish_all();
    let mut here = kept.clone();
    here.body("targets")["delegations"] = Value::Null;
    here.body("targets").as_object_mut().unwrap().remove("delegations");
    here.body("snapshot")["meta"].as_object_mut().unwrap().remove("team.json");
    here.publish(&["targets", "snapshot", "timestamp"]);
    let ours = folder(&here.served);
    says(against(&ours, &folder(&kept.served)), 3, &["expected an entry for team.json"]);
    kept.body("snapshot")["version"] = json!(9);
    kept.sign_with("snapshot", &["stranger"]);
    kept.served.insert("9.snapshot.json".to_owned(), kept.signed("snapshot"));
    says(against(&ours, &folder(&kept.served)), 0, &["[??]", "9.snapshot.json was not compared"]);
}

#[test]
fn versions_begin_again_when_an_online_key_was_replaced_and_only_then() {
    let mut kept = Repository::new();
    kept.body("timestamp")["version"] = json!(70_000);
    kept.publish_as_it_is("timestamp");
    let mut here = Repository::new();
    here.publish(&["root"]);
    let without = folder(&here.served);
    says(against(&without, &folder(&kept.served)), 3, &["timestamp: version 1 is older"]);
    let mut recovered = Repository::new();
    recovered.authorize("timestamp", &["new"], 1);
    recovered.publish(&["root"]);
    recovered.publish_as_it_is("timestamp");
    let words = ["PASS", "[!!] timestamp.json after", "keys were replaced since"];
    says(against(&folder(&recovered.served), &folder(&kept.served)), 0, &words);
}

#[test]
fn a_version_that_jumps_over_the_kept_one_or_to_the_end_is_refused() {
    let at = |version: i64| {
        let mut made = Repository::new();
        made.body("targets")["version"] = json!(version);
        made.publish_as_it_is("targets");
        made.publish(&["snapshot", "timestamp"]);
        folder(&made.served)
    };
    let kept = folder(&Repository::new().served);
    says(
        against(&at(100_002), &kept),
        3,
        &["is 100001 versions ahead", "nothing newer can follow"],
    );
    says(against(&at(100_001), &kept), 0, &["PASS"]);
    let words = ["leaves no room for newer ones", "2^53 - 1", "Find out who signed it"];
    says(verify(at(MAX_INTEGER).path(), &[]), 3, &words);
    says(verify(at(MAX_INTEGER - 999_999).path(), &[]), 3, &words);
    says(verify(at(MAX_INTEGER - 1_000_000).path(), &[]), 0, &["PASS"]);
}

#[test]
fn a_key_that_was_taken_out_and_came_back_is_told_over_all_roots() {
    let mut made = Repository::new();
    let history = |made: &mut Repository, keys: [&str; 3]| {
        for key in keys {
            made.authorize("targets", &[key], 1);
            made.publish(&["root"]);
        }
        made.publish_all();
    };
    let mut twin = made.clone();
    history(&mut made, ["second", "third", "targets"]);
    let words = [
        "PASS",
        "[!!] root 4 lets a key into targets that root 2 had taken out",
        "named last by root 1",
    ];
    says(verify(folder(&made.served).path(), &[]), 0, &words);
    history(&mut twin, ["second", "third", "fourth"]);
    let said = says(verify(folder(&twin.served).path(), &[]), 0, &["PASS"]);
    assert!(!said.contains("taken out"), "{said}");
}

#[test]
fn another_repository_with_the_same_root_keys_is_no_copy_of_this_one() {
    let one = two_roots("t2").1;
    let mut other = two_roots("t2").0;
    other.body("root")["x-name"] = json!("other");
    other.served.clear();
    other.publish_as_it_is("root");
    other.publish(&["targets", "snapshot", "timestamp", "root"]);
    let words = ["PASS", "compared with 1 other repositories"];
    let said = says(against(&folder(&one.served), &folder(&other.served)), 0, &words);
    assert!(!said.contains("what was kept"), "{said}");
}

#[test]
fn without_known_folders_the_workspace_is_the_one_that_remembers() {
    let older = Repository::new();
    let mut newer = older.clone();
    newer.publish_all();
    let book = TempDir::new().unwrap();
    let trust = book.path().join("trust/updates.example.com");
    fs::create_dir_all(&trust).unwrap();
    for (name, bytes) in &newer.served {
        fs::write(trust.join(name), bytes).unwrap();
    }
    let more = ["--workspace", book.path().to_str().unwrap()];
    says(verify(folder(&older.served).path(), &more), 3, &["targets: version 1 is older"]);
    says(verify(folder(&newer.served).path(), &more), 0, &["PASS", "compared with what was kept"]);
}

fn plan() -> Plan {
    Plan::new(GUN, NOW.parse().unwrap())
}

/// A Notary repository before its upload, with targets of this version.
fn notary(version: u64) -> TempDir {
    let mut files = plan().offline();
    if version > 1 {
        let to = format!("\"version\":{version}");
        plan().changed(&mut files, "targets.json", "\"version\":1", &to);
    }
    folder(&files)
}

#[test]
fn older_documents_of_notary_than_those_of_a_cache_are_refused() {
    let against = |here: &TempDir, kept: &TempDir| {
        verify(here.path(), &["--before-upload", "--known", kept.path().to_str().unwrap()])
    };
    let (first, second) = (notary(1), notary(2));
    says(against(&first, &second), 3, &["targets: version 1 is older than the trusted version 2"]);
    says(against(&second, &first), 0, &["PASS so far", "compared with what was kept"]);
    // As ~/.docker/trust holds it, below the name of the repository.
    let docker = TempDir::new().unwrap();
    let metadata = docker.path().join("tuf").join(GUN).join("metadata");
    fs::create_dir_all(&metadata).unwrap();
    for name in ["root.json", "targets.json"] {
        fs::copy(second.path().join(name), metadata.join(name)).unwrap();
    }
    says(against(&first, &docker), 3, &["targets: version 1 is older"]);
    fs::copy(first.path().join("targets.json"), metadata.join("targets.json")).unwrap();
    says(against(&first, &docker), 0, &["PASS so far", "compared with what was kept"]);
}

#[test]
fn two_documents_of_one_version_of_notary_are_told_and_those_of_another_name_are_not_compared() {
    let mut other = plan();
    other.tags = vec!["v2".to_owned()];
    let own = folder(&plan().files());
    let said = says(against(&own, &folder(&other.files())), 3, &["of targets, version 1"]);
    assert!(said.contains("of snapshot, version 1"), "{said}");
    says(against(&own, &folder(&plan().files())), 0, &["PASS", "compared with what was kept"]);
    let mut elsewhere = Plan::new("registry.example.com/other", NOW.parse().unwrap());
    elsewhere.tags = vec!["v2".to_owned()];
    let said = says(against(&own, &folder(&elsewhere.files())), 0, &["PASS", "1 other"]);
    assert!(!said.contains("what was kept"), "{said}");
}

#[test]
fn two_first_roots_of_one_name_in_notary_are_told() {
    let again = plan().with_root(&[Cert::new("root-b", GUN, NOW.parse().unwrap())], 1);
    let words = ["different documents of root, version 1", "by itself: 1 good signature"];
    says(against(&folder(&plan().files()), &folder(&again.files())), 3, &words);
}

#[test]
fn targets_of_notary_may_begin_again_under_another_key() {
    let kept = notary(5);
    let mut next = plan();
    next.root.version = 2;
    next.targets = role(&["fresh"], 1);
    let mut files = next.offline();
    files.insert("1.root.json".to_owned(), plan().root());
    let here = folder(&files);
    let more = ["--before-upload", "--known", kept.path().to_str().unwrap()];
    says(verify(here.path(), &more), 0, &["[!!] targets.json after", "keys were replaced since"]);
}
