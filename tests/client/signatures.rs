//! Whose signatures count, at the top and below.

use anchorite::tuf::client::Refused;
use anchorite::tuf::verify::{NoAuthority, Rejected};
use serde_json::{Value, json};

use super::repository::{Repository, envelope, key, signature};
use super::user::User;

/// A repository where two of three keys must sign the snapshot and the delegated role `team`.
fn two_of_three() -> Repository {
    let mut repository = Repository::new();
    repository.authorize("snapshot", &["a", "b", "c"], 2);
    let paths = json!({"paths": ["*"]});
    repository.delegate_with("targets", "team", &["a", "b", "c"], 2, &paths);
    repository.add_target("team", "one", "one");
    repository.publish(&["root"]);
    repository.publish_all();
    repository
}

/// What a client says when a role comes with these signatures.
fn with_signatures(role: &str, signatures: impl Fn(&Value) -> Vec<Value>) -> Result<(), Refused> {
    let mut repository = two_of_three();
    let body = repository.bodies[role].clone();
    let name = repository.name(role, repository.version(role));
    repository.served.insert(name.clone(), envelope(&body, &signatures(&body)));
    match User::of(&repository).find(&repository, "one") {
        Ok(found) => {
            assert_eq!(found.unwrap().role.as_str(), "team");
            Ok(())
        }
        Err(refused) => {
            assert_eq!(refused.document, name);
            Err(refused.why)
        }
    }
}

#[test]
fn a_threshold_of_the_roles_own_keys_is_needed() {
    for role in ["snapshot", "team"] {
        let by = |names: &'static [&str]| {
            with_signatures(role, |body| names.iter().map(|name| signature(name, body)).collect())
        };
        by(&["a", "c"]).unwrap();
        by(&["c", "b", "a", "stranger"]).unwrap();
        for few in [&[][..], &["b"], &["b", "stranger"], &["stranger", "targets"]] {
            let why = by(few).unwrap_err();
            assert!(matches!(why, Refused::Rejected(Rejected::Threshold { .. })), "{why}");
        }
    }
}

#[test]
fn two_signatures_under_one_key_id_refuse_the_document_whatever_else_signed_it() {
    for role in ["snapshot", "team"] {
        for again in ["a", "stranger"] {
            let why = with_signatures(role, |body| {
                ["a", "b", "c", again, again].map(|name| signature(name, body)).to_vec()
            });
            let why = why.unwrap_err();
            assert!(matches!(why, Refused::Rejected(Rejected::Repeated { .. })), "{why}");
            with_signatures(role, |body| {
                ["a", "b", "c", "stranger"].map(|name| signature(name, body)).to_vec()
            })
            .unwrap();
        }
    }
}

#[test]
fn two_signatures_under_one_key_id_refuse_a_root_too() {
    let mut repository = Repository::new();
    repository.publish(&["root"]);
    let body = repository.bodies["root"].clone();
    let twice = [signature("root", &body), signature("root", &body)];
    repository.served.insert("2.root.json".to_owned(), envelope(&body, &twice));
    let mut user = User::of(&repository);
    assert_eq!(user.refresh(&repository).unwrap_err().document, "2.root.json");
    assert_eq!(user.versions(), [1, 0, 0, 0]);
}

#[test]
fn empty_and_wrong_signatures_beside_enough_good_ones_do_no_harm_and_never_count() {
    for role in ["snapshot", "team"] {
        let of_c = |sig: String| json!({"keyid": key("c").0, "sig": sig});
        for bad in [String::new(), "00".repeat(64), "ab".repeat(63)] {
            with_signatures(role, |body| {
                vec![of_c(bad.clone()), signature("a", body), signature("b", body)]
            })
            .unwrap();
            let why = with_signatures(role, |body| vec![of_c(bad.clone()), signature("a", body)]);
            assert!(matches!(why, Err(Refused::Rejected(Rejected::Threshold { .. }))));
        }
    }
}

#[test]
fn one_key_under_two_ids_counts_once() {
    for (keys, signers, fine) in [
        (&["a", "a'", "b"][..], &["a", "b"][..], true),
        (&["a", "a'", "b"], &["a", "a'"], false),
        (&["a", "a'"], &["a", "a'"], false),
    ] {
        let mut repository = Repository::new();
        repository.authorize("snapshot", keys, 2);
        repository.sign_with("snapshot", signers);
        repository.publish(&["root", "snapshot", "timestamp"]);
        assert_eq!(User::of(&repository).refresh(&repository).is_ok(), fine, "{signers:?}");

        let mut repository = Repository::new();
        repository.delegate_with("targets", "team", keys, 2, &json!({"paths": ["*"]}));
        repository.sign_with("team", signers);
        repository.publish_all();
        assert_eq!(User::of(&repository).find(&repository, "x").is_ok(), fine, "{signers:?}");
    }
}

