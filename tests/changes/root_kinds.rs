//! The kinds that change a root: refresh, rotation, another custodian, other online keys, leaked root keys, adoption.

use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::Mode;
use anchorite::ceremony::scene::Verdict;
use anchorite::tuf::document::Dialect;

use super::sample::*;
use super::{check, passes};

const BOTH: [Dialect; 2] = [Dialect::Notary1, Dialect::Tuf1];

/// The report refuses the plan by this finding.
fn refuses(report: &CheckReport, name: &str) {
    let found = report.findings.iter().find(|f| f.name == name && f.verdict == Verdict::Fail);
    assert!(found.is_some(), "{name}: {:#?}", report.findings);
    assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail);
}

fn tells(report: &CheckReport, name: &str) {
    assert!(report.findings.iter().any(|f| f.name == name), "{name}: {:#?}", report.findings);
}

fn waiver(sample: &Sample) -> &'static str {
    if sample.dialect == Dialect::Tuf1 { WAIVE_FILE_ROOT } else { "" }
}

fn third(sample: &Sample) -> &'static str {
    match sample.dialect {
        Dialect::Notary1 => YUBI_C,
        Dialect::Tuf1 => AGE,
    }
}

fn certificate(sample: &Sample) -> &'static str {
    match sample.dialect {
        Dialect::Notary1 => "certificate = { valid_for = \"28 years\" }\n",
        Dialect::Tuf1 => "",
    }
}

fn targets_key(sample: &Sample) -> &'static str {
    match sample.dialect {
        Dialect::Notary1 => "tagging",
        Dialect::Tuf1 => "release",
    }
}

const ALL: &str = "\"root-a\", \"root-b\", \"root-c\"";

pub(crate) fn refresh(sample: &Sample) -> Text {
    let body =
        [root_keys(sample), role("root", ALL, 2, Some("10 years")), waiver(sample).to_owned()];
    Text {
        kind: "refresh",
        codename: "DUNLIN",
        title: "The root is signed again before it expires",
        body: body.concat(),
        ..Text::default()
    }
}

/// Custodian C hands over to Custodian D. `away`: C is not here and signs nothing.
pub(crate) fn replace_custodian(sample: &Sample) -> Text {
    let body = [
        here(sample, "root-a", "Custodian A", YUBI_A),
        here(sample, "root-b", "Custodian B", YUBI_B),
        made("root-d", "Custodian D", YUBI_D, "p256", certificate(sample)),
        role("root", "\"root-a\", \"root-b\", \"root-d\"", 2, Some("10 years")),
    ];
    Text {
        kind: "replace-custodian",
        codename: "GANNET",
        title: "Custodian D takes the place of Custodian C",
        body: body.concat(),
        ..Text::default()
    }
}

/// Custodian B gets another token and brings both.
pub(crate) fn rotate_root(sample: &Sample) -> Text {
    let body = [
        root_keys(sample),
        made("root-b2", "Custodian B", YUBI_D, "p256", certificate(sample)),
        role("root", "\"root-a\", \"root-b2\", \"root-c\"", 2, Some("10 years")),
        waiver(sample).to_owned(),
    ];
    Text {
        kind: "rotate-root",
        codename: "CURLEW",
        title: "Custodian B gets another token",
        before: "also_sign    = [\"root-b\"]\n".to_owned(),
        body: body.concat(),
        ..Text::default()
    }
}

