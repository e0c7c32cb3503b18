//! From plan to payload: the documents of one ceremony, drafted by a pure function.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::key::{KeyId, PublicKey};
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::payload::{Draft, Payload};
use crate::tuf::root::{Expires, ListedKey, RoleKeys, Root, StatedThreshold};
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::targets::{Delegations, TargetFile, Targets};
use crate::tuf::time::Lifetime;
use crate::tuf::wire::certificate::CertificateDraft;
use crate::tuf::wire::json::Json;
use crate::tuf::wire::{WireError, notary1};

use super::event::Mode;
use super::plan::{Plan, PlannedKey};
use super::recipe::{DocRecipe, Recipe};
use super::roster::{Facts, Roster};

/// All payloads of one ceremony, and the digest that people compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    payloads: Vec<Payload>,
    table: String,
    digest: Digest,
}

/// The member that marks the documents of a rehearsal in the TUF dialect.
pub const REHEARSAL_MEMBER: &str = "x-anchorite-rehearsal";

impl ChangeSet {
    fn new(payloads: Vec<Payload>) -> Self {
        let mut lines: Vec<String> = payloads
            .iter()
            .map(|payload| {
                let id = payload.id();
                format!("{}\t{}\t{}\t{}\n", payload.digest(), id.repository, id.role, id.version)
            })
            .collect();
        lines.sort();
        let table = lines.concat();
        Self { payloads, digest: Digest::of(table.as_bytes()), table }
    }

    /// The payloads in the order of signing.
    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// The payload of one role.
    pub fn payload(&self, role: &DocRole) -> Option<&Payload> {
        self.payloads.iter().find(|payload| payload.id().role == *role)
    }

