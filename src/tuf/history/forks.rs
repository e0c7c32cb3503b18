//! Two different documents where there can be one.

use std::collections::BTreeMap;

use crate::tuf::any::AnyDocument;
use crate::tuf::digest::Digest;
use crate::tuf::lint::Subject;
use crate::tuf::name::RoleName;

use super::voices::{SignedBy, Voices};

/// Different documents of one role and version in one repository: whoever signed both shows different clients different
/// things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The role.
    pub role: RoleName,
    /// The version of all of them.
    pub version: u64,
    /// The documents, two at least, in the order in which they were given.
    pub branches: Vec<Branch>,
}

impl Fork {
    /// Whether another fork has every document of this one.
    pub fn is_part_of(&self, other: &Self) -> bool {
        let has = |branch: &Branch| other.branches.iter().any(|one| one.digest == branch.digest);
        self.role == other.role && self.version == other.version && self.branches.iter().all(has)
    }
}

/// One of the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Where it lies: every name under which it was given.
    pub documents: Vec<String>,
    /// SHA-256 of its signing bytes: of a root, the root digest.
    pub digest: Digest,
    /// Who signed it.
    pub signed: Vec<SignedBy>,
}

/// Finds different roots of one version, whoever signed them: none of them may be there by chance.
pub fn root_forks(subjects: &[Subject<'_>]) -> Vec<Fork> {
    let voices = Voices::of(subjects);
    let mut versions: BTreeMap<u64, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in subjects {
        if matches!(subject.document, AnyDocument::Root(_)) {
            versions.entry(subject.document.version()).or_default().push(subject);
        }
    }
    versions.into_values().filter_map(|same| fork(&same, &voices)).collect()
}

/// The fork among documents of one role and version; nothing where all sign the same bytes.
pub(super) fn fork(same: &[&Subject<'_>], voices: &Voices<'_>) -> Option<Fork> {
    let mut branches: Vec<Branch> = Vec::new();
    for subject in same {
        let digest = subject.document.digest();
        let name = subject.name.to_owned();
        if let Some(branch) = branches.iter_mut().find(|branch| branch.digest == digest) {
            branch.documents.push(name);
        } else {
            let signed = voices.signers(subject);
            branches.push(Branch { documents: vec![name], digest, signed });
        }
    }
    let first = same.first().filter(|_| branches.len() > 1)?;
    Some(Fork { role: first.role.clone(), version: first.document.version(), branches })
}
