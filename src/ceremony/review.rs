//! The review: what will be signed, in words, read back from the very bytes.

use crate::tuf::any::AnyDocument;
use crate::tuf::diff::{Change, diff, words};
use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::overlap::overlaps;
use crate::tuf::root::Root;
use crate::tuf::signed::Signed;
use crate::tuf::snapshot::Snapshot;
use crate::tuf::targets::DelegatedRole;
use crate::tuf::time::Timestamp;

use super::before::Anchor;
use super::change::{self, ChangeSet};
use super::engine::State;
use super::plan::{Kind, Plan, What};
use super::scene::{Block, Verdict};

/// What will be signed, line by line, read back from the very bytes.
pub fn review(plan: &Plan, state: &State) -> Vec<Block> {
    if state.before.anchor().is_some() {
        return changes(plan, state);
    }
    let Some(root) = &state.root else { return Vec::new() };
    let mut blocks = vec![
        Block::Heading("root, version 1".to_owned()),
        Block::Rows(vec![("expires".to_owned(), root.expires.at.to_minute())]),
    ];
    blocks.extend(root_roles(plan, state, root));
    for doc in state.recipe.documents.iter().filter(|doc| doc.role != DocRole::Root) {
        let expires = state.facts().base.plus(doc.valid_for).map(Timestamp::to_minute);
        blocks.push(Block::Heading(format!("{}, version 1", doc.role)));
        blocks.push(Block::Rows(vec![("expires".to_owned(), expires.unwrap_or_default())]));
        if doc.role == DocRole::Targets {
            let rows = plan.targets.iter().flat_map(|target| {
                [
                    (target.name.clone(), format!("{} bytes, sha256", target.length)),
                    (String::new(), target.sha256.groups().join(" ")),
                ]
            });
            blocks.push(Block::Text(format!("It signs {} targets:", plan.targets.len())));
            blocks.push(Block::Rows(rows.collect()));
        }
    }
    blocks.extend(later(state));
    blocks
}

/// What each document of a change says otherwise than the one before it, by role and public key; then the roles of the
/// new root as a whole.
fn changes(plan: &Plan, state: &State) -> Vec<Block> {
    let Some(anchor) = state.before.anchor() else { return Vec::new() };
    let mut blocks = vec![Block::Rows(vec![
        ("trusted root".to_owned(), anchor.pinned().digest().groups().join(" ")),
        ("root now".to_owned(), format!("version {}", anchor.root().version)),
    ])];
    blocks.extend(expired(anchor, state.opening.at));
    blocks.extend(after_the_good_state(plan, anchor));
    blocks.extend(shared(plan, state, anchor));
    blocks.extend(bins(plan));
    blocks.extend(lost(plan, anchor));
    for payload in state.change.iter().flat_map(ChangeSet::payloads) {
        let role = &payload.id().role;
        let old = anchor.received(role).and_then(|bytes| AnyDocument::read(bytes).ok());
        let Ok(new) = AnyDocument::read(&payload.envelope(&[])) else { continue };
        match old {
            None => {
                blocks.push(Block::Heading(format!("{role}, version {}: new", new.version())));
            }
            Some(old) => {
                let versions = format!("{role}, version {} -> {}", old.version(), new.version());
                blocks.push(Block::Heading(versions));
                for change in diff(&old, &new, state.facts().base).unwrap_or_default() {
                    blocks.extend(change_block(&change));
                }
            }
        }
        let expires = new.expires().at.to_minute();
        blocks.push(Block::Rows(vec![("expires".to_owned(), expires)]));
    }
    if let Some(root) = &state.root {
        blocks.push(Block::Heading(format!("root, version {}, as a whole", root.version)));
        blocks.extend(root_roles(plan, state, root));
    }
    if state.change.as_ref().is_some_and(|change| change.payloads().is_empty()) {
        let text = "Nothing is signed: the repository is taken over as it is.";
        blocks.push(Block::Text(text.to_owned()));
    }
    blocks.extend(later(state));
    blocks
}

/// What clients refuse already, because it has expired: a reason for the change, and to be known.
fn expired(anchor: &Anchor, at: Timestamp) -> Vec<Block> {
    let mut blocks = Vec::new();
    let root = anchor.root().expires.at;
    if root <= at {
        let end = root.to_minute();
        let text = format!("THE ROOT EXPIRED ON {end}. Every client refuses the repository since.");
        blocks.push(Block::Banner(text));
    }
    let below = anchor.all_delegated().iter().map(|(name, held)| (name.to_string(), held));
    let targets = anchor.targets().map(|held| ("targets".to_owned(), held));
    for (role, held) in targets.into_iter().chain(below) {
        let end = held.body().expires.at;
        if end <= at {
            let text = format!("{role} expired on {}: clients refuse it since.", end.to_minute());
            blocks.push(Block::Mark(Verdict::Warn, text));
        }
    }
    blocks
}

