//! What was drafted and signed, as our own clients see it: for the review, for the export, and for the check.

mod profile;

use std::collections::BTreeSet;

use crate::tuf::client::{self, Walk, WalkVerdict};
use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::name::RoleName;
use crate::tuf::payload::Draft;
use crate::tuf::root::{Expires, Root};
use crate::tuf::signed::Signed;
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Candidate};

use super::check::Finding;
use super::engine::{Engine, State};
use super::plan::{Plan, SignedWhere};
use super::scene::{Block, Verdict};
use super::twin::Twin;

pub(super) use profile::is_of_a_client;

/// The names of the keys whose signatures on a document count, by the authority that the new root states.
pub fn tally(state: &State, role: &DocRole) -> Vec<String> {
    let counted = || {
        let root = state.root.as_ref()?;
        let authority = Authority::stated_by(root, &role.role_name()?).ok()?;
        let payload = state.payload(role)?;
        Some(authority.tally_over(payload.to_sign(), &state.counted(role)))
    };
    let good = counted().map(|tally| tally.good).unwrap_or_default();
    good.into_iter()
        .filter_map(|counted| {
            let known = |(_, key): &(&_, &super::roster::Enrolled)| {
                key.key().fingerprint() == counted.fingerprint
            };
            state.roster.keys.iter().find(known).map(|(name, _)| name.to_string())
        })
        .collect()
}

/// The new root, read back from the bytes that will be signed.
pub(super) fn drafted_root(plan: &Plan, state: &State) -> Option<Root> {
    let payload = state.change.as_ref()?.payload(&DocRole::Root)?;
    let bytes = payload.envelope(&[]);
    Some(Signed::<Root>::read(plan.repository.dialect, &bytes).ok()?.peek().clone())
}

