//! `verify`: what clients say of a repository: one that comes fresh, and one at every earlier root.

mod advice;
mod clients;
mod elsewhere;
mod history;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::bench::system_time;
use crate::front::words::escape;
use crate::tuf::client::notary1::{Contact, is_hidden};
use crate::tuf::client::{FoundTarget, Refused, Walk, WalkVerdict, asked_for};
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;
use crate::tuf::wire::certificate::Certificate;

use super::{Exit, Failure};
use clients::Client;
use history::History;
use report::Report;

/// Verify a repository.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The folder with the documents, under the names that clients ask for; a client's cache will do.
    dir: PathBuf,
    /// A root that a client holds already, to begin with.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The digest that people compared, of that root or of one in the folder: 64 hex digits, or a
    /// picture of their QR code.
    #[arg(long, value_name = "HEX|PICTURE", value_parser = super::picture::digest)]
    root_digest: Option<Digest>,
    /// Verify for this time instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// This target must be signed.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// The online side has not signed yet: top-level documents that are not there are pending.
    #[arg(long)]
    before_upload: bool,
    /// The name that clients use for a Notary repository (GUN): its certificates must be for it.
    #[arg(long, value_name = "GUN")]
    gun: Option<String>,
    /// A certificate id that clients pin, of a Notary repository; more than one for an old and a new one.
    #[arg(long = "pin", value_name = "CERTID")]
    pins: Vec<String>,
    /// Certificate authorities that clients pin, PEM, of a Notary repository.
    #[arg(long, value_name = "FILE", conflicts_with = "pins")]
    pin_ca: Option<PathBuf>,
    /// Folders with documents that were kept: of this repository, for whatever is older or other here; of other
    /// repositories, to tell whether these documents would be valid there too. Without any, those that the workspace trusts.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    known: Vec<PathBuf>,
    /// Take what a rehearsal made as that.
    #[arg(long)]
    rehearsal: bool,
    /// Report as JSON (docs/verify.md).
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        let at = self.at.unwrap_or_else(system_time);
        let clients = clients::all(&self, at)?;
        let target = self.target.as_ref().map(|name| Found::of(name, &clients));
        let elsewhere = elsewhere::look(&self, workspace, &clients, at)?;
        let history = History::of(&self.dir, elsewhere.copies.clone(), &clients)?;
        let verdict = self.verdict(&clients, &history, target.as_ref());
        let report = Report {
            at,
            clients: &clients,
            target: target.as_ref(),
            elsewhere: &elsewhere,
            history: &history,
            compared: self.root_digest.is_some(),
            gun: self.gun.as_deref(),
            verdict: &verdict,
        };
        if self.json {
            report.json();
        } else {
            report.text();
        }
        match verdict {
            Verdict::Pass | Verdict::SoFar(_) => Ok(()),
            Verdict::Stopped(failure) => Err(failure),
        }
    }

    /// How a client of Notary meets the repository.
    fn contact(&self, dialect: Dialect) -> Result<Contact, Failure> {
        let own = self.gun.is_some() || self.pin_ca.is_some() || !self.pins.is_empty();
        if dialect == Dialect::Tuf1 && own {
            return Err(Failure::input("--gun, --pin and --pin-ca are for Notary repositories")
                .hint(
                    "This one is tuf1: its clients are given a root. Name it with --root FILE.",
                ));
        }
        let hex = |id: &&String| id.len() != 64 || !id.chars().all(|c| c.is_ascii_hexdigit());
        if let Some(bad) = self.pins.iter().find(hex) {
            return Err(Failure::input(format!("--pin {} is not a certificate id", escape(bad)))
                .hint(
                    "Expected 64 hex digits: the key id that the root lists, over the certificate.",
                )
                .hint("To read it: anchorite show root.json"));
        }
        let authorities = match &self.pin_ca {
            None => Vec::new(),
            Some(path) => {
                let bytes = super::read(path, 1 << 20)?;
                let shown = escape(&path.display().to_string());
                Certificate::chain_from_pem(&String::from_utf8_lossy(&bytes)).map_err(|why| {
                    Failure::input(format!("{shown}: {}", escape(&why.to_string())))
                })?
            }
        };
        let pins = self.pins.iter().map(|id| KeyId::new(id.to_lowercase())).collect();
        Ok(Contact { gun: self.gun.clone(), pins, authorities, first: true })
    }

    fn verdict(&self, clients: &[Client], history: &History, target: Option<&Found>) -> Verdict {
        if let Some(forked) = history.forked() {
            return Verdict::Stopped(forked);
        }
        let faults = || clients.iter().flat_map(Client::faults);
        let input = |why: &Refused| matches!(why, Refused::Wire(_) | Refused::Fetch(_));
        let worst = faults().find(|(_, _, why)| !input(why)).or_else(|| faults().next());
        if let Some((client, document, why)) = worst {
            let exit = if input(why) { Exit::Input } else { Exit::Wrong };
            let what = format!("{client} refuses {document}: {why}");
            let failure = Failure::new(exit, escape(&what));
            let hints = advice::on(why).into_iter();
            return Verdict::Stopped(hints.fold(failure, Failure::hint));
        }
        if let Some(refused) = history.refused() {
            return Verdict::Stopped(refused);
        }
        let pending: BTreeSet<String> = clients
            .iter()
            .flat_map(|client| client.walk.pending())
            .map(ToOwned::to_owned)
            .collect();
        if let Some(found) = target
            && found.by.is_empty()
            && !pending.iter().any(|document| document.ends_with("targets.json"))
        {
            let what = format!("nobody signs the target {}", escape(&found.name));
            return Verdict::Stopped(
                Failure::new(Exit::Wrong, what)
                    .hint(format!("{} targets are signed. Check the spelling.", found.others)),
            );
        }
        let named = pending.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if pending.is_empty() {
            Verdict::Pass
        } else if self.before_upload {
            Verdict::SoFar(named)
        } else {
            let what = format!("cannot tell: {} is not there", escape(&named));
            Verdict::Stopped(
                Failure::new(Exit::CannotTell, what)
                    .hint("What is there verifies. Bring all documents that the server gives,")
                    .hint("or, when the online side has yet to sign: --before-upload"),
            )
        }
    }
}