    /// Sorted lines `sha256<TAB>repository<TAB>role<TAB>version`, each with a line feed.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// SHA-256 of the table.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// Why a draft cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A key of the plan is not known yet.
    #[error("the key {0} is not known yet")]
    Unknown(KeyName),
    /// Nobody has proven to hold a key.
    #[error("nobody has proven to hold the key {0}")]
    Unproven(KeyName),
    /// A notary1 root key has no certificate yet.
    #[error("the key {0} has no certificate yet")]
    Uncertified(KeyName),
    /// The dialect has no way to list this kind of key.
    #[error("{dialect} cannot list the {algorithm} key {key}")]
    Unlistable {
        /// The key.
        key: KeyName,
        /// Its algorithm, in words.
        algorithm: String,
        /// The dialect.
        dialect: Dialect,
    },
    /// A date is beyond what can be written.
    #[error("{lifetime} after the base is beyond the year 9999")]
    TooFar {
        /// The lifetime.
        lifetime: Lifetime,
    },
    /// The bytes could not be made.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Drafts the self-signed certificate of a notary1 root key.
///
/// Common name = the GUN, no EKU, not a CA, valid from the base. The serial number is the first 16 bytes of
/// SHA-256(`anchorite-serial-1` ‖ plan digest ‖ session ‖ fingerprint ‖ GUN) with the top bits 01.
pub fn certificate(
    plan: &Plan,
    key: &PlannedKey,
    public: &PublicKey,
    facts: &Facts,
) -> Result<Payload, DraftError> {
    let gun = plan.repository.name.as_str();
    let mut hash = Sha256::new();
    hash.update(b"anchorite-serial-1");
    hash.update(facts.plan.as_bytes());
    hash.update(facts.session.as_bytes());
    hash.update(public.fingerprint().digest().as_bytes());
    hash.update(gun.as_bytes());
    let mut serial = [0; 16];
    for (to, from) in serial.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    let valid_for = key
        .certificate
        .map(|certificate| certificate.valid_for)
        .ok_or_else(|| DraftError::Uncertified(key.name.clone()))?;
    let draft = CertificateDraft {
        common_name: gun.to_owned(),
        public: public.clone(),
        not_before: facts.base,
        not_after: facts.base.plus(valid_for).ok_or(DraftError::TooFar { lifetime: valid_for })?,
        serial,
    };
    let id = DocId {
        repository: plan.repository.name.clone(),
        role: DocRole::Certificate(key.name.clone()),
        version: 1,
    };
    Ok(draft.payload(id)?)
}

/// Drafts the documents of the plan that are signed here and hash no others. Fails for a key without proof, server keys
/// excepted.
pub fn draft(plan: &Plan, roster: &Roster, facts: &Facts) -> Result<ChangeSet, DraftError> {
    let drafting = Drafting { plan, roster, facts };
    let recipe = Recipe::of(plan);
    let payloads =
        recipe.documents.iter().map(|doc| drafting.document(doc)).collect::<Result<Vec<_>, _>>()?;
    Ok(ChangeSet::new(payloads))
}

/// Drafts the documents that hash signed ones, from the very files that will be written. Nothing where there are none.
///
/// A notary1 snapshot states length, SHA-256 and SHA-512 of every file that it covers.
pub fn closing(
    plan: &Plan,
    roster: &Roster,
    facts: &Facts,
    signed: &BTreeMap<DocRole, Vec<u8>>,
) -> Result<Option<ChangeSet>, DraftError> {
    let drafting = Drafting { plan, roster, facts };
    let recipe = Recipe::of(plan);
    let payloads = recipe
        .closing
        .iter()
        .map(|doc| {
            let id = drafting.id(doc);
            let body = Snapshot {
                version: doc.version,
                expires: drafting.expires(doc.valid_for)?,
                meta: signed
                    .iter()
                    .map(|(role, bytes)| (role.to_string(), MetaFile::of(bytes)))
                    .collect(),
                spec_version: drafting.spec_version(),
                unknown: drafting.marks(),
            };
            Ok(Draft::new(id, plan.repository.dialect, body).payload()?)
        })
        .collect::<Result<Vec<_>, DraftError>>()?;
    Ok((!payloads.is_empty()).then(|| ChangeSet::new(payloads)))
}

/// The id under which the new root lists a key of the plan.
pub fn listed(
    plan: &Plan,
    roster: &Roster,
    name: &KeyName,
) -> Result<(KeyId, ListedKey), DraftError> {
    let enrolled = roster.keys.get(name).ok_or_else(|| DraftError::Unknown(name.clone()))?;
    let certified = Recipe::of(plan).certificates.contains(name);
    if certified {
        let pem =
            roster.certificates.get(name).ok_or_else(|| DraftError::Uncertified(name.clone()))?;
        return Ok(notary1::list_certificate(pem)?);
    }
    let dialect = plan.repository.dialect;
    dialect.list_key(enrolled.key()).ok_or_else(|| DraftError::Unlistable {
        key: name.clone(),
        algorithm: enrolled.key().algorithm().to_string(),
        dialect,
    })
}

struct Drafting<'a> {
    plan: &'a Plan,
    roster: &'a Roster,
    facts: &'a Facts,
}

