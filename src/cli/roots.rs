//! Roots that people name or that lie in a folder: read as candidates, and never those of a rehearsal.

use crate::ceremony::change::REHEARSAL_MEMBER;
use crate::ceremony::twin::REHEARSAL_PREFIX;
use crate::front::words::escape;
use crate::tuf::document::Dialect;
use crate::tuf::root::Root;
use crate::tuf::signed::sniff;
use crate::tuf::verify::Candidate;
use crate::tuf::wire::certificate::Certificate;

use super::{Exit, Failure};

/// Reads a root, of whichever dialect, that failures call by this name.
pub(super) fn candidate(name: &str, bytes: &[u8]) -> Result<(Dialect, Candidate), Failure> {
    let shown = escape(name);
    let Some((dialect, kind)) = sniff(bytes) else {
        return Err(Failure::input(format!("{shown} is no document of TUF or Notary"))
            .hint("Expected JSON with `signed` and `signatures`, as a server gives it."));
    };
    if kind != "root" {
        return Err(Failure::input(format!("expected a root in {shown}, found {kind}"))
            .hint("Name a root with --root FILE, or give the file its right name."));
    }
    let candidate = Candidate::read(dialect, bytes)
        .map_err(|why| Failure::input(format!("{shown}: {}", escape(&why.to_string()))))?;
    Ok((dialect, candidate))
}

/// Refuses what a rehearsal made.
pub(super) fn no_rehearsal(root: &Root) -> Result<(), Failure> {
    let by_name = root.keys.values().filter_map(|key| key.certificate.as_ref()).any(|pem| {
        Certificate::from_pem(pem)
            .is_ok_and(|certificate| certificate.common_name.starts_with(REHEARSAL_PREFIX))
    });
    if by_name || root.unknown.contains_key(REHEARSAL_MEMBER) {
        return Err(Failure::new(Exit::Wrong, "this is a REHEARSAL's root; nobody trusts it")
            .hint("To take it as that: --rehearsal"));
    }
    Ok(())
}
