//! A leaked tagging key.

use anchorite::ceremony::report;

use super::grown::{key, names as of};
use super::*;

/// Root and targets again, with a new tagging key.
pub(super) fn rotate(grown: &Grown, more: &str) -> Text {
    let sample = &grown.sample;
    let new = made_tagging(sample.dialect);
    let mut text = rotate_to(grown, new.0, &new.1);
    text.body += more;
    text
}

fn made_tagging(dialect: Dialect) -> (&'static str, String) {
    match dialect {
        Dialect::Notary1 => (
            "tagging-2",
            made(
                "tagging-2",
                "Releaser",
                AGE,
                "p256",
                "leaves    = { medium = \"KEYS\", as = \"notary\" }\n",
            ),
        ),
        Dialect::Tuf1 => ("release-2", made("release-2", "Releaser", AGE, "p256", "")),
    }
}

pub(super) fn rotate_to(grown: &Grown, new: &str, key: &str) -> Text {
    let sample = &grown.sample;
    let mut body = root_keys(sample) + key;
    let (root, targets) = match sample.dialect {
        Dialect::Notary1 => ("10 years", "3 years"),
        Dialect::Tuf1 => ("2 years", "1 year"),
    };
    body += &role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, Some(root));
    body += &role("targets", &format!("\"{new}\""), 1, Some(targets));
    body += &leaked(&sample.fingerprint(of(sample.dialect).tagging));
    if sample.dialect == Dialect::Tuf1 {
        body += WAIVE_FILE_ROOT;
    }
    Text {
        kind: "rotate-tagging",
        codename: "OSPREY",
        title: "The tagging key leaked",
        body,
        ..Text::default()
    }
}

fn leaked(fingerprint: &str) -> String {
    format!(
        "\n[[compromised]]\nfingerprint = \"{fingerprint}\"\nreason = \"seen in a build log\"\n"
    )
}

/// Names the state before the attack.
pub(super) fn since_good(grown: &Grown, mut text: Text) -> Text {
    text.body += "\n[known_good]\nfile  = \"good/targets.json\"\nform  = \"targets\"\nsince = 2026-11-01T00:00:00Z\n";
    text.inputs.push(("good/targets.json".to_owned(), grown.good.clone()));
    text
}

fn since_builds(mut text: Text, builds: &str) -> Text {
    text.body += "\n[known_good]\nfile = \"builds.txt\"\nform = \"builds\"\n";
    text.inputs.push(("builds.txt".to_owned(), builds.as_bytes().to_vec()));
    text
}

fn keep(what: &str) -> String {
    format!("\n[[keep]]\n{what}\nreason = \"built by us on that day\"\nby = \"Releaser\"\n")
}

fn sha256(targets: &Targets, name: &str) -> Vec<u8> {
    targets.targets.get(name).unwrap().hashes["sha256"].clone()
}

#[test]
fn what_a_thief_signed_since_the_known_good_state_is_dropped_delegations_first() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect).attacked();
        let of = of(dialect);
        let engine = played(&grown.sample, &since_good(&grown, rotate(&grown, "")));
        let (old, new) = (
            Signed::<Targets>::read(dialect, &grown.good).unwrap().peek().clone(),
            targets(&engine, "targets"),
        );
        assert_eq!(names(&new), names(&old));
        assert_eq!(sha256(&new, of.first), sha256(&old, of.first));
        assert_eq!(delegated(&new), [of.releases, of.alice]);
        let before = Signed::<Targets>::read(dialect, &grown.sample.newest_targets()).unwrap();
        assert_eq!(new.version, before.peek().version + 1);
        let lines = reviewed(&engine);
        let evil = line(&lines, &format!("delegation {}: added; undone", of.evil));
        assert!(evil < line(&lines, &format!("target {}: moved; undone", of.first)), "{lines:#?}");
        line(&lines, &format!("target {}: added; undone", of.bad));
        let said = report::text(&engine);
        assert!(said.contains("by targets"), "{said}");
        assert!(said.contains(&format!("delegation {}: added", of.evil)), "{said}");
    }
}

