//! `verify`: what a client says of a repository.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::ceremony::change::REHEARSAL_MEMBER;
use crate::ceremony::twin::REHEARSAL_PREFIX;
use crate::driver::bench::system_time;
use crate::driver::folder::Folder;
use crate::front::words::escape;
use crate::tuf::client::{Walk, WalkVerdict, walk};
use crate::tuf::digest::Digest;
use crate::tuf::name::RoleName;
use crate::tuf::signed::sniff;
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Candidate, RootDigest, Verified};
use crate::tuf::wire::certificate::Certificate;

use super::{Exit, Failure, MAX_DOCUMENT, say};

/// Verify a repository.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The folder with the documents, under the names that clients ask for.
    dir: PathBuf,
    /// The root to begin with; the folder's first one by default.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The digest of that root, compared by people: 64 hex digits.
    #[arg(long, value_name = "HEX")]
    root_digest: Option<Digest>,
    /// Verify for this time instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// This target must be signed.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// The online side has not signed yet: documents that are not there are pending.
    #[arg(long)]
    before_upload: bool,
    /// The name that clients use for a Notary repository (GUN): its certificates must be for it.
    #[arg(long, value_name = "GUN")]
    gun: Option<String>,
    /// Take what a rehearsal made as that.
    #[arg(long)]
    rehearsal: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<(), Failure> {
        if !self.dir.is_dir() {
            return Err(Failure::input(format!(
                "{} is not a folder with documents",
                escape(&self.dir.display().to_string())
            )));
        }
        let path = self.first_root()?;
        let bytes = super::read(&path, MAX_DOCUMENT)?;
        let shown = escape(&path.display().to_string());
        let Some((dialect, kind)) = sniff(&bytes) else {
            return Err(Failure::input(format!("{shown} is no document of TUF or Notary")));
        };
        if kind != "root" {
            return Err(Failure::input(format!("expected a root in {shown}, found {kind}")));
        }
        let candidate = Candidate::read(dialect, &bytes)
            .map_err(|why| Failure::input(format!("{shown}: {}", escape(&why.to_string()))))?;
        let digest = candidate.digest();
        self.rehearsed(&candidate)?;
        let root = candidate.peek().clone();
        let trusted = match self.root_digest {
            Some(compared) => candidate.compared(RootDigest::new(compared)),
            None => candidate.trusted_on_first_use(),
        };
        let trusted =
            trusted.map_err(|why| Failure::new(Exit::Wrong, escape(&format!("{shown}: {why}"))))?;
        if let Some(gun) = &self.gun {
            crate::tuf::client::certificates_fit(&root, gun)
                .map_err(|why| Failure::new(Exit::Wrong, escape(&format!("{shown}: {why}"))))?;
        }
        let pending: BTreeSet<RoleName> = if self.before_upload {
            [RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()].into()
        } else {
            BTreeSet::new()
        };
        let at = self.at.unwrap_or_else(system_time);
        let walked = walk(dialect, trusted, &mut Folder::new(&self.dir), at, &pending);
        tell(&walked);
        say(format!("root digest  {digest}"));
        if self.root_digest.is_none() {
            say("             compare it with what was published elsewhere: --root-digest HEX");
        }
        self.judge(&walked)
    }

    /// The root that was named, or the first one in the folder.
    fn first_root(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.root {
            return Ok(path.clone());
        }
        let found = ["1.root.json", "root.json"]
            .into_iter()
            .map(|name| self.dir.join(name))
            .find(|path| path.is_file());
        found.ok_or_else(|| {
            let shown = escape(&self.dir.display().to_string());
            Failure::input(format!("there is no root in {shown}"))
                .hint("Expected 1.root.json or root.json; or name one with --root FILE.")
        })
    }

    /// What a rehearsal made is never taken for real.
    fn rehearsed(&self, candidate: &Candidate) -> Result<(), Failure> {
        let root = candidate.peek();
        let by_name = root.keys.values().filter_map(|key| key.certificate.as_ref()).any(|pem| {
            Certificate::from_pem(pem)
                .is_ok_and(|certificate| certificate.common_name.starts_with(REHEARSAL_PREFIX))
        });
        if (by_name || root.unknown.contains_key(REHEARSAL_MEMBER)) && !self.rehearsal {
            return Err(Failure::new(Exit::Wrong, "this is a REHEARSAL's root; nobody trusts it")
                .hint("To take it as that: --rehearsal"));
        }
        Ok(())
    }

    fn judge(&self, walked: &Walk) -> Result<(), Failure> {
        if !walked.accepted() {
            return Err(Failure::new(Exit::Wrong, "a client refuses this repository"));
        }
        if let Some(name) = &self.target {
            let signs = |(role, signed): (_, &Arc<Verified<Targets>>)| {
                signed.body().targets.get(name).map(|_| role)
            };
            let signed = walked.targets.iter().find_map(signs);
            match signed {
                Some(role) => say(format!("target       {} by {role}", escape(name))),
                None => {
                    return Err(Failure::new(
                        Exit::Wrong,
                        format!("nobody signs the target {}", escape(name)),
                    ));
                }
            }
        }
        if walked.pending().is_empty() {
            say("RESULT       PASS: a fresh client accepts this repository");
        } else {
            say(format!(
                "RESULT       PASS so far; pending: {}",
                escape(&walked.pending().join(", "))
            ));
        }
        Ok(())
    }
}

fn tell(walked: &Walk) {
    for step in &walked.steps {
        let (mark, text) = match &step.verdict {
            WalkVerdict::Accepted(words) => ("[ok]", words.clone()),
            WalkVerdict::Pending => ("[??]", "pending: the online side signs it".to_owned()),
            WalkVerdict::Refused(why) => ("[NO]", why.to_string()),
        };
        say(format!("{mark} {:<22} {}", escape(&step.document), escape(&text)));
    }
}
