//! What leaves on OUT: the signed documents, what explains them, anchors for clients, a calendar, and for Notary the
//! scripts of the online side.

mod anchors;
pub mod calendar;
mod documents;
pub mod fleet;
pub mod online;
mod readme;
pub mod result;

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;
use crate::tuf::wire::certificate::Certificate;
use crate::tuf::wire::notary1;

use self::anchors::Anchored;
use self::calendar::{Ending, What};
use self::documents::Documents;
use super::plan::{Kind, Plan};
use super::recipe::Recipe;
use super::roster::Roster;

/// What an export tells beside what was signed: where the ceremony began. The default is that of a first root.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The documents that the ceremony began from, as the server gave them, under the names that clients ask for
    /// (`root.json`, `targets/releases.json`). Without any the repository is new, and its name must be free.
    pub before: BTreeMap<String, Vec<u8>>,
    /// The day from which lifetimes count. Without it the calendar stands on the beginning of the plan's window, or else
    /// on the day a certificate begins; where there is none of these, there is no `calendar.ics`.
    pub base: Option<Timestamp>,
}

/// All files of the export of a repository that is new, by their path on OUT: [`files_from`] with the default start.
pub fn files(
    plan: &Plan,
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    files_from(plan, roster, served, &Start::default())
}

/// All files of an export by their path on OUT, made from the signed documents under the names that clients ask for.
pub fn files_from(
    plan: &Plan,
    roster: &Roster,
    served: &BTreeMap<String, Vec<u8>>,
    start: &Start,
) -> BTreeMap<String, Vec<u8>> {
    let folder = folder(plan);
    let mut files: BTreeMap<String, Vec<u8>> =
        served.iter().map(|(name, bytes)| (format!("{folder}/{name}"), bytes.clone())).collect();
    let (before, signed) = (Documents::read(&start.before), Documents::read(served));
    let after = before.then(&signed);
    let anchored = Anchored {
        name: &plan.repository.name,
        dialect: plan.repository.dialect,
        names: &names(plan, roster),
        before: &before,
        after: &after,
    };
    files.extend(anchored.files());
    let endings = endings(&anchored, &signed);
    if let Some(base) = start.base.or_else(|| base(plan, &after)) {
        files.insert("calendar.ics".to_owned(), calendar::ics(&endings, base).into_bytes());
        files.insert("calendar.txt".to_owned(), calendar::text(&endings, base).into_bytes());
    }
    let told = readme::Told {
        title: format!("{} ({}): {}", plan.codename, plan.kind, plan.title),
        folder: &folder,
        served,
        signed: &signed,
        anchored: &anchored,
        pending: Recipe::of(plan).pending.iter().map(ToString::to_string).collect(),
    };
    files.insert("README".to_owned(), told.text().into_bytes());
    if plan.repository.dialect == Dialect::Notary1 && plan.kind != Kind::Adopt {
        let repository = online_side(plan, &folder, served, start, [&before, &after]);
        let scripts = online::files(&repository.into_iter().collect::<Vec<_>>())
            .expect("repositories, roles and keys were parsed, and tags that hold a control character are left out");
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

/// What the plan calls keys, by the ids under which documents list them.
fn names(plan: &Plan, roster: &Roster) -> BTreeMap<KeyId, String> {
    let listed = roster.keys.iter().filter_map(|(name, enrolled)| {
        let id = match roster.certificates.get(name) {
            Some(pem) => notary1::list_certificate(pem).ok()?.0,
            None => plan.repository.dialect.list_key(enrolled.key())?.0,
        };
        Some((id, name.to_string()))
    });
    listed.collect()
}

/// What the online side must know. Nothing where there is no root.
fn online_side(
    plan: &Plan,
    folder: &str,
    served: &BTreeMap<String, Vec<u8>>,
    start: &Start,
    [before, after]: [&Documents; 2],
) -> Option<online::Repository> {
    let listed = |files: &BTreeMap<String, Vec<u8>>| -> Vec<online::Document> {
        let mut documents: Vec<_> = files
            .iter()
            .filter_map(|(name, bytes)| {
                let role: RoleName = name.strip_suffix(".json")?.parse().ok()?;
                Some(online::Document { role, digest: Digest::of(bytes) })
            })
            .collect();
        documents.sort_by_key(|document| document.role != RoleName::root());
        documents
    };
    let documents = listed(served);
    let ours = |document: &&online::Document| document.role == RoleName::snapshot();
    let online = [RoleName::snapshot(), RoleName::timestamp()];
    Some(online::Repository {
        name: plan.repository.name.clone(),
        folder: folder.to_owned(),
        timestamp_key: after.public(&RoleName::timestamp())?,
        snapshot_key: match documents.iter().find(ours) {
            Some(_) => None,
            None => after.public(&RoleName::snapshot()),
        },
        keys_before: [RoleName::timestamp(), RoleName::snapshot()].map(|role| before.public(&role)),
        // What the server signs by itself changes by itself.
        before: listed(&start.before)
            .into_iter()
            .filter(|document| {
                !online.contains(&document.role)
                    || documents.iter().any(|ours| ours.role == document.role)
            })
            .collect(),
        root: Digest::of(after.of(&RoleName::root())?.received()),
        documents,
        // A name that cannot stand on a line is not told; then `accept` says that clients show more than was signed.
        tags: after.tags().into_iter().filter(|tag| online::is_one_line(&tag.name)).collect(),
    })
}

/// Everything that ends: the documents, signed here or left as they are, and the certificates of the root keys.
fn endings(anchored: &Anchored<'_>, signed: &Documents) -> Vec<Ending> {
    let repository = anchored.name.to_string();
    let mut endings = Vec::new();
    for (role, document) in anchored.after.all() {
        let signed_here = signed.of(role).is_some();
        // What the server signs by itself ends soon and is signed again.
        if signed_here || !(*role == RoleName::snapshot() || *role == RoleName::timestamp()) {
            let (role, version) = (role.to_string(), document.version());
            endings.push(Ending {
                repository: repository.clone(),
                what: What::Document { role, version, signed_here },
                at: document.expires().at,
            });
        }
    }
    for (id, key) in anchored.after.keys(&RoleName::root()) {
        let read = key.certificate.as_deref().map(Certificate::from_pem);
        if let Some(Ok(certificate)) = read {
            endings.push(Ending {
                repository: repository.clone(),
                what: What::Certificate { key: anchored.called(id), id: id.as_str().to_owned() },
                at: certificate.not_after,
            });
        }
    }
    endings
}

/// The day on which the calendar stands where nobody said it.
fn base(plan: &Plan, after: &Documents) -> Option<Timestamp> {
    let begins =
        |pem: &str| Certificate::from_pem(pem).ok().map(|certificate| certificate.not_before);
    plan.window.map(|window| window.from).or_else(|| {
        let keys = after.keys(&RoleName::root());
        keys.iter().filter_map(|(_, key)| begins(key.certificate.as_deref()?)).max()
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests;
