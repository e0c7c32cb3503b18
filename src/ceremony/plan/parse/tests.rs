//! Every check of the parser, each with a twin that is accepted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod keys;

use super::super::SignWho;
use super::super::template::template;
use super::*;
use crate::tuf::name::RoleName;

const NOTARY: Dialect = Dialect::Notary1;
const TUF: Dialect = Dialect::Tuf1;

/// The template of a dialect with one piece of text, at its first place, put in the place of another.
fn changed(dialect: Dialect, from: &str, to: &str) -> String {
    let plan = template(dialect);
    assert!(plan.contains(from), "{from}");
    plan.replacen(from, to, 1)
}

fn accepted(dialect: Dialect, from: &str, to: &str) -> Plan {
    Plan::parse(changed(dialect, from, to).as_bytes()).unwrap_or_else(|why| panic!("{to}: {why}"))
}

/// The errors of a changed template; the first must stand at `field` and say `text`.
fn refused(dialect: Dialect, from: &str, to: &str, field: &str, text: &str) -> PlanErrors {
    let plan = changed(dialect, from, to);
    let errors = Plan::parse(plan.as_bytes()).expect_err(to);
    let first = &errors.errors[0];
    assert_eq!(first.field, field, "{errors}");
    assert!(first.text.contains(text), "{errors}");
    let (line, column) = first.position.unwrap_or_else(|| panic!("{errors}"));
    let stands = plan.lines().nth(line - 1).unwrap();
    assert!(column <= stands.chars().count() + 1, "{errors}");
    errors
}

/// The line on which the first error stands.
fn line(dialect: Dialect, from: &str, to: &str) -> String {
    let plan = changed(dialect, from, to);
    let errors = Plan::parse(plan.as_bytes()).expect_err(to);
    let (line, _) = errors.errors[0].position.unwrap();
    plan.lines().nth(line - 1).unwrap().to_owned()
}

const ROOT_A: &str = "[[keys]]\nname        = \"root-a\"\n";
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn the_format_comes_before_everything_else() {
    let later = "anchorite = 2\nworld = \"new\"\n#";
    refused(NOTARY, "anchorite = 1 ", later, "anchorite", "expected 1, the only format");
    let found = Plan::parse(b"world = 1\n").unwrap_err().to_string();
    assert!(found.contains("anchorite: expected 1") && found.contains("no such member"), "{found}");
    accepted(NOTARY, "anchorite = 1 ", "anchorite = 0x1 ");
}

#[test]
fn a_file_is_utf_8_and_at_most_1_mib() {
    let plan = template(NOTARY);
    let filler = "#".repeat(MAX_PLAN - plan.len());
    let most = format!("{plan}{filler}");
    assert!(Plan::parse(most.as_bytes()).is_ok());
    let found = Plan::parse(format!("{most}#").as_bytes()).unwrap_err().to_string();
    assert_eq!(found, "file: expected at most 1 MiB, found a larger file");
    let found = Plan::parse(&[plan.as_bytes(), b"# \xff"].concat()).unwrap_err().to_string();
    assert_eq!(found, "file: expected UTF-8 text, found other bytes");
    assert!(Plan::parse(&[plan.as_bytes(), "# ü".as_bytes()].concat()).is_ok());
}

#[test]
fn an_unknown_member_is_named_with_its_line_and_those_that_are_near() {
    let from = "[roles.root]\n";
    let errors = refused(
        NOTARY,
        from,
        "[roles.root]\ntreshold = 2\n",
        "roles.root.treshold",
        "unknown field `treshold`",
    );
    assert!(errors.to_string().ends_with("did you mean threshold?"), "{errors}");
    assert_eq!(line(NOTARY, from, "[roles.root]\ntreshold = 2\n"), "treshold = 2");
    for (from, to, field) in [
        ("[repository]\n", "[repository]\ngun = 1\n", "repository.gun"),
        ("[[people]]\n", "[[people]]\nkeys = 1\n", "people.Administrator.keys"),
        ("[[media]]\n", "[[media]]\nkeys = 1\n", "media.IN.keys"),
        (ROOT_A, &format!("{ROOT_A}pin = 1\n"), "keys.root-a.pin"),
        ("slot = \"9c\"", "slot = \"9c\", pin = 1", "keys.root-a.store.yubikey.pin"),
        ("touch = \"always\"", "tuch = \"always\"", "keys.root-a.make.tuch"),
        ("[[inputs]]\n", "[[inputs]]\nlength = 1\n", "inputs.snapshot.key.length"),
        ("[[targets]]\n", "[[targets]]\nsize = 1\n", "targets.v1.size"),
        ("[roles.targets]\n", "[roles.releases]\n[roles.targets]\n", "roles.releases"),
    ] {
        refused(NOTARY, from, to, field, "unknown field");
    }
}

