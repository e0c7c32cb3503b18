//! Changes in words.

use super::super::key::{Fingerprint, KeyId};
use super::super::name::RoleName;
use super::Change;

/// The lines for one change: the first says what, the others show values. Not yet escaped.
#[expect(clippy::too_many_lines, reason = "one arm for each change, and nothing else")]
pub fn lines(change: &Change) -> Vec<String> {
    match change {
        Change::Version { from, to } => vec![format!("version {from} -> {to}{}", jump(*from, *to))],
        Change::Expires { from, to, beyond_policy } => {
            let beyond = if *beyond_policy { ": longer than policy allows" } else { "" };
            vec![format!("expires {} -> {}{beyond}", from.to_minute(), to.to_minute())]
        }
        Change::SpecVersion { from, to } => {
            vec![format!("spec_version {} -> {}", or_none(from.as_ref()), or_none(to.as_ref()))]
        }
        Change::ConsistentSnapshot { to: true } => {
            vec!["consistent snapshots switched on: clients ask for other file names".to_owned()]
        }
        Change::ConsistentSnapshot { to: false } => {
            vec!["consistent snapshots switched off: clients ask for other file names".to_owned()]
        }
        Change::RoleAdded { role, threshold, keys } => {
            let first = format!("role {role} added: {threshold} of {} keys", keys.len());
            vec![first].into_iter().chain(keys.iter().map(key)).collect()
        }
        Change::RoleRemoved { role } => vec![format!("role {role} removed")],
        Change::Threshold { role, from, to } if to < from => {
            vec![format!("role {role}: threshold LOWERED {from} -> {to}")]
        }
        Change::Threshold { role, from, to } => {
            vec![format!("role {role}: threshold raised {from} -> {to}")]
        }
        Change::KeyAdded { role, key: it, ids } => {
            vec![format!("role {role}: key added"), key(it), ids_of(ids)]
        }
        Change::KeyRemoved { role, key: it, ids } => {
            vec![format!("role {role}: key removed"), key(it), ids_of(ids)]
        }
        Change::AllKeysReplaced { role, before, now } => vec![format!(
            "role {role}: ALL KEYS REPLACED, {before} before, {now} now, none in common"
        )],
        Change::KeyRenamed { role, key: it, from, to } => vec![
            format!("role {role}: key kept under another id"),
            key(it),
            format!("{} before", ids_of(from)),
            format!("{} now", ids_of(to)),
        ],
        Change::CertificateReplaced { role, key: it, from, to } => {
            let earlier = if to < from { ", EARLIER than before" } else { "" };
            vec![
                format!("role {role}: key kept, in another certificate"),
                key(it),
                format!("it ends {} -> {}{earlier}", from.to_minute(), to.to_minute()),
            ]
        }
        Change::KeyBytes { id, from, to } => vec![
            format!("ANOTHER KEY under the same id {id}"),
            format!("{} before", key(from)),
            format!("{} now", key(to)),
        ],
        Change::KeyObject { id, key: it } => {
            vec![format!("key object {id} written otherwise, the key is the same"), key(it)]
        }
        Change::UnusedKeyAdded { id, key: it } => {
            vec![format!("key {id} listed, no role names it"), key(it)]
        }
        Change::UnusedKeyRemoved { id, key: it } => {
            vec![format!("key {id} listed no more, no role named it"), key(it)]
        }
        Change::DelegationAdded { role, threshold, keys, paths } => {
            let first = format!("delegation to {role} added: {threshold} of {} keys", keys.len());
            let listed = keys.iter().map(key);
            vec![first]
                .into_iter()
                .chain(listed)
                .chain([format!("for {}", quoted(paths))])
                .collect()
        }
        Change::DelegationRemoved { role } => vec![format!("delegation to {role} removed")],
        Change::PathsAdded { role, paths } => {
            vec![format!("delegation to {role} WIDENED by {}", quoted(paths))]
        }
        Change::PathsRemoved { role, paths } => {
            vec![format!("delegation to {role} narrowed by {}", quoted(paths))]
        }
        Change::Terminating { role, to } => {
            let now = if *to == Some(true) { "terminating" } else { "no longer terminating" };
            vec![format!("delegation to {role} is {now}: others are asked for its targets, or not")]
        }
        Change::DelegationOrder { from, to } => {
            let names = |roles: &[RoleName]| {
                roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            };
            vec![
                "delegations are asked in another order".to_owned(),
                format!("{} before", names(from)),
                format!("{} now", names(to)),
            ]
        }
        Change::Bins { from, to } => vec![
            "hash bins changed".to_owned(),
            format!("{} before", or_none(from.as_ref())),
            format!("{} now", or_none(to.as_ref())),
        ],
        Change::TargetAdded { name, hash } => vec![format!("target {name} added"), hash.clone()],
        Change::TargetRemoved { name, hash } => {
            vec![format!("target {name} removed"), hash.clone()]
        }
        Change::TargetMoved { name, from, to } => vec![
            format!("target {name} MOVED to other content"),
            format!("{from} before"),
            format!("{to} now"),
        ],
        Change::TargetDescribed { name } => {
            vec![format!("target {name}: the same content, described otherwise")]
        }
        Change::MetaAdded { name, version } => {
            vec![format!("{name} named{}", at_version(*version))]
        }
        Change::MetaRemoved { name } => vec![format!("{name} NAMED NO MORE")],
        Change::MetaChanged { name, from: Some(from), to: Some(to) } => {
            let lower = if to < from { ", LOWER than before" } else { "" };
            vec![format!("{name}: version {from} -> {to}{lower}")]
        }
        Change::MetaChanged { name, from: None | Some(_), to: None | Some(_) } => {
            vec![format!("{name}: other content")]
        }
        Change::UnknownMember { member, from, to } => vec![
            format!("unknown member {member} changed"),
            format!("{} before", or_none(from.as_ref())),
            format!("{} now", or_none(to.as_ref())),
        ],
    }
}

fn jump(from: u64, to: u64) -> &'static str {
    match from.checked_add(1) {
        Some(next) if next == to => "",
        Some(_) | None if to < from => ": it goes BACK",
        Some(_) | None => ": it jumps",
    }
}

fn or_none(text: Option<&String>) -> &str {
    text.map_or("nothing", String::as_str)
}

fn key(key: &Fingerprint) -> String {
    key.digest().groups().join(" ")
}

fn ids_of(ids: &[KeyId]) -> String {
    let ids: Vec<_> = ids.iter().map(KeyId::as_str).collect();
    format!("id {}", ids.join(", "))
}

fn quoted(paths: &[String]) -> String {
    match paths {
        [] => "no path".to_owned(),
        _ => paths.iter().map(|path| format!("\"{path}\"")).collect::<Vec<_>>().join(", "),
    }
}

fn at_version(version: Option<u64>) -> String {
    version.map(|version| format!(", version {version}")).unwrap_or_default()
}