#[test]
fn what_was_good_after_all_is_kept_one_by_one_or_by_pattern_with_a_reason() {
    for dialect in BOTH {
        let of = of(dialect);
        let pattern = match dialect {
            Dialect::Notary1 => "late*",
            Dialect::Tuf1 => "app/late*",
        };
        for kept in [of.bad, pattern] {
            let grown = Grown::with_delegations(dialect).attacked();
            let more = keep(&format!("target = \"{kept}\""));
            let engine = played(&grown.sample, &since_good(&grown, rotate(&grown, &more)));
            let new = targets(&engine, "targets");
            assert!(names(&new).contains(&of.bad.to_owned()), "{:?}", names(&new));
            assert!(!delegated(&new).contains(&of.evil));
            let lines = reviewed(&engine);
            line(&lines, &format!("target {}: added; KEPT by the plan", of.bad));
            line(&lines, "built by us on that day (Releaser)");
            assert!(report::text(&engine).contains("KEPT"));
        }
        let grown = Grown::with_delegations(dialect).attacked();
        let more = keep(&format!("delegation = \"{}\"", of.evil));
        let engine = played(&grown.sample, &since_good(&grown, rotate(&grown, &more)));
        assert_eq!(delegated(&targets(&engine, "targets")), [of.releases, of.alice, of.evil]);
        let unknown = keep("target = \"no-such-*\"");
        let report = check(&grown.sample, &since_good(&grown, rotate(&grown, &unknown)));
        assert_eq!(verdict(&report, "nothing-to-keep"), Some(Verdict::Warn));
    }
}

#[test]
fn a_list_of_builds_says_what_every_target_must_be_and_knows_no_delegation() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect).attacked();
        let of = of(dialect);
        let build = anchorite::tuf::digest::Digest::of(b"test");
        let text = since_builds(rotate(&grown, ""), &format!("{} {build} 1000\n", of.first));
        let engine = played(&grown.sample, &text);
        let new = targets(&engine, "targets");
        assert_eq!(names(&new), [of.first]);
        assert_eq!(sha256(&new, of.first), build.as_bytes());
        assert_eq!(delegated(&new), Vec::<&str>::new());
        assert!(report::text(&engine).contains("by builds"));
        let more: String = [of.releases, of.alice]
            .iter()
            .map(|name| keep(&format!("delegation = \"{name}\"")))
            .collect();
        let text = since_builds(rotate(&grown, &more), &format!("{} {build} 1000\n", of.first));
        let engine = played(&grown.sample, &text);
        assert_eq!(delegated(&targets(&engine, "targets")), [of.releases, of.alice]);
        untouched_byte_for_byte(&grown.sample, &engine, &[of.evil]);
    }
}

#[test]
fn without_a_known_good_state_everything_is_read_and_the_evidence_says_so() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect).attacked();
        let of = of(dialect);
        let text = rotate(&grown, "");
        let report = check(&grown.sample, &text);
        assert_eq!(verdict(&report, "no-known-good"), Some(Verdict::Warn));
        let engine = played(&grown.sample, &text);
        let lines = reviewed(&engine);
        let evil = line(&lines, &format!("{}: threshold 1", of.evil));
        assert!(evil < line(&lines, &format!("{}: 13 bytes", of.bad)), "{lines:#?}");
        let thief = key(of.evil).public_key().fingerprint().digest().groups().join(" ");
        assert!(!lines.contains(&thief), "stand-ins play the check");
        assert!(report::text(&engine).contains("NO STATE WAS NAMED"));
        assert!(String::from_utf8(report::json(&engine)).unwrap().contains("\"state\": \"none\""));
    }
}

#[test]
fn a_leaked_key_of_a_delegation_only_needs_no_root() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        let mut text = rotate(&grown, "");
        let tagging = leaked(&grown.sample.fingerprint(of.tagging));
        let alice = leaked(&key(of.alice).public_key().fingerprint().to_string());
        text.body = text.body.replace(&tagging, &alice);
        refused(&grown.sample, &text, "only-a-delegation-key");
    }
}

