//! What a Notary walk refuses for reasons of its own, and what it tells without refusing.

use std::fmt;

use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;

use super::certificates::LeftOut;

/// Why a Notary client refuses a document, beyond what both dialects share; or why we do, where it does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Too few signatures are left once the certificates that do not count are left out.
    #[error("{good} of {needed} needed signatures count; left out: {}", all(.left_out))]
    Certificates {
        /// The distinct keys that count.
        good: usize,
        /// How many must.
        needed: usize,
        /// The root keys that do not count, and why.
        left_out: Vec<(KeyId, LeftOut)>,
    },
    /// Enough ids signed, which is what the real client counts, but too few distinct keys.
    #[error(
        "{ids} key ids signed, but they are only {keys} distinct keys of {needed} that are needed"
    )]
    OneKeySeveralIds {
        /// The ids whose signatures are good.
        ids: usize,
        /// The distinct public keys behind them.
        keys: usize,
        /// How many must sign.
        needed: usize,
    },
    /// The client's root has expired, so it goes straight to the newest, which its keys did not sign.
    #[error(
        "locked out: root {from} expired on {}, so its clients go straight to root {to}, and {good} of \
         {needed} needed keys of root {from} signed that", expired.to_minute()
    )]
    LockedOut {
        /// The client's root.
        from: u64,
        /// When it expired.
        expired: Timestamp,
        /// The newest root.
        to: u64,
        /// The keys of the client's root that signed it.
        good: usize,
        /// How many must.
        needed: usize,
    },
    /// The root that the client holds counts no more, because of its certificates: it fails before it asks for another.
    #[error("the client's own root {version} counts no more: {}", all(.left_out))]
    Held {
        /// The version of the client's root.
        version: u64,
        /// The root keys that do not count, and why.
        left_out: Vec<(KeyId, LeftOut)>,
    },
    /// Two different roots of one version.
    #[error("there are two different roots of version {0}")]
    TwoRoots(u64),
    /// The document is not written as Notary writes it, and the snapshot is the server's.
    #[error("at {at} it is not as Notary itself would write it")]
    Inexact {
        /// Where it first differs.
        at: String,
    },
    /// The same, after the fact: the snapshot names the bytes that Notary wrote for itself.
    #[error(
        "the snapshot names what Notary wrote for itself, which differs from this file at {at}"
    )]
    Bricked {
        /// Where it first differs.
        at: String,
    },
    /// The document that must name it does not.
    #[error("{by} does not name it")]
    NotNamed {
        /// The document that must.
        by: RoleName,
    },
    /// A role name that Notary refuses, and with it the whole document.
    #[error(
        "it delegates to {role}; expected a name of a-z, 0-9, - and _ directly below {parent}/"
    )]
    DelegationName {
        /// The document's role.
        parent: RoleName,
        /// The name.
        role: RoleName,
    },
    /// A role whose threshold is below 1, or that lists a key that is not there; the whole document falls.
    #[error("{role}: threshold {threshold}, {missing} of its keys are not there")]
    BadRole {
        /// The role.
        role: RoleName,
        /// The threshold stated.
        threshold: i64,
        /// The key ids without a key.
        missing: usize,
    },
    /// A key is listed under an id that is not its own.
    #[error("{role}: the key id {id} is not that of its key")]
    OtherId {
        /// The role.
        role: RoleName,
        /// The id.
        id: KeyId,
    },
    /// A target without any hash: anything would fit it.
    #[error("the target {0:?} has no hash, so that any content would fit")]
    NoHash(String),
}

impl Reason {
    /// Whether the refusal is ours alone: the real client takes such a document.
    pub const fn is_ours_alone(&self) -> bool {
        match self {
            Self::OneKeySeveralIds { .. } | Self::TwoRoots(_) | Self::NoHash(_) => true,
            Self::Certificates { .. }
            | Self::LockedOut { .. }
            | Self::Held { .. }
            | Self::Inexact { .. }
            | Self::Bricked { .. }
            | Self::NotNamed { .. }
            | Self::DelegationName { .. }
            | Self::BadRole { .. }
            | Self::OtherId { .. } => false,
        }
    }
}

fn all(left_out: &[(KeyId, LeftOut)]) -> String {
    let told = left_out.iter().map(|(id, why)| format!("{} {why}", short(id)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "none".to_owned() } else { told.join("; ") }
}

/// The first twelve characters of an id.
fn short(id: &KeyId) -> String {
    id.as_str().chars().take(12).collect()
}

/// What a walk tells of a document without refusing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A certificate ends within six months.
    CertificateEnds {
        /// Its common name.
        name: String,
        /// When it ends.
        at: Timestamp,
    },
    /// The root expires within six months: each `notary publish` then wants the root key.
    RootEnds(Timestamp),
    /// A root key is left out of the count; enough are left.
    LeftOut(KeyId, LeftOut),
    /// The real client counts ids, and more ids signed than keys.
    Ids {
        /// The ids.
        ids: usize,
        /// The distinct keys.
        keys: usize,
    },
    /// A client with an expired root went straight to the newest.
    Jumped {
        /// Its root.
        from: u64,
        /// The newest.
        to: u64,
    },
    /// Once this root expires, clients that still hold it are locked out.
    WillLockOut {
        /// The root.
        from: u64,
        /// When.
        expires: Timestamp,
    },
    /// Not as Notary would write it, but the repository's own snapshot names exactly these bytes.
    OwnSnapshot {
        /// Where it first differs.
        at: String,
    },
    /// A delegation may publish nothing: it has no paths.
    PublishesNothing,
    /// Names that a delegation signs outside its prefixes: clients hide them.
    Hidden(Vec<String>),
    /// A delegated role whose document is not at hand; with no snapshot nothing says whether there is one.
    NotAtHand,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateEnds { name, at } => {
                write!(
                    f,
                    "the certificate for {name:?} ends on {}; then its key counts no more",
                    at.to_minute()
                )
            }
            Self::RootEnds(at) => write!(
                f,
                "the root expires on {}; from six months before, `notary publish` wants the root key",
                at.to_minute()
            ),
            Self::LeftOut(id, why) => write!(f, "the root key {} does not count: {why}", short(id)),
            Self::Ids { ids, keys } => {
                write!(f, "the real client counts {ids} key ids; they are {keys} distinct keys")
            }
            Self::Jumped { from, to } => {
                write!(f, "root {from} has expired: its clients go straight to root {to}")
            }
            Self::WillLockOut { from, expires } => write!(
                f,
                "clients that still hold root {from} when it expires on {} are locked out: its keys did not \
                 sign this root too",
                expires.to_minute()
            ),
            Self::OwnSnapshot { at } => write!(
                f,
                "at {at} it is not as Notary would write it; the repository's own snapshot names these bytes, \
                 a server that signs snapshots would break it"
            ),
            Self::PublishesNothing => f.write_str("it has no paths, so clients show nothing of it"),
            Self::Hidden(names) => {
                let first: Vec<_> = names.iter().take(3).map(|name| format!("{name:?}")).collect();
                let more = if names.len() > 3 { ", …" } else { "" };
                write!(
                    f,
                    "{} names outside its prefixes are hidden from clients: {}{more}",
                    names.len(),
                    first.join(", ")
                )
            }
            Self::NotAtHand => f.write_str(
                "not at hand; nothing says whether it is published, so it was not checked",
            ),
        }
    }
}
