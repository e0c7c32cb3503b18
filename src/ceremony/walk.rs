//! What was signed, as our own clients see it: for the export and for the check. A fresh client walks it, and so does a
//! client at every earlier root that is at hand.

mod profile;

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::bins::Bins;
use crate::tuf::client::{self, Walk, WalkVerdict};
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::forge::ForgedKey;
use crate::tuf::name::RoleName;
use crate::tuf::payload::{Draft, Payload};
use crate::tuf::root::{Expires, Root};
use crate::tuf::signed::Signed;
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Candidate, TrustedRoot};

use super::before::{Anchor, Before};
use super::check::Finding;
use super::engine::{Engine, State};
use super::plan::{Kind, Plan};
use super::recipe::Recipe;
use super::scene::{Block, Verdict};
use super::twin::Twin;

pub(super) use profile::is_of_a_client;

type Served = BTreeMap<String, Vec<u8>>;

/// What a client finds after publishing: the documents before with the new ones in their place. Snapshot and timestamp
/// of before say nothing of new documents, and the online side signs them again and again, so they are not among them.
pub(super) fn published(plan: &Plan, before: &Before, new: &Served) -> Served {
    let mut all = before.anchor().map(|anchor| anchor.files().clone()).unwrap_or_default();
    all.retain(|name, _| {
        let bare = name.strip_suffix(".json").unwrap_or(name);
        let bare = bare.rsplit_once('.').map_or(bare, |(_, rest)| rest);
        !matches!(bare, "snapshot" | "timestamp")
    });
    // Nobody asks for an older version any more, roots excepted.
    let role = |name: &str| name.split_once('.').map(|(_, role)| role.to_owned());
    let again: BTreeSet<_> = new.keys().filter_map(|name| role(name)).collect();
    let superseded = |name: &str| {
        let role = role(name);
        role.is_some_and(|role| {
            !matches!(role.as_str(), "root.json" | "json") && again.contains(&role)
        })
    };
    all.retain(|name, _| !superseded(name));
    all.extend(new.iter().map(|(name, bytes)| (name.clone(), bytes.clone())));
    if let (Dialect::Notary1, Some(bytes)) = (plan.repository.dialect, new.get("root.json"))
        && let Ok(root) = Signed::<Root>::read(Dialect::Notary1, bytes)
    {
        all.insert(format!("{}.root.json", root.peek().version), bytes.clone());
    }
    all
}

/// The roots at which clients may stand: every one that is there, the newest last.
fn starts(plan: &Plan, published: &Served) -> Result<Vec<(u64, TrustedRoot)>, String> {
    let dialect = plan.repository.dialect;
    let mut found: BTreeMap<u64, TrustedRoot> = BTreeMap::new();
    for (name, bytes) in published {
        if name != "root.json" && !name.ends_with(".root.json") {
            continue;
        }
        let candidate = Candidate::read(dialect, bytes).map_err(|why| format!("{name}: {why}"))?;
        if dialect == Dialect::Notary1 {
            client::certificates_fit(candidate.peek(), plan.repository.name.as_str())
                .map_err(|why| format!("{name}: {why}"))?;
        }
        let root = candidate.trusted_on_first_use().map_err(|why| format!("{name}: {why}"))?;
        found.insert(root.root().body().version, root);
    }
    if found.is_empty() {
        return Err("no root is there".to_owned());
    }
    Ok(found.into_iter().collect())
}

