//! The clients that walk: a fresh one, one that holds a root that was named, and one at every numbered root.

use std::collections::BTreeSet;
use std::path::Path;

use crate::driver::folder::Folder;
use crate::front::words::escape;
use crate::tuf::client::notary1::{Contact, meet};
use crate::tuf::client::{Refused, Walk, WalkStep, WalkVerdict, walk};
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Candidate, NotTrusted, RootDigest};

use super::{Exit, Failure, Verify, faults};
use crate::cli::MAX_DOCUMENT;
use crate::cli::roots::{candidate, no_rehearsal};

/// A client and its walk.
pub(super) struct Client {
    /// What it is called: `a fresh client`.
    pub(super) name: String,
    pub(super) dialect: Dialect,
    /// The root that it began with.
    pub(super) version: u64,
    pub(super) digest: RootDigest,
    /// Whether people compared the digest of that root.
    pub(super) compared: bool,
    pub(super) walk: Walk,
}

impl Client {
    /// What it refuses, with its own name and the document's.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&str, &str, &Refused)> {
        faults(&self.walk).map(|(document, why)| (self.name.as_str(), document, why))
    }
}

/// A root that a client may begin with.
struct Start {
    name: String,
    file: String,
    candidate: Candidate,
    first: bool,
    /// The version that its file is named with, of a numbered root.
    numbered: Option<u64>,
}

/// Lets every client walk; the first is the one whose walk is told in full.
pub(super) fn all(verify: &Verify, at: Timestamp) -> Result<Vec<Client>, Failure> {
    let starts = starts(verify)?;
    let dialect = starts.first().map_or(Dialect::Tuf1, Start::dialect);
    let contact = verify.contact(dialect)?;
    for start in &starts {
        if start.dialect() != dialect {
            let (file, other) = (escape(&start.file), start.dialect());
            return Err(Failure::input(format!("expected {dialect} in {file}, found {other}"))
                .hint("A folder holds one repository, of one dialect. Move the other one away."));
        }
        if !verify.rehearsal {
            no_rehearsal(start.candidate.peek())?;
        }
        numbered(start)?;
    }
    compared(verify, &starts)?;
    // What is not there at the top is pending; whether that is well is for the verdict to say.
    let pending = [RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()].into();
    let mut folder = Folder::new(&verify.dir);
    let walked = starts.into_iter().map(|start| {
        let contact = Contact { first: start.first, ..contact.clone() };
        start.walk(verify, &contact, &mut folder, at, &pending)
    });
    Ok(walked.collect())
}

impl Start {
    fn dialect(&self) -> Dialect {
        if self.candidate.peek().spec_version.is_some() { Dialect::Tuf1 } else { Dialect::Notary1 }
    }

    fn walk(
        self,
        verify: &Verify,
        contact: &Contact,
        folder: &mut Folder,
        at: Timestamp,
        pending: &BTreeSet<RoleName>,
    ) -> Client {
        let (dialect, digest) = (self.dialect(), self.candidate.digest());
        let version = self.candidate.peek().version;
        let compared = verify.root_digest.is_some_and(|hex| RootDigest::new(hex) == digest);
        let walk = match self.candidate.trusted_on_first_use() {
            Ok(root) => match dialect {
                Dialect::Tuf1 => walk(dialect, root, folder, at, pending),
                Dialect::Notary1 => meet(contact, root, folder, at, pending),
            },
            Err(NotTrusted::Rejected(why)) => refused(&self.file, why.into()),
            Err(NotTrusted::Other { expected, found }) => refused(
                &self.file,
                Refused::Mismatch { expected: expected.to_string(), found: found.to_string() },
            ),
        };
        Client { name: self.name, dialect, version, digest, compared, walk }
    }
}

/// A walk that ends before it begins.
fn refused(document: &str, why: Refused) -> Walk {
    let step = WalkStep { document: document.to_owned(), verdict: WalkVerdict::Refused(why) };
    Walk { steps: vec![step], ..Walk::default() }
}

