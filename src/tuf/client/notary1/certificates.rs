//! Which root certificates a Notary client counts: names, clocks, form, pins.
//!
//! A certificate that it does not take is left out of the count; the root falls only when too few are left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::tuf::key::{Algorithm, KeyId};
use crate::tuf::name::RoleName;
use crate::tuf::root::{ListedKey, Root};
use crate::tuf::time::{Lifetime, Timestamp};
use crate::tuf::wire::certificate::Certificate;

use super::exact;
use super::told::Told;

/// How a client meets a repository: the name by which it asks, and what it was told beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The name that certificates must be for; without it no name is compared.
    pub gun: Option<String>,
    /// The ids of certificates that the client pins: several, so that an old and a new one can be pinned together. They
    /// are for a first contact, and for a client whose root has expired.
    pub pins: Vec<KeyId>,
    /// The certificate authorities that the client pins; looked at where no certificates are pinned.
    pub authorities: Vec<Certificate>,
    /// Whether the client has seen nothing of this repository.
    pub first: bool,
}

/// Why a root key does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOut {
    /// It is listed without a certificate.
    Bare,
    /// It is of a kind that no root certificate can carry.
    Kind(Algorithm),
    /// Its certificate cannot be read.
    Unreadable(String),
    /// The id is not that of the key.
    OtherId,
    /// The leaf says that it is a certificate authority.
    Authority,
    /// More than one certificate is none of an authority.
    Leaves(usize),
    /// It is for another name.
    Name(String),
    /// It is signed over SHA-1 or an older hash.
    WeakHash,
    /// An RSA modulus of fewer than 2048 bits.
    ShortRsa(usize),
    /// The PEM text is not in the form that is made again to compute its id.
    Form,
    /// It ended.
    Ended(Timestamp),
    /// It begins more than a day from now.
    Begins(Timestamp),
    /// It ends before it begins.
    Backwards,
    /// The client pins others.
    NotPinned,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare => f.write_str("listed without a certificate"),
            Self::Kind(found) => write!(f, "expected ECDSA or RSA, found {found}"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::OtherId => f.write_str("listed under an id that is not the key's"),
            Self::Authority => f.write_str("says that it is a certificate authority (CA:TRUE)"),
            Self::Leaves(count) => write!(f, "expected one leaf, found {count}"),
            Self::Name(found) if found.is_empty() => f.write_str("the common name is empty"),
            Self::Name(found) => write!(f, "is for the common name {found:?}"),
            Self::WeakHash => f.write_str("signed over SHA-1 or an older hash"),
            Self::ShortRsa(bits) => write!(f, "RSA of {bits} bits, 2048 are needed"),
            Self::Form => f.write_str("the PEM text is not in the exact form"),
            Self::Ended(at) => write!(f, "ended on {}", at.to_minute()),
            Self::Begins(at) => write!(f, "begins on {}", at.to_minute()),
            Self::Backwards => f.write_str("ends before it begins"),
            Self::NotPinned => f.write_str("the client pins others"),
        }
    }
}

/// The root keys that do not count at a time, and why; with no time, no clock is looked at, as for a root that a client
/// trusts already.
pub(super) fn left_out(
    root: &Root,
    contact: &Contact,
    pinned: bool,
    at: Option<Timestamp>,
) -> BTreeMap<KeyId, LeftOut> {
    listed(root)
        .filter_map(|(id, key)| {
            let why = match chain(id, key) {
                Err(why) => Some(why),
                Ok(chain) => unfit(&chain, contact, at).or_else(|| {
                    (pinned && !is_pinned(id, &chain, contact, at)).then_some(LeftOut::NotPinned)
                }),
            };
            Some((id.clone(), why?))
        })
        .collect()
}

/// What to tell of certificates that count: how soon they end.
pub(super) fn ending(root: &Root, out: &BTreeSet<KeyId>, at: Timestamp) -> Vec<Told> {
    let Some(soon) = half_a_year().and_then(|span| at.plus(span)) else { return Vec::new() };
    listed(root)
        .filter(|(id, _)| !out.contains(*id))
        .filter_map(|(id, key)| chain(id, key).ok()?.into_iter().next())
        .filter(|leaf| leaf.not_after < soon)
        .map(|leaf| Told::CertificateEnds { name: leaf.common_name, at: leaf.not_after })
        .collect()
}

/// Six months: what Notary's clients warn of.
pub(super) fn half_a_year() -> Option<Lifetime> {
    "6 months".parse().ok()
}

