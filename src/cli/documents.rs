//! `show` and `verify`: what documents say, and what a client says of a repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::ceremony::change::REHEARSAL_MEMBER;
use crate::ceremony::twin::REHEARSAL_PREFIX;
use crate::driver::bench::system_time;
use crate::driver::file;
use crate::front::words::escape;
use crate::tuf::client::{FetchFailed, Fetcher, Walk, WalkVerdict, walk};
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::{Body, Signed, sniff};
use crate::tuf::snapshot::{Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Candidate, RootDigest};
use crate::tuf::wire::certificate::Certificate;

use super::{Exit, Failure, say};

/// Show documents.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The documents.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

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

const MAX_DOCUMENT: u64 = 256 << 20;

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        for path in &self.files {
            let bytes = super::read(path, MAX_DOCUMENT)?;
            show(path, &bytes)?;
        }
        Ok(())
    }
}

fn show(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let shown = escape(&path.display().to_string());
    let Some((dialect, kind)) = sniff(bytes) else {
        return Err(Failure::input(format!("{shown} is no root, targets, snapshot or timestamp"))
            .hint("Expected a document of TUF 1.0 or Notary v1."));
    };
    let in_file = |why: crate::tuf::wire::WireError| Failure::input(format!("{shown}: {why}"));
    match kind.as_str() {
        "root" => {
            let root = Signed::<Root>::read(dialect, bytes).map_err(in_file)?;
            heading(&shown, dialect, "root", &root);
            show_root(&root);
        }
        "targets" => {
            let targets = Signed::<Targets>::read(dialect, bytes).map_err(in_file)?;
            heading(&shown, dialect, "targets", &targets);
            show_targets(targets.peek());
        }
        "snapshot" => {
            let snapshot = Signed::<Snapshot>::read(dialect, bytes).map_err(in_file)?;
            heading(&shown, dialect, "snapshot", &snapshot);
            show_meta(snapshot.peek().meta.iter());
        }
        _ => {
            let timestamp = Signed::<Timestamped>::read(dialect, bytes).map_err(in_file)?;
            heading(&shown, dialect, "timestamp", &timestamp);
            show_meta(timestamp.peek().meta.iter());
        }
    }
    Ok(())
}

fn heading<T: Body>(path: &str, dialect: Dialect, kind: &str, document: &Signed<T>) {
    let expires = document.peek().expires().at;
    let days = (expires.unix_seconds() - system_time().unix_seconds()).div_euclid(86_400);
    let left = if days < 0 { "expired".to_owned() } else { format!("{days} days left") };
    say(format!("{path}: {kind}, {dialect}, version {}", document.peek().version()));
    say(format!("  expires     {} ({left})", expires.to_minute()));
    say(format!("  digest      {}", document.digest()));
    if dialect == Dialect::Notary1 && document.reemitted() != document.received() {
        say("  [!!] Notary would write it in other bytes: a server that signs snapshots bricks it");
    }
}

fn show_root(root: &Signed<Root>) {
    let body = root.peek();
    for (name, role) in &body.roles {
        say(format!(
            "  {:<11} {} of {} keys",
            escape(name.as_str()),
            role.threshold.0,
            role.keyids.len()
        ));
        for id in &role.keyids {
            let Some(key) = body.keys.get(id) else {
                say(format!("    [!!] {} is not among the keys", escape(id.as_str())));
                continue;
            };
            say(format!("    {}  {}", key.public.algorithm(), key.public.fingerprint()));
            say(format!("      id {}", escape(id.as_str())));
            if let Some(certificate) =
                key.certificate.as_ref().and_then(|pem| Certificate::from_pem(pem).ok())
            {
                say(format!(
                    "      certificate for {}, ends {}",
                    escape(&certificate.common_name),
                    certificate.not_after.to_minute()
                ));
            }
        }
    }
    match Authority::stated_by(body, &RoleName::root()) {
        Err(why) => say(format!("  [NO] {}", escape(&why.to_string()))),
        Ok(own) => {
            let tally = own.tally(root);
            let mark = if tally.reached() { "[ok]" } else { "[NO]" };
            say(format!(
                "  {mark} its own root keys: {} good signatures, {} needed",
                tally.good.len(),
                tally.threshold.count()
            ));
            for (id, why) in &tally.ignored {
                say(format!("       not counted: {} ({why:?})", escape(id.as_str())));
            }
        }
    }
}

fn show_targets(targets: &Targets) {
    const SHOWN: usize = 20;
    let count = targets.targets.len();
    say(format!("  targets     {count}, showing {}", count.min(SHOWN)));
    for (name, target) in targets.targets.iter().take(SHOWN) {
        let sha256 = target.hashes.get("sha256").map(|bytes| data_encoding::HEXLOWER.encode(bytes));
        let hash = sha256.unwrap_or_else(|| "no sha256".to_owned());
        say(format!("    {}  {} bytes  sha256 {hash}", escape(name), target.length));
    }
    for role in targets.delegations.iter().flat_map(|delegations| &delegations.roles) {
        say(format!(
            "  delegates   {} to {} of {} keys",
            escape(role.name.as_str()),
            role.keys.threshold.0,
            role.keys.keyids.len()
        ));
    }
}

fn show_meta<'a>(meta: impl Iterator<Item = (&'a String, &'a crate::tuf::snapshot::MetaFile)>) {
    for (name, file) in meta {
        let version = file.version.map(|v| format!(" version {v}")).unwrap_or_default();
        let length = file.length.map(|l| format!(" {l} bytes")).unwrap_or_default();
        say(format!("    {}{version}{length}", escape(name)));
    }
}

/// Documents in a folder.
struct Folder(PathBuf);

impl Fetcher for Folder {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        match file::read_back(&self.0, name, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FetchFailed { name: name.to_owned(), why: error.to_string() }),
        }
    }
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
        let walked = walk(dialect, trusted, &mut Folder(self.dir.clone()), at, &pending);
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
            let signed = walked.targets.iter().find(|(_, all)| all.contains_key(name));
            match signed {
                Some((role, _)) => say(format!("target       {} by {role}", escape(name))),
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
