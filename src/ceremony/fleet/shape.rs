//! The shape of a change: what it says, without what is one repository's own.

use std::collections::BTreeMap;

use crate::tuf::any::AnyDocument;
use crate::tuf::diff::{Change, diff, words};

use crate::tuf::name::RoleName;

use super::super::change::{ChangeSet, is_rehearsal_mark};
use super::super::plan::{Plan, What};
use super::super::roster::{Facts, Roster};
use super::member::Member;

/// What a change says, and what was taken out of that because it is the repository's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shaped {
    /// The lines that people read once for all members.
    pub lines: Vec<String>,
    /// The repository's own values, in the order of the lines.
    pub own: Vec<String>,
}

/// Stands for a value that is the repository's own.
const OWN: &str = "(its own)";

/// Takes the shape of a drafted change.
pub fn shape(member: &Member, change: &ChangeSet, roster: &Roster, facts: &Facts) -> Shaped {
    let names: BTreeMap<String, String> = roster
        .keys
        .iter()
        .map(|(name, enrolled)| {
            (enrolled.key().fingerprint().digest().groups().join(" "), name.to_string())
        })
        .collect();
    let mut shaped = Shaped { lines: Vec::new(), own: Vec::new() };
    shaped.lines.push(format!("a {} repository", member.plan().repository.dialect));
    for payload in change.payloads() {
        let role = &payload.id().role;
        let old = member.anchor().and_then(|anchor| anchor.received(role));
        let old = old.and_then(|bytes| AnyDocument::read(bytes).ok());
        let Ok(new) = AnyDocument::read(&payload.envelope(&[])) else { continue };
        let Some(old) = old else {
            shaped.lines.push(format!("{role}: new, version {}", new.version()));
            continue;
        };
        shaped.lines.push(format!("{role}:"));
        let plan = member.plan();
        for change in diff(&old, &new, facts.base).unwrap_or_default() {
            if !shaped.add_named(&change, plan) {
                shaped.add(&change, &names);
            }
        }
    }
    shaped
}

impl Shaped {
    /// Targets, and delegations that the plan does not name, are the repository's own: the shape says what is done, and
    /// beside the member's name stands to which. Says whether the change is of this kind.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other change is told in full")]
    fn add_named(&mut self, change: &Change, plan: &Plan) -> bool {
        let mark = if change.is_danger() { "  [!!] " } else { "  " };
        let (does, name) = match change {
            Change::TargetAdded { name, .. } => ("targets are added", name.as_str()),
            Change::TargetRemoved { name, .. } => ("targets are taken out", name.as_str()),
            Change::TargetMoved { name, .. } => ("targets get other content", name.as_str()),
            Change::TargetDescribed { name } => ("targets are described otherwise", name.as_str()),
            Change::DelegationRemoved { role } if !named(plan, role) => {
                ("delegations are taken out", role.as_str())
            }
            Change::DelegationAdded { role, .. } if !named(plan, role) => {
                ("delegations come back", role.as_str())
            }
            _ => return false,
        };
        let line = format!("{mark}{does}: {OWN}");
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
        self.own.push(match change {
            // Who may sign for it counts, not what it is called.
            Change::DelegationAdded { .. } => {
                format!("{does}: {}", words::lines(change).join("; "))
            }
            _ => format!("{does}: {name:?}"),
        });
        true
    }

    fn add(&mut self, change: &Change, names: &BTreeMap<String, String>) {
        if is_rehearsal_mark(change) {
            self.lines.push("  marked as a rehearsal's".to_owned());
            return;
        }
        let mark = if change.is_danger() { "  [!!] " } else { "  " };
        if let Change::Version { from, to } = change {
            let says = match from.checked_add(1) {
                Some(next) if next == *to => "one version more".to_owned(),
                Some(_) | None => words::lines(change).concat(),
            };
            self.lines.push(format!("{mark}{says}"));
            self.own.push(format!("version {from} -> {to}"));
            return;
        }
        if let Change::Expires { from, to, beyond_policy } = change {
            let beyond = if *beyond_policy { ": longer than policy allows" } else { "" };
            self.lines.push(format!("{mark}expires {}{beyond}", to.to_minute()));
            self.own.push(format!("until now valid to {}", from.to_minute()));
            return;
        }
        for line in words::lines(change) {
            if let Some(name) = names.get(&line) {
                self.lines.push(format!("{mark}  the key {name}"));
            } else if line.starts_with("id ") {
                // What a document calls a key follows from the key.
            } else if is_own(&line) {
                self.lines.push(format!("{mark}  {OWN}"));
                self.own.push(line);
            } else {
                self.lines.push(format!("{mark}{line}"));
            }
        }
    }
}

/// Whether the plan names a delegation.
fn named(plan: &Plan, role: &RoleName) -> bool {
    let removed = plan.removed.iter().any(|removed| match &removed.what {
        What::Delegation(name) => name == role,
        What::Target { .. } => false,
    });
    removed || plan.delegations.iter().any(|planned| planned.name == *role)
}

/// Whether a line holds a digest, in groups or as a whole.
fn is_own(line: &str) -> bool {
    let hex = |word: &str| word.bytes().all(|b| b.is_ascii_hexdigit());
    let groups = line.split(' ').filter(|word| word.len() == 4 && hex(word)).count();
    groups >= 16 || line.split([' ', ',', ':']).any(|word| word.len() >= 64 && hex(word))
}