/// The roots to begin with: the one that was named, then that of a fresh client, then every numbered one.
fn starts(verify: &Verify) -> Result<Vec<Start>, Failure> {
    let shown = escape(&verify.dir.display().to_string());
    if !verify.dir.is_dir() {
        return Err(Failure::input(format!("{shown} is not a folder with documents"))
            .hint("Expected a folder with root.json or 1.root.json and the other documents."));
    }
    let folder = Folder::new(&verify.dir);
    let versions = folder.root_versions().map_err(|error| Failure::file(&verify.dir, &error))?;
    let mut starts = Vec::new();
    if let Some(path) = &verify.root {
        let file = path.display().to_string();
        let candidate = read(path)?;
        let name = "a client that holds the named root".to_owned();
        starts.push(Start { name, file, candidate, first: false, numbered: None });
    }
    let numbered = |version: &u64| format!("{version}.root.json");
    let newest = verify.dir.join("root.json").is_file().then(|| "root.json".to_owned());
    let notary = match (&newest, versions.last()) {
        (Some(name), _) => read(&verify.dir.join(name))?.peek().spec_version.is_none(),
        (None, Some(version)) => {
            read(&verify.dir.join(numbered(version)))?.peek().spec_version.is_none()
        }
        (None, None) => false,
    };
    // A fresh client of Notary takes the newest root that it is given; one of TUF is given the first.
    let fresh = if notary {
        newest.or_else(|| versions.last().map(numbered))
    } else {
        versions.first().map(numbered).or(newest)
    };
    if let Some(file) = fresh.clone() {
        let candidate = read(&verify.dir.join(&file))?;
        starts.push(Start {
            name: "a fresh client".to_owned(),
            file,
            candidate,
            first: true,
            numbered: None,
        });
    }
    for version in &versions {
        let file = numbered(version);
        if !notary && fresh.as_ref() == Some(&file) {
            continue;
        }
        let candidate = read(&verify.dir.join(&file))?;
        let name = format!("a client at root {version}");
        starts.push(Start { name, file, candidate, first: false, numbered: Some(*version) });
    }
    if starts.is_empty() {
        return Err(Failure::input(format!("there is no root in {shown}"))
            .hint("Expected 1.root.json or root.json; or name one with --root FILE."));
    }
    Ok(starts)
}

fn read(path: &Path) -> Result<Candidate, Failure> {
    let bytes = crate::cli::read(path, MAX_DOCUMENT)?;
    Ok(candidate(&path.display().to_string(), &bytes)?.1)
}

/// A numbered root must be of the version that its name says.
fn numbered(start: &Start) -> Result<(), Failure> {
    let found = start.candidate.peek().version;
    match start.numbered {
        Some(version) if version != found => Err(Failure::new(
            Exit::Wrong,
            format!("expected version {version} in {}, found {found}", start.file),
        )
        .hint("A client that follows roots by their numbers refuses it. Give it its right name.")),
        Some(_) | None => Ok(()),
    }
}

/// The digest that people compared must be that of the root that was named, or of one that is there.
fn compared(verify: &Verify, starts: &[Start]) -> Result<(), Failure> {
    let Some(expected) = verify.root_digest.map(RootDigest::new) else { return Ok(()) };
    let asked = if verify.root.is_some() { 1 } else { starts.len() };
    let found: BTreeSet<String> =
        starts.iter().take(asked).map(|start| start.candidate.digest().to_string()).collect();
    if found.contains(&expected.to_string()) {
        return Ok(());
    }
    let found = found.into_iter().collect::<Vec<_>>().join(", ");
    Err(Failure::new(Exit::Wrong, format!("expected the root {expected}, found {found}"))
        .hint("These are not the documents that people compared, or the digest was copied wrongly.")
        .hint("Read the digest again from the card or the report; trust neither until they agree."))
}
