//! What would hurt in a change of a root is refused in the office, each with a twin that is taken.

use std::collections::{BTreeMap, BTreeSet};

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, Finding, play};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{FileAt, Mode};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::plan::print::{KnownDigests, script};
use anchorite::ceremony::report;
use anchorite::ceremony::scene::Verdict;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::root::Root;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::time::Timestamp;

use super::root_plans::*;
use super::sample::*;
use super::{check, passes};

const BOTH: [Dialect; 2] = [Dialect::Notary1, Dialect::Tuf1];

/// The findings of this name.
fn found<'a>(report: &'a CheckReport, name: &str) -> Vec<&'a Finding> {
    report.findings.iter().filter(|finding| finding.name == name).collect()
}

fn at_hand(sample: &Sample, text: &Text) -> BTreeMap<FileAt, Vec<u8>> {
    let extra: Vec<(&str, &[u8])> =
        text.inputs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    sample.at_hand(&extra)
}

fn check_at(sample: &Sample, text: &Text, at: Timestamp) -> CheckReport {
    let plan = Plan::parse(plan(sample, text).as_bytes()).unwrap();
    CheckReport::of(&plan, at, &at_hand(sample, text))
}

/// The ceremony of a text, played to its end by its check's twin.
fn played(sample: &Sample, text: &Text) -> (Twin, Engine) {
    let plan = Plan::parse(plan(sample, text).as_bytes()).unwrap();
    let before = Before::of(&plan, &at_hand(sample, text)).unwrap();
    let twin = Twin::new(&plan, &before, Purpose::Check);
    let engine = play(&twin, noon()).unwrap();
    (twin, engine)
}

/// The newest root among the documents of a ceremony.
fn root_of(served: &BTreeMap<String, Vec<u8>>, dialect: Dialect) -> Signed<Root> {
    let (_, bytes) = served.iter().rev().find(|(name, _)| name.ends_with("root.json")).unwrap();
    Signed::read(dialect, bytes).unwrap()
}

/// The check refuses a rehearsal by this name, and says these words.
fn refuses(report: &CheckReport, name: &str, words: &str) {
    let found = found(report, name);
    let fails = found.iter().any(|f| f.verdict == Verdict::Fail && f.text.contains(words));
    assert!(fails, "{name}: {report:#?}");
    assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail);
}

fn with(text: Text, from: &str, to: &str) -> Text {
    assert!(text.body.contains(from), "{from}\n{}", text.body);
    Text { body: text.body.replace(from, to), ..text }
}

/// What both dialects are refused for, in the same words.
fn both_refuse(name: &str, words: &str, make: impl Fn(&Sample) -> Text) {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        refuses(&check(&sample, &make(&sample)), name, words);
    }
}

/// What both dialects take.
fn both_take(make: impl Fn(&Sample) -> Text) -> [CheckReport; 2] {
    BOTH.map(|dialect| {
        let sample = Sample::new(dialect);
        let report = check(&sample, &make(&sample));
        passes(&report);
        report
    })
}

#[test]
fn a_refresh_changes_nothing_but_versions_and_dates() {
    both_refuse("refresh-changes-more", "other", |sample| {
        with(refresh(sample), "threshold = 2", "threshold = 3")
    });
    both_refuse("refresh-changes-more", "makes no key", |sample| {
        let mut text = refresh(sample);
        text.body += &made("spare", "Releaser", AGE, "p256", "");
        text
    });
    both_refuse("refresh-changes-more", "takes the next version", |sample| {
        let text = refresh(sample);
        let roles = text.body.replace("\n[roles.targets]\n", "\n[roles.targets]\nversion = 9\n");
        Text { body: roles, ..text }
    });
    both_refuse("root-version-stated", "exactly one more", |sample| {
        with(refresh(sample), "\n[roles.root]\n", "\n[roles.root]\nversion = 3\n")
    });
}

