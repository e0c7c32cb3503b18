//! What leaves on OUT: the signed documents, what explains them, and for Notary the scripts of the online side.

pub mod online;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::BASE64;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::PublicKey;
use crate::tuf::name::RoleName;
use crate::tuf::wire::json::Json;

use super::plan::{Plan, SignedWhere};
use super::recipe::Recipe;
use super::roster::Roster;

/// All files of an export by their path on OUT, made from the signed documents under the names that clients ask for.
pub fn files(
    plan: &Plan,
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let folder = folder(plan);
    let mut files: BTreeMap<String, Vec<u8>> =
        served.iter().map(|(name, bytes)| (format!("{folder}/{name}"), bytes.clone())).collect();
    files.extend(anchors(plan, roster, served));
    files.insert("README".to_owned(), readme(plan, served).into_bytes());
    if plan.repository.dialect == Dialect::Notary1 {
        let scripts = online::files(&[online_side(plan, roster, served)])
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
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    match plan.repository.dialect {
        Dialect::Tuf1 => {
            if let Some(root) = served.get("1.root.json") {
                files.insert("anchors/root.json".to_owned(), root.clone());
            }
        }
        Dialect::Notary1 => {
            let mut ids = Vec::new();
            for name in &Recipe::of(plan).certificates {
                let Some(pem) = roster.certificates.get(name) else { continue };
                files.insert(format!("anchors/{name}.pem"), pem.clone().into_bytes());
                if let Ok((id, _)) = super::change::listed(plan, roster, name) {
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
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
) -> online::Repository {
    let documents = ["root", "targets", "snapshot"].into_iter().filter_map(|role| {
        let bytes = served.get(&format!("{role}.json"))?;
        Some(online::Document { role: role.parse().ok()?, digest: Digest::of(bytes) })
    });
    online::Repository {
        name: plan.repository.name.clone(),
        folder: folder(plan),
        timestamp_key: server_key(plan, roster, &RoleName::timestamp())
            .expect("a notary1 plan has its timestamp signed online, and its key is in the roster"),
        snapshot_key: server_key(plan, roster, &RoleName::snapshot()),
        documents: documents.collect(),
        tags: plan
            .targets
            .iter()
            .map(|target| online::Tag {
                name: target.name.clone(),
                digest: target.sha256,
                length: target.length,
            })
            .collect(),
    }
}

/// The key that the server signs a role with, as the base64 `public` that its documents show.
fn server_key(plan: &Plan, roster: &Roster, role: &RoleName) -> Option<String> {
    let planned = plan.roles.get(role)?;
    if planned.signed == SignedWhere::Here {
        return None;
    }
    let public: &PublicKey = roster.keys.get(planned.keys.first()?)?.key();
    let (_, listed) = plan.repository.dialect.list_key(public)?;
    match listed.wire.member("keyval").and_then(|value| value.member("public")) {
        Some(Json::String(text)) => Some(text.clone()),
        Some(Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_))
        | None => Some(BASE64.encode(public.spki_der())),
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