#[test]
fn a_compromised_key_must_leave_every_role_that_lists_it() {
    for dialect in BOTH {
        // The leaked key signs for a delegation too.
        let mut grown = Grown::new(dialect);
        let of = of(dialect);
        let tagging = grown.sample.twin.key(&of.tagging.parse().unwrap()).unwrap();
        grown.targets(|targets| {
            grown::delegate(dialect, targets, of.alice, &tagging, grown::paths(dialect));
        });
        grown
            .sample
            .files
            .retain(|name, _| !name.contains("snapshot") && !name.contains("timestamp"));
        let text = rotate(&grown, "");
        refused(&grown.sample, &text, "compromised-key-elsewhere");
        let gone =
            format!("\n[[remove]]\ndelegation = \"{}\"\nreason = \"its key leaked\"\n", of.alice);
        passes(&check(&grown.sample, &rotate(&grown, &gone)));
        // And it does not come back.
        let old = here(&grown.sample, of.tagging, "Releaser", AGE);
        refused(&grown.sample, &rotate_to(&grown, of.tagging, &old), "compromised-key-stays");
    }
}

#[test]
fn a_key_that_several_repositories_share_comes_as_one_that_exists() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect).attacked();
        let shared = key("shared").public_key().fingerprint();
        let text = format!(
            "\n[[keys]]\nname = \"shared\"\nholder = \"Releaser\"\nstore = {AGE}\nalgorithm = \"p256\"\n\
             fingerprint = \"{shared}\"\nconfirmed_by = \"Releaser\"\n"
        );
        let engine = played(&grown.sample, &since_good(&grown, rotate_to(&grown, "shared", &text)));
        assert!(engine.roster().keys.contains_key(&"shared".parse().unwrap()));
        assert!(signed(&engine).iter().any(|name| name.ends_with("root.json")));
        assert!(signed(&engine).iter().any(|name| name.ends_with("targets.json")));
    }
}

#[test]
fn a_version_is_above_whatever_the_thief_may_have_signed() {
    for dialect in BOTH {
        let mut grown = Grown::new(dialect);
        grown
            .sample
            .files
            .retain(|name, _| !name.contains("snapshot") && !name.contains("timestamp"));
        grown.targets(|targets| targets.version = 5_000_000_000);
        let text = since_good(&grown, rotate(&grown, ""));
        assert_eq!(targets(&played(&grown.sample, &text), "targets").version, 5_000_000_001);
        let floor = |version: u64| {
            let mut text = since_good(&grown, rotate(&grown, ""));
            let stated = format!("version   = {version}\n\n[[compromised]]");
            text.body = text.body.replacen("\n[[compromised]]", &stated, 1);
            text
        };
        refused(&grown.sample, &floor(9), "version-not-above");
        let grown = Grown::with_delegations(dialect).attacked();
        let mut text = since_good(&grown, rotate(&grown, ""));
        text.body =
            text.body.replacen("\n[[compromised]]", "version   = 900\n\n[[compromised]]", 1);
        assert_eq!(targets(&played(&grown.sample, &text), "targets").version, 900);
        assert_eq!(verdict(&check(&grown.sample, &text), "version-jumps"), Some(Verdict::Warn));
    }
}

#[test]
fn a_known_good_state_that_the_repository_never_signed_is_refused() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect).attacked();
        let mut text = since_good(&grown, rotate(&grown, ""));
        let good = Signed::<Targets>::read(dialect, &grown.good).unwrap();
        let mut stranger: serde_json::Value = serde_json::from_slice(good.received()).unwrap();
        stranger["signatures"] = serde_json::json!([]);
        text.inputs[0].1 = serde_json::to_vec(&stranger).unwrap();
        refused(&grown.sample, &text, "known-good-not-signed");
        // The files of now are older than what is said to be good.
        let mut older = Grown::with_delegations(dialect);
        older.good = grown.sample.newest_targets();
        refused(&older.sample, &since_good(&older, rotate(&older, "")), "known-good-not-older");
    }
}
