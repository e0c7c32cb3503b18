//! What is shown of a document, as `--json` gives it; the words are made from the same.

use serde::Serialize;

use crate::cli::gather::Found;
use crate::tuf::any::AnyDocument;
use crate::tuf::bins::Bins;
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, Fingerprint, KeyId};
use crate::tuf::lint::unknown_members;
use crate::tuf::name::RoleName;
use crate::tuf::overlap::{Overlaps, overlaps};
use crate::tuf::root::{ListedKey, RoleKeys, Root};
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::{DelegatedRole, Targets};
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Ignored, NoAuthority};
use crate::tuf::wire::certificate::Certificate;

/// A document.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) file: String,
    pub(super) kind: &'static str,
    pub(super) dialect: Dialect,
    pub(super) role: String,
    pub(super) version: u64,
    pub(super) expires: Expiry,
    pub(super) digest: Digest,
    pub(super) spec_version: Option<String>,
    pub(super) consistent_snapshot: Option<bool>,
    /// In Notary: whether it would be written again in the same bytes.
    pub(super) exact_bytes: Option<bool>,
    pub(super) keys: Vec<Key>,
    pub(super) roles: Vec<Role>,
    pub(super) certificates: Option<Clock>,
    pub(super) targets: Option<List<Target>>,
    pub(super) bins: Option<HashBins>,
    /// What delegations have in common, where there are any.
    pub(super) overlaps: Option<Overlaps>,
    pub(super) meta: Option<List<Meta>>,
    pub(super) signatures: usize,
    pub(super) empty_signatures: Vec<KeyId>,
    pub(super) tallies: Vec<Tallied>,
    pub(super) unknown_members: Vec<String>,
}

/// An expiry date.
#[derive(Serialize)]
pub(super) struct Expiry {
    pub(super) at: Timestamp,
    /// The text, where it is not what we would write.
    pub(super) stated: Option<String>,
    pub(super) days_left: i64,
}

/// A list, of which the first items are here.
#[derive(Serialize)]
pub(super) struct List<T> {
    pub(super) count: usize,
    pub(super) items: Vec<T>,
}

/// A key that the document lists.
#[derive(Serialize)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) id_is_the_hash: bool,
    pub(super) fingerprint: Fingerprint,
    pub(super) words: String,
    pub(super) algorithm: Algorithm,
    pub(super) rsa_bits: Option<usize>,
    pub(super) certificate: Option<Leaf>,
}

/// The certificate that a key comes in.
#[derive(Serialize)]
pub(super) struct Leaf {
    pub(super) common_name: String,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) days_left: i64,
}

/// A role, of a root or delegated.
#[derive(Serialize)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) threshold: i64,
    pub(super) keyids: Vec<KeyId>,
    /// Only delegated roles have the rest.
    pub(super) paths: Option<Vec<String>>,
    pub(super) path_hash_prefixes: Option<Vec<String>>,
    pub(super) terminating: Option<bool>,
}

/// Hash bins.
#[derive(Serialize)]
pub(super) struct HashBins {
    pub(super) prefix: String,
    pub(super) bits: u32,
    pub(super) count: u64,
    pub(super) threshold: i64,
    pub(super) keyids: Vec<KeyId>,
}

/// The clock of a Notary root's certificates, beside the root's own.
#[derive(Serialize)]
pub(super) struct Clock {
    pub(super) earliest_end: Timestamp,
    pub(super) days_left: i64,
    pub(super) before_root: bool,
}

/// A target.
#[derive(Serialize)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) hashes: std::collections::BTreeMap<String, String>,
    pub(super) custom: bool,
}

/// What is said of another document.
#[derive(Serialize)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) version: Option<u64>,
    pub(super) length: Option<u64>,
    pub(super) hashes: std::collections::BTreeMap<String, String>,
}

