//! Reading the state before: roots first, then what they vouch for. The first thing that is wrong is told with its file.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::client::file_name::role_of;
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::{Body, Signed};
use crate::tuf::targets::Targets;
use crate::tuf::verify::{
    Authority, Candidate, NoAuthority, NotASuccessor, NotTrusted, Rejected, RootDigest,
    TrustedRoot, verify_whenever,
};
use crate::tuf::wire::WireError;

use super::super::event::{FileAt, Place};
use super::super::plan::{BeforePlan, Plan};
use super::good::Good;
use super::{Anchor, Before, Held};

/// Why the state before cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBefore {
    /// A file is not at hand.
    #[error("{0} is not at hand")]
    NotAtHand(FileAt),
    /// A file cannot be read.
    #[error("{name}: {why}")]
    Unreadable {
        /// The file.
        name: String,
        /// What was expected and found.
        why: String,
    },
    /// There is no root.
    #[error("no root.json and no N.root.json is among the files")]
    NoRoot,
    /// Two different roots have one version: somebody was shown another repository.
    #[error("two different roots have version {version}: {first} and {second}")]
    TwoRoots {
        /// The version.
        version: u64,
        /// The root digest of the first.
        first: RootDigest,
        /// The root digest of the second.
        second: RootDigest,
    },
    /// The root that people trust is not among the roots.
    #[error("expected the trusted root {expected} among the roots; found {}", list(found))]
    OtherRoot {
        /// The digest that the plan states.
        expected: RootDigest,
        /// The roots that are there, with their versions.
        found: Vec<(u64, RootDigest)>,
    },
    /// The trusted root is not signed by its own keys.
    #[error("root version {version}: {why}")]
    NotTrusted {
        /// Its version.
        version: u64,
        /// Why.
        why: NotTrusted,
    },
    /// A root does not follow the one before.
    #[error("root version {version} does not follow: {why}")]
    Succession {
        /// Its version.
        version: u64,
        /// Why.
        why: Box<NotASuccessor>,
    },
    /// A document is not signed as it should be.
    #[error("{name}: {why}")]
    Rejected {
        /// The file.
        name: String,
        /// Why.
        why: Rejected,
    },
    /// Nobody delegates to a role whose document is there.
    #[error("{name}: no targets document delegates to {role}")]
    NotDelegated {
        /// The file.
        name: String,
        /// The role.
        role: RoleName,
    },
    /// A document is older than, or another one than, what the snapshot names.
    #[error("{name}: the snapshot names {expected}, found {found}: this is not the current one")]
    Stale {
        /// The file.
        name: String,
        /// What the snapshot says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Two files are the same document.
    #[error("{name}: another file is version {version} of this document too")]
    Twice {
        /// The file.
        name: String,
        /// The version.
        version: u64,
    },
}

fn list(found: &[(u64, RootDigest)]) -> String {
    let each = found.iter().map(|(version, digest)| format!("version {version}: {digest}"));
    each.collect::<Vec<_>>().join(", ")
}

impl Before {
    /// Reads and verifies the state before from the files that the plan lists. A first root has none.
    pub fn of(plan: &Plan, at_hand: &BTreeMap<FileAt, Vec<u8>>) -> Result<Self, NoBefore> {
        let Some(stated) = &plan.before else { return Ok(Self::none()) };
        let mut files: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for input in &plan.inputs {
            let Some(name) = stated.name_of(input) else { continue };
            files.insert(name, bytes(at_hand, &input.path, stated)?);
        }
        let mut anchor = anchor(plan, stated, &files)?;
        if let Some(good) = &plan.known_good {
            let found = bytes(at_hand, &good.file, stated)?;
            let read = Good::read(good.form, anchor.dialect, found)
                .map_err(|why| NoBefore::Unreadable { name: good.file.clone(), why })?;
            anchor.good = Some(read);
        }
        let raw = plan.before_inputs().filter_map(|input| {
            let place = Place::Medium(input.medium.clone());
            let file = FileAt { place, path: input.path.clone() };
            Some((file.clone(), at_hand.get(&file)?.clone()))
        });
        Ok(Self { anchor: Some(anchor), raw: raw.collect() })
    }
}

fn bytes<'a>(
    at_hand: &'a BTreeMap<FileAt, Vec<u8>>,
    path: &str,
    stated: &BeforePlan,
) -> Result<&'a [u8], NoBefore> {
    let file = FileAt { place: Place::Medium(stated.medium.clone()), path: path.to_owned() };
    at_hand.get(&file).map(Vec::as_slice).ok_or(NoBefore::NotAtHand(file))
}

