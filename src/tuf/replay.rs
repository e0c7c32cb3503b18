//! For which other repositories the very same bytes would be valid.
//!
//! No root names its repository, and neither do Notary's targets: with the same keys elsewhere, a document of one repository
//! can be served as one of another. Only a certificate's common name holds a Notary root back.

use super::client::notary1::{Contact, takes_root};
use super::document::Dialect;
use super::name::RoleName;
use super::root::Root;
use super::signed::Signed;
use super::targets::Targets;
use super::time::Timestamp;
use super::verify::TrustedRoot;
use super::wire::certificate::Certificate;

/// Another repository, as far as it is known here.
#[derive(Debug, Clone)]
pub struct Known {
    /// What it is called here: its folder, or its name.
    pub name: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// Its newest root.
    pub root: TrustedRoot,
}

/// Another repository for which a document would be valid, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// What the other repository is called here.
    pub repository: String,
    /// Who would take the document there.
    pub by: TakenBy,
}

/// Who would take a document of one repository for one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBy {
    /// Clients that hold that repository's newest root follow this root as its successor.
    Followers,
    /// That repository's newest root is this very root.
    Same,
    /// Notary clients that see that repository for the first time take this root for its own: the certificates fit its name.
    FirstContact,
    /// Clients of that repository: its root names enough of the keys that signed.
    Clients,
}

/// Where else a root would be taken. Of a Notary repository whose own certificates have a wildcard, the name is not known,
/// and a first contact is not looked at.
pub fn root_elsewhere(root: &Signed<Root>, known: &[Known], at: Timestamp) -> Vec<Replay> {
    elsewhere(root.dialect(), known, |other| {
        if root.digest() == other.root.digest().digest() {
            return Some(TakenBy::Same);
        }
        let followed = match other.dialect {
            Dialect::Tuf1 => other.root.succeed(root.clone()).is_ok(),
            Dialect::Notary1 => other.root.jump(root.clone()).is_ok(),
        };
        if followed {
            return Some(TakenBy::Followers);
        }
        let gun = gun(other.root.root().body())?;
        let contact = Contact { gun: Some(gun), first: true, ..Contact::default() };
        takes_root(root, &contact, at).then_some(TakenBy::FirstContact)
    })
}

/// Where else a targets document would be taken.
pub fn targets_elsewhere(targets: &Signed<Targets>, known: &[Known]) -> Vec<Replay> {
    elsewhere(targets.dialect(), known, |other| {
        let authority = other.root.authority(&RoleName::targets()).ok()?;
        authority.tally(targets).reached().then_some(TakenBy::Clients)
    })
}

fn elsewhere(
    dialect: Dialect,
    known: &[Known],
    taken: impl Fn(&Known) -> Option<TakenBy>,
) -> Vec<Replay> {
    let found = known
        .iter()
        .filter(|other| other.dialect == dialect)
        .filter_map(|other| Some(Replay { repository: other.name.clone(), by: taken(other)? }));
    found.collect()
}

/// The name that a Notary repository's certificates are for.
pub fn gun(root: &Root) -> Option<String> {
    let role = root.roles.get(&RoleName::root())?;
    let mut names = role.keyids.iter().filter_map(|id| {
        let pem = root.keys.get(id)?.certificate.as_ref()?;
        Some(Certificate::from_pem(pem).ok()?.common_name)
    });
    names.find(|name| !name.is_empty() && !name.ends_with('*'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::collections::BTreeMap;

    use super::super::digest::Digest;
    use super::super::document::{DocId, DocRole};
    use super::super::forge::ForgedKey;
    use super::super::key::Algorithm;
    use super::super::payload::Draft;
    use super::super::root::{Expires, RoleKeys, StatedThreshold};
    use super::super::verify::Candidate;
    use super::*;

    fn key(label: &str) -> ForgedKey {
        ForgedKey::new(&Digest::of(b"replay"), label, Algorithm::Ed25519).unwrap()
    }

    fn sign<T: super::super::signed::Body>(role: DocRole, body: T, label: &str) -> Vec<u8> {
        let id = DocId { repository: "a".parse().unwrap(), role, version: 1 };
        let payload = Draft::new(id, Dialect::Tuf1, body).payload().unwrap();
        let (id, _) = Dialect::Tuf1.list_key(key(label).public_key()).unwrap();
        payload.envelope(&[(id, key(label).sign(payload.to_sign()))])
    }

    fn root(version: u64, root: &str, targets: &str) -> Vec<u8> {
        let mut keys = BTreeMap::new();
        let mut role = |label: &str| {
            let (id, listed) = Dialect::Tuf1.list_key(key(label).public_key()).unwrap();
            keys.insert(id.clone(), listed);
            let (threshold, unknown) = (StatedThreshold(1), BTreeMap::new());
            RoleKeys { keyids: vec![id], threshold, unknown }
        };
        let roles = [(RoleName::root(), role(root)), (RoleName::targets(), role(targets))].into();
        let body = Root {
            version,
            expires: Expires::new("2030-01-01T00:00:00Z".parse().unwrap()),
            consistent_snapshot: true,
            keys,
            roles,
            spec_version: Some("1.0.0".to_owned()),
            unknown: BTreeMap::new(),
        };
        sign(DocRole::Root, body, root)
    }

    fn known(name: &str, root: &[u8]) -> Known {
        let candidate = Candidate::read(Dialect::Tuf1, root).unwrap();
        let root = candidate.trusted_on_first_use().unwrap();
        Known { name: name.to_owned(), dialect: Dialect::Tuf1, root }
    }

    #[test]
    fn a_root_is_taken_where_its_signers_are_the_root_keys_of_the_version_before() {
        let all = [
            known("same keys", &root(1, "a", "x")),
            known("other keys", &root(1, "b", "x")),
            known("other version", &root(2, "a", "x")),
            known("same root", &root(2, "a", "t")),
        ];
        let next = Signed::read(Dialect::Tuf1, &root(2, "a", "t")).unwrap();
        let found = root_elsewhere(&next, &all, "2027-01-01T00:00:00Z".parse().unwrap());
        let found: Vec<_> = found.iter().map(|r| (r.repository.as_str(), r.by)).collect();
        assert_eq!(found, [("same keys", TakenBy::Followers), ("same root", TakenBy::Same)]);
    }

    #[test]
    fn targets_are_taken_where_the_same_targets_key_is_named() {
        let all = [known("shared", &root(1, "b", "t")), known("own", &root(1, "b", "u"))];
        let body = Targets {
            version: 1,
            expires: Expires::new("2030-01-01T00:00:00Z".parse().unwrap()),
            targets: [].into_iter().collect(),
            delegations: None,
            spec_version: Some("1.0.0".to_owned()),
            unknown: BTreeMap::new(),
        };
        let signed = Signed::read(Dialect::Tuf1, &sign(DocRole::Targets, body, "t")).unwrap();
        let found = targets_elsewhere(&signed, &all);
        assert_eq!(found, [Replay { repository: "shared".to_owned(), by: TakenBy::Clients }]);
    }
}
