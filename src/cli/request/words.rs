//! What people read of a request: what it is bound to, the digests to compare, and who can sign.

use crate::ceremony::request::Request;
use crate::ceremony::request::merge::Gathering;
use crate::front::words::{escape, hex_lines, word_lines};
use crate::keystore::paper;
use crate::tuf::digest::Digest;

use super::super::{Exit, Failure, say};

/// Tells a request.
pub(super) fn tell(request: &Request, qr: bool) -> Result<(), Failure> {
    let plan = request.played();
    say(format!("{}  {}  {}", plan.codename, request.facts().mode, escape(plan.title.as_str())));
    say(format!("repository   {}, {}", plan.repository.name, plan.repository.dialect));
    say(format!("kind         {}", plan.kind));
    say(format!("root before  version {}", request.anchor().root().version));
    say(format!("             {}", request.previous_root()));
    say(format!("use by       {}", request.use_by().to_minute()));
    say(format!("plan         {}", request.plan().digest));
    say(format!("request      {}", request.digest()));
    for payload in request.change().payloads() {
        say(format!("signs        {}", escape(&payload.id().to_string())));
        say(format!("             sha256 {}", payload.digest()));
    }
    say("");
    say("who can sign");
    for standing in Gathering::new(request).standing() {
        let keys: Vec<_> = standing.missing.iter().map(ToString::to_string).collect();
        say(format!(
            "  {}, by {}: {} of {}",
            standing.role,
            standing.by,
            standing.need,
            keys.join(", ")
        ));
    }
    say("");
    say("digest of the change: say it to signers by another way than this file goes");
    compare(request.change().digest());
    if qr {
        for (label, digest) in [
            ("digest of the change", request.change().digest()),
            ("request", request.digest()),
            ("plan", request.plan().digest),
            ("root before", request.previous_root().digest()),
        ] {
            code(label, digest)?;
        }
        for payload in request.change().payloads() {
            code(&escape(&payload.id().to_string()), payload.digest())?;
        }
    }
    Ok(())
}

/// A digest in hex groups and words.
pub(super) fn compare(digest: Digest) {
    for line in hex_lines(&digest).iter().chain(&word_lines(&digest)) {
        say(format!("  {line}"));
    }
}

/// A digest as a QR code: its 64 hex digits.
pub(super) fn code(label: &str, digest: Digest) -> Result<(), Failure> {
    let code = paper::code(&digest.to_string())
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    say("");
    say(label);
    say(code);
    Ok(())
}