#[test]
fn a_wrong_value_says_what_was_expected_and_where() {
    let errors = refused(
        NOTARY,
        "threshold = 2 ",
        "threshold = -1 ",
        "roles.root.threshold",
        "invalid value: integer `-1`, expected u32",
    );
    assert!(errors.errors[0].position.is_some());
    refused(NOTARY, "kind      = \"first-root\"", "kind = \"first-rot\"", "kind", "did you mean");
    refused(
        NOTARY,
        "algorithm   = \"p256\" ",
        "algorithm = \"p521\" ",
        "keys.root-a.algorithm",
        "p256",
    );
    refused(NOTARY, "\"10 years\"", "\"10 weeks\"", "roles.root.valid_for", "such as 10 years");
    refused(NOTARY, "codename  = \"HERON\"", "codename = \"a/b\"", "codename", "a letter or digit");
    refused(NOTARY, "\"Custodian A\"", "\"a\\u202eb\"", "people.a\\u{202e}b.name", "direction");
    accepted(NOTARY, "\"10 years\"", "\"120 months\"");
    accepted(NOTARY, "codename  = \"HERON\"", "codename = \"a.b_c-1\"");
}

#[test]
fn what_is_no_toml_has_a_position() {
    let found = Plan::parse(b"anchorite = 1\nkind = \n").unwrap_err();
    assert_eq!(found.errors[0].position.map(|(line, _)| line), Some(2), "{found}");
}

#[test]
fn a_missing_member_is_named_with_its_table() {
    let errors = refused(
        NOTARY,
        "algorithm   = \"p256\"               # p256 or p384: no Notary client takes another root key\n",
        "",
        "keys.root-a",
        "missing field `algorithm`",
    );
    assert_eq!(errors.errors.len(), 1);
    refused(NOTARY, "[roles.timestamp]", "[roles.snapshot.x]", "roles.snapshot.x", "unknown field");
    let without = template(TUF).replace(
        "[roles.timestamp]\nkeys      = [\"online\"]\nthreshold = 1\nvalid_for = \"14 days\"\n",
        "",
    );
    let found = Plan::parse(without.as_bytes()).unwrap_err().to_string();
    assert!(found.contains("expected [roles.timestamp]"), "{found}");
}

#[test]
fn names_are_unique_ignoring_capitals() {
    refused(NOTARY, "name        = \"root-b\"", "name = \"ROOT-A\"", "keys.2", "\"ROOT-A\" twice");
    refused(NOTARY, "name = \"OUT\"", "name = \"in\"", "media.2", "\"in\" twice");
    refused(
        NOTARY,
        "name  = \"Operator\"",
        "name  = \"ADMINISTRATOR\"",
        "people.2",
        "\"ADMINISTRATOR\" twice",
    );
    accepted(NOTARY, "name  = \"Operator\"", "name  = \"ADMINISTRATOR 2\"");
}

#[test]
fn a_window_ends_after_it_begins_and_has_whole_seconds() {
    let with = |window: &str| format!("window = {window}\n\n[repository]\n");
    let good = "{ from = 2026-12-01T08:00:00Z, until = 2026-12-01T08:00:01Z }";
    let plan = accepted(NOTARY, "[repository]\n", &with(good));
    assert_eq!(plan.window.unwrap().from.to_string(), "2026-12-01T08:00:00Z");
    for (bad, field) in [
        ("{ from = 2026-12-01T08:00:00Z, until = 2026-12-01T08:00:00Z }", "window.until"),
        ("{ from = 2026-12-01T08:00:00.5Z, until = 2026-12-02T08:00:00Z }", "window.from"),
        ("{ from = 2026-12-01, until = 2026-12-02T08:00:00Z }", "window"),
        ("{ from = 2026-12-01T08:00:00, until = 2026-12-02T08:00:00Z }", "window"),
    ] {
        refused(NOTARY, "[repository]\n", &with(bad), field, "expected");
    }
}

#[test]
fn clients_are_those_of_the_dialect() {
    let from = "clients   = [\"notary\", \"docker\"]";
    refused(NOTARY, from, "clients = [\"notary\", \"tough\"]", "clients", "found tough");
    accepted(NOTARY, from, "clients = [\"docker\"]");
    let from = "clients   = [\"python-tuf\", \"go-tuf\"]";
    refused(TUF, from, "clients = [\"docker\"]", "clients", "found docker");
    accepted(TUF, from, "clients = [\"tuf-js\", \"tough\", \"rust-tuf\"]");
}

