//! `show`: what documents say.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::bench::system_time;
use crate::front::words::escape;
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::{Body, Signed, sniff};
use crate::tuf::snapshot::{Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::verify::Authority;
use crate::tuf::wire::certificate::Certificate;

use super::{Failure, MAX_DOCUMENT, say};

/// Show documents.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The documents.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

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
        say(format!("    {}  {} bytes  sha256 {hash}", escape(&name), target.length));
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
