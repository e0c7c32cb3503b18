//! Trust, whole: who may sign a document, whose signatures count, and what follows from it.
//!
//! There is one counting loop, [`Authority::tally`] and its core; there is one birthplace of [`Verified`], and one of
//! [`TrustedRoot`]. Everything else asks for these types.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::digest::Digest;
use super::document::Dialect;
use super::key::{Fingerprint, KeyId, PublicKey};
use super::name::RoleName;
use super::root::{ListedKey, RoleKeys, Root, StatedThreshold};
use super::signature::Signature;
use super::signed::{Body, Signed};
use super::targets::{DelegatedRole, Delegations};
use super::time::Timestamp;
use super::wire::WireError;

/// A threshold that makes sense: at least 1, and not above the number of distinct keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(usize);

impl Threshold {
    /// How many distinct keys must sign.
    pub const fn count(self) -> usize {
        self.0
    }
}

/// Who may sign a document, by whose word: the keys of one role as a root or a delegating document lists them.
#[derive(Debug, Clone)]
pub struct Authority {
    role: RoleName,
    keys: BTreeMap<KeyId, ListedKey>,
    threshold: Threshold,
}

/// Whose signatures on a document are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many distinct keys must sign.
    pub threshold: Threshold,
    /// The keys whose signatures count, each once, in the order of the document.
    pub good: Vec<Counted>,
    /// The signatures that do not count, and why not.
    pub ignored: Vec<(KeyId, Ignored)>,
    /// The keys that have not signed.
    pub missing: Vec<Fingerprint>,
}

/// A key whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What the document calls it.
    pub keyid: KeyId,
    /// The key itself.
    pub fingerprint: Fingerprint,
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The role does not list the key.
    Stranger,
    /// It is no signature of the key's kind, an empty place-holder for one.
    NotOfItsKind,
    /// It is not this key's over these bytes.
    Wrong,
    /// The same public key is counted already, under this id or another.
    Again,
}

/// Why there is no authority over a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthority {
    /// The role is not there.
    #[error("the role {0} is not there")]
    NoRole(RoleName),
    /// The threshold makes no sense for the keys that are there.
    #[error("{role}: a threshold of {} makes no sense with {keys} distinct keys", stated.0)]
    Threshold {
        /// The role.
        role: RoleName,
        /// What the document states.
        stated: StatedThreshold,
        /// How many distinct public keys the role has.
        keys: usize,
    },
}

impl Authority {
    fn new(
        role: &RoleName,
        listed: &BTreeMap<KeyId, ListedKey>,
        stated: &RoleKeys,
    ) -> Result<Self, NoAuthority> {
        let keys: BTreeMap<KeyId, ListedKey> = stated
            .keyids
            .iter()
            .filter_map(|id| Some((id.clone(), listed.get(id)?.clone())))
            .collect();
        let distinct: BTreeSet<_> = keys.values().map(|key| &key.public).collect();
        let threshold = usize::try_from(stated.threshold.0)
            .ok()
            .filter(|count| (1..=distinct.len()).contains(count))
            .map(Threshold)
            .ok_or_else(|| NoAuthority::Threshold {
                role: role.clone(),
                stated: stated.threshold,
                keys: distinct.len(),
            })?;
        Ok(Self { role: role.clone(), keys, threshold })
    }

    /// The authority that a root states over one of its roles, the root's own word, unverified: for progress lines and lints.
    pub fn stated_by(root: &Root, role: &RoleName) -> Result<Self, NoAuthority> {
        let stated = root.roles.get(role).ok_or_else(|| NoAuthority::NoRole(role.clone()))?;
        Self::new(role, &root.keys, stated)
    }

    /// The authority that a verified document gives a role that it delegates to.
    pub fn delegated(delegations: &Delegations, role: &DelegatedRole) -> Result<Self, NoAuthority> {
        Self::new(&role.name, &delegations.keys, &role.keys)
    }

    /// The same authority where these keys do not count, whatever they sign; the threshold stays. Notary leaves out root
    /// keys whose certificates it does not take.
    #[must_use]
    pub fn without(mut self, left_out: &BTreeSet<KeyId>) -> Self {
        self.keys.retain(|id, _| !left_out.contains(id));
        self
    }

    /// Whether it lists this public key, under whatever id.
    pub fn lists(&self, public: &PublicKey) -> bool {
        self.keys.values().any(|listed| listed.public == *public)
    }

