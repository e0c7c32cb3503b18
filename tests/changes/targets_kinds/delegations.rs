//! Delegations: added, with other keys, taken out.

use super::grown::{key, names as of};
use super::*;

/// A delegation's lines.
pub(super) fn stated(name: &str, keys: &str, more: &str) -> String {
    format!(
        "\n[[delegations]]\nname      = \"{name}\"\nkeys      = [{keys}]\nthreshold = 1\n{more}"
    )
}

/// A key of a delegation that comes to the room.
pub(super) fn known(name: &str, of: &str, holder: &str) -> String {
    format!(
        "\n[[keys]]\nname         = \"{name}\"\nholder       = \"{holder}\"\nstore        = {AGE}\n\
         algorithm    = \"p256\"\nfingerprint  = \"{}\"\nconfirmed_by = \"{holder}\"\n\
         source       = \"the label of the key file\"\n",
        key(of).public_key().fingerprint()
    )
}

/// The targets key in the room, and the role that it signs for.
pub(super) fn targets_role(grown: &Grown) -> String {
    let of = of(grown.sample.dialect);
    let valid = match grown.sample.dialect {
        Dialect::Notary1 => "3 years",
        Dialect::Tuf1 => "1 year",
    };
    here(&grown.sample, of.tagging, "Releaser", AGE)
        + &role("targets", &format!("\"{}\"", of.tagging), 1, Some(valid))
}

pub(super) fn paths(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Notary1 => "paths     = [\"\"]\n",
        Dialect::Tuf1 => "paths     = [\"app/*\"]\n",
    }
}

pub(super) const YEAR: &str = "valid_for = \"1 year\"\n";

fn text(kind: &'static str, body: String) -> Text {
    let (codename, title) = match kind {
        "add-delegation" => ("WAGTAIL", "Alice signs releases"),
        "rotate-delegation" => ("DUNNOCK", "The releases key leaked"),
        _ => ("KITTIWAKE", "Alice signs no more"),
    };
    Text { kind, codename, title, body, ..Text::default() }
}

/// As docker adds a signer: a delegation of her own and the one for releases, both signed here.
pub(super) fn add(grown: &Grown, more: &str) -> Text {
    let dialect = grown.sample.dialect;
    let of = of(dialect);
    let own = paths(dialect).to_owned() + YEAR;
    let target = match dialect {
        Dialect::Notary1 => [of.releases, of.alice].to_vec(),
        Dialect::Tuf1 => [of.alice].to_vec(),
    };
    let lines: String = target.iter().map(|role| signed_target(of.later, role)).collect();
    text(
        "add-delegation",
        targets_role(grown)
            + &made("alice", "Custodian D", AGE, "p256", "")
            + &stated(of.releases, "\"alice\"", &own)
            + &stated(of.alice, "\"alice\"", &own)
            + &lines
            + more,
    )
}

pub(super) fn signed_target(name: &str, role: &str) -> String {
    format!(
        "\n[[targets]]\nname   = \"{name}\"\nlength = 1000\n\
         sha256 = \"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752\"\nrole   = \"{role}\"\n"
    )
}

/// Another key for releases, whose document is signed with it.
pub(super) fn rotate(grown: &Grown) -> Text {
    let dialect = grown.sample.dialect;
    let of = of(dialect);
    text(
        "rotate-delegation",
        targets_role(grown)
            + &made("releases-2", "Custodian D", AGE, "p256", "")
            + &stated(of.releases, "\"releases-2\"", &(paths(dialect).to_owned() + YEAR))
            + &format!(
                "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"lost on a train\"\n",
                key(of.releases).public_key().fingerprint()
            ),
    )
}

pub(super) fn remove(grown: &Grown, name: &str) -> Text {
    let lines =
        format!("\n[[remove]]\ndelegation = \"{name}\"\nreason = \"the team is no more\"\n");
    text("remove-delegation", targets_role(grown) + &lines)
}

