//! Making a request: at the office, where no key is to be made, or from the roster that a ceremony wrote.

use std::collections::BTreeMap;

use crate::tuf::document::DocRole;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::super::before::Before;
use super::super::change;
use super::super::check::base;
use super::super::engine::incoming;
use super::super::event::{Base64, FileAt, Mode, Place, SessionId};
use super::super::plan::{Kind, Origin, Plan};
use super::super::recipe::Recipe;
use super::super::roster::{Enrolled, Facts, Roster, RosterFile};
use super::super::twin::{Purpose, Twin};
use super::{BadRequest, Carried, Request, RequestFile, wanted};

/// Why a plan is no matter for several machines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRequest {
    /// There is nothing that signers could have pinned, or nothing to sign.
    #[error(
        "a ceremony of the kind {0} is held in one room: there is nothing that signers elsewhere could check it against"
    )]
    Kind(Kind),
    /// Thousands of repositories are not asked about one by one.
    #[error(
        "a fleet is held in one room: it has no requests. Ask for one repository with a plan of its own"
    )]
    Fleet,
    /// A document hashes signed ones.
    #[error(
        "{0} states hashes of signed files, so that it cannot be signed at the same time: sign it in a ceremony of its own, or let the server sign it"
    )]
    Closing(DocRole),
    /// A key is made in the ceremony.
    #[error(
        "{0} is made in a ceremony: begin the ceremony, and give the roster.json that it writes"
    )]
    Made(KeyName),
    /// A key is not known here.
    #[error(
        "{0} is not listed by the state before: have its holder make a proof (anchorite key make {0} --for REPOSITORY) and enrol it in the plan, or show it in a ceremony and give the roster.json that it writes"
    )]
    Unknown(KeyName),
    /// A file with a key is not at hand.
    #[error("{0} is not at hand: the request carries it")]
    NotAtHand(FileAt),
    /// The use-by date is over before it begins.
    #[error("the use-by date {use_by} is not after {at}")]
    Over {
        /// The use-by date.
        use_by: Timestamp,
        /// Now.
        at: Timestamp,
    },
}

/// Whether a plan can be signed on several machines at all.
pub(super) fn is_for_many(plan: &Plan) -> Result<(), NoRequest> {
    if plan.fleet.is_some() {
        return Err(NoRequest::Fleet);
    }
    let recipe = Recipe::of(plan);
    match recipe.closing.first() {
        Some(doc) => Err(NoRequest::Closing(doc.role.clone())),
        None if !plan.kind.is_change() || recipe.documents.is_empty() => {
            Err(NoRequest::Kind(plan.kind))
        }
        None => Ok(()),
    }
}

/// Makes a request of a plan file, the inputs that it lists, and the roster of a ceremony that knows its keys.
///
/// Without a roster every key must be known from the state before or be enrolled with its proof; `session` names the
/// request then.
pub fn make(
    plan_text: &str,
    at_hand: &BTreeMap<FileAt, Vec<u8>>,
    roster: Option<&RosterFile>,
    session: SessionId,
    at: Timestamp,
    use_by: Timestamp,
) -> Result<(Request, Vec<u8>), BadRequest> {
    let plan = Plan::parse(plan_text.as_bytes()).map_err(BadRequest::Plan)?;
    if use_by <= at {
        return Err(NoRequest::Over { use_by, at }.into());
    }
    let office = || {
        let base = base(&plan, at);
        (Facts { mode: Mode::Real, session, plan: plan.digest, base }, Roster::default())
    };
    let (facts, known) = roster.map_or_else(office, |roster| (roster.facts, roster.roster.clone()));
    let real = Before::of(&plan, at_hand)?;
    let (played, before, inputs) = match facts.mode {
        Mode::Real => (plan.clone(), real, at_hand.clone()),
        Mode::Rehearsal | Mode::Check => {
            let twin = Twin::new(&plan, &real, purpose(facts.mode));
            (twin.plan().clone(), twin.before().clone(), twin.inputs().clone())
        }
    };
    is_for_many(&played)?;
    let roster = whole(&played, &before, &inputs, known)?;
    let change = change::draft(&played, &before, &roster, &facts)?;
    let anchor = before.anchor().ok_or(NoRequest::Kind(plan.kind))?;
    let file = RequestFile {
        format: 1,
        repository: played.repository.name.clone(),
        dialect: played.repository.dialect,
        previous_root: anchor.trusted().digest().digest(),
        documents: wanted(&change),
        use_by,
        facts,
        files: files(&plan, at_hand),
        roster,
        plan: plan_text.to_owned(),
    };
    let bytes = file.to_json();
    // What a signer would refuse is not sent.
    Ok((Request::open(&bytes)?, bytes))
}

/// Which twin plays a plan that is not signed for real.
pub(super) const fn purpose(mode: Mode) -> Purpose {
    match mode {
        Mode::Rehearsal => Purpose::Rehearse,
        Mode::Real | Mode::Check => Purpose::Check,
    }
}

/// The inputs that are at hand.
fn files(plan: &Plan, at_hand: &BTreeMap<FileAt, Vec<u8>>) -> Vec<Carried> {
    let each = plan.inputs.iter().filter_map(|input| {
        let place = Place::Medium(input.medium.clone());
        let bytes = at_hand.get(&FileAt { place, path: input.path.clone() })?;
        Some(Carried {
            medium: input.medium.clone(),
            path: input.path.clone(),
            content: Base64(bytes.clone()),
        })
    });
    each.collect()
}

/// The roster with every key of the plan: those that a document lists are taken from there.
fn whole(
    plan: &Plan,
    before: &Before,
    inputs: &BTreeMap<FileAt, Vec<u8>>,
    mut roster: Roster,
) -> Result<Roster, BadRequest> {
    for key in &plan.keys {
        if roster.keys.contains_key(&key.name) {
            continue;
        }
        let name = key.name.clone();
        let (enrolled, proof) = match &key.origin {
            Origin::Make { .. } => return Err(NoRequest::Made(name).into()),
            Origin::Fingerprint(_) | Origin::Listed(_) if key.certificate.is_some() => {
                return Err(NoRequest::Made(name).into());
            }
            Origin::Fingerprint(confirmed) => (listed(before, confirmed.value, &name)?, None),
            Origin::Listed(fingerprint) => (listed(before, *fingerprint, &name)?, None),
            Origin::Enrol { medium, public: path, .. }
            | Origin::Server { medium, file: path, .. } => {
                let place = Place::Medium(medium.clone());
                let file = FileAt { place, path: path.clone() };
                incoming(plan, key, inputs)
                    .map_err(BadRequest::Roster)?
                    .ok_or(NoRequest::NotAtHand(file))?
            }
        };
        roster.keys.insert(name.clone(), enrolled);
        roster.proofs.extend(proof.map(|proof| (name, proof)));
    }
    Ok(roster)
}

fn listed(
    before: &Before,
    fingerprint: crate::tuf::key::Fingerprint,
    name: &KeyName,
) -> Result<Enrolled, NoRequest> {
    let found = before.key(fingerprint).ok_or_else(|| NoRequest::Unknown(name.clone()))?;
    Ok(Enrolled::Listed { key: found.clone() })
}
