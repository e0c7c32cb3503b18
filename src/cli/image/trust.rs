//! The chain of trust for an image: metadata in a folder, and the root that is pinned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::bench::system_time;
use crate::driver::folder::Folder;
use crate::front::words::escape;
use crate::tuf::client::{
    Fetcher as _, MAX_ROOT, MAX_ROOTS, Walk, WalkVerdict, certificates_fit, walk,
};
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::image::chain::{Chain, Kept};
use crate::tuf::root::Root;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Candidate, RootDigest};

use super::super::roots::{candidate, no_rehearsal};
use super::super::{Exit, Failure, read};

/// Where trust comes from.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// The folder with the metadata: as a server serves it, as ~/.docker/trust/tuf/GUN/metadata keeps it, or that of a
    /// TUF repository.
    #[arg(long = "trust", value_name = "DIR")]
    dir: PathBuf,
    /// The root to begin with, from a place that you trust.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The digest of the root to begin with, compared by people: 64 hex digits, or a picture of their QR code.
    #[arg(long, value_name = "HEX|PICTURE", value_parser = super::super::picture::digest)]
    root_digest: Option<Digest>,
    /// Believe the folder's own root, as a client does that has seen nothing before.
    #[arg(long = "trust-on-first-use", conflicts_with_all = ["root", "root_digest"])]
    first_use: bool,
    /// Verify for this time instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The name of the repository (GUN): certificates must be for it.
    #[arg(long, value_name = "GUN")]
    gun: Option<String>,
    /// Take what a rehearsal made as that.
    #[arg(long)]
    rehearsal: bool,
}

/// Why the first root is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pin {
    Digest,
    File,
    FirstUse,
    Nothing,
}

/// What the walk from the root came to.
pub(super) struct Believed {
    pub(super) dialect: Dialect,
    pub(super) pin: Pin,
    pub(super) first: RootDigest,
    pub(super) at: Timestamp,
    pub(super) chain: Chain,
    /// Why a client refuses it: document and reason.
    pub(super) refused: Option<(String, String)>,
}

impl Trust {
    pub(super) fn gun(&self) -> Option<&str> {
        self.gun.as_deref()
    }

    /// Walks from the pinned root.
    pub(super) fn walk(&self) -> Result<Believed, Failure> {
        let dir = self.metadata()?;
        let (dialect, candidate) = self.candidate(&dir)?;
        let first = candidate.digest();
        self.fits(candidate.peek())?;
        let trusted = match self.root_digest {
            Some(compared) => candidate.compared(RootDigest::new(compared)),
            None => candidate.trusted_on_first_use(),
        };
        let trusted = trusted.map_err(|why| {
            Failure::new(Exit::Wrong, escape(&format!("the root of {}: {why}", dir.display()))).hint(
                "Compare the digest with what was published elsewhere, or name the root: --root FILE",
            )
        })?;
        let at = self.at.unwrap_or_else(system_time);
        let mut folder = Folder::new(&dir);
        let mut kept = Kept::new(&mut folder);
        let walked = walk(dialect, trusted, &mut kept, at, &BTreeSet::new());
        let chain = Chain::of(dialect, &walked, &kept, at);
        if let Some(last) = &walked.root {
            self.fits(last.root().body())?;
        }
        let refused = left_behind(&dir, dialect, &walked).or_else(|| refused(&walked));
        let pin = match (self.root_digest, &self.root, self.first_use) {
            (Some(_), _, _) => Pin::Digest,
            (None, Some(_), _) => Pin::File,
            (None, None, true) => Pin::FirstUse,
            (None, None, false) => Pin::Nothing,
        };
        Ok(Believed { dialect, pin, first, at, chain, refused })
    }

    /// The folder itself, or `metadata` in it.
    fn metadata(&self) -> Result<PathBuf, Failure> {
        let has_root =
            |dir: &Path| ["root.json", "1.root.json"].iter().any(|n| dir.join(n).is_file());
        let within = self.dir.join("metadata");
        let found = [self.dir.clone(), within].into_iter().find(|dir| has_root(dir));
        match found {
            Some(dir) => Ok(dir),
            None if self.root.is_some() && self.dir.is_dir() => Ok(self.dir.clone()),
            None => {
                let shown = escape(&self.dir.display().to_string());
                Err(Failure::input(format!("there is no trust metadata in {shown}")).hint(
                    "Expected root.json, timestamp.json, snapshot.json and targets.json, as in \
                     ~/.docker/trust/tuf/GUN/metadata",
                ))
            }
        }
    }

    /// The root to begin with: the one that was named, the one with the pinned digest, or the folder's own.
    fn candidate(&self, dir: &Path) -> Result<(Dialect, Candidate), Failure> {
        if let Some(path) = &self.root {
            let bytes = read(path, MAX_ROOT)?;
            return candidate(&path.display().to_string(), &bytes);
        }
        let mut folder = Folder::new(dir);
        let names = std::iter::once("root.json".to_owned())
            .chain((1..=MAX_ROOTS).map(|version| format!("{version}.root.json")));
        let mut found = None;
        for name in names {
            let bytes = folder
                .fetch(&name, MAX_ROOT)
                .map_err(|why| Failure::input(escape(&why.to_string())))?;
            let Some(bytes) = bytes else { continue };
            let read = candidate(&name, &bytes)?;
            match self.root_digest {
                Some(pinned) if read.1.digest() != RootDigest::new(pinned) => {
                    found = found.or(Some(read));
                }
                Some(_) | None => return Ok(read),
            }
        }
        found.ok_or_else(|| {
            Failure::input("there is no root to begin with").hint("Name one: --root FILE")
        })
    }

    /// No rehearsal, and certificates for the repository.
    fn fits(&self, root: &Root) -> Result<(), Failure> {
        if !self.rehearsal {
            no_rehearsal(root)?;
        }
        let Some(gun) = &self.gun else { return Ok(()) };
        certificates_fit(root, gun).map_err(|why| {
            Failure::new(Exit::Wrong, escape(&format!("the root: {why}")))
                .hint("The metadata is of another repository, or the name is not what clients use.")
        })
    }
}

fn refused(walked: &Walk) -> Option<(String, String)> {
    walked.steps.iter().find_map(|step| match &step.verdict {
        // A delegation that real clients only drop is no ground to stand on either.
        WalkVerdict::Refused(why) | WalkVerdict::Dropped(why) => {
            Some((step.document.clone(), why.to_string()))
        }
        WalkVerdict::Accepted(_) | WalkVerdict::Told(_) | WalkVerdict::Pending => None,
    })
}

/// A `root.json` beside the documents that the pinned root does not lead to.
fn left_behind(dir: &Path, dialect: Dialect, walked: &Walk) -> Option<(String, String)> {
    let last = walked.root.as_ref()?;
    let bytes = Folder::new(dir).fetch("root.json", MAX_ROOT).ok().flatten()?;
    let newest = Candidate::read(dialect, &bytes).ok()?;
    let (found, reached) = (newest.peek().version, last.root().body().version);
    let same = newest.digest() == last.digest();
    // A cache may keep an older one beside the numbered roots.
    (!same && found >= reached).then(|| {
        let why = format!(
            "it is version {found}, and the pinned root leads to version {reached} only: {}.root.json is not there",
            reached + 1
        );
        ("root.json".to_owned(), why)
    })
}