/// One walk for each start, the fresh client's last.
fn walks(
    plan: &Plan,
    published: &Served,
    at: Timestamp,
    online_is_there: bool,
) -> Result<Vec<(u64, Walk)>, String> {
    let mut pending = not_at_hand(plan, published);
    if !online_is_there {
        let targets = published.keys().any(|name| name.ends_with("targets.json"));
        let missing = (!targets).then(RoleName::targets);
        pending.extend(Recipe::of(plan).pending.into_iter().chain(missing));
    }
    let dialect = plan.repository.dialect;
    let mut fetched = published.clone();
    let unsaid = [RoleName::snapshot(), RoleName::timestamp()].iter().any(|r| pending.contains(r));
    if dialect == Dialect::Tuf1 && unsaid {
        as_first_versions(&mut fetched);
    }
    let walked = |(version, root): (u64, TrustedRoot)| {
        (version, client::walk(dialect, root, &mut fetched, at, &pending))
    };
    Ok(starts(plan, published)?.into_iter().map(walked).collect())
}

/// Delegations of the TUF dialect whose documents are not among the files: others publish them, or they are untouched. A
/// Notary client passes over what no snapshot names.
fn not_at_hand(plan: &Plan, published: &Served) -> BTreeSet<RoleName> {
    if plan.repository.dialect == Dialect::Notary1 {
        return BTreeSet::new();
    }
    let there = |role: &RoleName| {
        let name = format!("{}.json", client::percent_encoded(role.as_str()));
        published
            .keys()
            .any(|file| *file == name || file.split_once('.').is_some_and(|f| f.1 == name))
    };
    let documents = published
        .iter()
        .filter(|(name, _)| !name.ends_with("root.json"))
        .filter_map(|(_, bytes)| Signed::<Targets>::read(Dialect::Tuf1, bytes).ok());
    documents
        .filter_map(|document| document.peek().delegations.clone())
        .flat_map(|delegations| {
            let bins = Bins::of(&delegations).into_iter().flat_map(Bins::all);
            bins.chain(delegations.roles.into_iter().map(|role| role.name)).collect::<Vec<_>>()
        })
        .filter(|role| !there(role))
        .collect()
}

/// Where no snapshot or timestamp states versions yet, a walk asks for version 1 of each document: it is given the newest.
fn as_first_versions(files: &mut Served) {
    let mut newest: BTreeMap<String, (u64, Vec<u8>)> = BTreeMap::new();
    for (name, bytes) in &*files {
        let Some((version, role)) = name.split_once('.') else { continue };
        let Ok(version) = version.parse::<u64>() else { continue };
        let known = newest.get(role).map_or(0, |(known, _)| *known);
        if role != "root.json" && version > known {
            newest.insert(role.to_owned(), (version, bytes.clone()));
        }
    }
    files.extend(newest.into_iter().map(|(role, (_, bytes))| (format!("1.{role}"), bytes)));
}

/// What clients say of the signed documents, as far as they exist: a fresh one of each document, those at earlier roots
/// of the whole.
pub fn blocks(plan: &Plan, state: &State) -> Vec<Block> {
    let published = published(plan, &state.before, &state.served);
    let mut walks = match walks(plan, &published, state.opening.at, false) {
        Err(why) => return vec![Block::Mark(Verdict::Fail, why)],
        Ok(walks) => walks,
    };
    let Some((_, fresh)) = walks.pop() else { return Vec::new() };
    let bad = refusals_are(plan);
    let mut blocks: Vec<Block> = fresh
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
                Block::Mark(bad, format!("{}: refused: {why}", step.document))
            }
        })
        .collect();
    for (version, walk) in walks {
        blocks.push(match first_refusal(&walk) {
            None => Block::Mark(
                Verdict::Pass,
                format!("a client that trusts root version {version} follows"),
            ),
            Some(why) => Block::Mark(
                bad,
                format!("a client that trusts root version {version} does not follow: {why}"),
            ),
        });
    }
    blocks
}

/// What is taken over as it is may be what clients refuse, such as an expired root: that is to be known, and the next
/// change mends it. What is signed here never is.
fn refusals_are(plan: &Plan) -> Verdict {
    if plan.kind == Kind::Adopt { Verdict::Warn } else { Verdict::Fail }
}

