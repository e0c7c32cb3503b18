//! `where`: every role and repository that lists a key, and the kind of ceremony that removes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::driver::workspace::Workspace;
use crate::front::words::{counted, escape, hex_lines};
use crate::tuf::any::AnyDocument;
use crate::tuf::bins::Bins;
use crate::tuf::key::{Algorithm, Fingerprint, KeyId, PublicKey};
use crate::tuf::root::{ListedKey, RoleKeys};
use crate::tuf::wire::certificate::Certificate;
use crate::tuf::wire::notary1::{canonical_id, read_server_key};

use super::gather::{Found, gather};
use super::{Exit, Failure, json, say};

/// Find a key.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The key: its fingerprint, a key id, or a file with its public half or certificate.
    key: String,
    /// Folders with repositories; the workspace's trust folder by default.
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    keys: Vec<Sought>,
    places: Vec<Place>,
    documents: usize,
    unread: Vec<String>,
}

/// A key that was meant.
#[derive(Serialize)]
struct Sought {
    fingerprint: Fingerprint,
    algorithm: Algorithm,
}

/// A role that lists the key.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Place {
    repository: String,
    /// The document that lists it.
    document: String,
    document_role: String,
    version: u64,
    /// Whether no later version of the document is there.
    current: bool,
    /// The role that the key may sign for; nothing where no role names it.
    role: Option<String>,
    fingerprint: Fingerprint,
    ids: BTreeSet<KeyId>,
    threshold: Option<i64>,
    keys: usize,
    /// The kind of ceremony that takes the key out; nothing for what is history.
    ceremony: Option<&'static str>,
}

impl Where {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        let dirs = if self.dirs.is_empty() {
            let here = std::env::current_dir()
                .map_err(|error| Failure::new(Exit::Machine, error.to_string()))?;
            vec![Workspace::find(workspace, &here)?.trust()]
        } else {
            self.dirs.clone()
        };
        let wanted = Wanted::of(&self.key)?;
        let gathered = gather(&dirs)?;
        let meant = wanted.among(&gathered.documents);
        let places = places(&gathered.documents, &meant);
        let unread: Vec<_> = gathered.unread.iter().map(|file| file.name.clone()).collect();
        let keys = meant
            .iter()
            .map(|key| Sought { fingerprint: key.fingerprint(), algorithm: key.algorithm() })
            .collect();
        let answer = Answer { keys, places, documents: gathered.documents.len(), unread };
        if self.json {
            json::print("where", &answer)?;
        } else {
            tell(&answer);
        }
        if answer.places.is_empty() && !answer.unread.is_empty() {
            let files = counted(answer.unread.len(), "file");
            return Err(Failure::new(Exit::CannotTell, format!("{files} could not be read"))
                .hint("The key was not found in the others; it may stand in these."));
        }
        Ok(())
    }
}

/// Where keys are listed now, over all documents of some folders.
pub(super) struct Listings {
    /// Each place: repository, document, role and fingerprint, in words.
    pub(super) places: Vec<String>,
    /// How many documents were read.
    pub(super) documents: usize,
    /// Files that could not be read: a key may stand in them.
    pub(super) unread: usize,
}

/// Where any of these keys is listed in the newest version of a document.
pub(super) fn listings(
    dirs: &[PathBuf],
    keys: &BTreeSet<Fingerprint>,
) -> Result<Listings, Failure> {
    let gathered = gather(dirs)?;
    let listed = gathered.documents.iter().flat_map(|found| listed(&found.document));
    let meant = listed.map(|(_, key)| &key.public);
    let meant: BTreeSet<PublicKey> =
        meant.filter(|key| keys.contains(&key.fingerprint())).cloned().collect();
    let now = places(&gathered.documents, &meant).into_iter().filter(|place| place.current);
    let words = now.map(|place| {
        let role = place.role.as_deref().unwrap_or("no role");
        let document = format!("{}, version {}", place.document, place.version);
        escape(&format!("{document}: {role}, key {}", place.fingerprint))
    });
    Ok(Listings {
        places: words.collect(),
        documents: gathered.documents.len(),
        unread: gathered.unread.len(),
    })
}