/// Another key for what the online side signs: in Notary a key of the server's, in TUF one that is carried in.
pub(crate) fn rotate_online(sample: &Sample) -> Text {
    let stays = |name: &str, key: &str| role(name, key, 1, None);
    let key = match sample.dialect {
        Dialect::Notary1 => "server-timestamp-2",
        Dialect::Tuf1 => "online-2",
    };
    let file = format!("{key}.key");
    let (bytes, id) = new_server_key(sample.dialect);
    let body = [
        root_keys(sample),
        format!(
            "\n[[keys]]\nname      = \"{key}\"\nalgorithm = \"ed25519\"\n\
             server    = {{ medium = \"IN\", file = \"{file}\", id = \"{id}\" }}\n"
        ),
        listed(
            sample,
            if sample.dialect == Dialect::Notary1 { "server-snapshot" } else { "online" },
        ),
        role("root", ALL, 2, Some("10 years")),
        match sample.dialect {
            Dialect::Notary1 => {
                stays("snapshot", "\"server-snapshot\"")
                    + &stays("timestamp", &format!("\"{key}\""))
            }
            Dialect::Tuf1 => {
                stays("snapshot", "\"online\"") + &stays("timestamp", &format!("\"{key}\""))
            }
        },
        waiver(sample).to_owned(),
    ];
    Text {
        kind: "rotate-online",
        codename: "PETREL",
        title: "The online side gets another timestamp key",
        body: body.concat(),
        inputs: vec![(file, bytes)],
        ..Text::default()
    }
}

/// A key file as the server gives it, and the id that documents give the key.
fn new_server_key(dialect: Dialect) -> (Vec<u8>, String) {
    use anchorite::tuf::digest::Digest;
    use anchorite::tuf::forge::ForgedKey;
    use anchorite::tuf::key::Algorithm;
    let key = ForgedKey::new(&Digest::of(b"samples"), "online", Algorithm::Ed25519).unwrap();
    let (id, listed) = dialect.list_key(key.public_key()).unwrap();
    let bytes = match dialect {
        Dialect::Notary1 => listed.wire.canonical(),
        Dialect::Tuf1 => key.public_key().to_pem().into_bytes(),
    };
    (bytes, id.as_str().to_owned())
}

/// One root key leaked: it goes, and another one comes.
pub(crate) fn root_compromise(sample: &Sample, leaked: &[&str]) -> Text {
    let rows = leaked.iter().map(|key| {
        format!(
            "\n[[compromised]]\nfingerprint = \"{}\"\nreason      = \"the token was stolen with its PIN\"\n",
            sample.fingerprint(key)
        )
    });
    let body = [
        here(sample, "root-a", "Custodian A", YUBI_A),
        here(sample, "root-b", "Custodian B", YUBI_B),
        made("root-d", "Custodian C", YUBI_D, "p256", certificate(sample)),
        role("root", "\"root-a\", \"root-b\", \"root-d\"", 2, Some("10 years")),
        rows.collect(),
    ];
    Text {
        kind: "root-compromise",
        codename: "SKUA",
        title: "A root key was stolen",
        body: body.concat(),
        ..Text::default()
    }
}

pub(crate) fn adopt(_: &Sample) -> Text {
    Text {
        kind: "adopt",
        codename: "FULMAR",
        title: "Take over the repository as it is",
        ..Text::default()
    }
}

#[test]
fn every_kind_of_root_change_is_followed_from_every_earlier_root() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        for text in [
            refresh(&sample),
            replace_custodian(&sample),
            rotate_root(&sample),
            rotate_online(&sample),
            root_compromise(&sample, &["root-c"]),
            adopt(&sample),
        ] {
            let report = check(&sample, &text);
            passes(&report);
        }
    }
}

#[test]
fn a_refresh_that_changes_a_key_or_a_threshold_is_refused() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let mut text = refresh(&sample);
        text.body = text.body.replace("threshold = 2", "threshold = 3");
        text.body += "\n[[waivers]]\nfinding = \"threshold-all-of-n\"\nreason = \"a test\"\nby = \"Administrator\"\n";
        refuses(&check(&sample, &text), "refresh-changes-more");
        let mut text = refresh(&sample);
        text.body += &format!(
            "\n[[targets]]\nname = \"v9\"\nlength = 1\nsha256 = \"{}\"\n{}",
            sample.root(),
            made(targets_key(&sample), "Releaser", AGE, "p256", "")
        );
        refuses(&check(&sample, &text), "refresh-changes-more");
    }
}