#[test]
fn a_refresh_never_ends_sooner_than_what_it_refreshes() {
    let sooner = |sample: &Sample| with(refresh(sample), "\"10 years\"", "\"9 years\"");
    both_refuse("sooner-than-before", "would expire on", sooner);
    let waived = |sample: &Sample| {
        let mut text = sooner(sample);
        text.body += "\n[[waivers]]\nfinding = \"sooner-than-before\"\nreason = \"a shorter policy\"\n\
                      by = \"Administrator\"\n";
        text
    };
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let (_, engine) = played(&sample, &waived(&sample));
        let told = "sooner-than-before by \"Administrator\": \"a shorter policy\"";
        assert!(report::text(&engine).contains(told), "the evidence says who answers for it");
        // In the review people tick root, targets, and each waiver.
        let ticked = format!("review: {} noted", 2 + engine.plan().waivers.len());
        assert!(engine.record().log.iter().any(|line| line.ends_with(&ticked)));
        let paper = script(engine.plan(), &KnownDigests::default());
        assert!(paper.contains("sooner-than-before: a shorter policy (Administrator)"), "{paper}");
    }
    let reports = both_take(waived);
    for report in reports {
        let waived = &found(&report, "sooner-than-before")[0];
        assert_eq!(waived.verdict, Verdict::Warn);
        assert_eq!(waived.waived_by.as_deref(), Some("Administrator"));
    }
}

#[test]
fn a_rotation_that_changes_nothing_is_refused() {
    both_refuse("nothing-to-do", "that is a refresh", |sample| Text {
        body: root_keys(sample) + &role("root", three(), 2, Some("10 years")),
        ..rotate_root(sample)
    });
}

#[test]
fn a_threshold_is_raised_with_a_fourth_key() {
    both_take(|sample| {
        let mut body = root_keys(sample);
        body += &made("root-d", "Custodian D", YUBI_D, "p256", &certificate(sample, "28 years"));
        body +=
            &role("root", "\"root-a\", \"root-b\", \"root-c\", \"root-d\"", 3, Some("10 years"));
        Text { body, before: String::new(), ..rotate_root(sample) }
    });
}

/// The certificates of the same three keys are renewed.
fn renewed(sample: &Sample, more: &str) -> Text {
    let line = format!("certificate  = {{ valid_for = \"30 years\"{more} }}\n");
    let keys = root_keys(sample).replace(
        "source       = \"the label of the token\"\n",
        &format!("source       = \"the label of the token\"\n{line}"),
    );
    let body = keys + &role("root", three(), 2, Some("10 years"));
    Text { body, before: String::new(), ..rotate_root(sample) }
}

#[test]
fn a_certificate_for_many_repositories_is_offered_with_its_price() {
    let sample = Sample::new(Dialect::Notary1);
    let text = renewed(&sample, ", common_name = \"registry.example.com/*\"");
    let report = check(&sample, &text);
    passes(&report);
    let told = found(&report, "certificate-for-many");
    assert_eq!(told.len(), 3);
    assert!(told[0].text.contains("can root each of them"), "{}", told[0].text);
    let wrong = renewed(&sample, ", common_name = \"registry.example.org/*\"");
    let refused = Plan::parse(plan(&sample, &wrong).as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("a beginning of the repository's name, and *"), "{refused}");
}

#[test]
fn a_key_that_is_still_trusted_is_made_over_only_once_people_were_told() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let over = |old: &str| {
            let make = format!("make      = {{ replaces = \"{old}\" }}");
            check(&sample, &with(replace_custodian(&sample), "make      = {}", &make))
        };
        let report = over(&sample.fingerprint("root-c"));
        let [told] = found(&report, "overwrites-listed-key")[..] else { panic!("{report:#?}") };
        assert_eq!((told.verdict, told.about.as_str()), (Verdict::Warn, "root-d"));
        assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail);
        assert!(found(&over(&"6".repeat(64)), "overwrites-listed-key").is_empty());
    }
}

