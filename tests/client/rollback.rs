//! Never back to what is older, and forward again after an attack.

use anchorite::tuf::client::{Refused, RefusedDocument};
use serde_json::json;

use super::repository::Repository;
use super::user::{User, refused_at, up_to_date};

fn is_rollback(done: Result<(), RefusedDocument>) -> bool {
    matches!(done.unwrap_err().why, Refused::Rollback { .. })
}

/// A repository at version 3 everywhere but at the root, and a user who knows it.
fn at_three(hashes: bool) -> (Repository, User) {
    let mut repository = Repository::new();
    repository.hashes = hashes;
    for _ in 0..2 {
        repository.publish(&["targets", "snapshot", "timestamp"]);
    }
    let user = up_to_date(&repository);
    (repository, user)
}

#[test]
fn an_older_timestamp_is_refused() {
    let (mut repository, mut user) = at_three(false);
    repository.body("timestamp")["version"] = json!(2);
    repository.publish_as_it_is("timestamp");
    assert!(is_rollback(user.refresh(&repository)));
    assert_eq!(user.versions(), [1, 3, 3, 3]);
    repository.body("timestamp")["version"] = json!(4);
    repository.publish_as_it_is("timestamp");
    user.refresh(&repository).unwrap();
    assert_eq!(user.versions(), [1, 4, 3, 3]);
}

#[test]
fn another_timestamp_of_the_same_version_changes_nothing() {
    let (mut repository, mut user) = at_three(false);
    let before = user.kept.clone();
    repository.body("timestamp")["meta"]["snapshot.json"]["version"] = json!(100);
    repository.publish_as_it_is("timestamp");
    user.refresh(&repository).unwrap();
    assert_eq!(user.asked, ["2.root.json", "timestamp.json"]);
    assert_eq!(user.kept, before);
}

#[test]
fn a_timestamp_that_names_an_older_snapshot_is_refused() {
    for hashes in [false, true] {
        let (mut repository, mut user) = at_three(hashes);
        repository.body("snapshot")["version"] = json!(2);
        repository.publish_as_it_is("snapshot");
        repository.publish(&["timestamp"]);
        assert!(is_rollback(user.refresh(&repository)));
        assert_eq!(user.versions(), [1, 3, 3, 3]);
        repository.body("snapshot")["version"] = json!(4);
        repository.publish_as_it_is("snapshot");
        repository.publish(&["timestamp"]);
        user.refresh(&repository).unwrap();
    }
}

#[test]
fn a_snapshot_that_names_older_targets_is_refused() {
    for hashes in [false, true] {
        let (mut repository, mut user) = at_three(hashes);
        repository.body("targets")["version"] = json!(2);
        repository.publish_as_it_is("targets");
        repository.publish(&["snapshot", "timestamp"]);
        assert!(is_rollback(user.refresh(&repository)));
        assert_eq!(user.versions(), [1, 4, 3, 3]);
        repository.body("targets")["version"] = json!(4);
        repository.publish_as_it_is("targets");
        repository.publish(&["snapshot", "timestamp"]);
        user.refresh(&repository).unwrap();
    }
}

#[test]
fn a_snapshot_that_names_an_older_delegated_role_or_no_more_is_refused() {
    let mut repository = Repository::new();
    repository.delegate("targets", "team", &json!({"paths": ["*"]}));
    repository.publish_all();
    repository.publish(&["team", "snapshot", "timestamp"]);
    let before = repository.clone();

    let mut user = up_to_date(&repository);
    repository.body("team")["version"] = json!(1);
    repository.publish_as_it_is("team");
    repository.publish(&["snapshot", "timestamp"]);
    assert!(is_rollback(user.refresh(&repository)));

    let mut repository = before.clone();
    let mut user = up_to_date(&repository);
    repository.body("snapshot")["meta"].as_object_mut().unwrap().remove("team.json");
    repository.publish(&["snapshot", "timestamp"]);
    assert_eq!(refused_at(user.refresh(&repository)), "4.snapshot.json");
    assert_eq!(user.version("snapshot"), 3);

    let mut repository = before;
    repository.publish(&["team", "snapshot", "timestamp"]);
    let mut user = up_to_date(&repository);
    user.refresh(&repository).unwrap();
}