/// Who signed, by somebody's word.
#[derive(Serialize)]
pub(super) struct Tallied {
    pub(super) by: String,
    pub(super) role: Option<String>,
    pub(super) reached: bool,
    pub(super) threshold: Option<usize>,
    pub(super) good: Vec<Signer>,
    pub(super) not_counted: Vec<NotCounted>,
    pub(super) missing: Vec<Fingerprint>,
    /// Why there is nothing to count by.
    pub(super) why_not: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Signer {
    pub(super) keyid: KeyId,
    pub(super) fingerprint: Fingerprint,
}

#[derive(Serialize)]
pub(super) struct NotCounted {
    pub(super) keyid: KeyId,
    pub(super) why: &'static str,
}

impl Document {
    pub(super) fn of(found: &Found, tallies: Vec<Tallied>, at: Timestamp, limit: usize) -> Self {
        let document = &found.document;
        let expires = document.expires();
        let signatures = document.signatures();
        let empty = signatures.iter().filter(|entry| entry.raw.is_empty());
        let mut shown = Self {
            file: found.name.clone(),
            kind: document.kind(),
            dialect: document.dialect(),
            role: found.role.to_string(),
            version: document.version(),
            expires: Expiry {
                at: expires.at,
                stated: expires.stated.clone(),
                days_left: days(at, expires.at),
            },
            digest: document.digest(),
            spec_version: document.spec_version().cloned(),
            consistent_snapshot: None,
            exact_bytes: match document.dialect() {
                Dialect::Notary1 => Some(document.reemitted() == document.received()),
                Dialect::Tuf1 => None,
            },
            keys: Vec::new(),
            roles: Vec::new(),
            certificates: None,
            targets: None,
            bins: None,
            overlaps: None,
            meta: None,
            signatures: signatures.len(),
            empty_signatures: empty.map(|entry| entry.keyid.clone()).collect(),
            tallies,
            unknown_members: unknown_members(document),
        };
        match document {
            AnyDocument::Root(root) => shown.root(root.peek(), at),
            AnyDocument::Targets(targets) => shown.targets(targets.peek(), at, limit),
            AnyDocument::Snapshot(snapshot) => {
                shown.meta = Some(meta(&snapshot.peek().meta, limit));
            }
            AnyDocument::Timestamp(timestamp) => {
                shown.meta = Some(meta(&timestamp.peek().meta, limit));
            }
        }
        shown
    }

    fn root(&mut self, root: &Root, at: Timestamp) {
        self.consistent_snapshot = Some(root.consistent_snapshot);
        self.keys = keys(self.dialect, &root.keys, at);
        self.roles = root.roles.iter().map(|(name, keys)| role(name, keys)).collect();
        let of_root = root.roles.get(&RoleName::root()).map(|role| &role.keyids);
        let leaves = of_root.into_iter().flatten().filter_map(|id| {
            let key = self.keys.iter().find(|key| key.id == *id)?;
            Some(key.certificate.as_ref()?.not_after)
        });
        self.certificates = leaves.min().map(|end| Clock {
            earliest_end: end,
            days_left: days(at, end),
            before_root: end < root.expires.at,
        });
    }

    fn targets(&mut self, targets: &Targets, at: Timestamp, limit: usize) {
        let items = targets.targets.iter().take(limit).map(|(name, file)| Target {
            name: String::from(name),
            length: file.length,
            hashes: hex(&file.hashes),
            custom: file.custom.is_some(),
        });
        self.targets = Some(List { count: targets.targets.len(), items: items.collect() });
        let Some(delegations) = &targets.delegations else { return };
        self.keys = keys(self.dialect, &delegations.keys, at);
        self.roles = delegations.roles.iter().map(delegated).collect();
        self.overlaps =
            (!self.roles.is_empty()).then(|| overlaps(self.dialect, &delegations.roles));
        self.bins = Bins::of(delegations).map(|bins| HashBins {
            count: bins.count(),
            prefix: bins.prefix,
            bits: bins.bits,
            threshold: bins.keys.threshold.0,
            keyids: bins.keys.keyids,
        });
    }
}

fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.unix_seconds() - from.unix_seconds()).div_euclid(86_400)
}

