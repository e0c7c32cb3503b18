//! Traps that a check refuses: one by one with its reason, and, where somebody may answer for one, with the waiver on
//! screen, on paper and in the evidence.

use anchorite::ceremony::event::Mode;
use anchorite::ceremony::plan::print::{KnownDigests, script};
use anchorite::ceremony::report;

use super::delegations::{add, paths, rotate, signed_target, stated, targets_role};
use super::grown::{key, names as of};
use super::tagging;
use super::tags::{sign, sign_below};
use super::*;
use crate::root_plans::{self, replace_custodian};

/// A plan that is refused: where it begins, its text, the finding, and words of the reason.
struct Trap {
    sample: Sample,
    text: Text,
    name: &'static str,
    words: &'static str,
}

fn trap(sample: Sample, text: Text, name: &'static str, words: &'static str) -> Trap {
    Trap { sample, text, name, words }
}

fn with(mut text: Text, from: &str, to: &str) -> Text {
    assert!(text.body.contains(from), "{from}\n{}", text.body);
    text.body = text.body.replace(from, to);
    text
}

fn and(mut text: Text, more: &str) -> Text {
    text.body += more;
    text
}

fn waiver(name: &str) -> String {
    format!(
        "\n[[waivers]]\nfinding = \"{name}\"\nreason = \"we know why\"\nby = \"Administrator\"\n"
    )
}

/// What a plan may waive, in a root.
fn waivable_of_root(dialect: Dialect) -> Vec<Trap> {
    let sample = || Sample::new(dialect);
    let replace = |change: &dyn Fn(Text) -> Text| (sample(), change(replace_custodian(&sample())));
    let (one, sooner) = (sample(), root_plans::refresh(&sample()));
    let (two, stays) = replace(&|text| {
        let text = with(text, "\"root-d\"]", "\"root-d\", \"root-c\"]");
        and(text, &listed(&sample(), "root-c"))
    });
    let (three, shares) = replace(&|text| {
        with(text, "serial = 18158899, slot = \"9c\"", "serial = 18158855, slot = \"9d\"")
    });
    let (four, place) = replace(&|text| {
        let old = "holder       = \"Custodian A\"\n";
        let text = with(text, old, &format!("{old}place = \"Safe 1, Vault\"\n"));
        let new = "holder    = \"Custodian D\"\n";
        with(text, new, &format!("{new}place = \"safe 1, vault\"\n"))
    });
    let next = "\n[next]\nat = 2036-06-01T08:00:00Z\nstandby = \"1 year\"\n";
    let (six, soon) = (sample(), and(root_plans::refresh(&sample()), next));
    let (five, low) = (sample(), root_plans::root_compromise(&sample()));
    let low = and(with(low, "threshold = 2", "threshold = 1"), &waiver("threshold-one"));
    vec![
        trap(one, with(sooner, "\"10 years\"", "\"9 years\""), "sooner-than-before", "lasts until"),
        trap(two, stays, "leaver-still-listed", "nobody brings it"),
        trap(three, shares, "newcomer-shares-token", "one loss takes both"),
        trap(four, place, "keys-in-one-place", "where root-a is: one fire takes both"),
        trap(five, low, "threshold-within-reach", "1 keys leaked, and 1 would be enough"),
        trap(six, soon, "expires-before-next", "and 1 year of standby must be left after it"),
    ]
}