    /// The role.
    pub const fn role(&self) -> &RoleName {
        &self.role
    }

    /// How many distinct keys must sign.
    pub const fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// Counts the signatures on a document.
    pub fn tally<T: Body>(&self, document: &Signed<T>) -> Tally {
        self.tally_anew(document, &mut Over::new(document.signing_bytes()))
    }

    /// Counts the signatures on a document of which some may have been verified just now, for another authority.
    fn tally_anew<T: Body>(&self, document: &Signed<T>, over: &mut Over<'_>) -> Tally {
        let dialect = document.dialect();
        let typed = document.signatures().iter().map(|entry| {
            let known = self.keys.get(&entry.keyid);
            (entry.keyid.clone(), known.and_then(|key| entry.typed(dialect, key)))
        });
        self.count(over, typed)
    }

    /// Counts signatures that are not in a document yet.
    pub fn tally_over(&self, to_sign: &[u8], signatures: &[(KeyId, Signature)]) -> Tally {
        let typed = signatures.iter().map(|(id, signature)| (id.clone(), Some(signature.clone())));
        self.count(&mut Over::new(to_sign), typed)
    }

    /// The counting loop: distinct public keys, never key ids.
    fn count(
        &self,
        over: &mut Over<'_>,
        signatures: impl Iterator<Item = (KeyId, Option<Signature>)>,
    ) -> Tally {
        let mut good: Vec<Counted> = Vec::new();
        let mut ignored = Vec::new();
        for (keyid, signature) in signatures {
            let Some(key) = self.keys.get(&keyid) else {
                ignored.push((keyid, Ignored::Stranger));
                continue;
            };
            let fingerprint = key.public.fingerprint();
            let why = match signature {
                None => Some(Ignored::NotOfItsKind),
                Some(_) if good.iter().any(|known| known.fingerprint == fingerprint) => {
                    Some(Ignored::Again)
                }
                Some(signature) if !over.verifies(&key.public, fingerprint, &signature) => {
                    Some(Ignored::Wrong)
                }
                Some(_) => None,
            };
            match why {
                Some(why) => ignored.push((keyid, why)),
                None => good.push(Counted { keyid, fingerprint }),
            }
        }
        let all: BTreeSet<_> = self.keys.values().map(|key| key.public.fingerprint()).collect();
        let missing = all.into_iter().filter(|f| !good.iter().any(|known| known.fingerprint == *f));
        Tally { threshold: self.threshold, missing: missing.collect(), good, ignored }
    }
}

/// The bytes that signatures are over, and which were found good over them: a root is tallied by two authorities that
/// share most keys.
struct Over<'a> {
    to_sign: &'a [u8],
    good: Vec<(Fingerprint, Signature)>,
}

impl<'a> Over<'a> {
    const fn new(to_sign: &'a [u8]) -> Self {
        Self { to_sign, good: Vec::new() }
    }

    fn verifies(&mut self, key: &PublicKey, of: Fingerprint, signature: &Signature) -> bool {
        if self.good.iter().any(|(known, made)| *known == of && made == signature) {
            return true;
        }
        let good = key.verifies(self.to_sign, signature);
        if good {
            self.good.push((of, signature.clone()));
        }
        good
    }
}

impl Tally {
    /// Whether enough distinct keys signed.
    pub fn reached(&self) -> bool {
        self.good.len() >= self.threshold.0
    }
}

/// A document that enough of the right keys signed, and, but for what a change starts from, that had not expired when it
/// was checked.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    body: T,
    digest: Digest,
    tally: Tally,
}

impl<T> Verified<T> {
    /// What it says.
    pub const fn body(&self) -> &T {
        &self.body
    }

