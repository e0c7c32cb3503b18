//! What leaves on OUT of a fleet beside its documents: rows of the tables that the scripts read, the digests of the roots,
//! and what ends first.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;

use super::calendar::{Ending, What};
use super::documents::Documents;
use super::online::{NotOneLine, rows};
use super::{Anchored, Start, endings, online, online_side};
use crate::ceremony::fleet::folder_of;
use crate::ceremony::plan::Plan;

/// The folder of a part of the tables: of as many repositories as are put together at once.
pub fn part(nth: u64) -> String {
    format!("publish/part-{nth:05}")
}

/// The tables of a part, in the order of [`Told::rows`].
pub const TABLES: [&str; 5] = ["REPOSITORIES", "BEFORE", "UPLOADS", "EXPECTED", "ROOTS"];

/// What one repository adds.
#[derive(Debug)]
pub struct Told {
    /// Its rows in each of the [`TABLES`]; a TUF repository is in the last alone.
    pub rows: [String; 5],
    /// What of it ends first, of each kind of thing.
    pub endings: Vec<Ending>,
}

/// What a repository of a fleet adds, from its plan, its new documents and what it starts from, each under the names that
/// clients ask for.
pub fn told(
    plan: &Plan,
    served: &BTreeMap<String, Vec<u8>>,
    before: BTreeMap<String, Vec<u8>>,
) -> Result<Told, NotOneLine> {
    let (old, signed) = (Documents::read(&before), Documents::read(served));
    let after = old.then(&signed);
    let names = BTreeMap::new();
    let anchored = Anchored {
        name: &plan.repository.name,
        dialect: plan.repository.dialect,
        names: &names,
        before: &old,
        after: &after,
    };
    let start = Start { before, base: None };
    let folder = folder_of(plan.repository.name.as_str());
    let online = match plan.repository.dialect {
        Dialect::Notary1 => online_side(plan, &folder, served, &start, [&old, &after]),
        Dialect::Tuf1 => None,
    };
    let tables = online.map(|online| rows(&online)).transpose()?.unwrap_or_default();
    let online::Rows { repositories, before, uploads, expected } = tables;
    let mut first = Vec::new();
    for ending in endings(&anchored, &signed) {
        sooner(&mut first, ending);
    }
    let roots = root_row(&anchored).unwrap_or_default();
    Ok(Told { rows: [repositories, before, uploads, expected, roots], endings: first })
}

/// Keeps of each kind of thing what ends first: root, targets, delegations, certificates.
pub fn sooner(first: &mut Vec<Ending>, ending: Ending) {
    match first.iter_mut().find(|known| kind(&known.what) == kind(&ending.what)) {
        Some(known) if ending.at < known.at => *known = ending,
        Some(_) => {}
        None => first.push(ending),
    }
}

fn kind(what: &What) -> &str {
    match what {
        What::Certificate { .. } => "certificate",
        What::Document { role, .. } if role == "root" || role == "targets" => role,
        What::Document { .. } => "delegation",
    }
}

/// The scripts that publish and accept, by their path on OUT.
pub fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    online::scripts()
}

fn root_row(anchored: &Anchored<'_>) -> Option<String> {
    let root = anchored.after.of(&RoleName::root())?;
    let digest = |digest: Option<Digest>| digest.map_or("-".to_owned(), |it| it.to_string());
    let pins = match anchored.dialect {
        Dialect::Notary1 => {
            let ids: Vec<&str> = anchored.pins().into_iter().map(KeyId::as_str).collect();
            ids.join(",")
        }
        Dialect::Tuf1 => "-".to_owned(),
    };
    Some(format!(
        "{}\t{}\t{}\t{}\t{}\t{pins}\n",
        anchored.name,
        anchored.dialect,
        root.version(),
        root.digest(),
        digest(anchored.before.root_digest())
    ))
}