fn places(documents: &[Found], meant: &BTreeSet<PublicKey>) -> Vec<Place> {
    let newest = newest(documents);
    let mut places: Vec<Place> = Vec::new();
    for found in documents {
        let place = (found.repository.as_str(), found.role.as_str());
        let latest = newest.get(&place).copied().unwrap_or_default();
        places.extend(in_document(found, meant, found.document.version() >= latest));
    }
    places
}

/// What the caller named.
enum Wanted {
    /// A public key from a file.
    Key(PublicKey),
    /// A fingerprint or a key id.
    Text(String),
}

impl Wanted {
    fn of(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        if path.is_file() {
            let bytes = super::read(path, 1 << 20)?;
            return public_key(&bytes).map(Self::Key).map_err(|why| {
                Failure::input(format!("{}: {why}", escape(text))).hint(
                    "Expected a fingerprint, a key id, or a file with a public key or certificate.",
                )
            });
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if text.contains('/') || ["pub", "pem", "crt", "key"].contains(&ending) {
            return Err(Failure::input(format!("{} is not there", escape(text))));
        }
        // Digests are written in groups too.
        let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        match joined.parse::<Fingerprint>() {
            Ok(fingerprint) => Ok(Self::Text(fingerprint.to_string())),
            Err(_) => Ok(Self::Text(text.to_owned())),
        }
    }

    /// The public keys that are meant, of those that documents list.
    fn among(&self, documents: &[Found]) -> BTreeSet<PublicKey> {
        let text = match self {
            Self::Key(key) => return [key.clone()].into(),
            Self::Text(text) => text,
        };
        let mut meant = BTreeSet::new();
        for (id, key) in documents.iter().flat_map(|found| listed(&found.document)) {
            // What Notary calls a root key on disk is not what its documents call it.
            let canonical = || canonical_id(&key.public).as_str() == text.as_str();
            if id.as_str() == text.as_str()
                || key.public.fingerprint().to_string() == *text
                || canonical()
            {
                meant.insert(key.public.clone());
            }
        }
        meant
    }
}

/// Reads a public key, with header lines or without, a certificate, or the answer of a Notary server.
fn public_key(bytes: &[u8]) -> Result<PublicKey, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "expected text".to_owned())?;
    if text.contains("PRIVATE KEY-----") {
        return Err("expected a public key, found a private one".to_owned());
    }
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Certificate::from_pem(text).map(|read| read.public).map_err(|why| why.to_string());
    }
    if text.trim_start().starts_with('{') {
        let read = read_server_key(bytes).map_err(|why| why.to_string())?;
        return Ok(read.1.public);
    }
    // docker writes `role: NAME` into the block.
    let lines = text.lines().filter(|line| !line.contains(':') && !line.trim().is_empty());
    let bare: String = lines.map(|line| format!("{}\n", line.trim_end())).collect();
    PublicKey::from_pem(&bare).map_err(|why| why.to_string())
}

fn newest(documents: &[Found]) -> BTreeMap<(&str, &str), u64> {
    let mut newest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for found in documents {
        let known = newest.entry((&found.repository, found.role.as_str())).or_default();
        *known = found.document.version().max(*known);
    }
    newest
}

/// The keys that a document lists.
fn listed(document: &AnyDocument) -> Vec<(&KeyId, &ListedKey)> {
    match document {
        AnyDocument::Root(root) => root.peek().keys.iter().collect(),
        AnyDocument::Targets(targets) => {
            targets.peek().delegations.iter().flat_map(|delegations| &delegations.keys).collect()
        }
        AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => Vec::new(),
    }
}

/// The roles of a document, each with its keys.
fn roles(document: &AnyDocument) -> Vec<(String, RoleKeys)> {
    match document {
        AnyDocument::Root(root) => {
            let roles = root.peek().roles.iter();
            roles.map(|(name, keys)| (name.to_string(), keys.clone())).collect()
        }
        AnyDocument::Targets(targets) => {
            let Some(delegations) = &targets.peek().delegations else { return Vec::new() };
            let named = delegations.roles.iter();
            let named = named.map(|role| (role.name.to_string(), role.keys.clone()));
            let bins = Bins::of(delegations)
                .map(|bins| (format!("{} hash bins {}-*", bins.count(), bins.prefix), bins.keys));
            named.chain(bins).collect()
        }
        AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => Vec::new(),
    }
}