#[test]
fn a_signer_is_added_as_docker_does_it_with_both_documents_signed_here() {
    for dialect in BOTH {
        let grown = Grown::new(dialect);
        let of = of(dialect);
        let engine = played(&grown.sample, &add(&grown, ""));
        let new = targets(&engine, "targets");
        assert_eq!(delegated(&new), [of.releases, of.alice]);
        assert_eq!(names(&new), [of.first]);
        for name in [of.releases, of.alice] {
            assert_eq!(targets(&engine, name).version, 1);
        }
        assert_eq!(names(&targets(&engine, of.alice)), [of.later]);
        assert_eq!(signed(&engine).len(), 3, "{:?}", signed(&engine));
        line(&reviewed(&engine), &format!("{} and {} share paths", of.releases, of.alice));
    }
}

#[test]
fn a_delegation_has_the_name_paths_and_threshold_of_its_plan() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect);
        let name = match dialect {
            Dialect::Notary1 => "targets/team_a-1",
            Dialect::Tuf1 => "team.a-1",
        };
        let lines = "paths     = [\"prod-\", \"stage-\"]\n";
        let body = targets_role(&grown)
            + &made("one", "Custodian D", AGE, "p256", "")
            + &made("two", "Custodian A", AGE, "ed25519", "")
            + &stated(name, "\"one\", \"two\"", lines).replace("threshold = 1", "threshold = 2");
        let engine = played(&grown.sample, &text("add-delegation", body));
        let new = targets(&engine, "targets");
        let role = new.delegations.as_ref().unwrap().roles.last().unwrap().clone();
        assert_eq!(role.name.as_str(), name);
        assert_eq!(role.keys.keyids.len(), 2);
        assert_eq!(role.keys.threshold.0, 2);
        assert_eq!(role.paths.unwrap(), ["prod-", "stage-"]);
        assert_eq!(signed(&engine).len(), 1, "{:?}", signed(&engine));
        untouched_byte_for_byte(&grown.sample, &engine, &[]);
    }
}

fn tuf_delegation(name: &str, more: &str) -> String {
    stated(name, "\"one\"", more)
}

fn add_to_tuf(lines: &str) -> (Grown, Text) {
    let grown = Grown::with_delegations(Dialect::Tuf1);
    let body = targets_role(&grown) + &made("one", "Custodian D", AGE, "p256", "") + lines;
    (grown, text("add-delegation", body))
}

#[test]
fn a_delegation_may_end_the_search_or_go_by_hashes() {
    let (grown, plan) = add_to_tuf(
        &(tuf_delegation("docs", "paths = [\"docs/*\"]\nterminating = true\n")
            + &tuf_delegation("half", "path_hash_prefixes = [\"0\", \"1\", \"2a\"]\n")
            + "\n[[waivers]]\nfinding = \"client-hash-prefixes\"\n\
               reason = \"No go-tuf client asks for these targets.\"\nby = \"Administrator\"\n"),
    );
    let new = targets(&played(&grown.sample, &plan), "targets");
    let roles = &new.delegations.as_ref().unwrap().roles;
    let find = |name: &str| roles.iter().find(|role| role.name.as_str() == name).unwrap();
    assert_eq!(find("docs").terminating, Some(true));
    assert_eq!(find("half").paths, None);
    assert_eq!(find("half").path_hash_prefixes.as_ref().unwrap(), &["0", "1", "2a"]);
}

#[test]
fn a_catch_all_that_ends_the_search_stands_last() {
    let all = tuf_delegation("all", "paths = [\"*\"]\nterminating = true\n");
    let docs = tuf_delegation("docs", "paths = [\"docs/*\"]\n");
    let (grown, plan) = add_to_tuf(&(all.clone() + &docs));
    refused(&grown.sample, &plan, "catch-all-not-last");
    let (grown, plan) = add_to_tuf(&(docs + &all));
    passes(&check(&grown.sample, &plan));
}

