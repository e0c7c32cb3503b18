//! What leaves on OUT: the signed documents, what explains them, and for Notary the scripts of the online side.

pub mod online;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::BASE64;

use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::Signed;
use crate::tuf::targets::Targets;
use crate::tuf::wire::json::Json;

use super::before::Before;
use super::plan::Plan;
use super::recipe::Recipe;
use super::roster::Roster;

/// All files of an export by their path on OUT, made from the signed documents under the names that clients ask for.
pub fn files(
    plan: &Plan,
    before: &Before,
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let folder = folder(plan);
    let mut files: BTreeMap<String, Vec<u8>> =
        served.iter().map(|(name, bytes)| (format!("{folder}/{name}"), bytes.clone())).collect();
    files.extend(anchors(plan, before, roster, served));
    files.insert("README".to_owned(), readme(plan, served).into_bytes());
    if plan.repository.dialect == Dialect::Notary1 && !served.is_empty() {
        let scripts = online::files(&[online_side(plan, before, served)])
            .expect("names of repositories and tags were parsed and hold no control character");
        files.extend(scripts.into_iter().map(|(path, bytes)| (path.to_owned(), bytes)));
    }
    files
}

/// The repository's folder on OUT. A colon of a port would be refused by a FAT file system.
fn folder(plan: &Plan) -> String {
    let name = plan.repository.name.as_str().replace(':', "_");
    match plan.repository.dialect {
        Dialect::Notary1 => name,
        Dialect::Tuf1 => format!("{name}/metadata"),
    }
}

/// What clients pin: certificates and their ids for Notary, the root itself for TUF.
fn anchors(
    plan: &Plan,
    before: &Before,
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    match plan.repository.dialect {
        Dialect::Tuf1 => {
            let root = served.iter().find(|(name, _)| name.ends_with(".root.json"));
            if let Some((_, root)) = root {
                files.insert("anchors/root.json".to_owned(), root.clone());
            }
        }
        Dialect::Notary1 => {
            let mut ids = Vec::new();
            for name in &Recipe::of(plan).certificates {
                let Some(pem) = roster.certificates.get(name) else { continue };
                files.insert(format!("anchors/{name}.pem"), pem.clone().into_bytes());
                if let Ok((id, _)) =
                    super::change::listed(plan, before, roster, &RoleName::root(), name)
                {
                    ids.push(format!("{:?}", id.as_str()));
                }
            }
            // The reader of this setting folds the names of repositories to lower case; ours are lower case.
            let pinning = format!(
                "{{\n  \"trust_pinning\": {{\n    \"certs\": {{\n      {:?}: [{}]\n    }}\n  }}\n}}\n",
                plan.repository.name.as_str(),
                ids.join(", ")
            );
            files.insert("anchors/notary-trust-pinning.json".to_owned(), pinning.into_bytes());
        }
    }
    files
}

fn online_side(
    plan: &Plan,
    before: &Before,
    served: &BTreeMap<String, Vec<u8>>,
) -> online::Repository {
    let root = newest_root(plan, before, served)
        .expect("a notary1 ceremony signs a root, or starts from one");
    let snapshot_here = Recipe::of(plan).makes(&DocRole::Snapshot);
    let mut documents: Vec<online::Document> = served
        .iter()
        .filter_map(|(name, bytes)| {
            let role = name.strip_suffix(".json")?.parse().ok()?;
            Some(online::Document { role, digest: Digest::of(bytes) })
        })
        .collect();
    // Root first, delegations behind the targets that name them, the snapshot last.
    documents.sort_by_key(|document| match document.role.as_str() {
        "root" => 0,
        "targets" => 1,
        "snapshot" => 3,
        _ => 2,
    });
    online::Repository {
        name: plan.repository.name.clone(),
        folder: folder(plan),
        timestamp_key: server_key(&root, &RoleName::timestamp())
            .expect("a Notary root lists a timestamp key"),
        snapshot_key: (!snapshot_here).then(|| server_key(&root, &RoleName::snapshot())).flatten(),
        documents,
        tags: tags(plan, before, served),
    }
}

