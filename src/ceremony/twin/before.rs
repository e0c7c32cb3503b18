//! The twin of the state before: the same documents with stand-ins for every key, each signed by the stand-ins of those who
//! signed it.
//!
//! Thresholds, versions, dates, paths and unknown members stay; keys, ids, certificates, hashes and signatures follow.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::bins::{self, Bins};
use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::forge::ForgedKey;
use crate::tuf::key::{Algorithm, Fingerprint, KeyId, PublicKey};
use crate::tuf::name::{RepoName, RoleName};
use crate::tuf::payload::Draft;
use crate::tuf::root::{ListedKey, RoleKeys, Root};
use crate::tuf::signature::Signature;
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::{Delegations, Targets};
use crate::tuf::verify::{Authority, Tally};
use crate::tuf::wire::certificate::{Certificate, CertificateDraft};
use crate::tuf::wire::notary1;

use super::super::before::{Anchor, Good, Held};

/// Which key plays which.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    seed: Digest,
    dialect: Dialect,
    repository: RepoName,
    /// Whether certificates say the name of the twin's repository, or what they said.
    renamed: bool,
    labels: BTreeMap<Fingerprint, String>,
}

impl Cast {
    pub(super) fn new(
        seed: Digest,
        (repository, renamed): (RepoName, bool),
        anchor: &Anchor,
        mut labels: BTreeMap<Fingerprint, String>,
    ) -> Self {
        let good = match anchor.good() {
            Some(Good::Targets(good)) => good.peek().delegations.as_ref(),
            Some(Good::Builds(_)) | None => None,
        };
        let delegations = anchor
            .targets()
            .into_iter()
            .chain(anchor.all_delegated().values())
            .filter_map(|held| held.body().delegations.as_ref())
            .chain(good);
        let listed = anchor.roots().values().map(|root| &root.peek().keys);
        for key in listed
            .chain(delegations.map(|delegations| &delegations.keys))
            .flat_map(BTreeMap::values)
        {
            let fingerprint = key.public.fingerprint();
            labels.entry(fingerprint).or_insert_with(|| fingerprint.to_string());
        }
        Self { seed, dialect: anchor.dialect(), repository, renamed, labels }
    }

    /// The key that plays `public`.
    pub(super) fn key(&self, public: &PublicKey) -> Option<ForgedKey> {
        let label = self.labels.get(&public.fingerprint())?;
        ForgedKey::new(&self.seed, label, public.algorithm())
    }

    /// All stand-ins, with what makes them again.
    pub(super) fn all<'a>(
        &'a self,
        publics: impl Iterator<Item = &'a PublicKey> + 'a,
    ) -> impl Iterator<Item = (Fingerprint, (String, Algorithm))> + 'a {
        publics.filter_map(|public| {
            let label = self.labels.get(&public.fingerprint())?;
            let made = ForgedKey::new(&self.seed, label, public.algorithm())?;
            Some((made.public_key().fingerprint(), (label.clone(), public.algorithm())))
        })
    }

    fn relist(&self, key: &ListedKey) -> Option<(KeyId, ListedKey)> {
        let forged = self.key(&key.public)?.for_dialect(self.dialect);
        let Some(pem) = &key.certificate else {
            return self.dialect.list_key(forged.public_key());
        };
        let stated = Certificate::from_pem(pem).ok()?;
        let name = if self.renamed {
            self.repository.as_str().to_owned()
        } else {
            stated.common_name.clone()
        };
        let mut serial = [0; 16];
        let digest = Digest::of(pem.as_bytes());
        for (to, from) in serial.iter_mut().zip(digest.as_bytes()) {
            *to = *from;
        }
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x3f) | 0x40;
        }
        let draft = CertificateDraft {
            common_name: name,
            public: forged.public_key().clone(),
            not_before: stated.not_before,
            not_after: stated.not_after,
            serial,
        };
        let id = DocId {
            repository: self.repository.clone(),
            role: DocRole::Certificate("stand-in".parse().ok()?),
            version: 1,
        };
        let payload = draft.payload(id).ok()?;
        let made = forged.sign_certificate(payload.to_sign());
        let pem = payload.envelope(&[(KeyId::new("stand-in"), made)]);
        notary1::list_certificate(&String::from_utf8(pem).ok()?).ok()
    }

    /// Keys under new ids, and the ids that they had.
    fn relisted(
        &self,
        keys: &BTreeMap<KeyId, ListedKey>,
    ) -> (BTreeMap<KeyId, ListedKey>, BTreeMap<KeyId, KeyId>) {
        let mut new = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for (old, key) in keys {
            if let Some((id, key)) = self.relist(key) {
                ids.insert(old.clone(), id.clone());
                new.insert(id, key);
            }
        }
        (new, ids)
    }

    fn role(role: &RoleKeys, ids: &BTreeMap<KeyId, KeyId>) -> RoleKeys {
        let keyids = role.keyids.iter().map(|id| ids.get(id).unwrap_or(id).clone()).collect();
        RoleKeys { keyids, threshold: role.threshold, unknown: role.unknown.clone() }
    }

    fn delegations(&self, old: &Delegations) -> Delegations {
        let (keys, ids) = self.relisted(&old.keys);
        let roles = old.roles.iter().cloned().map(|mut role| {
            role.keys = Self::role(&role.keys, &ids);
            role
        });
        let mut unknown = old.unknown.clone();
        if let Some(mut bins) = Bins::of(old) {
            bins.keys = Self::role(&bins.keys, &ids);
            unknown.insert(bins::MEMBER.to_owned(), bins.to_json());
        }
        Delegations { roles: roles.collect(), keys, unknown }
    }

    /// The signatures of the stand-ins of those whose signatures count.
    fn sign(
        &self,
        tallies: &[(Tally, &BTreeMap<KeyId, ListedKey>)],
        to_sign: &[u8],
    ) -> Vec<(KeyId, Signature)> {
        let mut made: Vec<(KeyId, Signature)> = Vec::new();
        for (tally, listed) in tallies {
            for good in &tally.good {
                let Some(key) = listed.get(&good.keyid) else { continue };
                let Some((id, _)) = self.relist(key) else { continue };
                if made.iter().any(|(known, _)| *known == id) {
                    continue;
                }
                if let Some(forged) = self.key(&key.public) {
                    made.push((id, forged.for_dialect(self.dialect).sign(to_sign)));
                }
            }
        }
        made
    }

    fn write<T: Body>(
        &self,
        role: DocRole,
        body: T,
        tallies: &[(Tally, &BTreeMap<KeyId, ListedKey>)],
    ) -> Option<Vec<u8>> {
        let version = body.version();
        let id = DocId { repository: self.repository.clone(), role, version };
        let payload = Draft::new(id, self.dialect, body).payload().ok()?;
        let signatures = self.sign(tallies, payload.to_sign());
        Some(payload.envelope(&signatures))
    }

    /// Every document again, by the digest of the bytes that it had.
    pub(super) fn play(&self, anchor: &Anchor) -> BTreeMap<Digest, Vec<u8>> {
        let mut played = Played { cast: self, anchor, bytes: BTreeMap::new() };
        for version in anchor.roots().keys() {
            played.root(*version);
        }
        let targets = RoleName::targets();
        if let Some(held) = anchor.targets() {
            let tally = held.verified().tally().clone();
            played.targets(&targets, held.signed(), &[(tally, &anchor.root().keys)]);
        }
        for (name, held) in anchor.all_delegated() {
            if let Some((_, delegations, _)) = anchor.delegation(name) {
                let tally = held.verified().tally().clone();
                played.targets(name, held.signed(), &[(tally, &delegations.keys)]);
            }
        }
        if let Some(Good::Targets(good)) = anchor.good() {
            let tallies: Vec<_> = anchor
                .roots()
                .values()
                .filter_map(|root| {
                    let authority = Authority::stated_by(root.peek(), &targets).ok()?;
                    Some((authority.tally(good), &root.peek().keys))
                })
                .collect();
            played.targets(&targets, good, &tallies);
        }
        if let Some(held) = anchor.snapshot() {
            let mut body = held.body().clone();
            played.meta(&mut body.meta);
            played.online(DocRole::Snapshot, held, body);
        }
        if let Some(held) = anchor.timestamp() {
            let mut body = held.body().clone();
            played.meta(&mut body.meta);
            played.online(DocRole::Timestamp, held, body);
        }
        played.bytes
    }
}