/// Why some client refuses what was signed; nothing where all accept it, or where nothing is signed.
pub fn refused(plan: &Plan, state: &State) -> Option<String> {
    if plan.kind == Kind::Adopt {
        return None;
    }
    let published = published(plan, &state.before, &state.served);
    match walks(plan, &published, state.opening.at, false) {
        Err(why) => Some(why),
        Ok(walks) => refusal(&walks),
    }
}

fn refusal(walks: &[(u64, Walk)]) -> Option<String> {
    let last = walks.len().saturating_sub(1);
    walks.iter().enumerate().rev().find_map(|(nth, (version, walk))| {
        let why = first_refusal(walk)?;
        Some(if nth == last {
            format!("a fresh client: {why}")
        } else {
            format!("a client that trusts root version {version}: {why}")
        })
    })
}

fn first_refusal(walk: &Walk) -> Option<String> {
    walk.steps.iter().find_map(|step| match &step.verdict {
        WalkVerdict::Refused(why) | WalkVerdict::Dropped(why) => {
            Some(format!("{}: {why}", step.document))
        }
        WalkVerdict::Accepted(_) | WalkVerdict::Pending | WalkVerdict::Told(_) => None,
    })
}

/// Walks what a check's own run made to its end, with a stand-in for the online side.
pub(super) fn findings(engine: &Engine, twin: &Twin, at: Timestamp) -> Vec<Finding> {
    let plan = engine.plan();
    let mut served = published(plan, &engine.record().before, engine.served());
    if let Err(why) = serve_online(engine, twin, &mut served) {
        return vec![finding(Verdict::Unknown, "client-not-walked", why)];
    }
    let mut raised = profile::findings(plan, &served, at);
    raised.push(match walks(plan, &served, at, true) {
        Err(why) => finding(Verdict::Fail, "client-refuses", why),
        Ok(walks) => match (refusal(&walks), walks.as_slice()) {
            (Some(why), _) if plan.kind == Kind::Adopt => finding(
                Verdict::Warn,
                "client-refuses-already",
                format!("Clients refuse the repository as it is: {why}. Its next change must mend that."),
            ),
            (Some(why), _) => finding(Verdict::Fail, "client-refuses", why),
            (None, [.., (_, fresh)]) if walks.len() > 1 => finding(
                Verdict::Pass,
                "client-accepts",
                format!(
                    "A fresh client accepts all {} documents, and so do clients at {} earlier roots.",
                    fresh.steps.len(),
                    walks.len() - 1
                ),
            ),
            (None, walks) => finding(
                Verdict::Pass,
                "client-accepts",
                format!(
                    "A fresh client accepts all {} documents.",
                    walks.last().map_or(0, |(_, walk)| walk.steps.len())
                ),
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

/// Signs what the online side would sign, with the twin's stand-ins for the keys that the newest root lists.
fn serve_online(engine: &Engine, twin: &Twin, served: &mut Served) -> Result<(), String> {
    let plan = engine.plan();
    let record = engine.record();
    let root = record
        .root
        .as_ref()
        .or_else(|| record.before.anchor().map(Anchor::root))
        .ok_or("there is no root")?;
    let far = record.facts().base.plus_seconds(10 * 365 * 86_400);
    let expires = Expires::new(far.ok_or("the base is beyond what can be written")?);
    let targets = served.keys().any(|name| name.ends_with("targets.json"));
    let roles = (!targets)
        .then(RoleName::targets)
        .into_iter()
        .chain([RoleName::snapshot(), RoleName::timestamp()]);
    for role in roles {
        let doc_role: DocRole = role.as_str().parse().map_err(|_| "not a role".to_owned())?;
        if record.recipe.makes(&doc_role) {
            continue;
        }
        let payload = online(engine, &doc_role, expires.clone(), served)
            .map_err(|why| format!("{role}: {why}"))?;
        let listed = root.roles.get(&role).ok_or_else(|| format!("{role} is not a role"))?;
        let mut signatures = Vec::new();
        for id in &listed.keyids {
            let public = root.keys.get(id).map(|key| &key.public);
            let forged: Option<ForgedKey> = public.and_then(|public| twin.plays(public));
            if let Some(forged) = forged {
                let made = forged.for_dialect(plan.repository.dialect).sign(payload.to_sign());
                signatures.push((id.clone(), made));
            }
        }
        let bytes = payload.envelope(&signatures);
        let consistent = root.consistent_snapshot;
        served.insert(super::engine::file_name(consistent, &payload), bytes);
    }
    Ok(())
}

fn online(
    engine: &Engine,
    role: &DocRole,
    expires: Expires,
    served: &Served,
) -> Result<Payload, crate::tuf::wire::WireError> {
    let plan = engine.plan();
    let dialect = plan.repository.dialect;
    let version = engine.record().before.next_version(plan, role);
    let id = DocId { repository: plan.repository.name.clone(), role: role.clone(), version };
    let spec_version = match dialect {
        Dialect::Tuf1 => Some("1.0.0".to_owned()),
        Dialect::Notary1 => None,
    };
    let unknown = BTreeMap::new();
    match role {
        DocRole::Snapshot => {
            let mut meta = covered(dialect, served);
            // Others publish them together with this.
            meta.extend(not_at_hand(plan, served).into_iter().map(|role| {
                (format!("{role}.json"), MetaFile { version: Some(1), ..MetaFile::default() })
            }));
            Draft::new(id, dialect, Snapshot { version, expires, meta, spec_version, unknown })
                .payload()
        }
        DocRole::Timestamp => {
            let meta = stamped(engine, served);
            Draft::new(id, dialect, Timestamped { version, expires, meta, spec_version, unknown })
                .payload()
        }
        DocRole::Root | DocRole::Targets | DocRole::Delegated(_) | DocRole::Certificate(_) => {
            let body = crate::tuf::targets::Targets {
                version,
                expires,
                targets: crate::tuf::table::TargetTable::default(),
                delegations: Some(crate::tuf::targets::Delegations::default()),
                spec_version,
                unknown,
            };
            Draft::new(id, dialect, body).payload()
        }
    }
}

/// What a snapshot says of the documents that are there: of each role the newest.
fn covered(dialect: Dialect, served: &Served) -> BTreeMap<String, MetaFile> {
    let mut meta: BTreeMap<String, MetaFile> = BTreeMap::new();
    for (name, bytes) in served {
        let Some(stem) = name.strip_suffix(".json") else { continue };
        match dialect {
            Dialect::Notary1 => {
                let numbered = stem.split_once('.').is_some_and(|(n, _)| n.parse::<u64>().is_ok());
                if !numbered && !matches!(stem, "snapshot" | "timestamp") {
                    meta.insert(stem.to_owned(), MetaFile::of(bytes));
                }
            }
            Dialect::Tuf1 => {
                let Ok(document) = crate::tuf::any::AnyDocument::read(bytes) else { continue };
                if document.kind() != "targets" {
                    continue;
                }
                let prefix = format!("{}.", document.version());
                let bare = stem.strip_prefix(&prefix).unwrap_or(stem);
                let entry = meta.entry(format!("{bare}.json")).or_default();
                if entry.version < Some(document.version()) {
                    entry.version = Some(document.version());
                }
            }
        }
    }
    meta
}

/// What a timestamp says of the snapshot.
fn stamped(engine: &Engine, served: &Served) -> BTreeMap<String, MetaFile> {
    let plan = engine.plan();
    match plan.repository.dialect {
        Dialect::Tuf1 => {
            let version = engine.record().before.next_version(plan, &DocRole::Snapshot);
            let file = MetaFile { version: Some(version), ..MetaFile::default() };
            BTreeMap::from([("snapshot.json".to_owned(), file)])
        }
        Dialect::Notary1 => served
            .get("snapshot.json")
            .map(|bytes| ("snapshot".to_owned(), MetaFile::of(bytes)))
            .into_iter()
            .collect(),
    }
}
