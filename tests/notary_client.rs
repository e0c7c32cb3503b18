//! What our own Notary client makes of repositories, right and wrong; `tests/peers/judgement.rs` asks the real one of the
//! same.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use anchorite::tuf::client::WalkVerdict;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::time::Timestamp;

use support::notary_repo::{Cert, Plan, days};
use support::notary_variants::{Says, Variant, judged, variants};

fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

#[test]
fn every_variant_is_judged_as_it_should_be() {
    let all = variants(noon());
    assert!(all.len() > 60, "{}", all.len());
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|variant| {
            let (found, walk) = judged(variant, noon());
            (found != variant.ours)
                .then(|| format!("{}: {found:?}: {:#?}", variant.name, walk.map(|walk| walk.steps)))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every step of a variant's walk in words.
fn told(variants: &[Variant], name: &str) -> String {
    let variant = variants.iter().find(|variant| variant.name == name).unwrap();
    let steps = judged(variant, noon()).1.map(|walk| walk.steps).unwrap_or_default();
    let lines = steps.iter().map(|step| match &step.verdict {
        WalkVerdict::Accepted(words) => format!("{} accepted: {words}\n", step.document),
        WalkVerdict::Pending => format!("{} pending\n", step.document),
        WalkVerdict::Told(told) => format!("{} told: {told}\n", step.document),
        WalkVerdict::Dropped(why) => format!("{} dropped: {why}\n", step.document),
        WalkVerdict::Refused(why) => format!("{} refused: {why}\n", step.document),
    });
    lines.collect()
}

#[test]
fn every_refusal_says_the_true_reason_and_what_is_only_told_is_told() {
    let all = variants(noon());
    let root = "root.json, version 1";
    for (name, line) in [
        ("other-name", format!("{root} refused: 0 of 1 needed signatures count; left out: ")),
        ("other-name", "is for the common name \"registry.example.com/other\"".to_owned()),
        ("no-name", "the common name is empty".to_owned()),
        ("ended", "ended on 2026-11-30 12:00 UTC".to_owned()),
        ("begins-in-three-days", "begins on 2026-12-04 12:00 UTC".to_owned()),
        ("authority-as-leaf", "(CA:TRUE)".to_owned()),
        ("sha1", "signed over SHA-1".to_owned()),
        ("carriage-returns", "not in the exact form".to_owned()),
        ("no-last-newline", "not in the exact form".to_owned()),
        ("two-leaves", "expected one leaf, found 2".to_owned()),
        ("ended-authority-after-leaf", "ended on 2026-11-30".to_owned()),
        ("two-of-three-ended", "1 of 2 needed signatures count".to_owned()),
        ("targets-by-one-of-two", "targets.json refused: targets: 1 of 2".to_owned()),
        ("root-expired", format!("{root} refused: root expired on 2026-11-30")),
        ("target-without-hash", "the target \"no-hash\" has no hash".to_owned()),
        (
            "delegation-by-one-of-two",
            "targets/releases.json dropped: targets/releases: 1 of 2".to_owned(),
        ),
        ("delegation-by-nobody", "targets/releases.json dropped".to_owned()),
        ("delegation-expired", "dropped: targets/releases expired on 2026-11-30".to_owned()),
        (
            "delegation-threshold-zero",
            "targets.json refused: targets/releases: threshold 0".to_owned(),
        ),
        ("delegation-name", "targets.json refused: it delegates to targets/Bad".to_owned()),
        ("delegation-missing", "targets/releases.json refused: it is not there".to_owned()),
        (
            "targets-changed",
            "targets.json refused: the snapshot names what Notary wrote".to_owned(),
        ),
        ("root-not-in-the-snapshot", "refused: snapshot does not name it".to_owned()),
        ("rotated-by-new-only", "0 of 1 needed keys of the root before".to_owned()),
        ("held-expired-two-behind", "locked out: root 1 expired on 2026-11-30".to_owned()),
        ("version-skipped", "expected root version 2, found 3".to_owned()),
        ("middle-missing", "expected root version 2, found 3".to_owned()),
        (
            "middle-certificate-ended",
            "2.root.json refused: 0 of 1 needed signatures count".to_owned(),
        ),
        (
            "held-certificate-ended",
            "1.root.json refused: the client's own root 1 counts no more".to_owned(),
        ),
        ("rolled-back", "expected root version 3, found 1".to_owned()),
        ("two-roots-of-one-version", "two different roots of version 1".to_owned()),
        ("pinned-one-of-two", "1 of 2 needed signatures count".to_owned()),
        ("authority-pinned-for-code", "the client pins others".to_owned()),
        ("one-of-three-ended", "does not count: ended on 2026-11-30".to_owned()),
        ("ends-soon", "told: the certificate for".to_owned()),
        ("delegation-without-paths", "told: it has no paths".to_owned()),
        ("delegation-with-a-prefix", "told: 1 names outside its prefixes are hidden".to_owned()),
        (
            "delegation-below-another",
            "targets/a/b.json told: 1 names outside its prefixes".to_owned(),
        ),
        ("own-snapshot-newline", "targets.json told: at byte".to_owned()),
        ("own-snapshot-root-newline", format!("{root} told: at byte")),
        (
            "held-expired-legacy",
            "told: root 1 has expired: its clients go straight to root 3".to_owned(),
        ),
        ("rotated-twice", "told: clients that still hold root 1 when it expires".to_owned()),
    ] {
        let found = told(&all, name);
        assert!(found.contains(&line), "{name}: expected {line:?} in\n{found}");
    }
    assert!(!told(&all, "rotated").contains("told: clients that still hold"));
    assert!(!told(&all, "good").contains("told"));
}

#[test]
fn one_key_that_signs_under_two_ids_is_told_where_one_is_enough() {
    let gun = "registry.example.com/twins";
    let first = Cert::new("root-a", gun, noon());
    let mut second = first.clone();
    second.until = days(noon(), 6000);
    let plan = Plan::new(gun, noon()).with_root(&[first, second], 1);
    let twins = [Variant {
        name: "twins",
        gun: gun.to_owned(),
        files: plan.files(),
        held: None,
        pins: Vec::new(),
        authority: None,
        ours: Says::Accepts,
        real: Says::Accepts,
    }];
    let found = told(&twins, "twins");
    assert!(found.contains("counts 2 key ids; they are 1 distinct keys"), "{found}");
}

#[test]
fn documents_are_found_by_their_hashes_as_a_server_gives_them() {
    let all = variants(noon());
    let good = all.iter().find(|variant| variant.name == "good").unwrap();
    let mut files = good.files.clone();
    for role in ["targets", "snapshot"] {
        let bytes = files.remove(&format!("{role}.json")).unwrap();
        files.insert(format!("{role}.{}.json", Digest::of(&bytes)), bytes);
        // One that lies there under its plain name is not what the client asks for.
        files.insert(format!("{role}.json"), b"{}".to_vec());
    }
    let hashed = Variant {
        files,
        gun: good.gun.clone(),
        pins: Vec::new(),
        held: None,
        authority: None,
        ..*good
    };
    assert_eq!(judged(&hashed, noon()).0, Says::Accepts);
}