#[test]
fn a_leaver_is_listed_nowhere_any_more() {
    let stays = |sample: &Sample| {
        let text = with(replace_custodian(sample), "\"root-d\"]", "\"root-d\", \"root-c\"]");
        Text { body: text.body + &listed(sample, "root-c"), ..text }
    };
    both_refuse("leaver-still-listed", "whoever leaves could still sign", stays);
    both_refuse("leaver-still-listed", "It stays in the root, and nobody brings it", stays);
    // Nor does it stay under another role that the plan states.
    both_refuse("leaver-still-listed", "root-c leaves the root and would go on here", |sample| {
        let text = replace_custodian(sample);
        let more = listed(sample, "root-c") + &role("targets", "\"root-c\"", 1, Some("1 year"));
        Text { body: text.body + &more, ..text }
    });
    // The twin whose leaver is gone passes, and nobody asks the leaver for a signature.
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let (twin, engine) = played(&sample, &replace_custodian(&sample));
        let old = twin.before().anchor().unwrap().root();
        let root = root_of(engine.served(), dialect);
        let listed = |root: &Root| -> BTreeSet<_> {
            let ids = &root.roles[&RoleName::root()].keyids;
            ids.iter().map(|id| root.keys[id].public.fingerprint()).collect()
        };
        let (old, new) = (listed(old), listed(root.peek()));
        assert_eq!((old.intersection(&new).count(), new.len()), (2, 3));
        let gone: Vec<_> = old.difference(&new).collect();
        assert!(root.peek().keys.values().all(|key| key.public.fingerprint() != *gone[0]));
        assert_eq!(engine.roster().keys.len(), 3);
    }
}

#[test]
fn a_newcomer_brings_a_token_and_is_somebody_else() {
    both_refuse("newcomer-shares-token", "one loss takes both", |sample| {
        with(
            replace_custodian(sample),
            "serial = 18158899, slot = \"9c\"",
            "serial = 18158855, slot = \"9d\"",
        )
    });
    // One whose key is made already, beforehand, is a newcomer too.
    both_refuse("newcomer-shares-token", "one loss takes both", |sample| {
        let text = replace_custodian(sample);
        let start = text.body.find("name      = \"root-d\"").unwrap();
        let end = start + text.body[start..].find("\n[").unwrap();
        let key = "name = \"root-d\"\nholder = \"Custodian D\"\n\
                   store = { yubikey = { serial = 18158855, slot = \"9d\" } }\nalgorithm = \"p256\"\n";
        let known =
            format!("fingerprint = \"{}\"\nconfirmed_by = \"Custodian D\"\n", "7".repeat(64));
        let certificate =
            text.body[start..end].lines().find(|line| line.starts_with("certificate"));
        let key = key.to_owned() + &known + certificate.unwrap_or_default() + "\n";
        let body = text.body[..start].to_owned() + &key + &text.body[end..];
        Text { body, ..text }
    });
    both_refuse("one-holder", "alone reaches the threshold", |sample| {
        with(
            replace_custodian(sample),
            "name      = \"root-d\"\nholder    = \"Custodian D\"",
            "name      = \"root-d\"\nholder    = \"Custodian A\"",
        )
    });
}

#[test]
fn a_new_online_key_is_told_with_what_must_be_published_with_it() {
    let [notary, tuf] = both_take(rotate_online);
    assert!(found(&notary, "online-signs-at-once")[0].text.contains("when this root is uploaded"));
    assert_eq!(found(&tuf, "online-signs-at-once").len(), 2);
    assert!(found(&tuf, "online-signs-at-once")[0].text.contains("together with this root"));
    let sample = Sample::new(Dialect::Tuf1);
    let mut text = rotate_online(&sample);
    let start = text.body.find("\n[roles.snapshot]").unwrap();
    text.body.truncate(start);
    text.inputs.clear();
    let keys = text.body.find("\n[[keys]]\nname      = \"online-2\"").unwrap();
    let end = text.body.find("\n[roles.root]").unwrap();
    text.body.replace_range(keys..end, &made("online-2", "Releaser", AGE, "ed25519", ""));
    text.body += "\n[roles.snapshot]\nkeys = [\"online-2\"]\nthreshold = 1\n";
    let refused = check(&sample, &text);
    refuses(&refused, "online-key-without-document", "Give the role a valid_for");
    // With new documents beside the root it is right.
    text.body = text.body.replace(
        "[roles.snapshot]\nkeys = [\"online-2\"]\nthreshold = 1\n",
        "[roles.snapshot]\nkeys = [\"online-2\"]\nthreshold = 1\nvalid_for = \"6 months\"\n",
    );
    passes(&check(&sample, &text));
}