#[test]
fn without_enough_keys_of_the_root_before_no_root_is_planned() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let mut text = rotate_root(&sample);
        // Only root-a of the old keys signs, beside two new ones.
        text.body = [
            here(&sample, "root-a", "Custodian A", YUBI_A),
            made("root-b2", "Custodian B", YUBI_B, "p256", certificate(&sample)),
            made("root-c2", "Custodian C", third(&sample), "p256", certificate(&sample)),
            role("root", "\"root-a\", \"root-b2\", \"root-c2\"", 2, Some("10 years")),
            waiver(&sample).to_owned(),
        ]
        .concat();
        text.before = String::new();
        let report = check(&sample, &text);
        refuses(&report, "old-threshold-not-reached");
        let said = report.findings.iter().find(|f| f.name == "old-threshold-not-reached").unwrap();
        assert!(said.text.contains("wants 2 of its 3 keys"), "{}", said.text);
        assert!(said.text.contains("root-a"), "{}", said.text);
        // With more lost than that there is no way on.
        assert!(said.text.contains("hold a first-root ceremony before this root"), "{}", said.text);
        // With one more of them it is.
        text.body += &here(&sample, "root-b", "Custodian B", YUBI_D);
        text.before = "also_sign    = [\"root-b\"]\n".to_owned();
        passes(&check(&sample, &text));
    }
}

#[test]
fn without_enough_keys_of_its_own_no_root_is_planned() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let text = |third: String| {
            Text {
            body: [
                here(&sample, "root-a", "Custodian A", YUBI_A),
                here(&sample, "root-b", "Custodian B", YUBI_B),
                third,
                made("root-d", "Custodian D", YUBI_D, "p256", certificate(&sample)),
                role("root", "\"root-c\", \"root-d\"", 2, Some("10 years")),
                "\n[[waivers]]\nfinding = \"threshold-all-of-n\"\nreason = \"a test\"\nby = \"Administrator\"\n"
                    .to_owned(),
                waiver(&sample).to_owned(),
            ]
            .concat(),
            before: "also_sign    = [\"root-a\", \"root-b\"]\n".to_owned(),
            ..rotate_root(&sample)
        }
        };
        refuses(&check(&sample, &text(listed(&sample, "root-c"))), "new-threshold-not-reached");
        let here = here(&sample, "root-c", "Custodian C", third(&sample));
        passes(&check(&sample, &text(here)));
    }
}

#[test]
fn one_person_with_an_old_and_a_new_token_is_told_to_bring_both() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let report = check(&sample, &rotate_root(&sample));
        let found = report.findings.iter().find(|f| f.name == "brings-both-tokens").unwrap();
        assert!(found.text.contains("Custodian B brings both tokens: root-b"), "{}", found.text);
        let both = "root-b (YubiKey 18158861, slot 9c) for the root before, root-b2 (YubiKey 18158899, slot 9c)";
        assert!(found.text.contains(both), "{}", found.text);
        let report = check(&sample, &replace_custodian(&sample));
        assert!(!report.findings.iter().any(|f| f.name == "brings-both-tokens"));
    }
}

#[test]
fn a_renewed_certificate_is_a_rotation_and_signed_under_both_ids() {
    let sample = Sample::new(Dialect::Notary1);
    let mut text = rotate_root(&sample);
    let renewed = here(&sample, "root-b", "Custodian B", YUBI_B)
        + "certificate = { valid_for = \"30 years\" }\n";
    text.body = [
        here(&sample, "root-a", "Custodian A", YUBI_A),
        renewed,
        here(&sample, "root-c", "Custodian C", YUBI_C),
        role("root", ALL, 2, Some("10 years")),
    ]
    .concat();
    text.before = String::new();
    passes(&check(&sample, &text));
    let engine = played(&sample, &text);
    let root = anchorite::tuf::any::AnyDocument::read(&engine.served()["root.json"]).unwrap();
    // Two keys under one id each, and the renewed one under its old and its new.
    assert_eq!(root.signatures().len(), 4);
    // A refresh makes no certificate.
    text.kind = "refresh";
    refuses(&check(&sample, &text), "refresh-changes-more");
}

#[test]
fn other_online_keys_are_other_keys() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let mut text = rotate_online(&sample);
        let (old, new) = match dialect {
            Dialect::Notary1 => ("server-timestamp", "server-timestamp-2"),
            Dialect::Tuf1 => ("online", "online-2"),
        };
        text.body = text.body.replace(&format!("[\"{new}\"]"), &format!("[\"{old}\"]"));
        if dialect == Dialect::Notary1 {
            text.body += &listed(&sample, old);
        }
        refuses(&check(&sample, &text), "same-key-again");
    }
}