#[test]
fn one_key_in_three_spellings_counts_once() {
    use anchorite::tuf::digest::Digest;
    use anchorite::tuf::document::Dialect;
    use anchorite::tuf::forge::ForgedKey;
    use anchorite::tuf::key::{Algorithm, PublicKey};
    use anchorite::tuf::verify::Candidate;
    use anchorite::tuf::wire::json::{Limits, parse};
    use data_encoding::HEXLOWER;

    let forged = |name| ForgedKey::new(&Digest::of(b"spelt"), name, Algorithm::P256).unwrap();
    let (one, other) = (forged("one"), forged("other"));
    // The point is the last 65 bytes of the key's DER.
    let point = |key: &PublicKey| HEXLOWER.encode(&key.spki_der()[key.spki_der().len() - 65..]);
    let listed = |keytype: &str, public: String| {
        let scheme = "ecdsa-sha2-nistp256";
        json!({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}})
    };
    let trusted = |signers: [(&str, &ForgedKey); 2]| {
        let mut root = Repository::new().bodies["root"].clone();
        root["keys"]["pem"] = listed("ecdsa", one.public_key().to_pem());
        root["keys"]["old"] = listed("ecdsa-sha2-nistp256", one.public_key().to_pem());
        root["keys"]["hex"] = listed("ecdsa-sha2-nistp256", point(one.public_key()));
        root["keys"]["other"] = listed("ecdsa", other.public_key().to_pem());
        root["roles"]["root"] = json!({"keyids": ["pem", "old", "hex", "other"], "threshold": 2});
        let bytes = serde_json::to_vec(&root).unwrap();
        let to_sign = parse(&bytes, Limits::default()).unwrap().canonical();
        let signatures = signers.map(|(id, key)| {
            let der = key.sign(&to_sign).to_ecdsa_der().unwrap();
            json!({"keyid": id, "sig": HEXLOWER.encode(&der)})
        });
        let candidate = Candidate::read(Dialect::Tuf1, &envelope(&root, &signatures)).unwrap();
        candidate.trusted_on_first_use().is_ok()
    };
    for id in ["pem", "old", "hex"] {
        assert!(trusted([(id, &one), ("other", &other)]), "{id}");
    }
    for two in [["pem", "old"], ["old", "hex"], ["hex", "pem"]] {
        assert!(!trusted(two.map(|id| (id, &one))), "{two:?}");
    }
}

#[test]
fn a_threshold_that_makes_no_sense_is_refused() {
    for threshold in [json!(0), json!(-1), json!(3), json!(1.5), json!("1"), json!(null), json!(1)]
    {
        let sound = threshold == json!(1);
        let mut repository = Repository::new();
        repository.body("root")["roles"]["snapshot"]["threshold"] = threshold.clone();
        repository.publish(&["root"]);
        assert_eq!(User::of(&repository).refresh(&repository).is_ok(), sound, "{threshold}");

        let mut repository = Repository::new();
        repository.delegate("targets", "team", &json!({"paths": ["*"], "threshold": threshold}));
        repository.publish_all();
        assert_eq!(User::of(&repository).find(&repository, "x").is_ok(), sound, "{threshold}");
    }
}

#[test]
fn a_role_that_the_root_gives_to_too_few_keys_is_refused_but_not_the_root() {
    let mut repository = Repository::new();
    repository.authorize("snapshot", &["a", "b"], 3);
    repository.publish(&["root", "snapshot", "timestamp"]);
    let mut user = User::of(&repository);
    let why = user.refresh(&repository).unwrap_err().why;
    let Refused::Rejected(Rejected::NoAuthority(why)) = why else { panic!("{why}") };
    assert!(matches!(why, NoAuthority::Threshold { keys: 2, .. }));
    assert_eq!(user.versions(), [2, 2, 0, 0]);
    repository.authorize("snapshot", &["a", "b"], 2);
    repository.publish(&["root"]);
    user.refresh(&repository).unwrap();
}

#[test]
fn a_hundred_thousand_signatures_are_not_tried_one_by_one() {
    // Of one key: refused at the second. Of strangers: their keys are not known.
    let again = with_signatures("snapshot", |body| {
        let wrong = json!({"keyid": key("a").0, "sig": "00".repeat(64)});
        let mut signatures = vec![wrong; 100_000];
        signatures.push(signature("b", body));
        signatures
    });
    assert!(matches!(again, Err(Refused::Rejected(Rejected::Repeated { .. }))));
    let strangers = with_signatures("snapshot", |body| {
        let strange = |nth: u32| json!({"keyid": format!("{nth:064x}"), "sig": "00".repeat(64)});
        let mut signatures: Vec<Value> = (0..100_000).map(strange).collect();
        signatures.extend([signature("a", body), signature("b", body)]);
        signatures
    });
    strangers.unwrap();
}