#[test]
fn a_delegation_that_nobody_is_ever_asked_for_is_refused() {
    let wide = tuf_delegation("wide", "paths = [\"docs/*\"]\nterminating = true\n");
    let narrow = tuf_delegation("narrow", "paths = [\"docs/a*\"]\n");
    let (grown, plan) = add_to_tuf(&(wide.clone() + &narrow));
    refused(&grown.sample, &plan, "delegation-unreachable");
    let (grown, plan) = add_to_tuf(&(narrow + &wide));
    let report = check(&grown.sample, &plan);
    passes(&report);
    assert_eq!(verdict(&report, "paths-overlap"), Some(Verdict::Warn));
}

#[test]
fn names_that_a_client_or_a_server_would_not_take_are_refused() {
    for (dialect, bad, good) in [
        (
            Dialect::Notary1,
            vec!["targets/Bad", "releases", "targets/a b", "targets/", "targets/../x"],
            "targets/good",
        ),
        (Dialect::Tuf1, vec!["a/b", "..", "targets", "root", "a\\\\b", "a\\u0000b"], "good"),
    ] {
        let grown = Grown::new(dialect);
        let with = |name: &str| {
            let body = targets_role(&grown)
                + &made("one", "Custodian D", AGE, "p256", "")
                + &stated(name, "\"one\"", paths(dialect));
            text("add-delegation", body)
        };
        for name in bad {
            let toml = plan(&grown.sample, &with(name));
            let why = Plan::parse(toml.as_bytes()).unwrap_err().to_string();
            assert!(why.contains("name"), "{name}: {why}");
        }
        passes(&check(&grown.sample, &with(good)));
    }
}

#[test]
fn names_that_differ_in_capitals_only_are_refused() {
    let (grown, plan) = add_to_tuf(&tuf_delegation("Alice", "paths = [\"docs/*\"]\n"));
    refused(&grown.sample, &plan, "names-collide");
    let (grown, plan) = add_to_tuf(&tuf_delegation("alicia", "paths = [\"docs/*\"]\n"));
    passes(&check(&grown.sample, &plan));
}

#[test]
fn a_delegation_to_a_key_of_targets_itself_is_refused() {
    for dialect in BOTH {
        let grown = Grown::new(dialect);
        let of = of(dialect);
        let own = targets_role(&grown)
            + &stated(of.alice, &format!("\"{}\"", of.tagging), paths(dialect));
        refused(&grown.sample, &text("add-delegation", own), "delegation-to-own-key");
        passes(&check(&grown.sample, &add(&grown, "")));
    }
}

#[test]
fn a_threshold_that_makes_no_sense_is_refused() {
    for dialect in BOTH {
        let grown = Grown::new(dialect);
        for (threshold, reason) in [("0", "delegation-threshold"), ("2", "delegation-threshold")] {
            let mut plan = add(&grown, "");
            let delegation = plan.body.find("[[delegations]]").unwrap();
            let tail = plan.body.split_off(delegation);
            plan.body += &tail.replacen("threshold = 1", &format!("threshold = {threshold}"), 1);
            refused(&grown.sample, &plan, reason);
        }
    }
}

#[test]
fn a_name_that_a_delegation_may_not_sign_is_refused() {
    for dialect in BOTH {
        let grown = Grown::new(dialect);
        let of = of(dialect);
        let mut plan = add(&grown, "");
        let narrow = match dialect {
            Dialect::Notary1 => "paths     = [\"prod-\"]\n",
            Dialect::Tuf1 => "paths     = [\"docs/*\"]\n",
        };
        plan.body = plan.body.replace(paths(dialect), narrow);
        refused(&grown.sample, &plan, "target-not-covered");
        assert!(plan.body.contains(of.later));
    }
}

#[test]
fn a_delegation_gets_another_key_and_its_document_with_it() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        let engine = played(&grown.sample, &rotate(&grown));
        let own = targets(&engine, of.releases);
        assert_eq!(own.version, 2);
        assert_eq!(names(&own), [of.later]);
        let old = grown.sample.files.iter().find(|(name, _)| name.contains("releases")).unwrap();
        let old = Signed::<Targets>::read(dialect, old.1).unwrap();
        assert_eq!(own.targets, old.peek().targets);
        assert_eq!(signed(&engine).len(), 2, "{:?}", signed(&engine));
        assert_eq!(delegated(&targets(&engine, "targets")), [of.releases, of.alice]);
        let change = engine.record().before.anchor().unwrap();
        let listed = change.delegation(&of.alice.parse().unwrap()).unwrap().2.clone();
        let new = targets(&engine, "targets").delegations.unwrap();
        assert!(new.roles.contains(&listed));
    }
}