/// What a plan may waive, in targets and delegations.
fn waivable_of_targets(dialect: Dialect) -> Vec<Trap> {
    let of = of(dialect);
    let young = || Grown::new(dialect);
    let delegated = || Grown::with_delegations(dialect);
    let mut all = Vec::new();
    let mut push = |grown: Grown, text: Text, name, words| {
        all.push(trap(grown.sample, text, name, words));
    };

    let grown = young();
    let own =
        targets_role(&grown) + &stated(of.alice, &format!("\"{}\"", of.tagging), paths(dialect));
    let own = Text { body: own, ..add(&grown, "") };
    push(grown, own, "delegation-to-own-key", "nothing is handed over");

    let grown = young();
    let narrow = match dialect {
        Dialect::Notary1 => "paths     = [\"prod-\"]\n",
        Dialect::Tuf1 => "paths     = [\"docs/*\"]\n",
    };
    let text = with(add(&grown, ""), paths(dialect), narrow);
    push(grown, text, "target-not-covered", "no client would look for it there");

    let grown = young();
    let text = sign(&grown, &signed_target(of.first, "targets"));
    push(grown, text, "target-moves", "To move it, add was");

    let grown = delegated();
    let text = with(
        tagging::rotate(&grown, ""),
        &grown.sample.fingerprint(of.tagging),
        &key(of.alice).public_key().fingerprint().to_string(),
    );
    let gone = format!("\n[[remove]]\ndelegation = \"{}\"\nreason = \"leaked\"\n", of.alice);
    let text = and(text, &gone);
    push(grown, text, "only-a-delegation-key", "without the root");

    let grown = delegated();
    let leaked = tagging::rotate(&grown, "").body;
    let at = leaked.find("\n[[compromised]]").unwrap();
    let end = leaked[at + 2..].find("\n[[").map_or(leaked.len(), |end| at + 2 + end);
    let mut stays =
        tagging::rotate_to(&grown, of.tagging, &here(&grown.sample, of.tagging, "Releaser", AGE));
    stays.body = stays.body.replace(&leaked[at..end], "");
    push(grown, stays, "tagging-key-stays", "Say under [[compromised]] which key leaked");

    let grown = delegated();
    let text = Text { kind: "rotate-delegation", ..add_more(&grown) };
    push(grown, text, "delegation-name", "There is no such delegation");

    let mut grown = delegated();
    let gone = format!("{}.json", of.releases);
    grown.sample.files.retain(|name, _| !name.ends_with(&gone));
    let text = rotate(&grown);
    push(grown, text, "delegation-document-missing", "would be lost");
    all
}

/// A delegation that was not there, whose document nobody signs here.
fn add_more(grown: &Grown) -> Text {
    let dialect = grown.sample.dialect;
    let name = match dialect {
        Dialect::Notary1 => "targets/more",
        Dialect::Tuf1 => "more",
    };
    let body = targets_role(grown)
        + &made("more", "Custodian D", AGE, "p256", "")
        + &stated(name, "\"more\"", "paths     = [\"more-\"]\n");
    Text { body, ..add(grown, "") }
}

#[test]
fn a_trap_that_somebody_answers_for_shows_on_screen_on_paper_and_in_the_evidence() {
    for dialect in BOTH {
        for trap in waivable_of_root(dialect).into_iter().chain(waivable_of_targets(dialect)) {
            let Trap { sample, text, name, words } = trap;
            let report = check(&sample, &text);
            let found = report.findings.iter().find(|f| f.name == name && f.text.contains(words));
            assert_eq!(found.map(|f| f.verdict), Some(Verdict::Fail), "{name}: {report:#?}");
            assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail);

            let waived = and(text, &waiver(name));
            let report = check(&sample, &waived);
            let found = report.findings.iter().find(|f| f.name == name).unwrap();
            assert_eq!(found.waived_by.as_deref(), Some("Administrator"), "{name}");
            assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{name}: {report:#?}");
            let (engine, scenes) = rehearsed(&sample, &waived, noon());
            let told = format!("waived: {name}: we know why (Administrator)");
            let review = scenes.iter().find(|scene| scene.title == "REVIEW").unwrap();
            assert!(review.blocks.contains(&Block::Mark(Verdict::Warn, told)), "{review:#?}");
            // What marks a rehearsal is told, and is no danger that people learn to overlook.
            let member = "marked as a rehearsal's by the member x-anchorite-rehearsal".to_owned();
            let marked = review.blocks.contains(&Block::Mark(Verdict::Pass, member));
            assert_eq!(marked, dialect == Dialect::Tuf1, "{review:#?}");
            let paper = script(engine.plan(), &KnownDigests::default());
            assert!(paper.contains(&format!("{name}: we know why (Administrator)")), "{paper}");
            let evidence = report::text(&engine);
            let told = format!("{name} by \"Administrator\": \"we know why\"");
            assert!(evidence.contains(&told), "{evidence}");
        }
    }
}