/// One change: dangerous ones are marked, values stand in rows of their own.
fn change_block(changed: &Change) -> Vec<Block> {
    if change::is_rehearsal_mark(changed) {
        let member = change::REHEARSAL_MEMBER;
        let text = format!("marked as a rehearsal's by the member {member}");
        return vec![Block::Mark(Verdict::Pass, text)];
    }
    let mut lines = words::lines(changed).into_iter();
    let first = lines.next().unwrap_or_default();
    let rows: Vec<_> = lines.map(|line| (String::new(), line)).collect();
    let head = if changed.is_danger() {
        Block::Mark(Verdict::Warn, first)
    } else {
        Block::Rows(vec![("*".to_owned(), first)])
    };
    let mut blocks = vec![head];
    if !rows.is_empty() {
        blocks.push(Block::Rows(rows));
    }
    blocks
}

/// What was signed since the last state that is known to be good, delegations first: dropped, unless the plan keeps it.
fn after_the_good_state(plan: &Plan, anchor: &Anchor) -> Vec<Block> {
    if plan.kind != Kind::RotateTagging {
        return Vec::new();
    }
    if anchor.good().is_none() {
        let text = "No known-good state was named: every tag and every delegation below was signed by a \
                    key that somebody else may have. Read each of them.";
        let mut blocks = vec![Block::Mark(Verdict::Warn, text.to_owned())];
        blocks.extend(everything(plan, anchor));
        return blocks;
    }
    let dropped = change::dropped(plan, anchor);
    let mut blocks = vec![Block::Heading("signed since the known-good state".to_owned())];
    if dropped.is_empty() {
        blocks.push(Block::Mark(Verdict::Pass, "Nothing was changed since.".to_owned()));
    }
    for found in dropped {
        let what = match &found.what {
            What::Delegation(name) => format!("delegation {name}"),
            What::Target { name, .. } => format!("target {name}"),
        };
        blocks.push(if found.kept {
            Block::Mark(Verdict::Warn, format!("{what}: {}; KEPT by the plan", found.how))
        } else {
            Block::Mark(Verdict::Pass, format!("{what}: {}; undone", found.how))
        });
    }
    for kept in &plan.kept {
        let what = match &kept.what {
            What::Delegation(name) => format!("delegation {name}"),
            What::Target { name, .. } => format!("target {name}"),
        };
        blocks.push(Block::Rows(vec![(what, format!("{} ({})", kept.reason, kept.by))]));
    }
    blocks
}

/// Every delegation and every target that will be signed again, delegations first.
fn everything(plan: &Plan, anchor: &Anchor) -> Vec<Block> {
    let delegations = change::planned_delegations(plan, anchor);
    let mut blocks = vec![Block::Heading(format!("all {} delegations", delegations.len()))];
    for role in &delegations {
        let (who, threshold) = match anchor.delegation(&role.name) {
            None => (Vec::new(), role.keys.threshold.0),
            Some((_, listed, now)) => {
                let keys = now.keys.keyids.iter().filter_map(|id| listed.keys.get(id));
                let keys = keys.map(|key| key.public.fingerprint().digest().groups().join(" "));
                (keys.collect(), now.keys.threshold.0)
            }
        };
        let mut rows = vec![
            (role.name.to_string(), format!("threshold {threshold}")),
            ("paths".to_owned(), paths(role)),
        ];
        rows.extend(who.into_iter().map(|key| ("key".to_owned(), key)));
        blocks.push(Block::Rows(rows));
    }
    let targets = change::planned_targets(plan, anchor, &RoleName::targets()).unwrap_or_default();
    blocks.push(Block::Heading(format!("all {} targets", targets.len())));
    let rows = targets.iter().flat_map(|(name, file)| {
        let sha256 = file.hashes.get("sha256").and_then(|raw| raw.as_slice().try_into().ok());
        let digest = sha256.map(|raw| Digest::from_bytes(raw).groups().join(" "));
        [
            (name.into_owned(), format!("{} bytes", file.length)),
            (String::new(), digest.unwrap_or_else(|| "no sha256".to_owned())),
        ]
    });
    blocks.push(Block::Rows(rows.collect()));
    blocks
}

fn paths(role: &DelegatedRole) -> String {
    let prefixes = role.path_hash_prefixes.iter().flatten();
    let prefixes = prefixes.map(|prefix| format!("hash {prefix}"));
    let all = role.paths.iter().flatten().map(|path| format!("{path:?}")).chain(prefixes);
    let end = if role.terminating == Some(true) { "; the search ends here" } else { "" };
    format!("{}{end}", all.collect::<Vec<_>>().join(", "))
}

