#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::tuf::tests::{
    Doc, GUN, NOTARY, TUF, certificate, listed, object, role, root, root_of, snapshot, targets,
    text, x509,
};

fn changes(old: &Doc, new: &Doc) -> Vec<Change> {
    diff(&old.read(), &new.read(), "2028-01-01T00:00:00Z".parse().unwrap()).unwrap()
}

/// The names of the changes, with `!` where it is dangerous; that the version rose by one is left out.
fn told(old: &Doc, new: Doc) -> Vec<String> {
    let new = new.set("version", 2);
    let changes = changes(old, &new).into_iter();
    changes
        .filter(|change| *change != Change::Version { from: 1, to: 2 })
        .map(|change| format!("{}{}", change.name(), if change.is_danger() { "!" } else { "" }))
        .collect()
}

const DELEGATION: &str = "delegations|roles|0";

#[test]
fn the_same_document_has_no_changes_and_the_next_version_only_that() {
    for dialect in [TUF, NOTARY] {
        assert_eq!(changes(&root(dialect), &root(dialect)), Vec::new());
        assert_eq!(changes(&targets(dialect), &targets(dialect)), Vec::new());
        let next = root(dialect).set("version", 2);
        let found = changes(&root(dialect), &next);
        assert_eq!(found, [Change::Version { from: 1, to: 2 }]);
        assert!(!found.first().unwrap().is_danger());
    }
}

#[test]
fn a_version_that_jumps_or_goes_back_is_dangerous() {
    let found = changes(&root(TUF), &root(TUF).set("version", 3));
    assert!(found.first().unwrap().is_danger());
    let found = changes(&root(TUF).set("version", 2), &root(TUF));
    assert!(found.first().unwrap().is_danger());
    let found = changes(&root(TUF), &root(TUF).set("version", 2));
    assert!(!found.first().unwrap().is_danger());
}

#[test]
fn a_lowered_threshold_is_dangerous_and_a_raised_one_is_not() {
    let raised = root(TUF).set("roles|root|threshold", 3);
    assert_eq!(told(&root(TUF), raised.clone()), ["threshold"]);
    assert_eq!(told(&raised, root(TUF)), ["threshold!"]);
}

#[test]
fn a_key_that_takes_the_place_of_another_is_removed_and_added() {
    let new = root_of(TUF, ["r1", "r2", "x"], "t");
    assert_eq!(told(&root(TUF), new), ["key-removed", "key-added"]);
    let all = root_of(TUF, ["x", "y", "z"], "t");
    let told = told(&root(TUF), all);
    assert_eq!(told.first().unwrap(), "all-keys-replaced!");
    assert_eq!(told.len(), 7);
}

#[test]
fn a_key_that_stays_under_another_id_is_renamed_not_replaced() {
    let renamed = root(TUF).rekey(("mine".to_owned(), listed("r1", TUF).1));
    let new = renamed.set("version", 2);
    let found = changes(&root(TUF), &new);
    let (id, _) = listed("r1", TUF);
    let ids = |id: &str| vec![KeyId::new(id)];
    let expected = Change::KeyRenamed {
        role: RoleName::root(),
        key: crate::tuf::tests::forged("r1", TUF).public_key().fingerprint(),
        from: ids(&id),
        to: ids("mine"),
    };
    assert!(found.contains(&expected), "{found:?}");
    assert_eq!(told(&root(TUF), new), ["key-renamed!"]);
}

#[test]
fn other_bytes_under_an_id_that_stays_are_another_key() {
    let (id, _) = listed("t", TUF);
    let swapped = root(TUF).set(&format!("keys|{id}"), listed("x", TUF).1);
    let told = told(&root(TUF), swapped);
    assert!(told.contains(&"key-bytes!".to_owned()), "{told:?}");
    assert!(told.contains(&"all-keys-replaced!".to_owned()), "{told:?}");
}

#[test]
fn a_renewed_certificate_is_one_change_and_dangerous_when_it_ends_earlier() {
    // The same key, in a certificate that begins later: the same end.
    let renewed = root(NOTARY).rekey(x509(&certificate("r1", GUN, "2027-06-01T00:00:00Z")));
    assert_eq!(told(&root(NOTARY), renewed), ["certificate-replaced"]);
    let (key, at) = (listed("r1", NOTARY), |text: &str| text.parse().unwrap());
    let earlier = Change::CertificateReplaced {
        role: RoleName::root(),
        key: crate::tuf::digest::Digest::of(key.0.as_bytes()).into(),
        from: at("2050-01-01T00:00:00Z"),
        to: at("2040-01-01T00:00:00Z"),
    };
    assert!(earlier.is_danger());
}

