//! Targets signed by targets itself or by a delegation.

use super::delegations::{YEAR, known, paths, signed_target, stated, targets_role};
use super::grown::names as of;
use super::*;

/// A later target, signed by targets.
pub(super) fn sign(grown: &Grown, lines: &str) -> Text {
    Text {
        kind: "sign-targets",
        codename: "SISKIN",
        title: "A new release is signed",
        body: targets_role(grown) + lines,
        ..Text::default()
    }
}

/// The same through a delegation: neither root nor targets.
pub(super) fn sign_below(grown: &Grown, lines: &str) -> Text {
    let dialect = grown.sample.dialect;
    let of = of(dialect);
    let body = known("releases", of.releases, "Releaser")
        + &stated(of.releases, "\"releases\"", &(paths(dialect).to_owned() + YEAR))
        + lines;
    Text { body, ..sign(grown, "") }
}

#[test]
fn a_target_is_signed_by_targets_alone() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        let engine = played(&grown.sample, &sign(&grown, &signed_target(of.bad, "targets")));
        assert_eq!(signed(&engine).len(), 1, "{:?}", signed(&engine));
        let new = targets(&engine, "targets");
        assert!(
            names(&new).contains(&of.bad.to_owned()) && names(&new).contains(&of.first.to_owned())
        );
        untouched_byte_for_byte(&grown.sample, &engine, &[]);
    }
}

#[test]
fn a_target_is_signed_by_a_delegation_without_root_and_targets() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        let engine =
            played(&grown.sample, &sign_below(&grown, &signed_target(of.bad, of.releases)));
        assert_eq!(signed(&engine).len(), 1, "{:?}", signed(&engine));
        let new = targets(&engine, of.releases);
        assert_eq!(new.version, 2);
        assert_eq!(names(&new).len(), 2);
        // Nothing but the document may change.
        let mut wider = sign_below(&grown, &signed_target(of.bad, of.releases));
        wider.body =
            wider.body.replace("[\"\"]", "[\"v\"]").replace("[\"app/*\"]", "[\"*\", \"app/*\"]");
        refused(&grown.sample, &wider, "delegation-differs");
    }
}

#[test]
fn a_name_moves_only_where_the_plan_says_from_what() {
    for dialect in BOTH {
        let grown = Grown::new(dialect);
        let of = of(dialect);
        let line = signed_target(of.first, "targets");
        refused(&grown.sample, &sign(&grown, &line), "target-moves");
        let was = |digest: &str| format!("{line}was    = \"{digest}\"\n");
        let now = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let engine = played(&grown.sample, &sign(&grown, &was(now)));
        assert_eq!(names(&targets(&engine, "targets")), [of.first]);
        refused(&grown.sample, &sign(&grown, &was(&"0".repeat(64))), "target-was-not");
    }
}

#[test]
fn a_target_without_a_hash_is_not_signed_again() {
    for dialect in BOTH {
        let mut grown = Grown::new(dialect);
        let of = of(dialect);
        grown
            .sample
            .files
            .retain(|name, _| !name.contains("snapshot") && !name.contains("timestamp"));
        grown.targets(|targets| {
            let mut table = targets.targets.to_map();
            table.get_mut(of.first).unwrap().hashes =
                BTreeMap::from([("md5".to_owned(), vec![0; 16])]);
            targets.targets = table.into();
        });
        let line = signed_target(of.later, "targets");
        refused(&grown.sample, &sign(&grown, &line), "target-without-hash");
        let gone =
            format!("\n[[remove]]\ntarget = \"{}\"\nreason = \"it has no digest\"\n", of.first);
        passes(&check(&grown.sample, &sign(&grown, &(line + &gone))));
    }
}
