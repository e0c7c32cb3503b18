//! `plan new`: a shipped plan to begin with, and of a change the sample repository that it starts from.

use std::io::{self, Write as _};
use std::path::Path;

use crate::ceremony::plan::Kind;
use crate::driver::file::{self, Readers};

use super::super::{Failure, say};
use super::Dialect;

/// Writes a plan of a kind. What it starts from goes beside it, into `IN`, where a check and a rehearsal look.
pub(super) fn write(kind: Kind, dialect: Dialect, path: &Path) -> Result<(), Failure> {
    let text = plan(kind, dialect);
    let failed = |error: io::Error| Failure::file(path, &error);
    if path.exists() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let beside = beside(kind, dialect);
    for (name, bytes) in &beside {
        let at = folder.join(name);
        if std::fs::read(&at).is_ok_and(|there| there == *bytes) {
            continue;
        }
        file::write_new(folder, name, bytes, Readers::All)
            .map_err(|error| Failure::file(&at, &error))?;
    }
    let mut new =
        std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    new.write_all(text).map_err(failed)?;
    say(format!("{} is a plan to begin with.", path.display()));
    if !beside.is_empty() {
        let sample = folder.join("IN");
        say(format!("{} has the sample repository that it starts from.", sample.display()));
    }
    say("Next:");
    say(format!("  anchorite plan check {}", path.display()));
    Ok(())
}

macro_rules! shipped {
    ($path:literal) => {
        include_bytes!(concat!("../../../ceremonies/", $path)).as_slice()
    };
}

fn plan(kind: Kind, dialect: Dialect) -> &'static [u8] {
    let both: [&'static [u8]; 2] = match kind {
        Kind::FirstRoot => {
            [shipped!("first-root-notary1/plan.toml"), shipped!("first-root-tuf1/plan.toml")]
        }
        Kind::Refresh => {
            [shipped!("refresh-notary1/plan.toml"), shipped!("refresh-tuf1/plan.toml")]
        }
        Kind::RotateRoot => {
            [shipped!("rotate-root-notary1/plan.toml"), shipped!("rotate-root-tuf1/plan.toml")]
        }
        Kind::ReplaceCustodian => [
            shipped!("replace-custodian-notary1/plan.toml"),
            shipped!("replace-custodian-tuf1/plan.toml"),
        ],
        Kind::RotateOnline => {
            [shipped!("rotate-online-notary1/plan.toml"), shipped!("rotate-online-tuf1/plan.toml")]
        }
        Kind::RootCompromise => [
            shipped!("root-compromise-notary1/plan.toml"),
            shipped!("root-compromise-tuf1/plan.toml"),
        ],
        Kind::Adopt => [shipped!("adopt-notary1/plan.toml"), shipped!("adopt-tuf1/plan.toml")],
        // They are about keys, of whatever dialect.
        Kind::ProvisionToken => [shipped!("provision-token/plan.toml"); 2],
        Kind::ChangePin => [shipped!("change-pin/plan.toml"); 2],
        Kind::BackUp => [shipped!("back-up/plan.toml"); 2],
        Kind::RestoreDrill => [shipped!("restore-drill/plan.toml"); 2],
        Kind::RetireToken => [shipped!("retire-token/plan.toml"); 2],
        Kind::RotateTagging => [
            shipped!("rotate-tagging-notary1/plan.toml"),
            shipped!("rotate-tagging-tuf1/plan.toml"),
        ],
        Kind::AddDelegation => [
            shipped!("add-delegation-notary1/plan.toml"),
            shipped!("add-delegation-tuf1/plan.toml"),
        ],
        Kind::RotateDelegation => [
            shipped!("rotate-delegation-notary1/plan.toml"),
            shipped!("rotate-delegation-tuf1/plan.toml"),
        ],
        Kind::RemoveDelegation => [
            shipped!("remove-delegation-notary1/plan.toml"),
            shipped!("remove-delegation-tuf1/plan.toml"),
        ],
        Kind::SignTargets => {
            [shipped!("sign-targets-notary1/plan.toml"), shipped!("sign-targets-tuf1/plan.toml")]
        }
    };
    let [notary, tuf] = both;
    match dialect {
        Dialect::Notary1 => notary,
        Dialect::Tuf1 => tuf,
    }
}