#[test]
fn consistent_snapshot_is_for_tuf1_where_it_is_on_by_default() {
    let from = "dialect = \"notary1\"\n";
    let to = "dialect = \"notary1\"\nconsistent_snapshot = true\n";
    refused(NOTARY, from, to, "repository.consistent_snapshot", "in tuf1 plans only");
    assert!(!accepted(NOTARY, from, from).repository.consistent_snapshot);
    let stated = "consistent_snapshot = true ";
    assert!(!accepted(TUF, stated, "consistent_snapshot = false ").repository.consistent_snapshot);
    assert!(accepted(TUF, stated, "# ").repository.consistent_snapshot);
}

#[test]
fn everybody_does_something_and_something_leaves() {
    let from = "roles = [\"operator\"]";
    refused(NOTARY, from, "roles = []", "people.Operator.roles", "at least one role");
    accepted(NOTARY, from, "roles = [\"operator\", \"custodian\"]");
    refused(NOTARY, "role = \"out\"", "role = \"book\"", "media", "role = \"out\"");
}

#[test]
fn a_plan_by_request_is_of_one_change_and_makes_no_key() {
    let shipped = include_str!("../../../../ceremonies/sign-targets-tuf1/plan.toml");
    let codename = "codename  = \"SISKIN\"\n";
    assert!(shipped.contains(codename));
    let by_request = shipped.replacen(codename, &format!("{codename}by_request = true\n"), 1);
    let plan = Plan::parse(by_request.as_bytes()).unwrap();
    assert!(plan.by_request && plan.keys.iter().all(|key| plan.may_sign(key)));
    assert!(!Plan::parse(shipped.as_bytes()).unwrap().by_request);

    let first = "codename  = ";
    let found = Plan::parse(changed(TUF, first, &format!("by_request = true\n{first}")).as_bytes());
    let found = found.unwrap_err().to_string();
    assert!(found.contains("by_request: expected it for changes only"), "{found}");
    let made = include_str!("../../../../ceremonies/rotate-tagging-tuf1/plan.toml");
    let made = made.replacen("\n[repository]", "by_request = true\n\n[repository]", 1);
    let found = Plan::parse(made.as_bytes()).unwrap_err().to_string();
    assert!(found.contains(".make: expected enrol = { ... } in a plan by request"), "{found}");
}

#[test]
fn roles_have_known_keys_and_here_a_lifetime() {
    let from = "keys      = [\"tagging\"]";
    refused(NOTARY, from, "keys = []", "roles.targets.keys", "at least one key");
    refused(
        NOTARY,
        from,
        "keys = [\"tag\"]",
        "roles.targets.keys",
        "one of the keys, found \"tag\"",
    );
    refused(NOTARY, "valid_for = \"3 years\"\n", "", "roles.targets", "valid_for");
    let online = "signed    = \"here\"                 # or \"online\": the releaser signs it later\n\
                  valid_for = \"3 years\"\n";
    accepted(NOTARY, online, "signed = \"online\"\n");
    let plan = accepted(NOTARY, "sign      = \"all\" ", "# ");
    assert_eq!(plan.roles[&RoleName::root()].sign, SignWho::All);
}

#[test]
fn a_root_is_signed_here_and_a_notary_timestamp_is_not() {
    let root = "[roles.root]\n";
    let online = "[roles.root]\nsigned = \"online\"\n";
    refused(NOTARY, root, online, "roles.root.signed", "never signed online");
    accepted(NOTARY, root, "[roles.root]\nsigned = \"here\"\n");
    let snapshot = "[roles.snapshot]                   # the server signs these two over the files that it holds\nkeys      = [\"server-snapshot\"]\nthreshold = 1\nsigned    = \"online\"\n";
    let here = "[roles.snapshot]\nkeys = [\"tagging\"]\nthreshold = 1\nsigned = \"here\"\nvalid_for = \"3 years\"\n";
    accepted(NOTARY, snapshot, here);
    let timestamp = "[roles.timestamp]\nkeys      = [\"server-timestamp\"]\nthreshold = 1\nsigned    = \"online\"\n";
    let timestamp_here = here.replace("snapshot", "timestamp");
    let place = "roles.timestamp.signed";
    refused(NOTARY, timestamp, &timestamp_here, place, "a Notary server always signs it");
    let both =
        changed(NOTARY, snapshot, here).replacen("signed    = \"here\"", "signed = \"online\"", 1);
    let errors = Plan::parse(both.as_bytes()).unwrap_err();
    assert!(errors.to_string().contains("the snapshot hashes it"), "{errors}");
    accepted(TUF, "valid_for = \"6 months\"", "signed = \"here\"\nvalid_for = \"6 months\"");
}