#[test]
fn a_snapshot_that_is_signed_here_follows_the_current_one() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let mut text = rotate_online(&sample);
        let start = text.body.find("\n[roles.snapshot]").unwrap();
        text.body.truncate(start);
        text.inputs.clear();
        let kept = if dialect == Dialect::Notary1 { "server-snapshot-2" } else { "online-2" };
        let key = text.body.find(&format!("\n[[keys]]\nname      = \"{kept}\"")).unwrap();
        let end = text.body.find("\n[roles.root]").unwrap();
        let algorithm = if dialect == Dialect::Notary1 { "p256" } else { "ed25519" };
        let made = made("online-2", "Releaser", AGE, algorithm, "");
        text.body.replace_range(key..end, &made);
        text.body += "\n[roles.snapshot]\nkeys = [\"online-2\"]\nthreshold = 1\n";
        text.body += "valid_for = \"6 months\"\n";
        let without = Sample {
            files: sample
                .files
                .iter()
                .filter(|(name, _)| !name.contains("snapshot") && *name != "timestamp.json")
                .map(|(name, bytes)| (name.clone(), bytes.clone()))
                .collect(),
            ..Sample::new(dialect)
        };
        refuses(&check(&without, &text), "snapshot-before-unknown", "It would be version 1");
        let stated = "valid_for = \"6 months\"\nversion = 7\n";
        text.body = text.body.replace("valid_for = \"6 months\"\n", stated);
        let report = check(&without, &text);
        assert!(found(&report, "snapshot-before-unknown").is_empty(), "{report:#?}");
    }
}

#[test]
fn a_server_key_with_another_id_than_the_plan_says_is_refused() {
    let sample = Sample::new(Dialect::Notary1);
    let text = rotate_online(&sample);
    let id = text.body.split("id = \"").nth(1).unwrap()[..64].to_owned();
    let wrong = with(text, &id, &"7".repeat(64));
    refuses(&check(&sample, &wrong), "key-differs", "");
}

#[test]
fn a_compromised_root_key_neither_stays_nor_signs_alone() {
    both_refuse("compromised-key-stays", "would sign for root again", |sample| {
        with(
            root_compromise(sample),
            &compromised(sample, "root-c"),
            &compromised(sample, "root-b"),
        )
    });
    both_refuse("only-compromised-keys-sign", "somebody else may have", |sample| {
        let body = here(sample, "root-a", "Custodian A", YUBI_A)
            + &here(sample, "root-b", "Custodian B", YUBI_B)
            + &role("root", "\"root-a\", \"root-b\"", 2, Some("10 years"))
            + &compromised(sample, "root-a")
            + &compromised(sample, "root-b");
        Text { body, ..root_compromise(sample) }
    });
    both_refuse("nothing-to-do", "No key of the root is stated as compromised", |sample| Text {
        body: c_becomes_d(sample),
        ..root_compromise(sample)
    });
}

#[test]
fn a_threshold_that_the_leaked_keys_would_reach_again_is_refused() {
    both_refuse("threshold-within-reach", "1 keys leaked, and 1 would be enough", |sample| {
        let text = with(root_compromise(sample), "threshold = 2", "threshold = 1");
        let waiver = "\n[[waivers]]\nfinding = \"threshold-one\"\nreason = \"a test\"\nby = \"Administrator\"\n";
        Text { body: text.body + waiver, ..text }
    });
    // Whatever the change is called.
    both_refuse("threshold-within-reach", "1 keys leaked, and 1 would be enough", |sample| {
        let text = with(rotate_root(sample), "threshold = 2", "threshold = 1");
        let waiver = "\n[[waivers]]\nfinding = \"threshold-one\"\nreason = \"a test\"\nby = \"Administrator\"\n";
        Text { body: text.body + &compromised(sample, "root-c") + waiver, ..text }
    });
}

#[test]
fn a_key_that_signs_along_is_not_told_to_be_made_for_nothing() {
    for report in both_take(rotate_root) {
        assert!(found(&report, "key-without-role").is_empty(), "{report:#?}");
    }
    let sample = Sample::new(Dialect::Tuf1);
    let text = rotate_root(&sample);
    let idle = check(&sample, &Text { before: String::new(), ..text });
    assert_eq!(found(&idle, "key-without-role").len(), 3);
}