/// The files that a plan takes from IN; most changes of a dialect start from the same sample.
fn beside(kind: Kind, dialect: Dialect) -> Vec<(&'static str, &'static [u8])> {
    if kind == Kind::RetireToken {
        return vec![
            ("IN/before/1.root.json", shipped!("retire-token/IN/before/1.root.json")),
            ("IN/before/1.snapshot.json", shipped!("retire-token/IN/before/1.snapshot.json")),
            ("IN/before/1.targets.json", shipped!("retire-token/IN/before/1.targets.json")),
            ("IN/before/timestamp.json", shipped!("retire-token/IN/before/timestamp.json")),
        ];
    }
    if !kind.is_change() {
        return Vec::new();
    }
    match kind {
        Kind::RotateTagging => return stolen(dialect),
        Kind::RotateDelegation | Kind::RemoveDelegation | Kind::SignTargets => {
            return with_delegations(dialect);
        }
        Kind::FirstRoot
        | Kind::Refresh
        | Kind::RotateRoot
        | Kind::ReplaceCustodian
        | Kind::RotateOnline
        | Kind::AddDelegation
        | Kind::RootCompromise
        | Kind::Adopt
        | Kind::ProvisionToken
        | Kind::ChangePin
        | Kind::BackUp
        | Kind::RestoreDrill
        | Kind::RetireToken => {}
    }
    let mut files: Vec<(&str, &[u8])> = match dialect {
        Dialect::Notary1 => vec![
            ("IN/before/root.json", shipped!("refresh-notary1/IN/before/root.json")),
            ("IN/before/targets.json", shipped!("refresh-notary1/IN/before/targets.json")),
        ],
        Dialect::Tuf1 => vec![
            ("IN/before/1.root.json", shipped!("refresh-tuf1/IN/before/1.root.json")),
            ("IN/before/1.targets.json", shipped!("refresh-tuf1/IN/before/1.targets.json")),
            ("IN/before/1.snapshot.json", shipped!("refresh-tuf1/IN/before/1.snapshot.json")),
            ("IN/before/timestamp.json", shipped!("refresh-tuf1/IN/before/timestamp.json")),
        ],
    };
    match (kind, dialect) {
        (Kind::RotateOnline, Dialect::Notary1) => {
            files.push((
                "IN/new/snapshot.key",
                shipped!("rotate-online-notary1/IN/new/snapshot.key"),
            ));
        }
        (Kind::RotateOnline, Dialect::Tuf1) => files.extend([
            ("IN/new/online-2.pub", shipped!("rotate-online-tuf1/IN/new/online-2.pub")),
            ("IN/new/online-2.proof", shipped!("rotate-online-tuf1/IN/new/online-2.proof")),
        ]),
        (_, Dialect::Notary1 | Dialect::Tuf1) => {}
    }
    files
}

/// A repository whose targets key leaked, with the last targets document that is known to be good.
fn stolen(dialect: Dialect) -> Vec<(&'static str, &'static [u8])> {
    match dialect {
        Dialect::Notary1 => vec![
            ("IN/before/root.json", shipped!("rotate-tagging-notary1/IN/before/root.json")),
            ("IN/before/targets.json", shipped!("rotate-tagging-notary1/IN/before/targets.json")),
            (
                "IN/before/targets/alice.json",
                shipped!("rotate-tagging-notary1/IN/before/targets/alice.json"),
            ),
            (
                "IN/before/targets/evil.json",
                shipped!("rotate-tagging-notary1/IN/before/targets/evil.json"),
            ),
            (
                "IN/before/targets/releases.json",
                shipped!("rotate-tagging-notary1/IN/before/targets/releases.json"),
            ),
            ("IN/good/targets.json", shipped!("rotate-tagging-notary1/IN/good/targets.json")),
        ],
        Dialect::Tuf1 => vec![
            ("IN/before/1.alice.json", shipped!("rotate-tagging-tuf1/IN/before/1.alice.json")),
            ("IN/before/1.evil.json", shipped!("rotate-tagging-tuf1/IN/before/1.evil.json")),
            (
                "IN/before/1.releases.json",
                shipped!("rotate-tagging-tuf1/IN/before/1.releases.json"),
            ),
            ("IN/before/1.root.json", shipped!("rotate-tagging-tuf1/IN/before/1.root.json")),
            (
                "IN/before/3.snapshot.json",
                shipped!("rotate-tagging-tuf1/IN/before/3.snapshot.json"),
            ),
            ("IN/before/3.targets.json", shipped!("rotate-tagging-tuf1/IN/before/3.targets.json")),
            ("IN/before/timestamp.json", shipped!("rotate-tagging-tuf1/IN/before/timestamp.json")),
            ("IN/good/targets.json", shipped!("rotate-tagging-tuf1/IN/good/targets.json")),
        ],
    }
}

/// A repository with two delegations.
fn with_delegations(dialect: Dialect) -> Vec<(&'static str, &'static [u8])> {
    match dialect {
        Dialect::Notary1 => vec![
            ("IN/before/root.json", shipped!("sign-targets-notary1/IN/before/root.json")),
            ("IN/before/targets.json", shipped!("sign-targets-notary1/IN/before/targets.json")),
            (
                "IN/before/targets/alice.json",
                shipped!("sign-targets-notary1/IN/before/targets/alice.json"),
            ),
            (
                "IN/before/targets/releases.json",
                shipped!("sign-targets-notary1/IN/before/targets/releases.json"),
            ),
        ],
        Dialect::Tuf1 => vec![
            ("IN/before/1.alice.json", shipped!("sign-targets-tuf1/IN/before/1.alice.json")),
            ("IN/before/1.releases.json", shipped!("sign-targets-tuf1/IN/before/1.releases.json")),
            ("IN/before/1.root.json", shipped!("sign-targets-tuf1/IN/before/1.root.json")),
            ("IN/before/2.snapshot.json", shipped!("sign-targets-tuf1/IN/before/2.snapshot.json")),
            ("IN/before/2.targets.json", shipped!("sign-targets-tuf1/IN/before/2.targets.json")),
            ("IN/before/timestamp.json", shipped!("sign-targets-tuf1/IN/before/timestamp.json")),
        ],
    }
}