/// How verifying ends.
enum Verdict {
    Pass,
    /// What is there verifies; these documents are pending.
    SoFar(String),
    Stopped(Failure),
}

/// The roles that sign a target, in the order in which docker looks; and how many other names are signed.
struct Found {
    name: String,
    by: Vec<(RoleName, u64, Vec<u8>)>,
    others: usize,
}

impl Found {
    fn of(name: &str, clients: &[Client]) -> Self {
        let mut found = Self { name: name.to_owned(), by: Vec::new(), others: 0 };
        let Some(walk) = clients.first().map(|client| &client.walk) else { return found };
        let dialect = clients.first().map(|client| client.dialect);
        for (role, signed) in &walk.targets {
            let files = &signed.body().targets;
            found.others += files.len();
            if dialect == Some(Dialect::Tuf1) {
                continue;
            }
            if let Some(file) = files.get(name).filter(|_| !is_hidden(walk, role, name)) {
                let sha256 = file.hashes.get("sha256").cloned().unwrap_or_default();
                found.by.push((role.clone(), file.length, sha256));
            }
        }
        // A TUF client takes it from one role: the first, in the order of the delegations, that may sign it.
        if dialect == Some(Dialect::Tuf1)
            && let Some(FoundTarget { role, file }) = asked_for(&walk.targets, name)
        {
            let sha256 = file.hashes.get("sha256").cloned().unwrap_or_default();
            found.by.push((role, file.length, sha256));
        }
        // docker takes targets/releases, then targets.
        found.by.sort_by_key(|(role, ..)| match role.as_str() {
            "targets/releases" => 0,
            "targets" => 1,
            _ => 2,
        });
        found
    }

    /// Whether roles that sign it say different things of it.
    fn differ(&self) -> bool {
        let mut said = self.by.iter().map(|(_, length, hash)| (length, hash));
        let first = said.next();
        said.any(|other| Some(other) != first)
    }
}

/// What is not to be passed over in silence: refusals by us, with the document.
fn faults(walk: &Walk) -> impl Iterator<Item = (&str, &Refused)> {
    walk.steps.iter().filter_map(|step| match &step.verdict {
        WalkVerdict::Refused(why) | WalkVerdict::Dropped(why) => {
            Some((step.document.as_str(), why))
        }
        WalkVerdict::Accepted(_) | WalkVerdict::Pending | WalkVerdict::Told(_) => None,
    })
}