struct Played<'a> {
    cast: &'a Cast,
    anchor: &'a Anchor,
    bytes: BTreeMap<Digest, Vec<u8>>,
}

impl Played<'_> {
    fn keep(&mut self, old: &[u8], new: Option<Vec<u8>>) {
        if let Some(new) = new {
            self.bytes.insert(Digest::of(old), new);
        }
    }

    fn root(&mut self, version: u64) {
        let Some(signed) = self.anchor.roots().get(&version) else { return };
        let old = signed.peek();
        let (keys, ids) = self.cast.relisted(&old.keys);
        let roles = old.roles.iter().map(|(name, role)| (name.clone(), Cast::role(role, &ids)));
        let body = Root { keys, roles: roles.collect(), ..old.clone() };
        // Its own keys, and those of every root before it.
        let tallies: Vec<_> = self
            .anchor
            .roots()
            .range(..=version)
            .rev()
            .filter_map(|(_, root)| {
                let authority = Authority::stated_by(root.peek(), &RoleName::root()).ok()?;
                Some((authority.tally(signed), &root.peek().keys))
            })
            .collect();
        let made = self.cast.write(DocRole::Root, body, &tallies);
        self.keep(signed.received(), made);
    }

    fn targets(
        &mut self,
        role: &RoleName,
        signed: &Signed<Targets>,
        tallies: &[(Tally, &BTreeMap<KeyId, ListedKey>)],
    ) {
        let old = signed.peek();
        let delegations = old.delegations.as_ref().map(|old| self.cast.delegations(old));
        let body = Targets { delegations, ..old.clone() };
        let role = if *role == RoleName::targets() {
            DocRole::Targets
        } else {
            DocRole::Delegated(role.clone())
        };
        let made = self.cast.write(role, body, tallies);
        self.keep(signed.received(), made);
    }

    fn online<T: Body>(&mut self, role: DocRole, held: &Held<T>, body: T) {
        let tally = held.verified().tally().clone();
        let made = self.cast.write(role, body, &[(tally, &self.anchor.root().keys)]);
        self.keep(held.signed().received(), made);
    }

    /// What is said of documents that are played: lengths and hashes of the new bytes, where any were said.
    fn meta(&self, meta: &mut BTreeMap<String, MetaFile>) {
        let roles: BTreeSet<String> = meta.keys().cloned().collect();
        for name in roles {
            let bare = name.strip_suffix(".json").unwrap_or(&name);
            let role = bare.parse::<DocRole>().ok();
            let old = role.and_then(|role| self.anchor.received(&role));
            let Some(new) = old.and_then(|old| self.bytes.get(&Digest::of(old))) else { continue };
            let Some(file) = meta.get_mut(&name) else { continue };
            let of = MetaFile::of(new);
            if file.length.is_some() {
                file.length = of.length;
            }
            file.hashes = of
                .hashes
                .into_iter()
                .filter(|(algorithm, _)| file.hashes.contains_key(algorithm))
                .collect();
        }
    }
}
