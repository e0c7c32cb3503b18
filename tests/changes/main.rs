//! Changes of a repository that exists: every kind checks, plays to its end, and clients follow.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    reason = "a test may fail loudly"
)]

mod found;
mod known;
mod large;
mod root_kinds;
mod root_plans;
mod root_traps;
mod sample;
mod shipped;
mod targets_kinds;

use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::Mode;
use anchorite::ceremony::scene::Verdict;
use anchorite::tuf::document::Dialect;

use sample::*;

fn check(sample: &Sample, text: &Text) -> CheckReport {
    check_toml(sample, &plan(sample, text), &text.inputs)
}

fn passes(report: &CheckReport) {
    let bad: Vec<_> =
        report.findings.iter().filter(|f| f.verdict == Verdict::Fail && !f.only_real).collect();
    assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{bad:#?}");
    assert!(report.findings.iter().any(|f| f.name == "client-accepts"), "{report:#?}");
}

fn rotate_tagging(sample: &Sample) -> Text {
    let (old, new) = match sample.dialect {
        Dialect::Notary1 => ("tagging", "tagging-2"),
        Dialect::Tuf1 => ("release", "release-2"),
    };
    let mut body = root_keys(sample);
    body += &made(new, "Releaser", AGE, "p256", "");
    body += &role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, Some("10 years"));
    body += &role("targets", &format!("\"{new}\""), 1, Some("3 years"));
    body += &format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        sample.fingerprint(old)
    );
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

#[test]
fn a_leaked_tagging_key_is_replaced() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let sample = Sample::new(dialect);
        passes(&check(&sample, &rotate_tagging(&sample)));
    }
}