impl Drafting<'_> {
    fn id(&self, doc: &DocRecipe) -> DocId {
        DocId {
            repository: self.plan.repository.name.clone(),
            role: doc.role.clone(),
            version: doc.version,
        }
    }

    fn document(&self, doc: &DocRecipe) -> Result<Payload, DraftError> {
        let id = self.id(doc);
        let dialect = self.plan.repository.dialect;
        let expires = self.expires(doc.valid_for)?;
        let payload = match doc.role {
            DocRole::Root => Draft::new(id, dialect, self.root(doc, expires)?).payload()?,
            DocRole::Targets | DocRole::Delegated(_) | DocRole::Certificate(_) => {
                Draft::new(id, dialect, self.targets(doc, expires)).payload()?
            }
            DocRole::Snapshot => {
                let body = Snapshot {
                    version: doc.version,
                    expires,
                    meta: self.meta("targets"),
                    spec_version: self.spec_version(),
                    unknown: self.marks(),
                };
                Draft::new(id, dialect, body).payload()?
            }
            DocRole::Timestamp => {
                let body = Timestamped {
                    version: doc.version,
                    expires,
                    meta: self.meta("snapshot"),
                    spec_version: self.spec_version(),
                    unknown: self.marks(),
                };
                Draft::new(id, dialect, body).payload()?
            }
        };
        Ok(payload)
    }

    fn root(&self, doc: &DocRecipe, expires: Expires) -> Result<Root, DraftError> {
        let mut keys = BTreeMap::new();
        let mut roles = BTreeMap::new();
        for name in
            [RoleName::root(), RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()]
        {
            let Some(planned) = self.plan.roles.get(&name) else { continue };
            let mut keyids = Vec::new();
            for key in &planned.keys {
                self.proven(key)?;
                let (id, listed) = listed(self.plan, self.roster, key)?;
                keyids.push(id.clone());
                keys.insert(id, listed);
            }
            let threshold = StatedThreshold(i64::from(planned.threshold));
            roles.insert(name, RoleKeys { keyids, threshold, unknown: BTreeMap::new() });
        }
        Ok(Root {
            version: doc.version,
            expires,
            consistent_snapshot: self.plan.repository.consistent_snapshot,
            keys,
            roles,
            spec_version: self.spec_version(),
            unknown: self.marks(),
        })
    }

    fn targets(&self, doc: &DocRecipe, expires: Expires) -> Targets {
        let target = |planned: &super::plan::PlannedTarget| TargetFile {
            length: planned.length,
            hashes: BTreeMap::from([("sha256".to_owned(), planned.sha256.as_bytes().to_vec())]),
            custom: None,
            unknown: BTreeMap::new(),
        };
        Targets {
            version: doc.version,
            expires,
            targets: self.plan.targets.iter().map(|t| (t.name.clone(), target(t))).collect(),
            delegations: match self.plan.repository.dialect {
                Dialect::Notary1 => Some(Delegations::default()),
                Dialect::Tuf1 => None,
            },
            spec_version: self.spec_version(),
            unknown: self.marks(),
        }
    }

    /// What snapshot and timestamp of the TUF dialect state: versions, which is all that clients need.
    fn meta(&self, role: &str) -> BTreeMap<String, MetaFile> {
        let file = MetaFile { version: Some(1), ..MetaFile::default() };
        match self.plan.repository.dialect {
            Dialect::Tuf1 => BTreeMap::from([(format!("{role}.json"), file)]),
            Dialect::Notary1 => BTreeMap::new(),
        }
    }

    fn proven(&self, name: &KeyName) -> Result<(), DraftError> {
        use super::roster::Enrolled;
        match self.roster.keys.get(name) {
            None => Err(DraftError::Unknown(name.clone())),
            Some(Enrolled::Server { .. }) => Ok(()),
            Some(Enrolled::Made { .. } | Enrolled::Shown { .. } | Enrolled::Enrolled { .. })
                if self.roster.proofs.contains_key(name) =>
            {
                Ok(())
            }
            Some(Enrolled::Made { .. } | Enrolled::Shown { .. } | Enrolled::Enrolled { .. }) => {
                Err(DraftError::Unproven(name.clone()))
            }
        }
    }

    fn expires(&self, lifetime: Lifetime) -> Result<Expires, DraftError> {
        self.facts.base.plus(lifetime).map(Expires::new).ok_or(DraftError::TooFar { lifetime })
    }

    fn spec_version(&self) -> Option<String> {
        match self.plan.repository.dialect {
            Dialect::Tuf1 => Some("1.0.0".to_owned()),
            Dialect::Notary1 => None,
        }
    }

    /// A rehearsal says so in every TUF document. Notary refuses unknown members, so there the name says it.
    fn marks(&self) -> BTreeMap<String, Json> {
        match (self.plan.repository.dialect, self.facts.mode) {
            (Dialect::Tuf1, Mode::Rehearsal) => BTreeMap::from([(
                REHEARSAL_MEMBER.to_owned(),
                Json::String(self.facts.session.to_string()),
            )]),
            (Dialect::Tuf1, Mode::Check | Mode::Real) | (Dialect::Notary1, _) => BTreeMap::new(),
        }
    }
}