fn anchor(
    plan: &Plan,
    stated: &BeforePlan,
    files: &BTreeMap<&str, &[u8]>,
) -> Result<Anchor, NoBefore> {
    let dialect = plan.repository.dialect;
    let roots = roots(dialect, files)?;
    let pinned = RootDigest::new(stated.root.value);
    let trusted = followed(dialect, &roots, pinned)?;
    let mut anchor = Anchor {
        repository: plan.repository.name.clone(),
        dialect,
        pinned,
        trusted,
        targets: None,
        delegated: BTreeMap::new(),
        snapshot: None,
        timestamp: None,
        good: None,
        files: BTreeMap::new(),
        roots,
    };
    anchor.top_level(files)?;
    anchor.below(files)?;
    anchor.current()?;
    anchor.serve();
    Ok(anchor)
}

fn roots(
    dialect: Dialect,
    files: &BTreeMap<&str, &[u8]>,
) -> Result<BTreeMap<u64, Signed<Root>>, NoBefore> {
    let mut roots: BTreeMap<u64, Signed<Root>> = BTreeMap::new();
    for (name, bytes) in files {
        if role_of(dialect, name) != Some(RoleName::root()) {
            continue;
        }
        let root: Signed<Root> = read(dialect, name, bytes)?;
        let version = root.peek().version;
        match roots.get(&version) {
            Some(known) if known.digest() != root.digest() => {
                return Err(NoBefore::TwoRoots {
                    version,
                    first: RootDigest::new(known.digest()),
                    second: RootDigest::new(root.digest()),
                });
            }
            Some(_) => {}
            None => {
                roots.insert(version, root);
            }
        }
    }
    if roots.is_empty() { Err(NoBefore::NoRoot) } else { Ok(roots) }
}

fn read<T: Body>(dialect: Dialect, name: &str, bytes: &[u8]) -> Result<Signed<T>, NoBefore> {
    Signed::read(dialect, bytes).map_err(|why: WireError| NoBefore::Unreadable {
        name: name.to_owned(),
        why: why.to_string(),
    })
}

/// The newest root, followed step by step from the one that people trust.
fn followed(
    dialect: Dialect,
    roots: &BTreeMap<u64, Signed<Root>>,
    pinned: RootDigest,
) -> Result<TrustedRoot, NoBefore> {
    let start = roots.iter().find(|(_, root)| root.digest() == pinned.digest());
    let Some((version, root)) = start else {
        let found = roots.iter().map(|(v, root)| (*v, RootDigest::new(root.digest())));
        return Err(NoBefore::OtherRoot { expected: pinned, found: found.collect() });
    };
    let not_trusted = |why| NoBefore::NotTrusted { version: *version, why };
    let mut trusted = Candidate::read(dialect, root.received())
        .map_err(|why| NoBefore::Unreadable {
            name: format!("{version}.root.json"),
            why: why.to_string(),
        })?
        .compared(pinned)
        .map_err(not_trusted)?;
    for (version, next) in roots.range(version + 1..) {
        trusted = trusted
            .succeed(next.clone())
            .map_err(|why| NoBefore::Succession { version: *version, why: Box::new(why) })?;
    }
    Ok(trusted)
}

/// The newest of the documents that are called after a role.
fn newest<T: Body>(
    dialect: Dialect,
    files: &BTreeMap<&str, &[u8]>,
    role: &RoleName,
) -> Result<Option<(String, Signed<T>)>, NoBefore> {
    let mut found: Option<(String, Signed<T>)> = None;
    for (name, bytes) in files {
        if role_of(dialect, name).as_ref() != Some(role) {
            continue;
        }
        let document: Signed<T> = read(dialect, name, bytes)?;
        let version = document.peek().version();
        match &found {
            Some((_, known)) if known.peek().version() > version => {}
            Some((_, known))
                if known.peek().version() == version && known.digest() != document.digest() =>
            {
                return Err(NoBefore::Twice { name: (*name).to_owned(), version });
            }
            Some(_) | None => found = Some(((*name).to_owned(), document)),
        }
    }
    Ok(found)
}

impl<T: Body> Held<T> {
    fn new(
        name: String,
        signed: Signed<T>,
        authority: Result<Authority, NoAuthority>,
    ) -> Result<Self, NoBefore> {
        let rejected = |why| NoBefore::Rejected { name: name.clone(), why };
        let authority = authority.map_err(|why| rejected(why.into()))?;
        let verified = verify_whenever(&authority, signed.clone()).map_err(rejected)?;
        Ok(Self { verified, signed, name })
    }
}