/// What no waiver helps against.
fn refused_for_good(dialect: Dialect) -> Vec<Trap> {
    let of = of(dialect);
    let sample = || Sample::new(dialect);
    let grown = || Grown::with_delegations(dialect);
    let mut all = Vec::new();
    let mut push = |sample: Sample, text: Text, name, words| {
        all.push(trap(sample, text, name, words));
    };

    // The root alone: the server says 200, and every client is broken.
    let alone = root_plans::rotate_root(&sample());
    let alone = and(alone, &made("tagging-2", "Releaser", AGE, "p256", ""));
    let alone = and(alone, &role("targets", "\"tagging-2\"", 1, None));
    push(sample(), alone.clone(), "targets-key-without-targets", "every client would refuse");
    let tagging = Text { kind: "rotate-tagging", ..alone };
    push(sample(), tagging, "document-missing", "rotate-tagging signs a new targets");
    // And targets alone, under a key that no root names.
    let body = made("tagging-2", "Releaser", AGE, "p256", "")
        + &role("targets", "\"tagging-2\"", 1, Some("3 years"));
    let text = Text { body: body.clone(), ..sign(&Grown::new(dialect), "") };
    push(sample(), text, "role-differs-from-root", "no new root is signed here");
    let text = Text { body, before: String::new(), ..root_plans::rotate_root(&sample()) };
    push(sample(), text, "document-missing", "rotate-root signs a new root");
    // More than the kind says.
    let more = root_keys(&sample()) + &role("root", root_plans::three(), 2, Some("10 years"));
    let text = and(sign(&Grown::new(dialect), &signed_target(of.later, "targets")), &more);
    push(sample(), text, "document-too-many", "sign-targets signs no root");

    let text = with(replace_custodian(&sample()), "\"root-d\"]", "\"root-d\", \"root-x\"]");
    let stranger = key("stranger").public_key().fingerprint();
    let unknown =
        format!("\n[[keys]]\nname = \"root-x\"\nalgorithm = \"p256\"\nlisted = \"{stranger}\"\n");
    push(sample(), and(text, &unknown), "key-not-listed", "No document of the state before lists");

    let high = with(
        root_plans::refresh(&sample()),
        "\n[roles.targets]\n",
        &format!("\n[roles.targets]\nversion = {}\n", 1_u64 << 31),
    );
    push(sample(), high, "version-too-high", "leaves too little room above it");

    let elsewhere = grown();
    let text = sign_below(&elsewhere, &signed_target(of.bad, "targets"));
    push(elsewhere.sample, text, "target-not-signed", "belongs into targets, which is not signed");

    let text = with(
        root_plans::refresh(&sample()),
        &here(&sample(), "root-a", "Custodian A", YUBI_A),
        &here(&sample(), "root-a", "Custodian A", YUBI_A).replace("p256", "p384"),
    );
    push(sample(), text, "key-differs", "The plan says ECDSA P-384, the key is ECDSA P-256");
    all
}

#[test]
fn a_trap_that_nobody_can_answer_for_stays_refused_with_a_waiver() {
    for dialect in BOTH {
        for trap in refused_for_good(dialect) {
            let Trap { sample, text, name, words } = trap;
            for text in [text.clone(), and(text, &waiver(name))] {
                let report = check(&sample, &text);
                let found = |f: &&anchorite::ceremony::check::Finding| {
                    f.name == name && f.text.contains(words) && f.waived_by.is_none()
                };
                let found = report.findings.iter().find(found);
                assert_eq!(found.map(|f| f.verdict), Some(Verdict::Fail), "{name}: {report:#?}");
                assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail);
            }
        }
    }
}

