//! The check: what can be refused in the office is refused there.
//!
//! A plan is linted, then played by the same engine over its twin in a model of the room, and the documents that come
//! out are walked as clients walk them. What comes of it is a [`CheckReport`], and a report without a failure is the only way to
//! a [`Checked`] plan that people may play.

mod care;
mod change;
mod dates;
mod fleet;
mod rules;
pub mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::time::Timestamp;

use super::before::{Before, NoBefore};
use super::engine::Engine;
use super::event::{FileAt, Mode, Opening, Outcome, SessionId, ToolId, Wanted};
use super::fleet::Survey;
use super::model::Room;
use super::plan::{Plan, Store};
use super::request::{Asked, Request};
use super::scene::Verdict;
use super::twin::{Purpose, Twin};
use super::walk;

pub use change::{listed_again, named};
pub use fleet::Walked;

/// A plan that a check has passed, or that a check plays itself.
#[derive(Debug, Clone)]
pub struct Checked {
    plan: Plan,
    clearance: Clearance,
}

/// By whose word a plan may be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearance {
    /// The check's own run; good for nothing else.
    Model,
    /// A check passed just now; the digest is its report's.
    Passed(Digest),
    /// The record says that a check passed; for replays.
    OnRecord(Option<Digest>),
}

/// What a ceremony stands on.
#[derive(Debug, Clone)]
pub struct Ground {
    checked: Checked,
    before: Arc<Before>,
    asked: Option<Arc<Asked>>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckReport {
    /// The format of this report: 1.
    pub format: u32,
    /// SHA-256 of the plan file.
    pub plan: Digest,
    /// When it was checked.
    pub at: Timestamp,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// How many signatures each key will make.
    pub signatures: BTreeMap<String, usize>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The judgement, waivers considered.
    pub verdict: Verdict,
    /// Its stable name, by which a plan may waive it.
    pub name: String,
    /// What it is about: a role, a key, a file.
    pub about: String,
    /// What was found, what was expected, what to do.
    pub text: String,
    /// Whether it stops only a real ceremony.
    pub only_real: bool,
    /// Who answers for it, where the plan waives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_by: Option<String>,
}

impl CheckReport {
    /// Checks a plan at a time, with the input files that are at hand.
    pub fn of(plan: &Plan, at: Timestamp, at_hand: &BTreeMap<FileAt, Vec<u8>>) -> Self {
        Self::with_fleet(plan, at, at_hand, None)
    }

    /// Checks a plan whose fleet, if it has one, was walked.
    pub fn with_fleet(
        plan: &Plan,
        at: Timestamp,
        at_hand: &BTreeMap<FileAt, Vec<u8>>,
        walked: Option<&Walked>,
    ) -> Self {
        let before = Before::of(plan, at_hand);
        let mut findings = rules::findings(plan, before.as_ref().ok(), at, at_hand);
        findings.extend(fleet::findings(plan, walked));
        let survey = walked.and_then(|walked| walked.as_ref().ok()).map(|(survey, _)| survey);
        let unwalked = plan.fleet.is_some() && survey.is_none();
        match &before {
            Ok(_) if unwalked => {}
            Ok(before) => {
                let stops = |f: &Finding| f.verdict == Verdict::Fail && !f.only_real;
                if !findings.iter().any(stops) {
                    findings.extend(played(plan, before, at, survey));
                }
            }
            Err(why @ NoBefore::NotAtHand(_)) => findings.push(Finding {
                verdict: Verdict::Unknown,
                ..rules::fail("before-not-at-hand", "before", format!("{why}: name its medium."))
            }),
            Err(why) => {
                findings.push(rules::fail("before-not-verified", "before", why.to_string()));
            }
        }
        findings.sort_by(|a, b| b.cmp(a));
        let recipe = super::recipe::Recipe::of(plan);
        let signatures = plan
            .keys
            .iter()
            .filter(|key| plan.may_sign(key) && !plan.kind.is_of_keys())
            .map(|key| {
                let turn = survey.and_then(|survey| survey.turns.get(&key.name));
                let fleet = turn.map_or(0, |turn| turn.documents);
                let fleet = usize::try_from(fleet).unwrap_or(usize::MAX);
                (key.name.to_string(), recipe.signatures_of(&key.name) + fleet)
            })
            .collect();
        Self { format: 1, plan: plan.digest, at, findings, signatures }
    }

    /// The worst verdict for a mode: what stops only a real ceremony is a warning in a rehearsal, and so is what could
    /// not be told, since stand-ins take its place.
    pub fn verdict(&self, mode: Mode) -> Verdict {
        let of = |finding: &Finding| match (mode, finding.verdict) {
            (Mode::Real, verdict) => verdict,
            (Mode::Check | Mode::Rehearsal, Verdict::Fail) if !finding.only_real => Verdict::Fail,
            (Mode::Check | Mode::Rehearsal, Verdict::Pass) => Verdict::Pass,
            (Mode::Check | Mode::Rehearsal, Verdict::Warn | Verdict::Unknown | Verdict::Fail) => {
                Verdict::Warn
            }
        };
        self.findings.iter().map(of).max().unwrap_or(Verdict::Pass)
    }