fn keys<'a>(
    dialect: Dialect,
    listed: impl IntoIterator<Item = (&'a KeyId, &'a ListedKey)>,
    at: Timestamp,
) -> Vec<Key> {
    let listed = listed.into_iter();
    listed
        .map(|(id, key)| {
            let fingerprint = key.public.fingerprint();
            let read = key.certificate.as_ref().and_then(|pem| Certificate::from_pem(pem).ok());
            Key {
                id: id.clone(),
                id_is_the_hash: dialect.key_id(&key.wire) == *id,
                fingerprint,
                words: fingerprint.digest().words().join(" "),
                algorithm: key.public.algorithm(),
                rsa_bits: key.public.rsa_bits(),
                certificate: read.map(|leaf| Leaf {
                    days_left: days(at, leaf.not_after),
                    common_name: leaf.common_name,
                    not_before: leaf.not_before,
                    not_after: leaf.not_after,
                }),
            }
        })
        .collect()
}

fn role(name: &RoleName, keys: &RoleKeys) -> Role {
    Role {
        name: name.to_string(),
        threshold: keys.threshold.0,
        keyids: keys.keyids.clone(),
        paths: None,
        path_hash_prefixes: None,
        terminating: None,
    }
}

fn delegated(delegated: &DelegatedRole) -> Role {
    Role {
        paths: delegated.paths.clone(),
        path_hash_prefixes: delegated.path_hash_prefixes.clone(),
        terminating: delegated.terminating,
        ..role(&delegated.name, &delegated.keys)
    }
}

fn meta(stated: &std::collections::BTreeMap<String, MetaFile>, limit: usize) -> List<Meta> {
    let items = stated.iter().take(limit).map(|(name, file)| Meta {
        name: name.clone(),
        version: file.version,
        length: file.length,
        hashes: hex(&file.hashes),
    });
    List { count: stated.len(), items: items.collect() }
}

fn hex<'a>(
    hashes: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>,
) -> std::collections::BTreeMap<String, String> {
    let hashes = hashes.into_iter();
    hashes.map(|(name, bytes)| (name.clone(), data_encoding::HEXLOWER.encode(bytes))).collect()
}

impl Tallied {
    pub(super) fn of(
        by: &str,
        authority: Result<Authority, NoAuthority>,
        document: &AnyDocument,
    ) -> Self {
        let mut tallied = Self {
            by: by.to_owned(),
            role: None,
            reached: false,
            threshold: None,
            good: Vec::new(),
            not_counted: Vec::new(),
            missing: Vec::new(),
            why_not: None,
        };
        let authority = match authority {
            Ok(authority) => authority,
            Err(why) => {
                tallied.why_not = Some(why.to_string());
                return tallied;
            }
        };
        let tally = document.tally(&authority);
        let is_empty = |id: &KeyId| {
            document.signatures().iter().any(|entry| entry.keyid == *id && entry.raw.is_empty())
        };
        tallied.role = Some(authority.role().to_string());
        tallied.reached = tally.reached();
        tallied.threshold = Some(tally.threshold.count());
        tallied.good = tally
            .good
            .iter()
            .map(|good| Signer { keyid: good.keyid.clone(), fingerprint: good.fingerprint })
            .collect();
        tallied.not_counted = tally
            .ignored
            .iter()
            .map(|(id, why)| NotCounted { keyid: id.clone(), why: reason(*why, is_empty(id)) })
            .collect();
        tallied.missing = tally.missing;
        tallied
    }
}

/// Why a signature does not count: a stable word.
fn reason(why: Ignored, empty: bool) -> &'static str {
    match why {
        Ignored::Stranger => "stranger",
        Ignored::NotOfItsKind | Ignored::Wrong if empty => "empty",
        Ignored::NotOfItsKind => "not-of-its-kind",
        Ignored::Wrong => "wrong",
        Ignored::Again => "again",
    }
}