#[test]
fn inputs_have_safe_paths_and_are_listed_once() {
    let from = "path         = \"timestamp.key\"";
    for bad in ["", "/a", "a//b", "a/", "../a", "a/./b", "a\\\\b", "C:a", "a\\u0000"] {
        let to = format!("path = \"{bad}\"");
        let errors = Plan::parse(changed(NOTARY, from, &to).as_bytes()).unwrap_err().to_string();
        assert!(errors.contains("inputs.2.path: expected a relative path"), "{bad}: {errors}");
    }
    let found = Plan::parse(changed(NOTARY, from, "path = \"SNAPSHOT.KEY\"").as_bytes());
    let found = found.unwrap_err().to_string();
    assert!(found.contains("inputs.2: expected names that differ"), "{found}");
    let file = "file = \"timestamp.key\"";
    let moved =
        changed(NOTARY, from, "path = \"keys/t.key\"").replace(file, "file = \"keys/t.key\"");
    assert!(Plan::parse(moved.as_bytes()).is_ok());
}

#[test]
fn targets_follow_their_dialect_and_are_unique() {
    let from = "name   = \"v1\"";
    for good in ["v1.0_x-y", "_", &"a".repeat(128)] {
        accepted(NOTARY, from, &format!("name = \"{good}\""));
    }
    for bad in ["", ".v1", "-v1", "a/b", "a:b", "ü", &"a".repeat(129)] {
        let to = format!("name = \"{bad}\"");
        let errors = Plan::parse(changed(NOTARY, from, &to).as_bytes()).unwrap_err();
        assert_eq!(errors.errors[0].field, "targets.1.name", "{errors}");
    }
    let from = "name   = \"app/app-1.0.tar.gz\"";
    accepted(TUF, from, "name = \"a b/ü.txt\"");
    refused(TUF, from, "name = \"/etc/passwd\"", "targets.1.name", "a relative path");
    let more = |name: &str, length: u64| {
        format!(
            "[[targets]]\nname = \"{name}\"\nlength = {length}\nsha256 = \"{ZEROS}\"\n\n# -- More"
        )
    };
    refused(TUF, "# -- More", &more("app/app-1.0.tar.gz", 1), "targets.2.name", "each name once");
    refused(TUF, "# -- More", &more("b", 1 << 53), "targets.2.length", "below 2^53");
    accepted(TUF, "# -- More", &more("b", (1 << 53) - 1));
}

#[test]
fn inserted_steps_come_after_known_ones_and_say_something() {
    let step = |after: &str, text: &str| {
        format!("[[steps]]\nafter = \"{after}\"\ninsert = \"note\"\ntext = \"{text}\"\n\n# -- More")
    };
    accepted(TUF, "# -- More", &step("sign", "Take a breath."));
    refused(TUF, "# -- More", &step("signing", "x"), "steps.1.after", "one of open, room");
    refused(TUF, "# -- More", &step("sign", ""), "steps.1.text", "1 to 400 printable");
    refused(TUF, "# -- More", &step("sign", "a\\nb"), "steps.1.text", "on one line");
}

#[test]
fn waivers_name_findings_once() {
    let waiver = |finding: &str| {
        format!("[[waivers]]\nfinding = \"{finding}\"\nreason = \"x\"\nby = \"Y\"\n\n# -- More")
    };
    accepted(TUF, "# -- More", &waiver("no-window"));
    refused(TUF, "# -- More", &waiver("No window"), "waivers.1.finding", "such as threshold-one");
    let twice = format!("{}\n{}", waiver("no-window"), waiver("no-window"));
    refused(TUF, "# -- More", &twice, "waivers.2", "twice");
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let plan = template(NOTARY)
        .replacen("holder      = \"Custodian C\"", "holder = \"Nobody\"", 1)
        .replacen("name   = \"v1\"", "name = \"-v1\"", 1)
        .replacen("[\"notary\", \"docker\"]", "[\"tough\"]", 1)
        .replacen("keys      = [\"tagging\"]", "keys = [\"tag\"]", 1);
    let errors = Plan::parse(plan.as_bytes()).unwrap_err();
    let fields: Vec<&str> = errors.errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["clients", "keys.root-c.holder", "roles.targets.keys", "targets.1.name"]);
    let lines: Vec<usize> = errors.errors.iter().map(|e| e.position.unwrap().0).collect();
    assert!(lines.is_sorted());
    let text = errors.to_string();
    assert_eq!(text.lines().count(), 4);
    assert!(text.starts_with("line "), "{text}");
}

#[test]
fn a_key_with_another_fault_is_not_called_unknown_as_well() {
    let from = "make        = { pin = \"always\", touch = \"always\" }\n";
    let errors = refused(NOTARY, from, "", "keys.root-a", "none of them");
    assert_eq!(errors.errors.len(), 1, "{errors}");
}
