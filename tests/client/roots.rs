//! From one root to the next.

use anchorite::tuf::client::Refused;
use anchorite::tuf::verify::{NotASuccessor, Rejected};
use serde_json::json;

use super::repository::Repository;
use super::user::{User, refused_at, up_to_date};

const EXPIRED: &str = "2025-12-31T23:59:59Z";

#[test]
fn an_expired_root_between_others_is_no_hindrance() {
    let mut repository = Repository::new();
    repository.body("root")["expires"] = json!(EXPIRED);
    repository.publish(&["root"]);
    repository.body("root")["expires"] = json!("2030-01-01T00:00:00Z");
    repository.publish(&["root"]);
    assert_eq!(up_to_date(&repository).versions(), [3, 1, 1, 1]);
}

#[test]
fn an_expired_last_root_is_kept_and_nothing_else_goes_on() {
    let mut repository = Repository::new();
    let mut user = up_to_date(&repository);
    repository.body("root")["expires"] = json!(EXPIRED);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    let refused = user.refresh(&repository).unwrap_err();
    assert!(matches!(refused.why, Refused::Rejected(Rejected::Expired { .. })));
    assert_eq!(user.versions(), [2, 1, 1, 1]);
    assert_eq!(user.asked, ["2.root.json", "3.root.json"]);
    repository.body("root")["expires"] = json!("2030-01-01T00:00:00Z");
    repository.publish(&["root"]);
    user.refresh(&repository).unwrap();
    assert_eq!(user.versions(), [3, 2, 2, 2]);
}

#[test]
fn a_kept_root_that_has_expired_leads_to_a_fresh_one() {
    let mut repository = Repository::new();
    let mut user = up_to_date(&repository);
    user.now = "2030-06-01T00:00:00Z".to_owned();
    for role in ["root", "targets", "snapshot", "timestamp"] {
        repository.body(role)["expires"] = json!("2031-01-01T00:00:00Z");
    }
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    user.refresh(&repository).unwrap();
    assert_eq!(user.versions(), [2, 2, 2, 2]);
}

/// Publishes roots that are each of these keys with this threshold, signed by these; then the last is refused or not.
fn rotated(versions: &[(&[&str], i64, &[&str])]) -> Result<u64, (u64, Refused)> {
    let mut repository = Repository::new();
    repository.served.remove("1.root.json");
    for (nth, (keys, threshold, signers)) in versions.iter().enumerate() {
        repository.authorize("root", keys, *threshold);
        repository.sign_with("root", signers);
        repository.body("root")["version"] = json!(nth + 1);
        repository.publish_as_it_is("root");
    }
    let mut user = User::of(&repository);
    match user.refresh(&repository) {
        Ok(()) => Ok(user.version("root")),
        Err(refused) => Err((user.version("root"), refused.why)),
    }
}

#[test]
fn roots_follow_one_another_when_the_old_and_the_new_keys_signed() {
    let (abc, bcd) = (&["a", "b", "c"][..], &["b", "c", "d"][..]);
    for versions in [
        &[(&["a"][..], 1, &["a"][..]), (&["b"], 1, &["a", "b"]), (&["b"], 1, &["b"])][..],
        &[(abc, 2, &["a", "b"]), (bcd, 2, &["b", "c"])],
        &[(abc, 2, &["a", "b"]), (bcd, 2, &["a", "b", "d"]), (bcd, 2, &["c", "d"])],
        &[(abc, 1, &["a"]), (abc, 2, &["b", "c"])],
        &[(abc, 2, &["a", "b"]), (abc, 1, &["b", "c"]), (abc, 1, &["c"])],
        &[(&["a"], 1, &["x", "a", "y"]), (&["b"], 1, &["x", "b", "a"])],
    ] {
        assert_eq!(rotated(versions), Ok(versions.len().try_into().unwrap()));
    }
}

#[test]
fn a_root_without_the_old_or_the_new_keys_is_refused_and_never_kept() {
    let (abc, bcd) = (&["a", "b", "c"][..], &["b", "c", "d"][..]);
    for (first, second) in [
        ((&["a"][..], 1, &["a"][..]), (&["b"][..], 1, &["b", "x"][..])),
        ((abc, 2, &["a", "b"]), (abc, 1, &["a"])),
        ((abc, 2, &["a", "b"]), (bcd, 2, &["a", "c"])),
    ] {
        let (kept, why) = rotated(&[first, second]).unwrap_err();
        assert_eq!(kept, 1);
        let old = matches!(why, Refused::Succession(NotASuccessor::Old(_)));
        let own = matches!(why, Refused::Succession(NotASuccessor::Own(_)));
        assert!(old || own, "{why}");
    }
    // Signed by one of two old keys, and by all of the new ones.
    let old = rotated(&[(abc, 2, &["a", "b"]), (&["c", "d"], 2, &["c", "d"])]).unwrap_err().1;
    assert!(matches!(old, Refused::Succession(NotASuccessor::Old(_))));
    let own = rotated(&[(abc, 2, &["a", "b"]), (&["c", "d"], 2, &["a", "b", "d"])]).unwrap_err().1;
    assert!(matches!(own, Refused::Succession(NotASuccessor::Own(_))));
}

#[test]
fn a_root_of_another_version_than_its_name_says_is_refused() {
    for wrong in [1, 3] {
        let mut repository = Repository::new();
        repository.body("root")["version"] = json!(wrong);
        let bytes = repository.signed("root");
        repository.served.insert("2.root.json".to_owned(), bytes);
        let mut user = User::of(&repository);
        assert_eq!(refused_at(user.refresh(&repository)), "2.root.json");
        assert_eq!(user.versions(), [1, 0, 0, 0]);
        repository.body("root")["version"] = json!(2);
        repository.publish_as_it_is("root");
        user.refresh(&repository).unwrap();
        assert_eq!(user.versions(), [2, 1, 1, 1]);
    }
}

#[test]
fn roots_before_a_refused_one_stay() {
    let mut repository = Repository::new();
    repository.publish(&["root", "root"]);
    repository.sign_with("root", &["stranger"]);
    repository.publish(&["root"]);
    let mut user = User::of(&repository);
    assert_eq!(refused_at(user.refresh(&repository)), "4.root.json");
    assert_eq!(user.versions(), [3, 0, 0, 0]);
    assert_eq!(user.kept.values().next().unwrap(), &repository.served["3.root.json"]);
}

#[test]
fn a_root_that_lacks_a_role_or_makes_no_sense_is_refused_and_never_kept() {
    for change in [
        |root: &mut serde_json::Value| root["spec_version"] = json!("2.0.0"),
        |root: &mut serde_json::Value| root["roles"]["targets"]["threshold"] = json!(0),
        |root: &mut serde_json::Value| {
            root["roles"].as_object_mut().unwrap().remove("timestamp");
        },
        |root: &mut serde_json::Value| {
            let id = root["roles"]["targets"]["keyids"][0].clone();
            root["roles"]["targets"]["keyids"] = json!([id, id]);
        },
    ] {
        let mut repository = Repository::new();
        change(repository.body("root"));
        repository.publish(&["root"]);
        let mut user = User::of(&repository);
        assert_eq!(refused_at(user.refresh(&repository)), "2.root.json");
        assert_eq!(user.versions(), [1, 0, 0, 0]);
    }
}