#[test]
fn at_the_threshold_no_change_can_mend_a_leaked_root_and_the_check_says_so() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let report = check(&sample, &root_compromise(&sample, &["root-c", "root-b"]));
        refuses(&report, "root-lost");
        let said = report.findings.iter().find(|f| f.name == "root-lost").unwrap();
        let clients = match dialect {
            Dialect::Notary1 => "docker and notary must remove",
            Dialect::Tuf1 => "must be shipped with the new root.json",
        };
        for words in ["first-root ceremony", "another way", clients] {
            assert!(said.text.contains(words), "{}", said.text);
        }
        passes(&check(&sample, &root_compromise(&sample, &["root-c"])));
    }
}

#[test]
fn a_leaked_root_key_neither_stays_nor_signs_alone() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        refuses(&check(&sample, &root_compromise(&sample, &["root-a"])), "compromised-key-stays");
        let mut text = root_compromise(&sample, &["root-c"]);
        text.body = text
            .body
            .replace(&sample.fingerprint("root-c"), &sample.fingerprint(targets_key(&sample)));
        let report = check(&sample, &text);
        refuses(&report, "compromised-key-elsewhere");
        refuses(&report, "nothing-to-do");
    }
}

#[test]
fn an_expired_root_is_told_and_no_hindrance() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let report = check_at(&sample, &refresh(&sample), "2037-01-01T00:00:00Z");
        tells(&report, "before-expired");
        let bad: Vec<_> = report
            .findings
            .iter()
            .filter(|f| f.name == "does-not-end" || f.name == "client-refuses")
            .collect();
        // The targets of the sample have expired too by then, which a refresh of the root alone does not mend.
        assert!(bad.iter().all(|f| f.text.contains("targets")), "{bad:#?}");
    }
}

#[test]
fn adopting_signs_nothing_and_keeps_every_byte() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let engine = played(&sample, &adopt(&sample));
        assert!(engine.change().unwrap().payloads().is_empty());
        assert!(engine.record().attempts.is_empty());
        let folder = &engine.plan().repository.name;
        let trusted: Vec<_> = engine
            .record()
            .written
            .keys()
            .filter(|file| file.to_string().starts_with("trust:"))
            .collect();
        assert!(trusted.len() >= 2, "{trusted:?}");
        for (name, bytes) in engine.record().before.anchor().unwrap().files() {
            let file = trusted.iter().find(|file| file.path == format!("{folder}/{name}")).unwrap();
            let digest = engine.record().written[*file];
            assert_eq!(digest, anchorite::tuf::digest::Digest::of(bytes), "{name}");
        }
    }
}

#[test]
fn a_root_that_is_not_the_trusted_one_is_refused() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let toml = plan(&sample, &refresh(&sample));
        let other = anchorite::tuf::digest::Digest::of(b"another root").to_string();
        let toml = toml.replace(&sample.root().to_string(), &other);
        let report = check_toml(&sample, &toml, &[]);
        refuses(&report, "before-not-verified");
        let said = report.findings.iter().find(|f| f.name == "before-not-verified").unwrap();
        assert!(said.text.contains(&other) && said.text.contains("version 1"), "{}", said.text);
    }
}

#[test]
fn files_that_are_not_at_hand_are_unknown_and_stop_a_real_ceremony() {
    let sample = Sample::new(Dialect::Notary1);
    let toml = plan(&sample, &refresh(&sample));
    let parsed = anchorite::ceremony::plan::Plan::parse(toml.as_bytes()).unwrap();
    let report = CheckReport::of(&parsed, noon(), &std::collections::BTreeMap::new());
    let found = report.findings.iter().find(|f| f.name == "before-not-at-hand").unwrap();
    assert_eq!(found.verdict, Verdict::Unknown);
    assert!(report.verdict(Mode::Real) >= Verdict::Unknown);
}
