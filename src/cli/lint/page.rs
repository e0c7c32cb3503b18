//! The page that lists every finding: `docs/lints.md` is made from it.

use std::fmt::Write as _;

use crate::ceremony::check::table::PLAN_RULES;
use crate::tuf::lint::{RULES, Rule, Severity};

/// The page, in Markdown.
pub(super) fn page() -> String {
    let mut page = String::from(PLANS);
    for rule in PLAN_RULES {
        let scope =
            if rule.scope.is_empty() { String::new() } else { format!(" ({})", rule.scope) };
        let waivable = match rule.waivable {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let _ = writeln!(
            page,
            "| `{}`{scope} | {} | {waivable} | {} |",
            rule.name, rule.verdict, rule.stops
        );
    }
    page.push_str(DOCUMENTS);
    page.push_str(HEADING);
    for rule in RULES.iter().filter(|rule| rule.clients.is_empty()) {
        line(rule, "", &mut page);
    }
    page.push_str(CLIENTS);
    for rule in RULES.iter().filter(|rule| !rule.clients.is_empty()) {
        let clients = rule.clients.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        line(rule, &format!("{clients} | "), &mut page);
    }
    page
}

fn line(rule: &Rule, clients: &str, page: &mut String) {
    let _ = writeln!(
        page,
        "| `{}` | {clients}{} | {} | {} | {} |",
        rule.name,
        word(rule.tuf1),
        word(rule.notary1),
        rule.reason,
        rule.fix
    );
}

fn word(severity: Option<Severity>) -> String {
    severity.map_or_else(String::new, |severity| severity.to_string())
}

const PLANS: &str = "# What do check and lint object to?

This page is made by `anchorite lint --rules`.

## Plans

`anchorite plan check` raises findings by stable names. A FAIL refuses; a plan may waive some by name, with a reason and a person.
`[room-NAME]` waivers concern the room checks (`network-interface`, `default-route`, `swap`, `clock`, `traced`). The clients that a
plan names are asked too: what they would refuse in the drafted documents is raised under the names of the last table.

| name | verdict | waivable | stops |
|---|---|---|---|
";

const DOCUMENTS: &str = "
## Documents

`anchorite lint FILE|DIR…` judges documents of either dialect, alone and side by side; what lies in one folder is one
repository. Everything that is read although it is odd is a finding. Exit code 3 when one is a FAIL; `--strict` counts WARN too.
An older version of a document is not asked for its expiry. With `--ours FILE`, one fingerprint a line, earlier roots are
judged by the keys that you hold; without it, by the keys of the newest root. `--gun NAME` says which repository the certificates
must be for. A holder who alone reaches a threshold is found by `plan check`: documents do not say who holds a key.

";

const HEADING: &str = "| name | tuf1 | notary1 | why | what to do |
|---|---|---|---|---|
";

const CLIENTS: &str = "
## Clients

What single clients refuse, though the specification allows it. These are notes, unless the client is named with `--profile`
(once or more) or in a plan: then only the named ones are asked, and the finding counts in full.

| name | clients | tuf1 | notary1 | why | what to do |
|---|---|---|---|---|---|
";