#[test]
fn dates_switches_and_unknown_members_are_told() {
    let new = root(TUF).set("expires", "2048-01-01T00:00:00Z");
    assert_eq!(told(&root(TUF), new), ["expires"]);
    let new = root(TUF).set("expires", "2048-01-01T00:00:01Z");
    assert_eq!(told(&root(TUF), new), ["expires!"]);
    let new = root(TUF).set("consistent_snapshot", false).set("spec_version", "1.0.31");
    assert_eq!(told(&root(TUF), new), ["spec-version", "consistent-snapshot!"]);
    let new = root(TUF).set("x-mine", 1).set("roles|root|x-mine", 1);
    assert_eq!(told(&root(TUF), new), ["unknown-member!", "unknown-member!"]);
    let other = root(TUF).set("roles|mirrors", role(&[listed("t", TUF).0], 1));
    assert_eq!(told(&root(TUF), other.clone()), ["role-added!"]);
    assert_eq!(told(&other, root(TUF)), ["role-removed!"]);
    let unused = root(TUF).set("keys|spare", listed("x", TUF).1);
    assert_eq!(told(&root(TUF), unused.clone()), ["unused-key-added"]);
    assert_eq!(told(&unused, root(TUF)), ["unused-key-removed"]);
}

#[test]
fn a_delegation_that_may_sign_for_more_is_dangerous() {
    let paths = |list: &[&str]| Json::Array(list.iter().map(|path| text(path)).collect());
    let wide = targets(TUF).set(&format!("{DELEGATION}|paths"), paths(&["v*", "w*"]));
    assert_eq!(told(&targets(TUF), wide.clone()), ["paths-added!"]);
    assert_eq!(told(&wide, targets(TUF)), ["paths-removed"]);
    let ends = targets(TUF).set(&format!("{DELEGATION}|terminating"), true);
    assert_eq!(told(&targets(TUF), ends), ["terminating!"]);
    let two = with_second(&targets(TUF), "other");
    assert_eq!(told(&targets(TUF), two.clone()), ["delegation-added!"]);
    assert_eq!(told(&two, targets(TUF)), ["delegation-removed"]);
    let mut turned = two.clone();
    if let Json::Array(roles) = turned.at("delegations|roles") {
        roles.reverse();
    }
    assert_eq!(told(&two, turned), ["delegation-order!"]);
    let other = targets(TUF).set(&format!("{DELEGATION}|threshold"), 0);
    assert_eq!(told(&targets(TUF), other), ["threshold!"]);
    let bins = Json::object([("bit_length", Json::Integer(4))]);
    assert_eq!(
        told(&targets(TUF), targets(TUF).set("delegations|succinct_roles", bins)),
        ["bins!"]
    );
}

fn with_second(doc: &Doc, name: &str) -> Doc {
    let mut doc = doc.clone();
    if let Json::Array(roles) = doc.at("delegations|roles") {
        let mut again = roles.first().unwrap().clone();
        if let Json::Object(members) = &mut again {
            members.insert("name".to_owned(), text(name));
        }
        roles.push(again);
    }
    doc
}

#[test]
fn the_same_name_with_another_digest_has_moved() {
    let moved = targets(TUF).set("targets|v1|hashes|sha256", "ab".repeat(32).as_str());
    assert_eq!(told(&targets(TUF), moved), ["target-moved!"]);
    let longer = targets(TUF).set("targets|v1|length", 8);
    assert_eq!(told(&targets(TUF), longer), ["target-moved!"]);
    let described = targets(TUF).set("targets|v1|custom", object([]));
    assert_eq!(told(&targets(TUF), described), ["target-described"]);
    let more = targets(TUF).set("targets|v1|hashes|sha512", "ab".repeat(64).as_str());
    assert_eq!(told(&targets(TUF), more), ["target-described"]);
    let gone = targets(TUF).without("targets", "v1");
    assert_eq!(told(&targets(TUF), gone.clone()), ["target-removed"]);
    assert_eq!(told(&gone, targets(TUF)), ["target-added"]);
}

#[test]
fn a_snapshot_that_forgets_or_goes_back_is_dangerous() {
    let version = |n: i64| Json::object([("version", Json::Integer(n))]);
    let two = snapshot(TUF).set("meta|other.json", version(2));
    assert_eq!(told(&snapshot(TUF), two.clone()), ["meta-added"]);
    assert_eq!(told(&two, snapshot(TUF)), ["meta-removed!"]);
    assert_eq!(told(&two, two.clone().set("meta|other.json", version(3))), ["meta-changed"]);
    assert_eq!(told(&two, two.clone().set("meta|other.json", version(1))), ["meta-changed!"]);
}

#[test]
fn documents_of_other_kinds_or_dialects_are_not_compared() {
    let at = "2028-01-01T00:00:00Z".parse().unwrap();
    let error = diff(&root(TUF).read(), &targets(TUF).read(), at).unwrap_err();
    assert_eq!((error.from, error.to), ("root", "targets"));
    assert!(diff(&root(TUF).read(), &root(NOTARY).read(), at).is_err());
}

#[test]
fn the_name_of_a_change_is_its_name_in_json() {
    for change in [
        Change::Version { from: 1, to: 2 },
        Change::SpecVersion { from: None, to: None },
        Change::AllKeysReplaced { role: RoleName::root(), before: 1, now: 1 },
        Change::Bins { from: None, to: None },
        Change::TargetDescribed { name: String::new() },
        Change::MetaRemoved { name: String::new() },
    ] {
        let json = serde_json::to_value(&change).unwrap();
        assert_eq!(json.get("change").and_then(|name| name.as_str()), Some(change.name()));
    }
}