fn in_document(found: &Found, meant: &BTreeSet<PublicKey>, current: bool) -> Vec<Place> {
    let mut ids: BTreeMap<&PublicKey, BTreeSet<KeyId>> = BTreeMap::new();
    for (id, key) in listed(&found.document) {
        if let Some(key) = meant.get(&key.public) {
            ids.entry(key).or_default().insert(id.clone());
        }
    }
    if ids.is_empty() {
        return Vec::new();
    }
    let is_root = matches!(found.document, AnyDocument::Root(_));
    let roles = roles(&found.document);
    let mut places = Vec::new();
    for (key, ids) in ids {
        let place = |role: Option<&(String, RoleKeys)>, ids: BTreeSet<KeyId>| Place {
            repository: found.repository.clone(),
            document: found.name.clone(),
            document_role: found.role.to_string(),
            version: found.document.version(),
            current,
            fingerprint: key.fingerprint(),
            ids,
            threshold: role.map(|(_, keys)| keys.threshold.0),
            keys: role.map_or(0, |(_, keys)| keys.keyids.len()),
            ceremony: role.filter(|_| current).map(|(name, _)| ceremony(is_root, name)),
            role: role.map(|(name, _)| name.clone()),
        };
        let before = places.len();
        for role in &roles {
            let named: BTreeSet<_> =
                role.1.keyids.iter().filter(|id| ids.contains(*id)).cloned().collect();
            if !named.is_empty() {
                places.push(place(Some(role), named));
            }
        }
        if places.len() == before {
            places.push(place(None, ids));
        }
    }
    places
}

/// The kind of ceremony that takes a key out of a role.
fn ceremony(is_root: bool, role: &str) -> &'static str {
    match (is_root, role) {
        (true, "root") => "rotate-root",
        (true, "targets") => "rotate-tagging",
        // Snapshot, timestamp, and what else a root states.
        (true, _) => "rotate-online",
        (false, _) => "rotate-delegation",
    }
}

fn tell(answer: &Answer) {
    for key in &answer.keys {
        say(format!("key  {}", key.algorithm));
        for line in hex_lines(&key.fingerprint.digest()) {
            say(format!("     {line}"));
        }
    }
    let mut by: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
    for place in &answer.places {
        by.entry(&place.repository).or_default().push(place);
    }
    for (repository, places) in &by {
        say(format!("{}:", escape(repository)));
        for place in places.iter().filter(|place| place.current) {
            now(place);
        }
        before(places);
    }
    for name in &answer.unread {
        say(format!("[??] {} could not be read", escape(name)));
    }
    let current: BTreeSet<_> = answer.places.iter().filter_map(|place| place.ceremony).collect();
    let documents = counted(answer.documents, "document");
    if answer.places.is_empty() {
        say(format!("RESULT  nothing lists this key ({documents} read)"));
    } else if current.is_empty() {
        say(format!("RESULT  only history lists it, no role now ({documents} read)"));
    } else {
        let kinds = current.into_iter().collect::<Vec<_>>().join(", ");
        say(format!("RESULT  to remove it: {kinds} ({documents} read)"));
    }
}

fn now(place: &Place) {
    let document = escape(&place.document);
    match (&place.role, place.threshold) {
        (Some(role), Some(threshold)) => {
            let alone = if threshold <= 1 { ": it reaches that alone" } else { "" };
            say(format!(
                "  now     {}: one of {}, {threshold} must sign{alone}",
                escape(role),
                counted(place.keys, "key")
            ));
            say(format!("          in {document}, version {}", place.version));
            say(format!("          to remove it: {}", place.ceremony.unwrap_or("nothing")));
        }
        (_, _) => say(format!("  now     listed in {document}, no role names it")),
    }
    for id in &place.ids {
        say(format!("          id {}", escape(id.as_str())));
    }
}

/// History, a line a role.
fn before(places: &[&Place]) {
    let mut versions: BTreeMap<(&str, &str), BTreeSet<u64>> = BTreeMap::new();
    for place in places.iter().filter(|place| !place.current) {
        let role = place.role.as_deref().unwrap_or("no role, only listed");
        versions.entry((&place.document_role, role)).or_default().insert(place.version);
    }
    for ((document, role), versions) in versions {
        let listed = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        say(format!("  before  {}, in {} {listed}", escape(role), escape(document)));
        if role == "root" {
            say(
                "          a client that still stands there is led by these keys; nothing removes that",
            );
        }
    }
}
