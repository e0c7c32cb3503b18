//! Who is asked for a target, in which order, and whose word counts for whom.

use std::collections::BTreeSet;

use anchorite::tuf::client::{BadDelegation, MAX_ROLES, Refused, WalkVerdict, asked_for, walk};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::verify::{Candidate, Rejected};
use serde_json::json;

use super::repository::{NOW, Repository, ids, key, targets};
use super::user::User;

/// `("A", "C!", "*.py")`: A delegates `*.py` to C, and that is the end (`!`).
type Edge = (&'static str, &'static str, &'static str);

fn with_edges(edges: &[Edge]) -> Repository {
    let mut repository = Repository::new();
    for (by, to, path) in edges {
        let terminating = to.ends_with('!');
        let more = json!({"paths": [path], "terminating": terminating});
        repository.delegate(by, to.trim_end_matches('!'), &more);
    }
    repository.publish_all();
    repository
}

/// The delegated roles that are asked for a target, in order.
fn asked(repository: &Repository, path: &str) -> (Option<String>, Vec<String>) {
    let mut user = User::of(repository);
    let found = user.find(repository, path).unwrap();
    let name = |name: &String| name.split('.').nth(1).unwrap().to_owned();
    let asked = user.asked.iter().skip_while(|name| !name.ends_with(".targets.json")).skip(1);
    (found.map(|found| found.role.to_string()), asked.map(name).collect())
}

#[test]
fn roles_are_asked_depth_first_in_the_order_of_each_document() {
    let cases: [(&[Edge], &str); 12] = [
        (&[("targets", "A", "*")], "A"),
        (&[("targets", "A", "*"), ("targets", "B", "*")], "AB"),
        (&[("targets", "A", "*"), ("targets", "B", "*"), ("B", "C", "*")], "ABC"),
        (&[("targets", "A", "*"), ("targets", "B", "*"), ("A", "C", "*"), ("A", "D", "*")], "ACDB"),
        (&[("targets", "A", "*"), ("targets", "B", "*"), ("A", "C", "*"), ("C", "D", "*")], "ACDB"),
        (&[("targets", "A", "*"), ("targets", "B", "*"), ("A", "C!", "*"), ("A", "D", "*")], "AC"),
        (&[("targets", "A", "*"), ("targets", "B", "*"), ("A", "C!", "*"), ("C", "D", "*")], "ACD"),
        (&[("targets", "A!", "x/*"), ("targets", "B", "*")], "B"),
        (&[("targets", "A", "*"), ("A", "C", "*.py"), ("C", "D", "*")], "A"),
        (
            &[
                ("targets", "A", "*"),
                ("targets", "B", "*"),
                ("B", "C", "*"),
                ("C", "D", "*"),
                ("D", "B", "*"),
            ],
            "ABCD",
        ),
        (&[("targets", "A", "*"), ("targets", "B", "*"), ("B", "C", "*"), ("A", "C", "*")], "ACB"),
        (&[("targets", "A", "*"), ("A", "A", "*")], "A"),
    ];
    for (edges, order) in cases {
        let expected: Vec<String> = order.chars().map(String::from).collect();
        assert_eq!(asked(&with_edges(edges), "missing"), (None, expected), "{edges:?}");
    }
}

#[test]
fn a_target_is_taken_from_the_first_role_that_may_sign_it_and_does() {
    let mut repository = Repository::new();
    for (by, to, path) in [
        ("targets", "A", "*.md"),
        ("targets", "B", "releases/*/*"),
        ("B", "C", "releases/x/*"),
        ("B", "D", "releases/y/*.zip"),
    ] {
        repository.delegate(by, to, &json!({"paths": [path]}));
    }
    for (role, path) in [
        ("targets", "file"),
        ("A", "README.md"),
        ("C", "releases/x/v1"),
        ("D", "releases/y/v1.zip"),
        ("D", "releases/z/v1.zip"),
        ("A", "docs/README.md"),
        ("A", "releases/x/v1"),
    ] {
        repository.add_target(role, path, "content");
    }
    repository.publish_all();
    let root = Candidate::read(Dialect::Tuf1, &repository.served["1.root.json"]).unwrap();
    let root = root.trusted_on_first_use().unwrap();
    let none = BTreeSet::new();
    let whole =
        walk(Dialect::Tuf1, root, &mut repository.served.clone(), NOW.parse().unwrap(), &none);
    for (path, role, order) in [
        ("file", "targets", ""),
        ("README.md", "A", "A"),
        ("releases/x/v1", "C", "BC"),
        ("releases/y/v1.zip", "D", "BD"),
        ("releases/z/v1.zip", "", "B"),
        ("docs/README.md", "", ""),
        ("readme.md", "", "A"),
    ] {
        let order: Vec<String> = order.chars().map(String::from).collect();
        let role = (!role.is_empty()).then(|| role.to_owned());
        let taken = asked_for(&whole.targets, path).map(|found| found.role.to_string());
        assert_eq!(taken, role, "{path}");
        assert_eq!(asked(&repository, path), (role, order), "{path}");
    }
}

#[test]
fn prefixes_of_the_hash_of_a_path_delegate_it() {
    // SHA-256 of "file.txt" begins with aadf327c.
    let mut repository = Repository::new();
    repository.delegate("targets", "low", &json!({"path_hash_prefixes": ["0", "5", "aadf327d"]}));
    repository.delegate("targets", "high", &json!({"path_hash_prefixes": ["8", "aadf3"]}));
    for role in ["low", "high"] {
        repository.add_target(role, "file.txt", "content");
    }
    repository.publish_all();
    assert_eq!(asked(&repository, "file.txt"), (Some("high".to_owned()), vec!["high".to_owned()]));
}

/// A repository of sixteen hash bins.
fn binned() -> Repository {
    let mut repository = Repository::new();
    let (id, listed) = key("bins");
    repository.body("targets")["delegations"] = json!({
        "keys": {id: listed},
        "succinct_roles":
            {"keyids": ids(&["bins"]), "threshold": 1, "bit_length": 4, "name_prefix": "bin"},
    });
    for nth in 0..16 {
        let name = format!("bin-{nth:x}");
        repository.bodies.insert(name.clone(), targets());
        repository.sign_with(&name, &["bins"]);
    }
    repository.add_target("bin-a", "file.txt", "content");
    repository.add_target("bin-b", "other", "content");
    repository.publish_all();
    repository
}

#[test]
fn hash_bins_are_asked_by_the_first_bits_of_the_hash_of_a_path() {
    let repository = binned();
    assert_eq!(
        asked(&repository, "file.txt"),
        (Some("bin-a".to_owned()), vec!["bin-a".to_owned()])
    );
    // Signed in a bin that is not its own.
    assert_eq!(asked(&repository, "other").0, None);
    let mut user = User::of(&repository);
    let (done, walked) = user.visit(&repository);
    done.unwrap();
    assert_eq!(walked.targets.len(), 17);
}

#[test]
fn hash_bins_that_make_no_sense_are_refused() {
    for (member, value) in [
        ("bit_length", json!(0)),
        ("bit_length", json!(33)),
        ("bit_length", json!(1_i64 << 31)),
        ("bit_length", json!("4")),
        ("name_prefix", json!("")),
        ("name_prefix", json!("a\u{1b}b")),
        ("threshold", json!(null)),
        ("keyids", json!("all")),
    ] {
        let mut repository = binned();
        repository.body("targets")["delegations"]["succinct_roles"][member] = value.clone();
        repository.publish(&["targets", "snapshot", "timestamp"]);
        let refused = User::of(&repository).refresh(&repository).unwrap_err();
        assert!(matches!(refused.why, Refused::Delegation(_)), "{member} {value} {refused}");
        let whole = binned();
        User::of(&whole).refresh(&whole).unwrap();
    }
}

#[test]
fn delegations_that_make_no_sense_refuse_the_document() {
    let paths = json!({"paths": ["*"]});
    for name in ["root", "targets", "snapshot", "timestamp"] {
        let mut repository = Repository::new();
        repository.delegate("targets", "team", &paths);
        repository.body("targets")["delegations"]["roles"][0]["name"] = json!(name);
        repository.publish(&["team", "targets", "snapshot", "timestamp"]);
        let refused = User::of(&repository).refresh(&repository).unwrap_err();
        let named = Refused::Delegation(BadDelegation::TopLevel(name.parse().unwrap()));
        assert_eq!(refused.why, named);
        repository.body("targets")["delegations"]["roles"][0]["name"] = json!("team");
        repository.publish(&["targets", "snapshot", "timestamp"]);
        User::of(&repository).refresh(&repository).unwrap();
    }
    let both = json!({"paths": ["*"], "path_hash_prefixes": ["a"]});
    let one = json!({"path_hash_prefixes": ["a"]});
    for (more, sound) in [(json!({}), false), (both, false), (paths.clone(), true), (one, true)] {
        let mut repository = Repository::new();
        repository.delegate("targets", "team", &more);
        repository.publish_all();
        assert_eq!(User::of(&repository).refresh(&repository).is_ok(), sound, "{more}");
    }
    let mut repository = Repository::new();
    repository.delegate("targets", "team", &paths);
    repository.delegate("targets", "team", &paths);
    repository.publish_all();
    assert!(User::of(&repository).refresh(&repository).is_err());
}

#[test]
fn a_delegated_role_that_the_snapshot_does_not_name_is_an_error_and_not_skipped() {
    let mut repository = with_edges(&[("targets", "A", "*"), ("targets", "B", "*")]);
    repository.add_target("B", "x", "content");
    repository.publish(&["B", "snapshot", "timestamp"]);
    User::of(&repository).find(&repository, "x").unwrap().unwrap();
    repository.body("snapshot")["meta"].as_object_mut().unwrap().remove("A.json");
    repository.publish(&["snapshot", "timestamp"]);
    assert!(User::of(&repository).find(&repository, "x").is_err());
    User::of(&repository).refresh(&repository).unwrap();
}

/// C is signed as A wants it, and not as B does, which says that C is of another key.
fn two_delegators() -> Repository {
    let mut repository = Repository::new();
    repository.delegate("targets", "A", &json!({"paths": ["a*"]}));
    repository.delegate("targets", "B", &json!({"paths": ["b*"]}));
    repository.delegate("A", "C", &json!({"paths": ["a*"]}));
    repository.delegate_with("B", "C", &["other"], 1, &json!({"paths": ["b*"]}));
    repository.add_target("C", "a1", "content");
    repository.add_target("C", "b1", "content");
    repository.publish_all();
    repository
}

#[test]
fn a_role_that_is_known_already_is_checked_again_for_another_delegator() {
    let repository = two_delegators();
    let mut user = User::of(&repository);
    let ((first, second, third), _) =
        user.with(&repository, |client| (client.find("a1"), client.find("b1"), client.find("a1")));
    assert_eq!(first.unwrap().unwrap().role.as_str(), "C");
    let refused = second.unwrap_err();
    assert_eq!(refused.document, "1.C.json");
    assert!(matches!(refused.why, Refused::Rejected(Rejected::Threshold { .. })));
    assert!(third.unwrap().is_some());
    // From what was kept, too.
    assert!(user.find(&repository, "b1").is_err());
    assert!(user.find(&repository, "a1").unwrap().is_some());

    // When both keys sign, both delegators are content, and it is fetched once.
    let mut repository = two_delegators();
    repository.sign_with("C", &["C", "other"]);
    repository.publish(&["C", "snapshot", "timestamp"]);
    let mut user = User::of(&repository);
    let ((first, second), _) =
        user.with(&repository, |client| (client.find("a1"), client.find("b1")));
    assert!(first.unwrap().is_some() && second.unwrap().is_some());
    assert_eq!(user.asked.iter().filter(|name| *name == "2.C.json").count(), 1);
}

#[test]
fn a_kept_role_whose_delegator_took_other_keys_is_refused() {
    let mut repository = with_edges(&[("targets", "A", "*")]);
    let mut user = User::of(&repository);
    user.find(&repository, "x").unwrap();
    let (id, listed) = key("new");
    let delegations = &mut repository.body("targets")["delegations"];
    delegations["keys"][id.as_str()] = listed;
    delegations["roles"][0]["keyids"] = json!([id]);
    repository.publish(&["targets", "snapshot", "timestamp"]);
    assert_eq!(user.find(&repository, "x").unwrap_err().document, "1.A.json");
    repository.sign_with("A", &["new"]);
    repository.publish(&["A", "snapshot", "timestamp"]);
    user.find(&repository, "x").unwrap();
}

#[test]
fn odd_names_are_one_segment_of_a_name_and_kept_under_their_own() {
    for (role, encoded) in [
        ("?", "%3F"),
        ("#", "%23"),
        ("/delegatedrole", "%2Fdelegatedrole"),
        ("../delegatedrole", "..%2Fdelegatedrole"),
        ("ü x", "%C3%BC%20x"),
    ] {
        let mut repository = Repository::new();
        repository.delegate("targets", role, &json!({"paths": ["*"]}));
        repository.publish_all();
        let mut user = User::of(&repository);
        user.find(&repository, "missing").unwrap();
        assert_eq!(*user.asked.last().unwrap(), format!("1.{encoded}.json"));
        assert_eq!(user.kept.len(), 5);
    }
}

#[test]
fn a_long_chain_of_delegations_is_followed_as_far_as_is_reasonable() {
    let chain = |length: usize| {
        let mut repository = Repository::new();
        let mut by = "targets".to_owned();
        for nth in 0..length {
            let to = format!("role{nth:03}");
            repository.delegate(&by, &to, &json!({"paths": ["*"]}));
            by = to;
        }
        repository.add_target(&by, "x", "content");
        repository.publish_all();
        repository
    };
    let fine = chain(255);
    assert!(User::of(&fine).find(&fine, "x").unwrap().is_some());
    let long = chain(256);
    let refused = User::of(&long).find(&long, "x").unwrap_err();
    assert!(matches!(refused.why, Refused::Delegation(BadDelegation::TooMany(_))), "{refused}");
}

#[test]
fn a_visit_to_every_role_checks_each_for_every_delegator_and_ends() {
    let edges = [("targets", "A", "a*"), ("A", "B", "b*"), ("B", "A", "*"), ("B", "C", "*")];
    let repository = with_edges(&edges);
    let mut user = User::of(&repository);
    let (done, walked) = user.visit(&repository);
    done.unwrap();
    let roles: Vec<_> = walked.targets.keys().map(RoleName::as_str).collect();
    assert_eq!(roles, ["A", "B", "C", "targets"]);

    let repository = two_delegators();
    let (done, _) = User::of(&repository).visit(&repository);
    assert_eq!(done.unwrap_err().document, "1.C.json");
}

#[test]
fn more_roles_than_are_visited_are_an_error_before_the_first_is_fetched() {
    let mut repository = binned();
    repository.body("targets")["delegations"]["succinct_roles"]["bit_length"] = json!(32);
    repository.publish(&["targets", "snapshot", "timestamp"]);
    let mut user = User::of(&repository);
    let (done, _) = user.visit(&repository);
    assert_eq!(done.unwrap_err().why, Refused::Delegation(BadDelegation::TooMany(MAX_ROLES)));
    assert_eq!(user.asked.last().unwrap(), "3.targets.json");
    repository.body("targets")["delegations"]["succinct_roles"]["bit_length"] = json!(4);
    repository.publish(&["targets", "snapshot", "timestamp"]);
    user.visit(&repository).0.unwrap();
}

/// The verdicts of a walk where these documents are not there, and these roles are pending.
fn walked(gone: &[&str], pending: &[&str]) -> Vec<(String, WalkVerdict)> {
    let mut repository = with_edges(&[("targets", "A", "*"), ("targets", "B", "*")]);
    for name in gone {
        repository.served.remove(*name).unwrap();
    }
    let root = Candidate::read(Dialect::Tuf1, &repository.served["1.root.json"]).unwrap();
    let root = root.trusted_on_first_use().unwrap();
    let pending: BTreeSet<RoleName> = pending.iter().map(|name| name.parse().unwrap()).collect();
    let mut served = repository.served.clone();
    let walk = walk(Dialect::Tuf1, root, &mut served, NOW.parse().unwrap(), &pending);
    walk.steps.into_iter().map(|step| (step.document, step.verdict)).collect()
}

#[test]
fn a_walk_goes_as_far_as_documents_exist_when_the_others_are_pending() {
    let pending = |steps: &[(String, WalkVerdict)]| {
        let pending = steps.iter().filter(|(_, verdict)| *verdict == WalkVerdict::Pending);
        pending.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let accepted = |steps: &[(String, WalkVerdict)]| {
        let accepted = |verdict: &WalkVerdict| matches!(verdict, WalkVerdict::Accepted(_));
        steps.iter().filter(|(_, verdict)| accepted(verdict)).count()
    };
    let whole = walked(&[], &[]);
    assert_eq!((accepted(&whole), whole.len()), (6, 6));
    let online = walked(&["timestamp.json", "2.snapshot.json"], &["timestamp", "snapshot"]);
    // Without a snapshot, a role is asked for in version 1.
    assert_eq!(pending(&online), ["timestamp.json", "1.snapshot.json"].map(str::to_owned)[..1]);
    let below = walked(&["1.A.json"], &["A"]);
    assert_eq!((pending(&below), accepted(&below)), (vec!["1.A.json".to_owned()], 5));
    let refused = walked(&["1.A.json"], &[]);
    assert!(matches!(refused.last().unwrap().1, WalkVerdict::Refused(Refused::Missing)));
}

#[test]
fn a_target_without_a_hash_is_found_and_never_taken() {
    let mut repository = Repository::new();
    repository.body("targets")["targets"]["x"] = json!({"length": 0, "hashes": {}});
    repository.publish(&["targets", "snapshot", "timestamp"]);
    let found = User::of(&repository).find(&repository, "x").unwrap().unwrap();
    assert!(anchorite::tuf::client::check_target(&found.file, b"").is_err());
    repository.add_target("targets", "x", "");
    repository.publish(&["targets", "snapshot", "timestamp"]);
    let found = User::of(&repository).find(&repository, "x").unwrap().unwrap();
    anchorite::tuf::client::check_target(&found.file, b"").unwrap();
}