/// Which delegations of the new targets share paths, in the order in which they are asked.
fn shared(plan: &Plan, state: &State, anchor: &Anchor) -> Vec<Block> {
    if !state.recipe.makes(&DocRole::Targets) || plan.delegations.is_empty() {
        return Vec::new();
    }
    let dialect = plan.repository.dialect;
    let all = change::planned_delegations(plan, anchor);
    let mut blocks = vec![Block::Heading("who is asked for which paths, in this order".to_owned())];
    blocks.push(Block::Rows(all.iter().map(|role| (role.name.to_string(), paths(role))).collect()));
    let shared = overlaps(dialect, &all).pairs.into_iter();
    blocks.extend(
        shared.map(|pair| Block::Text(format!("{} and {} share paths", pair.first, pair.second))),
    );
    blocks
}

/// Hash bins as they will be.
fn bins(plan: &Plan) -> Vec<Block> {
    let Some(planned) = &plan.bins else { return Vec::new() };
    let keys: Vec<&str> = planned.keys.iter().map(KeyName::as_str).collect();
    vec![
        Block::Heading("hash bins, in the place of delegations with names".to_owned()),
        Block::Rows(vec![
            (
                planned.prefix.to_string(),
                format!(
                    "{} bins, by the first {} bits of SHA-256 of a path",
                    1_u64 << planned.bits,
                    planned.bits
                ),
            ),
            ("keys".to_owned(), format!("{} of {}", planned.threshold, keys.join(", "))),
        ]),
    ]
}

/// What is found no more because a delegation goes, name by name.
fn lost(plan: &Plan, anchor: &Anchor) -> Vec<Block> {
    let mut blocks = Vec::new();
    for removed in &plan.removed {
        let What::Delegation(name) = &removed.what else { continue };
        let names = change::lost_with(plan, anchor, name).unwrap_or_default();
        if !names.is_empty() {
            blocks.push(Block::Heading(format!("{} targets go with {name}", names.len())));
            blocks.push(Block::Rows(names.into_iter().map(|name| (name, String::new())).collect()));
        }
    }
    blocks
}

/// The roles of a root: thresholds, keys, holders.
fn root_roles(plan: &Plan, state: &State, root: &Root) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (name, role) in &root.roles {
        let mut rows = vec![(
            format!("role {name}"),
            format!("{} of {} keys must sign", role.threshold.0, role.keyids.len()),
        )];
        for listed in role.keyids.iter().filter_map(|id| root.keys.get(id)) {
            let fingerprint = listed.public.fingerprint();
            let known = state
                .roster
                .keys
                .iter()
                .find(|(_, enrolled)| enrolled.key().fingerprint() == fingerprint)
                .map(|(name, _)| name);
            let holder = known
                .and_then(|name| plan.key(name))
                .and_then(|key| key.holder.as_ref())
                .map_or_else(|| "held elsewhere".to_owned(), ToString::to_string);
            rows.push((
                known.map(ToString::to_string).unwrap_or_default(),
                format!("{}, {holder}", listed.public.algorithm()),
            ));
            rows.push((String::new(), fingerprint.digest().groups().join(" ")));
        }
        blocks.push(Block::Rows(rows));
    }
    blocks
}

/// What is signed later, here or online.
fn later(state: &State) -> Vec<Block> {
    let mut blocks = Vec::new();
    for doc in &state.recipe.closing {
        let text = format!("{} hashes what is signed now, and is reviewed after that", doc.role);
        blocks.push(Block::Mark(Verdict::Unknown, text));
    }
    for role in &state.recipe.pending {
        let text = format!("{role} is signed later, by the online side");
        blocks.push(Block::Mark(Verdict::Unknown, text));
    }
    blocks
}

/// What the documents that hash signed ones say, line by line, read back from the very bytes.
pub fn closing_review(plan: &Plan, state: &State) -> Vec<Block> {
    let payloads = state.closing.iter().flat_map(ChangeSet::payloads);
    payloads
        .flat_map(|payload| {
            let bytes = payload.envelope(&[]);
            let Ok(read) = Signed::<Snapshot>::read(plan.repository.dialect, &bytes) else {
                return Vec::new();
            };
            let body = read.peek();
            let mut rows = vec![("expires".to_owned(), body.expires.at.to_minute())];
            for (name, file) in &body.meta {
                let length = file.length.unwrap_or_default();
                rows.push((name.clone(), format!("{length} bytes, as just signed; sha256")));
                let sha256 = file
                    .hashes
                    .get("sha256")
                    .and_then(|raw| Some(Digest::from_bytes(raw.as_slice().try_into().ok()?)));
                rows.push((
                    String::new(),
                    sha256.map(|digest| digest.groups().join(" ")).unwrap_or_default(),
                ));
            }
            vec![
                Block::Heading(format!("{}, version {}", payload.id().role, body.version)),
                Block::Rows(rows),
            ]
        })
        .collect()
}