#[test]
fn a_lost_root_is_said_plainly_whatever_the_plan_calls_the_change() {
    let two = |sample: &Sample, text: Text| {
        let more = compromised(sample, "root-b") + &compromised(sample, "root-c");
        Text { body: text.body.replace(&compromised(sample, "root-c"), "") + &more, ..text }
    };
    for make in [root_compromise, rotate_root, replace_custodian] {
        both_refuse("root-lost", "Nothing signed here can mend that", |s| two(s, make(s)));
    }
    let notary = Sample::new(Dialect::Notary1);
    let docker = check(&notary, &two(&notary, root_compromise(&notary)));
    refuses(&docker, "root-lost", "~/.docker/trust/tuf/registry.example.com/team/app");
    refuses(&docker, "root-lost", "Hold a first-root ceremony");
    // No waiver helps.
    let mut text = two(&notary, root_compromise(&notary));
    text.body +=
        "\n[[waivers]]\nfinding = \"root-lost\"\nreason = \"a wish\"\nby = \"Administrator\"\n";
    refuses(&check(&notary, &text), "root-lost", "no client can tell which is yours");
}

#[test]
fn oddities_of_what_is_taken_over_are_told_and_left() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let late = check_at(&sample, &adopt(&sample), "2037-01-01T00:00:00Z".parse().unwrap());
        assert!(late.verdict(Mode::Rehearsal) < Verdict::Fail, "{late:#?}");
        assert!(found(&late, "before-expired").iter().any(|finding| finding.about == "root"));
        assert!(found(&late, "client-refuses-already")[0].text.contains("expired"), "{late:#?}");
        let odd = found(&late, "as-found");
        assert!(
            odd.iter()
                .any(|f| f.verdict == Verdict::Warn && f.text.contains("expires-in-the-past")),
            "{odd:#?}"
        );
    }
}

/// The sample after a change of it.
fn after(sample: &Sample, text: &Text) -> Sample {
    let (twin, engine) = played(sample, text);
    let mut files = twin.before().anchor().unwrap().files().clone();
    files.extend(engine.served().iter().map(|(name, bytes)| (name.clone(), bytes.clone())));
    files.retain(|name, _| !name.contains("snapshot") && !name.contains("timestamp"));
    Sample { dialect: sample.dialect, files, twin, engine }
}

#[test]
fn keys_of_a_root_further_back_sign_for_clients_that_were_away_for_long() {
    for dialect in BOTH {
        let first = Sample::new(dialect);
        let second = after(&first, &rotate_root(&first));
        let mut body = root_keys(&second);
        for (key, holder, store) in [
            ("root-a2", "Custodian A", AGE),
            ("root-b2", "Custodian B", AGE),
            ("root-c2", "Custodian C", AGE),
        ] {
            body += &here(&second, key, holder, store);
        }
        body += &role("root", "\"root-a2\", \"root-b2\", \"root-c2\"", 2, Some("11 years"));
        let before = "also_sign    = [\"root-a\", \"root-b\", \"root-c\"]\n".to_owned();
        let title = "Later dates";
        let text =
            Text { kind: "refresh", codename: "STARLING", title, before, body, ..Text::default() };
        let report = check(&second, &text);
        passes(&report);
        let walked = &found(&report, "client-accepts")[0].text;
        assert!(walked.contains("2 earlier roots"), "{walked}");
        let (twin, engine) = played(&second, &text);
        let newest = root_of(engine.served(), dialect);
        let signed: BTreeSet<_> = newest.signatures().iter().map(|s| s.keyid.clone()).collect();
        let oldest = &twin.before().anchor().unwrap().roots()[&1];
        let known = &oldest.peek().roles[&RoleName::root()].keyids;
        assert!(known.iter().all(|id| signed.contains(id)), "{known:?} {signed:?}");
        // Without them the new root is good, and bears no signature that the oldest one knows.
        let body = text.body.replace(&root_keys(&second), "");
        let alone = Text { before: String::new(), body, ..text };
        passes(&check(&second, &alone));
        let (_, engine) = played(&second, &alone);
        let signed = root_of(engine.served(), dialect);
        assert!(signed.signatures().iter().all(|entry| !known.contains(&entry.keyid)));
    }
}