    /// SHA-256 of its signing bytes.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Who signed it.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Why a document is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Nobody has a say over its role.
    #[error(transparent)]
    NoAuthority(#[from] NoAuthority),
    /// Two signatures under one key id: the id must be unique in the list (TUF 1.0 section 4.2.1).
    #[error("{role}: two signatures are under the key id {keyid}")]
    Repeated {
        /// The role.
        role: RoleName,
        /// The id.
        keyid: KeyId,
    },
    /// Too few good signatures.
    #[error("{role}: {} of {} needed signatures are good", tally.good.len(), tally.threshold.0)]
    Threshold {
        /// The role.
        role: RoleName,
        /// Who signed.
        tally: Box<Tally>,
    },
    /// It has expired.
    #[error("{role} expired on {}", at.to_minute())]
    Expired {
        /// The role.
        role: RoleName,
        /// When it expired.
        at: Timestamp,
    },
}

/// Checks signatures and expiry of a document at a time.
pub fn verify<T: Body>(
    authority: &Authority,
    document: Signed<T>,
    at: Timestamp,
) -> Result<Verified<T>, Rejected> {
    let verified = verify_whenever(authority, document)?;
    fresh(authority.role(), &verified.body, at)?;
    Ok(verified)
}

/// Checks signatures of a document, whatever its expiry: a change starts from what there is, expired or not.
pub fn verify_whenever<T: Body>(
    authority: &Authority,
    document: Signed<T>,
) -> Result<Verified<T>, Rejected> {
    once_each(authority, &document)?;
    let tally = authority.tally(&document);
    believe(authority, document, tally)
}

/// A document is believed when enough of the right keys signed it.
fn believe<T: Body>(
    authority: &Authority,
    document: Signed<T>,
    tally: Tally,
) -> Result<Verified<T>, Rejected> {
    if !tally.reached() {
        return Err(Rejected::Threshold { role: authority.role.clone(), tally: Box::new(tally) });
    }
    let digest = document.digest();
    Ok(Verified { body: document.into_body(), digest, tally })
}

/// A TUF document with two signatures under one key id is refused whole, whatever else signed it.
fn once_each<T: Body>(authority: &Authority, document: &Signed<T>) -> Result<(), Rejected> {
    let mut seen = BTreeSet::new();
    let again = document.signatures().iter().find(|entry| !seen.insert(&entry.keyid));
    match (document.dialect(), again) {
        (Dialect::Tuf1, Some(entry)) => {
            Err(Rejected::Repeated { role: authority.role.clone(), keyid: entry.keyid.clone() })
        }
        (Dialect::Tuf1, None) | (Dialect::Notary1, _) => Ok(()),
    }
}

/// A document is accepted strictly before its expiry.
fn fresh<T: Body>(role: &RoleName, body: &T, at: Timestamp) -> Result<(), Rejected> {
    let expires = body.expires().at;
    if at < expires { Ok(()) } else { Err(Rejected::Expired { role: role.clone(), at: expires }) }
}

/// SHA-256 of a root's signing bytes: what people compare, and what does not change when signatures are merged.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct RootDigest(Digest);

impl RootDigest {
    /// Takes a digest that somebody states as that of a root.
    pub const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for RootDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for RootDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A root that nobody has compared with anything yet.
#[derive(Debug, Clone)]
pub struct Candidate {
    root: Signed<Root>,
}

impl Candidate {
    /// Reads a root.
    pub fn read(dialect: Dialect, bytes: &[u8]) -> Result<Self, WireError> {
        Ok(Self { root: Signed::read(dialect, bytes)? })
    }

    /// The digest to compare.
    pub fn digest(&self) -> RootDigest {
        RootDigest(self.root.digest())
    }

    /// What it says, unverified.
    pub const fn peek(&self) -> &Root {
        self.root.peek()
    }

    /// Trusts the root if its digest is the one that people compared and its own keys signed it.
    pub fn compared(self, with: RootDigest) -> Result<TrustedRoot, NotTrusted> {
        let found = self.digest();
        if found != with {
            return Err(NotTrusted::Other { expected: with, found });
        }
        self.trusted_on_first_use()
    }

    /// Trusts the root as a client that has seen nothing before: its own keys must have signed it.
    pub fn trusted_on_first_use(self) -> Result<TrustedRoot, NotTrusted> {
        let own =
            Authority::stated_by(self.root.peek(), &RoleName::root()).map_err(Rejected::from)?;
        let root = verify_whenever(&own, self.root)?;
        Ok(TrustedRoot { root })
    }
}

/// Why a candidate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// It is another root.
    #[error("expected the root {expected}, found {found}")]
    Other {
        /// The digest that people compared.
        expected: RootDigest,
        /// The digest of the candidate.
        found: RootDigest,
    },
    /// Its own keys did not sign it.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// A root that is trusted: compared by people, or the proper successor of one that was.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    root: Verified<Root>,
}

impl TrustedRoot {
    /// The root.
    pub const fn root(&self) -> &Verified<Root> {
        &self.root
    }

    /// Its digest.
    pub const fn digest(&self) -> RootDigest {
        RootDigest(self.root.digest)
    }