#[test]
fn a_root_of_another_repository_and_another_kind_of_repository_are_refused() {
    let sample = Sample::new(Dialect::Notary1);
    let toml = plan(&sample, &root_plans::refresh(&sample));
    let other = toml.replace("registry.example.com/team/app", "registry.example.com/team/other");
    let report = check_toml(&sample, &other, &[]);
    assert_eq!(verdict(&report, "before-other-repository"), Some(Verdict::Fail), "{report:#?}");
    let sample = Sample::new(Dialect::Tuf1);
    let toml = plan(&sample, &root_plans::refresh(&sample));
    let other = toml.replace("consistent_snapshot = true\n", "consistent_snapshot = false\n");
    let report = check_toml(&sample, &other, &[]);
    assert_eq!(verdict(&report, "consistent-snapshot-differs"), Some(Verdict::Fail), "{report:#?}");
}

#[test]
fn what_is_no_trap_and_still_to_be_known_is_told() {
    for dialect in BOTH {
        let of = of(dialect);
        let told = |sample: &Sample, text: &Text, name: &str, expected: Verdict| {
            let report = check(sample, text);
            passes(&report);
            assert_eq!(verdict(&report, name), Some(expected), "{name}: {report:#?}");
        };
        let sample = Sample::new(dialect);
        told(&sample, &root_plans::rotate_root(&sample), "all-root-keys-replaced", Verdict::Warn);
        let grown = Grown::new(dialect);
        let again = signed_target(of.first, "targets").replace(
            "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        );
        told(&grown.sample, &sign(&grown, &again), "target-is-there", Verdict::Warn);
        let moved = signed_target(of.first, "targets")
            + "was    = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n";
        told(&grown.sample, &sign(&grown, &moved), "target-moves-as-planned", Verdict::Warn);
        match dialect {
            Dialect::Notary1 => {
                told(&grown.sample, &add(&grown, ""), "paths-shared", Verdict::Pass);
            }
            Dialect::Tuf1 => {
                let more = add_more(&grown);
                told(&grown.sample, &more, "delegation-without-document", Verdict::Warn);
            }
        }
    }
}

#[test]
fn a_certificate_that_stays_and_ends_before_the_new_root_is_told_with_its_day() {
    let sample = Sample::new(Dialect::Notary1);
    let text = with(root_plans::refresh(&sample), "\"10 years\"", "\"19 years\"");
    assert_eq!(verdict(&check(&sample, &text), "kept-certificate-ends-first"), None);
    // The certificates of the sample last 25, 26 and 27 years.
    let text = and(
        with(root_plans::refresh(&sample), "\"10 years\"", "\"26 years\""),
        &waiver("expiry-beyond-policy"),
    );
    let report = check(&sample, &text);
    passes(&report);
    let found: Vec<_> =
        report.findings.iter().filter(|f| f.name == "kept-certificate-ends-first").collect();
    assert!(!found.is_empty() && found.len() < 3, "{report:#?}");
    assert!(found.iter().all(|f| f.verdict == Verdict::Warn && f.text.contains("Renew it")));
}

#[test]
fn an_expired_root_stands_in_large_letters_before_what_is_signed() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let text = root_plans::refresh(&sample);
        let banner = |at: &str| {
            let (_, scenes) = rehearsed(&sample, &text, at.parse().unwrap());
            let review = scenes.into_iter().find(|scene| scene.title == "REVIEW").unwrap();
            let banner = |block| if let Block::Banner(text) = block { Some(text) } else { None };
            review.blocks.into_iter().find_map(banner)
        };
        assert_eq!(banner("2026-12-01T12:00:00Z"), None);
        let told = banner("2037-01-01T00:00:00Z").unwrap();
        assert!(told.contains("THE ROOT EXPIRED ON 2036-"), "{told}");
    }
}