/// The root that holds after publishing.
fn newest_root(plan: &Plan, before: &Before, served: &BTreeMap<String, Vec<u8>>) -> Option<Root> {
    let new = served
        .iter()
        .filter(|(name, _)| *name == "root.json" || name.ends_with(".root.json"))
        .find_map(|(_, bytes)| Signed::<Root>::read(plan.repository.dialect, bytes).ok());
    new.map(|root| root.peek().clone()).or_else(|| before.anchor().map(|a| a.root().clone()))
}

/// Every tag that clients will show: of the targets and of every delegation that stays, new or as before. Documents of
/// delegations that are gone may lie on the server still; nobody asks for them.
fn tags(plan: &Plan, before: &Before, served: &BTreeMap<String, Vec<u8>>) -> Vec<online::Tag> {
    let mut all = before.anchor().map(|anchor| anchor.files().clone()).unwrap_or_default();
    all.extend(served.iter().map(|(name, bytes)| (name.clone(), bytes.clone())));
    if let Some(anchor) = before.anchor() {
        let gone = super::change::gone_delegations(plan, anchor);
        all.retain(|name, _| !gone.iter().any(|role| name.strip_suffix(".json") == Some(role.as_str())));
    }
    let mut tags: BTreeMap<String, online::Tag> = BTreeMap::new();
    for (name, bytes) in all.iter().rev() {
        if name != "targets.json" && !name.starts_with("targets/") {
            continue;
        }
        let Ok(document) = Signed::<Targets>::read(Dialect::Notary1, bytes) else { continue };
        for (tag, file) in document.peek().targets.iter() {
            let raw = file.hashes.get("sha256").and_then(|raw| raw.as_slice().try_into().ok());
            if let Some(raw) = raw {
                let name = tag.into_owned();
                let digest = Digest::from_bytes(raw);
                // A name in targets hides the same name in a delegation; targets comes last here.
                tags.insert(name.clone(), online::Tag { name, digest, length: file.length });
            }
        }
    }
    tags.into_values().collect()
}

/// The key that the server signs a role with, as the base64 `public` that documents show.
fn server_key(root: &Root, role: &RoleName) -> Option<String> {
    let listed = root.keys.get(root.roles.get(role)?.keyids.first()?)?;
    match listed.wire.member("keyval").and_then(|value| value.member("public")) {
        Some(Json::String(text)) => Some(text.clone()),
        Some(Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_))
        | None => Some(BASE64.encode(listed.public.spki_der())),
    }
}

fn readme(plan: &Plan, served: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = format!(
        "{} ({}): {}\n\nSigned offline. Public data only. NOTHING IS LIVE YET.\n\n",
        plan.codename, plan.kind, plan.title
    );
    let folder = folder(plan);
    for (name, bytes) in served {
        let _ = writeln!(
            text,
            "{folder}/{name}\n    {}\n    sha256 {}",
            explain(name),
            Digest::of(bytes)
        );
    }
    let pending: Vec<_> = Recipe::of(plan).pending.iter().map(ToString::to_string).collect();
    if !pending.is_empty() {
        let _ = writeln!(text, "\nStill to be signed by the online side: {}.", pending.join(", "));
    }
    text.push_str(match plan.repository.dialect {
        Dialect::Notary1 => {
            "\nTo publish, follow publish/README. To pin the root in clients, use anchors/.\n\n\
             WHO IS NOT PROTECTED BY THIS\n\
             docker trusts the first root that it sees; it reads no pins. A client that never saw this\n\
             repository is protected only by the pins of notary or by an admission controller.\n"
        }
        Dialect::Tuf1 => {
            "\nTo publish, put the files of the metadata folder on the server under exactly these names,\n\
             the targets beside them, and timestamp.json last. Ship anchors/root.json inside clients.\n\n\
             WHO IS NOT PROTECTED BY THIS\n\
             A client that fetches its first root from the server trusts whatever it is given.\n"
        }
    });
    text
}

fn explain(name: &str) -> &'static str {
    if name.contains("root") {
        "names the keys and thresholds of every role"
    } else if name.contains("targets") {
        "maps names to digests"
    } else if name.contains("snapshot") {
        "says which documents belong together"
    } else {
        "says how fresh the snapshot is"
    }
}