    /// Who may sign a role, by this root's word.
    pub fn authority(&self, role: &RoleName) -> Result<Authority, NoAuthority> {
        Authority::stated_by(&self.root.body, role)
    }

    /// Follows a successor: version exactly one up, signed as this root *and* as the new root want it. Its expiry is not
    /// looked at: only the last root of a chain must be fresh (TUF 1.0 section 5.3).
    pub fn succeed(&self, next: Signed<Root>) -> Result<Self, NotASuccessor> {
        let expected = self.root.body.version + 1;
        let found = next.peek().version;
        if found != expected {
            return Err(NotASuccessor::Version { expected, found });
        }
        self.jump(next)
    }

    /// Follows a later root without those between, as a Notary client does whose root has expired: signed as this root *and*
    /// as the later root want it, and of a higher version.
    pub fn jump(&self, next: Signed<Root>) -> Result<Self, NotASuccessor> {
        let found = next.peek().version;
        if found <= self.root.body.version {
            return Err(NotASuccessor::Version { expected: self.root.body.version + 1, found });
        }
        let old = self.authority(&RoleName::root()).map_err(Rejected::from)?;
        once_each(&old, &next)?;
        let mut over = Over::new(next.signing_bytes());
        let old = old.tally_anew(&next, &mut over);
        if !old.reached() {
            return Err(NotASuccessor::Old(Box::new(old)));
        }
        let own = Authority::stated_by(next.peek(), &RoleName::root()).map_err(Rejected::from)?;
        let tally = own.tally_anew(&next, &mut over);
        Ok(Self { root: believe(&own, next, tally)? })
    }