    /// The report as JSON with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report is JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Clears the plan for a mode: a FAIL refuses every mode, UNKNOWN refuses a real ceremony.
    pub fn clear(&self, plan: &Plan, mode: Mode) -> Option<Checked> {
        let stopped = match (self.verdict(mode), mode) {
            (Verdict::Fail, _) | (Verdict::Unknown, Mode::Real) => true,
            (Verdict::Pass | Verdict::Warn, _)
            | (Verdict::Unknown, Mode::Check | Mode::Rehearsal) => false,
        };
        (!stopped && self.plan == plan.digest).then(|| Checked {
            plan: plan.clone(),
            clearance: Clearance::Passed(Digest::of(&self.to_json())),
        })
    }
}

impl Checked {
    /// The plan for a replay of what was recorded: cleared then, not judged again.
    pub fn on_record(plan: Plan, report: Option<Digest>) -> Self {
        Self { plan, clearance: Clearance::OnRecord(report) }
    }

    /// Puts the rehearsal's twin in the place of the plan; the digest stays the plan file's.
    #[must_use]
    pub fn twinned(self, twin: &Twin) -> Self {
        Self { plan: twin.plan().clone(), clearance: self.clearance }
    }

    /// By whose word it may be played.
    pub const fn clearance(&self) -> Clearance {
        self.clearance
    }

    /// The digest of the report that cleared it, for the opening.
    pub const fn report(&self) -> Option<Digest> {
        match self.clearance {
            Clearance::Model => None,
            Clearance::Passed(digest) => Some(digest),
            Clearance::OnRecord(digest) => digest,
        }
    }
}

impl Ground {
    /// Stands on a checked plan and what it starts from; in a rehearsal both are the twin's.
    pub fn new(checked: Checked, before: Before) -> Self {
        Self { checked, before: Arc::new(before), asked: None }
    }

    /// Stands on a request, for one of its keys. A key for which the plan names no store rests in an age file of the
    /// signer's own.
    pub fn asked(checked: &Checked, request: &Request, asked: Asked) -> Self {
        let mut plan = request.played().clone();
        for key in plan.keys.iter_mut().filter(|key| key.name == asked.key) {
            key.store.get_or_insert(Store::Age { recovery: Vec::new() });
        }
        Self {
            checked: Checked { plan, clearance: checked.clearance },
            before: Arc::new(request.before().clone()),
            asked: Some(Arc::new(asked)),
        }
    }

    /// What another machine asks for, if it does.
    pub(super) const fn for_another(&self) -> Option<&Arc<Asked>> {
        self.asked.as_ref()
    }

    /// What the ceremony starts from.
    pub fn before(&self) -> &Before {
        &self.before
    }

    /// The same, shared.
    pub(super) fn before_shared(&self) -> Arc<Before> {
        Arc::clone(&self.before)
    }

    /// The plan that is played.
    pub const fn plan(&self) -> &Plan {
        &self.checked.plan
    }

    /// By whose word.
    pub const fn clearance(&self) -> Clearance {
        self.checked.clearance
    }
}

/// The findings on one repository of a fleet: those of a change, with the plan's waivers put in.
pub fn of_member(plan: &Plan, before: &Before, at: Timestamp) -> Vec<Finding> {
    rules::of_member(plan, before, at)
}

/// Plays the plan's twin to its end and walks what comes out.
fn played(plan: &Plan, before: &Before, at: Timestamp, fleet: Option<&Survey>) -> Vec<Finding> {
    let twin = Twin::new(plan, before, Purpose::Check);
    match play_fleet(&twin, at, fleet) {
        // The clients of a fleet walk where its repositories are; keys alone have no clients.
        Ok(_) if fleet.is_some() || plan.kind.is_of_keys() => Vec::new(),
        Ok(engine) => walk::findings(&engine, &twin, at),
        Err(why) => vec![rules::fail("does-not-end", "ceremony", why)],
    }
}

/// Plays a twin in the model of the room. The error says where it did not go on.
pub fn play(twin: &Twin, at: Timestamp) -> Result<Engine, String> {
    play_fleet(twin, at, None)
}

fn play_fleet(twin: &Twin, at: Timestamp, fleet: Option<&Survey>) -> Result<Engine, String> {
    let checked = Checked { plan: twin.plan().clone(), clearance: Clearance::Model };
    let ground = Ground::new(checked, twin.before().clone());
    let opening = Opening {
        mode: Mode::Check,
        session: SessionId::new([0; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: String::new() },
        plan: twin.plan().digest,
        base: base(twin.plan(), at),
        at,
        check: None,
        unattended: false,
        asked: None,
        earlier: Vec::new(),
    };
    let mut room = Room::new(twin.clone()).with_fleet(fleet.cloned());
    let turns = fleet.iter().flat_map(|survey| survey.turns.values());
    let batches: u64 = turns.map(|turn| 2 * turn.repositories).sum();
    let most = MOST_ENTRIES + usize::try_from(batches).unwrap_or_default();
    let (mut engine, mut next) = Engine::open(ground, opening);
    for _ in 0..most {
        next = match next.wanted {
            Wanted::Close(Outcome::Done) => return Ok(engine),
            Wanted::Close(Outcome::Aborted) => return Err("the ceremony stopped".to_owned()),
            Wanted::Act(id, act) => {
                let what = room.act(&id, &act);
                engine.happened(at, id, what, 0)
            }
            Wanted::Ask(ask) => {
                if let Some(found) = engine.trouble() {
                    return Err(found);
                }
                let said = room.answer(&ask, &engine);
                engine.people(at, said).map_err(|refusal| format!("{}: {refusal}", ask.id))?
            }
        };
    }
    Err(format!("the ceremony does not end within {most} steps"))
}

const MOST_ENTRIES: usize = 10_000;

/// The day from which lifetimes count: the window's beginning, or 00:00:00Z of the day.
pub fn base(plan: &Plan, at: Timestamp) -> Timestamp {
    plan.window.map_or_else(|| at.start_of_day(), |window| window.from)
}