#[test]
fn a_kept_timestamp_and_snapshot_that_have_expired_still_guard() {
    let mut repository = Repository::new();
    for role in ["timestamp", "snapshot"] {
        repository.body(role)["expires"] = json!("2026-01-08T00:00:00Z");
    }
    repository.publish(&["targets", "snapshot", "timestamp"]);
    repository.publish(&["targets", "snapshot", "timestamp"]);
    let mut user = up_to_date(&repository);
    user.now = "2026-01-18T00:00:00Z".to_owned();
    for role in ["timestamp", "snapshot"] {
        repository.body(role)["expires"] = json!("2026-01-21T00:00:00Z");
    }
    let mut older = repository.clone();
    older.body("timestamp")["version"] = json!(2);
    older.publish_as_it_is("timestamp");
    assert!(is_rollback(user.refresh(&older)));

    let mut older = repository.clone();
    older.body("targets")["version"] = json!(2);
    older.publish_as_it_is("targets");
    older.publish(&["snapshot", "timestamp"]);
    assert!(is_rollback(user.refresh(&older)));

    repository.publish(&["targets", "snapshot", "timestamp", "timestamp"]);
    user.refresh(&repository).unwrap();
    assert_eq!(user.versions(), [1, 5, 4, 4]);
}

#[test]
fn a_kept_timestamp_that_has_expired_is_not_enough_by_itself() {
    let mut repository = Repository::new();
    repository.body("timestamp")["expires"] = json!("2026-01-08T00:00:00Z");
    repository.publish(&["timestamp"]);
    let mut user = up_to_date(&repository);
    user.refresh(&repository).unwrap();
    user.now = "2026-01-18T00:00:00Z".to_owned();
    assert_eq!(refused_at(user.refresh(&repository)), "timestamp.json");
}

/// An attacker made the version of a role jump; the keys of these roles are replaced, and versions begin again at 1.
fn recovers(jumped: &str, replaced: &[&str]) -> bool {
    let mut repository = Repository::new();
    let above: &[&str] = match jumped {
        "targets" => &["snapshot", "timestamp"],
        "snapshot" => &["timestamp"],
        _ => &[],
    };
    repository.body(jumped)["version"] = json!(1_000_000);
    repository.publish_as_it_is(jumped);
    repository.publish(above);
    let mut user = up_to_date(&repository);
    assert_eq!(user.version(jumped), 1_000_000);
    for role in replaced {
        repository.authorize(role, &[&format!("new {role}")], 1);
    }
    repository.publish(&["root"]);
    repository.body(jumped)["version"] = json!(2);
    repository.publish_as_it_is(jumped);
    repository.publish(above);
    user.refresh(&repository).is_ok() && user.version(jumped) == 2
}

#[test]
fn versions_may_begin_again_when_a_key_of_timestamp_or_snapshot_was_replaced() {
    assert!(recovers("timestamp", &["timestamp"]));
    assert!(recovers("snapshot", &["snapshot", "timestamp"]));
    assert!(recovers("targets", &["snapshot"]));
    assert!(recovers("targets", &["timestamp"]));
    for jumped in ["timestamp", "snapshot", "targets"] {
        assert!(!recovers(jumped, &[]), "{jumped}");
        assert!(!recovers(jumped, &["targets"]), "{jumped}");
    }
}

#[test]
fn a_key_that_was_only_added_lets_nothing_begin_again() {
    let (mut repository, mut user) = at_three(false);
    repository.authorize("timestamp", &["timestamp", "another"], 1);
    repository.publish(&["root"]);
    repository.body("timestamp")["version"] = json!(2);
    repository.publish_as_it_is("timestamp");
    assert!(is_rollback(user.refresh(&repository)));
}