    /// Whether the root is fresh at a time.
    pub fn fresh(&self, at: Timestamp) -> Result<(), Rejected> {
        fresh(&RoleName::root(), &self.root.body, at)
    }
}

/// Why a root does not follow another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASuccessor {
    /// Not the next version.
    #[error("expected root version {expected}, found {found}")]
    Version {
        /// The next version.
        expected: u64,
        /// The version found.
        found: u64,
    },
    /// The old root's keys did not sign it.
    #[error("{} of {} needed keys of the root before signed it", .0.good.len(), .0.threshold.0)]
    Old(Box<Tally>),
    /// Its own keys did not sign it.
    #[error(transparent)]
    Own(#[from] Rejected),
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::super::document::{DocId, DocRole};
    use super::super::forge::ForgedKey;
    use super::super::key::Algorithm;
    use super::super::payload::Draft;
    use super::super::root::Expires;
    use super::*;

    fn key(name: &str) -> ForgedKey {
        ForgedKey::new(&Digest::of(b"verify"), name, Algorithm::Ed25519).unwrap()
    }

    /// A root of these keys, each under its own id or a second one, signed by `signers`.
    fn root(version: u64, keys: &[&str], threshold: i64, signers: &[&str]) -> Signed<Root> {
        let mut listed = BTreeMap::new();
        let mut keyids = Vec::new();
        for name in keys {
            let (plain, again) = (name.trim_end_matches('\''), name.ends_with('\''));
            let (id, entry) = Dialect::Tuf1.list_key(key(plain).public_key()).unwrap();
            let id = if again { KeyId::new(format!("second-{id}")) } else { id };
            keyids.push(id.clone());
            listed.insert(id, entry);
        }
        let roles = BTreeMap::from([(
            RoleName::root(),
            RoleKeys { keyids, threshold: StatedThreshold(threshold), unknown: BTreeMap::new() },
        )]);
        let body = Root {
            version,
            expires: Expires::new("2030-01-01T00:00:00Z".parse().unwrap()),
            consistent_snapshot: true,
            keys: listed,
            roles,
            spec_version: Some("1.0.0".to_owned()),
            unknown: BTreeMap::new(),
        };
        let id =
            DocId { repository: "example.com/a".parse().unwrap(), role: DocRole::Root, version };
        let payload = Draft::new(id, Dialect::Tuf1, body).payload().unwrap();
        let signatures: Vec<_> = signers
            .iter()
            .map(|name| {
                let (plain, again) = (name.trim_end_matches('\''), name.ends_with('\''));
                let forged = key(plain);
                let (id, _) = Dialect::Tuf1.list_key(forged.public_key()).unwrap();
                let id = if again { KeyId::new(format!("second-{id}")) } else { id };
                (id, forged.sign(payload.to_sign()))
            })
            .collect();
        Signed::read(Dialect::Tuf1, &payload.envelope(&signatures)).unwrap()
    }

    fn trusted(root: &Signed<Root>) -> Result<TrustedRoot, NotTrusted> {
        Candidate { root: root.clone() }.trusted_on_first_use()
    }

    #[test]
    fn two_of_three_are_enough_and_one_is_not() {
        assert!(trusted(&root(1, &["a", "b", "c"], 2, &["a", "c"])).is_ok());
        assert!(trusted(&root(1, &["a", "b", "c"], 2, &["a"])).is_err());
    }

    #[test]
    fn one_key_that_signs_twice_counts_once() {
        assert!(trusted(&root(1, &["a", "b"], 2, &["a", "a"])).is_err());
        assert!(trusted(&root(1, &["a", "b"], 2, &["a", "b"])).is_ok());
    }

    #[test]
    fn one_key_under_two_ids_counts_once() {
        let document = root(1, &["a", "a'", "b"], 2, &["a", "a'"]);
        let own = Authority::stated_by(document.peek(), &RoleName::root()).unwrap();
        let tally = own.tally(&document);
        assert_eq!(tally.good.len(), 1);
        assert_eq!(tally.ignored[0].1, Ignored::Again);
        assert!(trusted(&document).is_err());
        assert!(trusted(&root(1, &["a", "a'", "b"], 2, &["a'", "b"])).is_ok());
    }

    #[test]
    fn a_key_under_a_new_id_signs_under_both_and_counts_once_on_each_side() {
        let first = trusted(&root(1, &["a", "b"], 2, &["a", "b"])).unwrap();
        let next = |signers: &[&str]| first.succeed(root(2, &["a'", "b"], 2, signers));
        assert!(matches!(next(&["a", "b"]), Err(NotASuccessor::Own(_))));
        assert!(matches!(next(&["a'", "b"]), Err(NotASuccessor::Old(_))));
        let both = next(&["a", "a'", "b"]).unwrap();
        assert_eq!(both.root().tally().good.len(), 2);
    }

    #[test]
    fn a_strangers_signature_does_not_count() {
        assert!(trusted(&root(1, &["a", "b"], 2, &["a", "x"])).is_err());
    }

    #[test]
    fn thresholds_of_zero_and_above_the_distinct_keys_make_no_sense() {
        for (keys, threshold) in [
            (&["a"][..], 0),
            (&["a"], -1),
            (&["a"], 2),
            (&["a", "a'"], 2),
            (&["a"], i64::MAX >> 11),
        ] {
            assert!(trusted(&root(1, keys, threshold, &["a", "a'"])).is_err(), "{threshold}");
            assert!(trusted(&root(1, keys, 1, &["a"])).is_ok());
        }
    }

    #[test]
    fn a_successor_needs_the_old_keys_and_its_own() {
        let first = trusted(&root(1, &["a", "b"], 2, &["a", "b"])).unwrap();
        let next = |signers: &[&str]| first.succeed(root(2, &["c", "d"], 2, signers));
        assert!(next(&["a", "b", "c", "d"]).is_ok());
        assert!(matches!(next(&["c", "d"]), Err(NotASuccessor::Old(_))));
        assert!(matches!(next(&["a", "b", "c"]), Err(NotASuccessor::Own(_))));
    }

    #[test]
    fn a_skipped_or_repeated_version_is_no_successor() {
        let first = trusted(&root(1, &["a"], 1, &["a"])).unwrap();
        for version in [1, 3] {
            let found = first.succeed(root(version, &["a"], 1, &["a"])).unwrap_err();
            assert_eq!(found, NotASuccessor::Version { expected: 2, found: version });
        }
        assert!(first.succeed(root(2, &["a"], 1, &["a"])).is_ok());
    }

    #[test]
    fn another_root_than_the_compared_one_is_not_trusted() {
        let candidate = Candidate { root: root(1, &["a"], 1, &["a"]) };
        let other = RootDigest::new(Digest::of(b"another"));
        assert!(matches!(candidate.clone().compared(other), Err(NotTrusted::Other { .. })));
        let own = candidate.digest();
        assert!(candidate.compared(own).is_ok());
    }

    #[test]
    fn a_document_is_fresh_until_the_second_before_it_expires() {
        let first = trusted(&root(1, &["a"], 1, &["a"])).unwrap();
        assert!(first.fresh("2029-12-31T23:59:59Z".parse().unwrap()).is_ok());
        assert!(first.fresh("2030-01-01T00:00:00Z".parse().unwrap()).is_err());
    }
}
