//! What is asked for, when, and what is kept of it.

use anchorite::tuf::client::{MAX_ROOT, Refused};
use anchorite::tuf::name::RoleName;
use serde_json::json;

use super::repository::Repository;
use super::user::{User, refused_at, up_to_date};

#[test]
fn documents_are_asked_for_in_the_order_of_the_specification() {
    let repository = Repository::new();
    let mut user = User::of(&repository);
    user.refresh(&repository).unwrap();
    assert_eq!(user.asked, ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
}

#[test]
fn without_consistent_snapshots_names_have_no_versions_but_the_roots() {
    let mut repository = Repository::new();
    repository.body("root")["consistent_snapshot"] = json!(false);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    let mut user = User::of(&repository);
    user.refresh(&repository).unwrap();
    assert_eq!(
        user.asked,
        ["2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json"]
    );
}

#[test]
fn what_is_kept_already_is_not_asked_for_again() {
    let mut repository = Repository::new();
    let mut user = up_to_date(&repository);
    user.refresh(&repository).unwrap();
    assert_eq!(user.asked, ["2.root.json", "timestamp.json"]);

    repository.publish(&["timestamp"]);
    user.refresh(&repository).unwrap();
    assert_eq!(user.asked, ["2.root.json", "timestamp.json"]);
    assert_eq!(user.versions(), [1, 2, 1, 1]);

    repository.publish(&["snapshot", "timestamp"]);
    user.refresh(&repository).unwrap();
    assert_eq!(user.asked, ["2.root.json", "timestamp.json", "2.snapshot.json"]);
}

#[test]
fn what_was_kept_and_touched_since_is_asked_for_again() {
    let repository = Repository::new();
    let mut user = up_to_date(&repository);
    let whole = user.kept.clone();
    for role in [RoleName::timestamp(), RoleName::snapshot(), RoleName::targets()] {
        let bytes = user.kept.get_mut(&role).unwrap();
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("2030", "2031").into_bytes();
    }
    user.refresh(&repository).unwrap();
    assert_eq!(user.asked.len(), 4);
    assert_eq!(user.kept, whole);
}

#[test]
fn the_bytes_that_were_received_are_kept() {
    let mut repository = Repository::new();
    for name in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
        repository.served.get_mut(name).unwrap().extend_from_slice(b" \n");
    }
    let user = up_to_date(&repository);
    for (role, name) in [
        (RoleName::timestamp(), "timestamp.json"),
        (RoleName::snapshot(), "1.snapshot.json"),
        (RoleName::targets(), "1.targets.json"),
    ] {
        assert_eq!(user.kept[&role], repository.served[name]);
    }
}

#[test]
fn a_document_that_is_not_there_is_refused_and_those_before_it_are_kept() {
    for (gone, kept) in [
        ("timestamp.json", [1, 0, 0, 0]),
        ("1.snapshot.json", [1, 1, 0, 0]),
        ("1.targets.json", [1, 1, 1, 0]),
    ] {
        let mut repository = Repository::new();
        let bytes = repository.served.remove(gone).unwrap();
        let mut user = User::of(&repository);
        let refused = user.refresh(&repository).unwrap_err();
        assert_eq!((refused.document.as_str(), refused.why), (gone, Refused::Missing));
        assert_eq!(user.asked.last().unwrap(), gone);
        assert_eq!(user.versions(), kept);
        repository.served.insert(gone.to_owned(), bytes);
        user.refresh(&repository).unwrap();
        assert_eq!(user.versions(), [1, 1, 1, 1]);
    }
}

#[test]
fn unsigned_documents_are_refused_and_those_before_them_are_kept() {
    for (role, kept) in [
        ("root", [1, 0, 0, 0]),
        ("timestamp", [2, 0, 0, 0]),
        ("snapshot", [2, 2, 0, 0]),
        ("targets", [2, 2, 2, 0]),
    ] {
        let mut repository = Repository::new();
        repository.sign_with(role, &[]);
        repository.publish(&["root", "targets", "snapshot", "timestamp"]);
        let mut user = User::of(&repository);
        assert!(refused_at(user.refresh(&repository)).contains(role));
        assert_eq!(user.versions(), kept);
        repository.sign_with(role, &[role]);
        repository.publish_as_it_is(role);
        user.refresh(&repository).unwrap();
        assert_eq!(user.versions(), [2, 2, 2, 2]);
    }
}

#[test]
fn a_document_of_another_kind_is_refused_whoever_signed_it() {
    let mut repository = Repository::new();
    repository.body("snapshot")["meta"] = json!({"snapshot.json": {"version": 1}});
    repository.sign_with("snapshot", &["timestamp"]);
    let bytes = repository.signed("snapshot");
    repository.served.insert("timestamp.json".to_owned(), bytes);
    let mut user = User::of(&repository);
    assert_eq!(refused_at(user.refresh(&repository)), "timestamp.json");
    assert_eq!(user.versions(), [1, 0, 0, 0]);
}

#[test]
fn a_document_of_another_major_version_or_of_version_0_is_refused() {
    for (member, value) in
        [("spec_version", json!("2.0.0")), ("spec_version", json!("10.1")), ("version", json!(0))]
    {
        for (role, above) in [
            ("timestamp", &[][..]),
            ("snapshot", &["timestamp"]),
            ("targets", &["snapshot", "timestamp"]),
        ] {
            let mut repository = Repository::new();
            repository.body(role)[member] = value.clone();
            repository.publish_as_it_is(role);
            repository.publish(above);
            let refused = User::of(&repository).refresh(&repository);
            assert!(refused.is_err(), "{role} {member}");
        }
    }
    let mut repository = Repository::new();
    repository.body("targets")["spec_version"] = json!("1.0.31");
    repository.publish(&["targets", "snapshot", "timestamp"]);
    User::of(&repository).refresh(&repository).unwrap();
}

#[test]
fn a_document_that_is_too_long_is_refused_before_it_is_read() {
    let mut repository = Repository::new();
    let timestamp = repository.served.get_mut("timestamp.json").unwrap();
    timestamp.resize(usize::try_from(MAX_ROOT).unwrap(), b' ');
    User::of(&repository).refresh(&repository).unwrap();
    repository.served.get_mut("timestamp.json").unwrap().push(b' ');
    let refused = User::of(&repository).refresh(&repository).unwrap_err();
    assert!(matches!(refused.why, Refused::Fetch(_)), "{refused}");
}