/// The keys that the root role lists.
fn listed(root: &Root) -> impl Iterator<Item = (&KeyId, &ListedKey)> {
    let ids = root.roles.get(&RoleName::root()).into_iter().flat_map(|role| &role.keyids);
    ids.filter_map(|id| root.keys.get_key_value(id))
}

/// The certificates of a key, leaf first; also what does not depend on who asks and when.
fn chain(id: &KeyId, key: &ListedKey) -> Result<Vec<Certificate>, LeftOut> {
    let pem = key.certificate.as_ref().ok_or(LeftOut::Bare)?;
    let chain =
        Certificate::chain_from_pem(pem).map_err(|why| LeftOut::Unreadable(why.to_string()))?;
    let leaf = chain.first().ok_or(LeftOut::Leaves(0))?;
    let leaves = chain.iter().filter(|certificate| !certificate.is_ca).count();
    if leaf.is_ca {
        return Err(LeftOut::Authority);
    }
    if leaves != 1 {
        return Err(LeftOut::Leaves(leaves));
    }
    match leaf.public.algorithm() {
        Algorithm::P256 | Algorithm::P384 | Algorithm::Rsa => {}
        found @ Algorithm::Ed25519 => return Err(LeftOut::Kind(found)),
    }
    if !leaf.exact_form {
        return Err(LeftOut::Form);
    }
    if exact::key_id(&key.wire) != *id {
        return Err(LeftOut::OtherId);
    }
    Ok(chain)
}

/// Why a chain does not count for this client at this time. Authorities that follow the leaf are held to the same clock:
/// the client drops those that are not valid, and then computes another id.
fn unfit(chain: &[Certificate], contact: &Contact, at: Option<Timestamp>) -> Option<LeftOut> {
    let leaf = chain.first()?;
    let fits = contact.gun.as_ref().is_none_or(|gun| leaf.fits_gun(gun));
    if leaf.common_name.is_empty() || !fits {
        return Some(LeftOut::Name(leaf.common_name.clone()));
    }
    chain.iter().find_map(|certificate| invalid(certificate, at))
}

fn invalid(certificate: &Certificate, at: Option<Timestamp>) -> Option<LeftOut> {
    if certificate.not_after < certificate.not_before {
        return Some(LeftOut::Backwards);
    }
    if certificate.has_weak_hash() {
        return Some(LeftOut::WeakHash);
    }
    if let Some(bits) = certificate.public.rsa_bits().filter(|bits| *bits < 2048) {
        return Some(LeftOut::ShortRsa(bits));
    }
    let at = at?;
    if at > certificate.not_after {
        return Some(LeftOut::Ended(certificate.not_after));
    }
    // A day ahead is tolerated.
    let ahead = at.plus_seconds(86_400)?;
    (certificate.not_before > ahead).then_some(LeftOut::Begins(certificate.not_before))
}

/// Whether a first contact takes this certificate: by its id, or because a pinned authority issued it.
fn is_pinned(id: &KeyId, chain: &[Certificate], contact: &Contact, at: Option<Timestamp>) -> bool {
    if !contact.pins.is_empty() {
        return contact.pins.contains(id);
    }
    if contact.authorities.is_empty() {
        return true;
    }
    let Some((leaf, between)) = chain.split_first() else { return false };
    let roots: Vec<&Certificate> =
        contact.authorities.iter().filter(|root| invalid(root, at).is_none()).collect();
    leads_to(leaf, between, &roots, at, 0)
}

/// Whether a certificate leads to one of the roots, through those between. Every one on the way must be valid now, without
/// the day's grace, and may stand for a server: clients use Go's default purpose.
fn leads_to(
    certificate: &Certificate,
    between: &[Certificate],
    roots: &[&Certificate],
    at: Option<Timestamp>,
    depth: usize,
) -> bool {
    let now = at.is_none_or(|at| certificate.not_before <= at && at <= certificate.not_after);
    if !now || !certificate.for_servers || depth > between.len() {
        return false;
    }
    roots.iter().any(|root| {
        let valid = at.is_none_or(|at| root.not_before <= at && at <= root.not_after);
        certificate.is_same(root) || (valid && root.for_servers && certificate.is_issued_by(root))
    }) || between
        .iter()
        .any(|next| certificate.is_issued_by(next) && leads_to(next, between, roots, at, depth + 1))
}
