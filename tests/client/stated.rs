//! Freeze, and mix and match: every document must be fresh, and the one that the others name.

use anchorite::tuf::client::Refused;
use anchorite::tuf::verify::Rejected;
use serde_json::{Value, json};

use super::repository::Repository;
use super::user::{User, is_mismatch, up_to_date};

const EXPIRED: &str = "2025-12-31T23:59:59Z";

#[test]
fn an_expired_document_is_refused_and_never_kept() {
    for (role, kept) in
        [("timestamp", [1, 1, 1, 1]), ("snapshot", [1, 2, 1, 1]), ("targets", [1, 2, 2, 1])]
    {
        let mut repository = Repository::new();
        let mut user = up_to_date(&repository);
        repository.body(role)["expires"] = json!(EXPIRED);
        repository.publish(&["targets", "snapshot", "timestamp"]);
        let refused = user.refresh(&repository).unwrap_err();
        assert!(matches!(refused.why, Refused::Rejected(Rejected::Expired { .. })), "{refused}");
        assert_eq!(user.versions(), kept);
    }
}

/// A repository where `team` signs two targets, and expires on the eighth.
fn with_team() -> Repository {
    let mut repository = Repository::new();
    repository.delegate("targets", "team", &json!({"paths": ["app/*"]}));
    repository.add_target("team", "app/one", "one");
    repository.body("team")["expires"] = json!("2026-01-08T00:00:00Z");
    repository.publish_all();
    repository
}

#[test]
fn a_delegated_role_that_has_expired_is_refused_kept_or_not() {
    let mut repository = with_team();
    let mut late = User::of(&repository);
    late.now = "2026-01-18T00:00:00Z".to_owned();
    assert_eq!(late.find(&repository, "app/one").unwrap_err().document, "1.team.json");
    assert_eq!(late.version("team"), 0);

    let mut user = User::of(&repository);
    user.find(&repository, "app/one").unwrap().unwrap();
    user.now = "2026-01-18T00:00:00Z".to_owned();
    assert!(user.find(&repository, "app/one").is_err());

    repository.body("team")["expires"] = json!("2026-01-21T00:00:00Z");
    repository.publish(&["team", "snapshot", "timestamp"]);
    user.find(&repository, "app/one").unwrap().unwrap();
    assert_eq!(user.version("team"), 2);
}

/// Publishes all with lengths and hashes, and changes what is said of one document.
fn with_stated(of: &str, change: impl Fn(&mut Value)) -> Repository {
    let mut repository = with_team();
    repository.hashes = true;
    repository.publish(&["team", "targets", "snapshot"]);
    let by = if of == "snapshot" { "timestamp" } else { "snapshot" };
    change(&mut repository.body(by)["meta"][format!("{of}.json")]);
    if by == "snapshot" {
        repository.publish(&["snapshot"]);
    }
    repository.publish(&["timestamp"]);
    repository
}

#[test]
fn a_document_that_is_not_the_stated_one_is_refused() {
    for of in ["snapshot", "targets", "team"] {
        let good = with_stated(of, |_| {});
        let found = User::of(&good).find(&good, "app/one").unwrap().unwrap();
        assert_eq!(found.role.as_str(), "team");
        let zeros = "0".repeat(64);
        let wrong: [&dyn Fn(&mut Value); 5] = [
            &|stated| stated["hashes"]["sha256"] = json!(zeros),
            &|stated| stated["hashes"] = json!({"sha512": zeros}),
            &|stated| stated["hashes"] = json!({"unknown": zeros}),
            &|stated| stated["length"] = json!(stated["length"].as_u64().unwrap() + 1),
            &|stated| stated["length"] = json!(stated["length"].as_u64().unwrap() - 1),
        ];
        for (nth, change) in wrong.into_iter().enumerate() {
            let bad = with_stated(of, change);
            let mut user = User::of(&bad);
            let refused = user.find(&bad, "app/one").unwrap_err();
            assert!(refused.document.contains(of), "{refused}");
            // Of a document that is longer than stated, no byte more is taken than was stated.
            let fetch = matches!(refused.why, Refused::Fetch(_));
            assert!(if nth == 4 { fetch } else { is_mismatch(&refused) }, "{nth} {refused}");
            assert_eq!(user.version(of), 0);
        }
    }
}

#[test]
fn a_document_of_another_version_than_stated_is_refused() {
    for of in ["snapshot", "targets", "team"] {
        let mut repository = with_team();
        let version = repository.version(of);
        repository.body(of)["version"] = json!(version + 1);
        let name = repository.name(of, version);
        let bytes = repository.signed(of);
        repository.served.insert(name.clone(), bytes);
        let refused = User::of(&repository).find(&repository, "app/one").unwrap_err();
        assert_eq!(refused.document, name);
        assert!(is_mismatch(&refused));
    }
}

#[test]
fn a_kept_document_is_left_where_the_same_version_is_stated_with_another_hash() {
    for (role, above) in [("targets", &["snapshot", "timestamp"][..]), ("snapshot", &["timestamp"])]
    {
        let mut repository = with_stated("targets", |_| {});
        let mut user = up_to_date(&repository);
        repository.body(role)["x-more"] = json!("said later");
        repository.publish_as_it_is(role);
        repository.publish(above);
        user.refresh(&repository).unwrap();
        let name = repository.name(role, repository.version(role));
        assert!(user.asked.contains(&name), "{role}");
    }
}

#[test]
fn a_timestamp_must_name_the_snapshot_and_the_snapshot_the_targets() {
    let mut repository = Repository::new();
    repository.body("timestamp")["meta"] = json!({"other.json": {"version": 1}});
    repository.publish(&["timestamp"]);
    let mut user = User::of(&repository);
    assert_eq!(user.refresh(&repository).unwrap_err().document, "timestamp.json");
    assert_eq!(user.versions(), [1, 0, 0, 0]);

    let mut repository = Repository::new();
    repository.body("snapshot")["meta"] = json!({});
    repository.publish(&["snapshot", "timestamp"]);
    assert!(User::of(&repository).refresh(&repository).is_err());
}
