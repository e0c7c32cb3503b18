//! What the clients that a plan names object to in the documents that its twin drafted.

use std::collections::BTreeSet;

use crate::tuf::any::AnyDocument;
use crate::tuf::lint::{self, Asked, RULES, Severity, Subject, lint};
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;

use super::super::check::Finding;
use super::super::plan::{Client, Plan};
use super::super::scene::Verdict;
use super::Served;

/// Whether a finding is one about single clients.
pub(in crate::ceremony) fn is_of_a_client(name: &str) -> bool {
    RULES.iter().any(|rule| !rule.clients.is_empty() && rule.name == name)
}

/// Asks the clients that the plan names, and puts the plan's waivers in.
pub(super) fn findings(plan: &Plan, served: &Served, at: Timestamp) -> Vec<Finding> {
    let clients: BTreeSet<lint::Client> = plan.clients.iter().map(|client| of(*client)).collect();
    if clients.is_empty() {
        return Vec::new();
    }
    let asked = Asked { at, clients, ours: None, gun: None };
    let mut seen = BTreeSet::new();
    // A document is served under several names.
    let documents: Vec<(String, RoleName, AnyDocument)> = served
        .iter()
        .filter_map(|(name, bytes)| Some((name.clone(), AnyDocument::read(bytes).ok()?)))
        .filter(|(_, document)| seen.insert(document.digest()))
        .map(|(name, document)| {
            let role = document.role().unwrap_or_else(RoleName::targets);
            (name, role, document)
        })
        .collect();
    let subjects: Vec<Subject<'_>> = documents
        .iter()
        .map(|(name, role, document)| Subject { name, repository: "", role, document })
        .collect();
    let raised = lint(&subjects, &asked);
    let mut findings: Vec<Finding> = raised
        .iter()
        .filter(|found| !found.clients.is_empty())
        .map(|found| of_plan(plan, found))
        .collect();
    let unused = plan.waivers.iter().filter(|waiver| {
        is_of_a_client(&waiver.finding) && !findings.iter().any(|f| f.name == waiver.finding)
    });
    let unused: Vec<_> = unused
        .map(|waiver| Finding {
            verdict: Verdict::Warn,
            name: "waiver-without-finding".to_owned(),
            about: waiver.finding.clone(),
            text: "The plan waives what was not found.".to_owned(),
            only_real: false,
            waived_by: None,
        })
        .collect();
    findings.extend(unused);
    findings
}

/// A finding on a document as one on the plan.
fn of_plan(plan: &Plan, found: &lint::Finding) -> Finding {
    let waived_by = plan.waiver(found.rule.name).map(|waiver| waiver.by.to_string());
    let verdict = match (found.severity, &waived_by) {
        (Severity::Fail, None) => Verdict::Fail,
        (Severity::Fail, Some(_)) | (Severity::Warn, _) => Verdict::Warn,
        (Severity::Note, _) => Verdict::Pass,
    };
    let clients = found.clients.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Finding {
        verdict,
        name: found.rule.name.to_owned(),
        about: format!("{clients}, {}", found.document),
        text: format!("{} Found: {}. {}", found.rule.reason, found.found, found.rule.fix),
        only_real: false,
        waived_by,
    }
}

const fn of(client: Client) -> lint::Client {
    match client {
        Client::Notary => lint::Client::Notary,
        Client::Docker => lint::Client::Docker,
        Client::PythonTuf => lint::Client::PythonTuf,
        Client::GoTuf => lint::Client::GoTuf,
        Client::TufJs => lint::Client::TufJs,
        Client::Tough => lint::Client::Tough,
        Client::RustTuf => lint::Client::RustTuf,
    }
}