impl Anchor {
    fn held<T: Body>(
        &self,
        files: &BTreeMap<&str, &[u8]>,
        role: &RoleName,
    ) -> Result<Option<Held<T>>, NoBefore> {
        newest(self.dialect, files, role)?
            .map(|(name, signed)| Held::new(name, signed, self.trusted.authority(role)))
            .transpose()
    }

    fn top_level(&mut self, files: &BTreeMap<&str, &[u8]>) -> Result<(), NoBefore> {
        self.targets = self.held(files, &RoleName::targets())?;
        self.snapshot = self.held(files, &RoleName::snapshot())?;
        self.timestamp = self.held(files, &RoleName::timestamp())?;
        Ok(())
    }

    /// Delegated documents, parents first.
    fn below(&mut self, files: &BTreeMap<&str, &[u8]>) -> Result<(), NoBefore> {
        let top =
            [RoleName::root(), RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()];
        let mut open: BTreeSet<RoleName> =
            files.keys().filter_map(|name| role_of(self.dialect, name)).collect();
        open.retain(|role| !top.contains(role));
        while let Some((role, authority)) = open.iter().find_map(|role| {
            let (_, delegations, delegated) = self.delegation(role)?;
            Some((role.clone(), Authority::delegated(delegations, delegated)))
        }) {
            open.remove(&role);
            if let Some((name, signed)) = newest::<Targets>(self.dialect, files, &role)? {
                self.delegated.insert(role, Held::new(name, signed, authority)?);
            }
        }
        match open.into_iter().next() {
            None => Ok(()),
            Some(role) => {
                let named =
                    files.keys().find(|name| role_of(self.dialect, name).as_ref() == Some(&role));
                let name = named.map(|name| (*name).to_owned()).unwrap_or_default();
                Err(NoBefore::NotDelegated { name, role })
            }
        }
    }

    /// Where the snapshot was brought too, targets and delegations must be those that it names.
    fn current(&self) -> Result<(), NoBefore> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        let documents = self
            .targets
            .iter()
            .map(|held| (RoleName::targets(), held))
            .chain(self.delegated.iter().map(|(name, held)| (name.clone(), held)));
        for (role, held) in documents {
            let named = match self.dialect {
                Dialect::Tuf1 => snapshot.body().meta.get(&format!("{role}.json")),
                Dialect::Notary1 => snapshot.body().meta.get(role.as_str()),
            };
            let stale =
                |expected, found| NoBefore::Stale { name: held.name.clone(), expected, found };
            let Some(named) = named else {
                return Err(stale("no such role".to_owned(), format!("{role}")));
            };
            let version = held.body().version;
            if let Some(stated) = named.version.filter(|stated| *stated != version) {
                return Err(stale(format!("version {stated}"), format!("version {version}")));
            }
            let sha256 = named.hashes.get("sha256").and_then(|raw| raw.as_slice().try_into().ok());
            let found = Digest::of(held.signed.received());
            if let Some(stated) = sha256.map(Digest::from_bytes).filter(|stated| *stated != found) {
                return Err(stale(format!("sha256 {stated}"), format!("sha256 {found}")));
            }
        }
        Ok(())
    }

    /// Puts the documents under the names by which clients ask for them.
    fn serve(&mut self) {
        let mut files = BTreeMap::new();
        for (version, root) in &self.roots {
            files.insert(format!("{version}.root.json"), root.received().to_vec());
        }
        if self.dialect == Dialect::Notary1 {
            let newest = self.roots.values().next_back();
            files.extend(newest.map(|root| ("root.json".to_owned(), root.received().to_vec())));
        }
        let consistent = self.dialect == Dialect::Tuf1 && self.root().consistent_snapshot;
        let mut put = |role: &str, version: u64, bytes: &[u8]| {
            let name = match self.dialect {
                Dialect::Tuf1 => crate::tuf::client::percent_encoded(role),
                Dialect::Notary1 => role.to_owned(),
            };
            let numbered = consistent && role != "timestamp";
            let name =
                if numbered { format!("{version}.{name}.json") } else { format!("{name}.json") };
            files.insert(name, bytes.to_vec());
        };
        for (name, held) in &self.delegated {
            put(name.as_str(), held.body().version, held.signed.received());
        }
        if let Some(held) = &self.targets {
            put("targets", held.body().version, held.signed.received());
        }
        if let Some(held) = &self.snapshot {
            put("snapshot", held.body().version, held.signed.received());
        }
        if let Some(held) = &self.timestamp {
            put("timestamp", held.body().version, held.signed.received());
        }
        self.files = files;
    }
}
