//! What the check refuses in the care of keys, each with a twin that it accepts, and what the parser refuses.

use std::fs;
use std::path::Path;

use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::Mode;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Verdict;
use anchorite::driver::media;

use crate::stage::noon;

/// A shipped plan with some of its text replaced.
fn changed(kind: &str, changes: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(format!("ceremonies/{kind}/plan.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

fn check(kind: &str, changes: &[(&str, &str)]) -> CheckReport {
    let plan = Plan::parse(changed(kind, changes).as_bytes()).unwrap_or_else(|why| panic!("{why}"));
    let file = format!("ceremonies/{kind}/plan.toml");
    CheckReport::of(&plan, noon(), &media::beside(Path::new(&file), &plan))
}

fn refuses(kind: &str, changes: &[(&str, &str)], finding: &str) {
    let report = check(kind, changes);
    let found = report.findings.iter().find(|found| found.name == finding);
    let found = found.unwrap_or_else(|| panic!("{finding}: {report:#?}"));
    assert_eq!((found.verdict, found.only_real), (Verdict::Fail, false));
    // No waiver helps.
    let waiver =
        format!("\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"r\"\nby = \"Operator\"\n");
    let text = changed(kind, changes) + &waiver;
    let plan = Plan::parse(text.as_bytes()).unwrap();
    let file = format!("ceremonies/{kind}/plan.toml");
    let report = CheckReport::of(&plan, noon(), &media::beside(Path::new(&file), &plan));
    assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail, "{report:#?}");
}

fn accepts(kind: &str, changes: &[(&str, &str)]) {
    let report = check(kind, changes);
    assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{report:#?}");
}

const RECIPIENT: &str = "kept_by = \"Recovery holder\", place = \"Notary's office\" }";

#[test]
fn a_back_up_that_only_the_key_itself_opens_is_refused() {
    // The second back-up, on paper, opens with a passphrase: it is taken out of the way.
    let inside = RECIPIENT.replace(" }", ", inside = \"release\" }");
    let paper = "paper  = true";
    let to = format!(
        "to = [{{ recipient = \"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\", {inside}]"
    );
    let circular = [(RECIPIENT, inside.as_str()), (paper, to.as_str())];
    refuses("back-up", &circular, "back-up-circular");
    accepts("back-up", &[(RECIPIENT, inside.as_str())]);
    let elsewhere = to.replace(", inside = \"release\"", "");
    accepts("back-up", &[(RECIPIENT, inside.as_str()), (paper, elsewhere.as_str())]);
}

#[test]
fn a_back_up_beside_the_key_is_refused() {
    let place = "place  = \"Bank vault\"";
    refuses("back-up", &[(place, "place  = \"office SAFE\"")], "back-up-beside-key");
    accepts("back-up", &[(place, "place  = \"Third office\"")]);
}

#[test]
fn a_back_up_beside_the_identity_that_opens_it_is_refused() {
    let place = "place  = \"Bank vault\"";
    refuses("back-up", &[(place, "place  = \"Notary's office\"")], "back-up-beside-identity");
    accepts("back-up", &[]);
}

#[test]
fn a_token_in_one_bag_or_one_place_with_its_pin_is_refused() {
    for change in [("\"B-2041\"", "\"A-1041\""), ("\"Notary's office\"", "\"Custodian A's safe\"")]
    {
        refuses("provision-token", &[change], "key-beside-its-secret");
    }
    accepts("provision-token", &[]);
}

#[test]
fn a_key_that_a_live_document_lists_is_not_given_up() {
    let plan = Plan::parse(changed("retire-token", &[]).as_bytes()).unwrap();
    let at_hand = media::beside(Path::new("ceremonies/retire-token/plan.toml"), &plan);
    let before = anchorite::ceremony::before::Before::of(&plan, &at_hand).unwrap();
    let (role, key) = before.anchor().unwrap().listed().next().unwrap();
    let listed = key.public.fingerprint().to_string();
    let free = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    refuses("retire-token", &[(free, &listed)], "key-still-listed");
    let report = check("retire-token", &[(free, &listed)]);
    assert!(report.findings.iter().any(|found| found.text.contains(role.as_str())));
    accepts("retire-token", &[]);
}

#[test]
fn a_policy_says_what_it_will_cost_over_a_fleet() {
    let text = |changes: &[(&str, &str)]| {
        let report = check("provision-token", changes);
        report.findings.into_iter().find(|found| found.name == "policy-cost").unwrap().text
    };
    assert!(text(&[]).contains("120 PINs and 120 touches, about 26 min"), "{}", text(&[]));
    let cheap = [("pin = \"always\", touch = \"always\"", "pin = \"once\", touch = \"cached\"")];
    assert!(text(&cheap).contains("1 PIN and 8 touches, about 1 min"), "{}", text(&cheap));
}

#[test]
fn plans_that_make_no_sense_are_refused_with_a_sentence() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 8] = [
        (
            "provision-token",
            &[("[[bags]]\nkey           = \"root-d\"", "[[bags]]\nkey           = \"other\"")],
            "expected one of the keys",
        ),
        (
            "provision-token",
            &[(
                "make      = { pin = \"always\", touch = \"always\" }",
                "listed    = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
            )],
            "expected make = { ... } in a token",
        ),
        (
            "change-pin",
            &[("kind      = \"change-pin\"", "kind      = \"back-up\"")],
            "expected it in provision-token and change-pin only",
        ),
        (
            "back-up",
            &[("paper  = true\n", "")],
            "expected either to = [...] with recipients or paper = true",
        ),
        ("back-up", &[("medium = \"PRINT\"", "medium = \"IN\"")], "expected one of the media"),
        (
            "restore-drill",
            &[("\"release.recovery.age\"", "\"../release.age\"")],
            "expected a relative path",
        ),
        (
            "restore-drill",
            &[(
                "file     = \"release.recovery.age\"",
                "file     = \"release.recovery.age\"\nhome     = \"x\"",
            )],
            "home",
        ),
        ("retire-token", &[("state       = \"destroyed\"", "state       = \"lost\"")], "destroyed"),
    ];
    for (kind, changes, sentence) in cases {
        let errors = Plan::parse(changed(kind, changes).as_bytes()).unwrap_err().to_string();
        assert!(errors.contains(sentence), "{kind}: {errors}");
    }
}