#[test]
fn a_delegation_with_another_key_and_its_old_document_is_refused() {
    for dialect in BOTH {
        let grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        let mut plan = rotate(&grown);
        let at = plan.body.rfind(YEAR).unwrap();
        plan.body.replace_range(at..at + YEAR.len(), "");
        refused(&grown.sample, &plan, "delegation-key-without-document");
        // Its document was not even brought.
        let mut poor = Grown::with_delegations(dialect);
        poor.sample.files.retain(|name, _| !name.contains("releases"));
        refused(&poor.sample, &rotate(&poor), "delegation-document-missing");
        // The same key again.
        let mut same = rotate(&grown);
        same.body = targets_role(&grown)
            + &known("releases", of.releases, "Custodian D")
            + &stated(of.releases, "\"releases\"", &(paths(dialect).to_owned() + YEAR));
        refused(&grown.sample, &same, "same-key-again");
    }
}

#[test]
fn a_delegation_that_goes_takes_only_itself_and_says_what_is_found_no_more() {
    for dialect in BOTH {
        let mut grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        // What alice signs, releases signs too.
        let plan = remove(&grown, of.alice);
        let engine = played(&grown.sample, &plan);
        assert_eq!(delegated(&targets(&engine, "targets")), [of.releases]);
        untouched_byte_for_byte(&grown.sample, &engine, &[of.alice]);
        let report = check(&grown.sample, &plan);
        assert_eq!(verdict(&report, "targets-become-unreachable"), Some(Verdict::Pass));
        // Something that alice alone signs.
        grown.delegated(of.alice, &[of.later, "only-hers"]);
        let plan = remove(&grown, of.alice);
        let report = check(&grown.sample, &plan);
        assert_eq!(verdict(&report, "targets-become-unreachable"), Some(Verdict::Warn));
        line(&reviewed(&played(&grown.sample, &plan)), "only-hers");
        refused(&grown.sample, &remove(&grown, "targets/nobody"), "not-there");
    }
}

#[test]
fn a_document_of_nobody_is_refused() {
    for dialect in BOTH {
        let mut grown = Grown::with_delegations(dialect);
        let of = of(dialect);
        let mut plan = remove(&grown, of.alice);
        plan.body += &(known("alice", of.alice, "Custodian D")
            + &stated(of.alice, "\"alice\"", &(paths(dialect).to_owned() + YEAR)));
        refused(&grown.sample, &plan, "removed-and-stated");
        grown.delegated(of.evil, &[]);
        refused(&grown.sample, &remove(&grown, of.alice), "before-not-verified");
    }
}

#[test]
fn a_name_that_was_there_before_begins_above_its_last_version() {
    for dialect in BOTH {
        let mut grown = Grown::new(dialect);
        let of = of(dialect);
        let floor = |version: u64| {
            let mut plan = add(&grown, "");
            plan.body = plan.body.replacen(
                "\n[[delegations]]\n",
                &format!("\n[[delegations]]\nversion   = {version}\n"),
                1,
            );
            plan
        };
        assert_eq!(targets(&played(&grown.sample, &floor(8)), of.releases).version, 8);
        refused(&grown.sample, &floor(0), "version-not-above");
        if dialect == Dialect::Tuf1 {
            // The snapshot goes on naming what was taken out.
            grown.delegated(of.alice, &[]);
            grown.seal();
            grown.sample.files.retain(|name, _| !name.contains(of.alice));
            assert_eq!(targets(&played(&grown.sample, &add(&grown, "")), of.alice).version, 2);
        }
    }
}