/// What will be signed, line by line, read back from the very bytes.
pub fn review(plan: &Plan, state: &State) -> Vec<Block> {
    let Some(root) = &state.root else { return Vec::new() };
    let mut blocks = vec![
        Block::Heading("root, version 1".to_owned()),
        Block::Rows(vec![("expires".to_owned(), root.expires.at.to_minute())]),
    ];
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
    for doc in state.recipe.documents.iter().filter(|doc| doc.role != DocRole::Root) {
        let expires = state.facts().base.plus(doc.valid_for).map(Timestamp::to_minute);
        blocks.push(Block::Heading(format!("{}, version {}", doc.role, doc.version)));
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
    let payloads = state.closing.iter().flat_map(super::change::ChangeSet::payloads);
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

/// What a fresh client says of the signed documents, as far as they exist.
pub fn blocks(plan: &Plan, state: &State) -> Vec<Block> {
    let at = state.opening.at;
    match walked(plan, &state.served, at) {
        Err(why) => vec![Block::Mark(Verdict::Fail, why)],
        Ok(walk) => walk
            .steps
            .iter()
            .map(|step| match &step.verdict {
                WalkVerdict::Accepted(words) => {
                    Block::Mark(Verdict::Pass, format!("{}: {words}", step.document))
                }
                WalkVerdict::Pending => Block::Mark(
                    Verdict::Unknown,
                    format!("{}: pending, the online side signs it", step.document),
                ),
                WalkVerdict::Told(told) => {
                    Block::Mark(Verdict::Warn, format!("{}: {told}", step.document))
                }
                WalkVerdict::Refused(why) | WalkVerdict::Dropped(why) => {
                    Block::Mark(Verdict::Fail, format!("{}: refused: {why}", step.document))
                }
            })
            .collect(),
    }
}

/// Why a fresh client refuses what was signed; nothing where it accepts it.
pub fn refused(plan: &Plan, state: &State) -> Option<String> {
    match walked(plan, &state.served, state.opening.at) {
        Err(why) => Some(why),
        Ok(walk) => first_refusal(&walk),
    }
}

fn first_refusal(walk: &Walk) -> Option<String> {
    walk.steps.iter().find_map(|step| match &step.verdict {
        WalkVerdict::Refused(why) | WalkVerdict::Dropped(why) => {
            Some(format!("{}: {why}", step.document))
        }
        WalkVerdict::Accepted(_) | WalkVerdict::Pending | WalkVerdict::Told(_) => None,
    })
}

type Served = std::collections::BTreeMap<String, Vec<u8>>;

fn walked(plan: &Plan, served: &Served, at: Timestamp) -> Result<Walk, String> {
    let dialect = plan.repository.dialect;
    let first = match dialect {
        Dialect::Tuf1 => "1.root.json",
        Dialect::Notary1 => "root.json",
    };
    let bytes = served.get(first).ok_or_else(|| format!("{first} is not there"))?;
    let candidate = Candidate::read(dialect, bytes).map_err(|why| format!("{first}: {why}"))?;
    if dialect == Dialect::Notary1 {
        client::certificates_fit(candidate.peek(), plan.repository.name.as_str())
            .map_err(|why| format!("{first}: {why}"))?;
    }
    let root = candidate.trusted_on_first_use().map_err(|why| format!("{first}: {why}"))?;
    let pending: BTreeSet<RoleName> = plan
        .roles
        .iter()
        .filter(|(_, role)| role.signed == SignedWhere::Online)
        .map(|(name, _)| name.clone())
        .collect();
    Ok(client::walk(dialect, root, &mut served.clone(), at, &pending))
}

/// Walks what a check's own run made to its end, with a stand-in for the online side.
pub(super) fn findings(engine: &Engine, twin: &Twin, at: Timestamp) -> Vec<Finding> {
    let plan = engine.plan();
    let mut served = engine.served().clone();
    if let Err(why) = serve_online(plan, engine, twin, &mut served) {
        return vec![finding(Verdict::Unknown, "client-not-walked", why)];
    }
    let mut whole = plan.clone();
    for role in whole.roles.values_mut() {
        role.signed = SignedWhere::Here;
    }
    let mut raised = profile::findings(plan, &served, at);
    raised.push(match walked(&whole, &served, at) {
        Err(why) => finding(Verdict::Fail, "client-refuses", why),
        Ok(walk) => match first_refusal(&walk) {
            Some(why) => finding(Verdict::Fail, "client-refuses", why),
            None => finding(
                Verdict::Pass,
                "client-accepts",
                format!("A fresh client accepts all {} documents.", walk.steps.len()),
            ),
        },
    });
    raised
}

fn finding(verdict: Verdict, name: &str, text: String) -> Finding {
    Finding {
        verdict,
        name: name.to_owned(),
        about: "client".to_owned(),
        text,
        only_real: false,
        waived_by: None,
    }
}

/// Signs what the online side would sign, with the twin's stand-ins.
fn serve_online(
    plan: &Plan,
    engine: &Engine,
    twin: &Twin,
    served: &mut Served,
) -> Result<(), String> {
    let record = engine.record();
    let far = record.facts().base.plus_seconds(10 * 365 * 86_400);
    let expires = Expires::new(far.ok_or("the base is beyond what can be written")?);
    for role in [RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()] {
        if !record.recipe.pending.contains(&role) {
            continue;
        }
        let doc_role: DocRole = role.as_str().parse().map_err(|_| "not a role".to_owned())?;
        let id =
            DocId { repository: plan.repository.name.clone(), role: doc_role.clone(), version: 1 };
        let spec_version = match plan.repository.dialect {
            Dialect::Tuf1 => Some("1.0.0".to_owned()),
            Dialect::Notary1 => None,
        };
        let dialect = plan.repository.dialect;
        let expires = expires.clone();
        let unknown = std::collections::BTreeMap::new();
        let payload = match doc_role {
            DocRole::Snapshot => {
                let meta = meta(plan, served, &["root", "targets"]);
                let body = Snapshot { version: 1, expires, meta, spec_version, unknown };
                Draft::new(id, dialect, body).payload()
            }
            DocRole::Timestamp => {
                let meta = meta(plan, served, &["snapshot"]);
                let body = Timestamped { version: 1, expires, meta, spec_version, unknown };
                Draft::new(id, dialect, body).payload()
            }
            DocRole::Root | DocRole::Targets | DocRole::Delegated(_) | DocRole::Certificate(_) => {
                let body = crate::tuf::targets::Targets {
                    version: 1,
                    expires,
                    targets: crate::tuf::table::TargetTable::default(),
                    delegations: Some(crate::tuf::targets::Delegations::default()),
                    spec_version,
                    unknown,
                };
                Draft::new(id, dialect, body).payload()
            }
        };
        let payload = payload.map_err(|why| format!("{role}: {why}"))?;
        let planned = plan.roles.get(&role).ok_or("the role is not planned")?;
        let mut signatures = Vec::new();
        for name in &planned.keys {
            let forged = twin.key(name).ok_or_else(|| format!("{name} cannot be played"))?;
            let (id, _) =
                super::change::listed(plan, &record.roster, name).map_err(|why| why.to_string())?;
            signatures.push((id, forged.for_dialect(dialect).sign(payload.to_sign())));
        }
        let bytes = payload.envelope(&signatures);
        for name in super::engine::file_name(plan, payload_role(&payload)) {
            served.insert(name, bytes.clone());
        }
    }
    Ok(())
}

fn payload_role(payload: &crate::tuf::payload::Payload) -> &DocRole {
    &payload.id().role
}

/// What a snapshot or timestamp says of the documents that are there.
fn meta(
    plan: &Plan,
    served: &Served,
    roles: &[&str],
) -> std::collections::BTreeMap<String, MetaFile> {
    roles
        .iter()
        .filter_map(|role| match plan.repository.dialect {
            Dialect::Tuf1 if *role == "root" => None,
            Dialect::Tuf1 => {
                Some((format!("{role}.json"), MetaFile { version: Some(1), ..MetaFile::default() }))
            }
            Dialect::Notary1 => {
                let bytes = served.get(&format!("{role}.json"))?;
                Some(((*role).to_owned(), MetaFile::of(bytes)))
            }
        })
        .collect()
}
