//! What is said of a fleet as a whole, once it was walked.

use super::super::fleet::{Survey, batch_of};
use super::super::plan::{Kind, Plan, Store};
use super::super::scene::Verdict;
use super::Finding;
use super::rules::{fail, finding};

/// How long people take for one touch, with what goes before and after it, in seconds.
const TOUCH: u64 = 3;

/// What a walk of the fleet led to: what it found, and the findings on the first repository of each shape. The error says
/// why it could not be walked.
pub type Walked = Result<(Survey, Vec<Finding>), String>;

/// Nobody reads ten thousand lists of tags: where a tagging key leaked, each repository begins from a known-good state.
pub(super) fn unread(plan: &Plan, raised: &mut Vec<Finding>) {
    let of_fleet = plan.fleet.is_some() && plan.kind == Kind::RotateTagging;
    if of_fleet && plan.good_state().is_none() {
        raised.push(fail(
            "fleet-unread",
            "fleet",
            "No known-good state is named: everything that the leaked keys signed is signed again in every \
             repository, and nobody reads it. Put one into each folder, and name it under [fleet.known_good].",
        ));
    }
}

/// The findings on the fleet of a plan; none for plans of one repository.
pub(super) fn findings(plan: &Plan, walked: Option<&Walked>) -> Vec<Finding> {
    if plan.fleet.is_none() {
        return Vec::new();
    }
    let (survey, first) = match walked {
        None => {
            return vec![finding(
                Verdict::Unknown,
                "fleet-not-at-hand",
                "fleet",
                "The list and its documents could not be read here. Name their medium to check them.",
            )];
        }
        Some(Err(why)) => return vec![fail("fleet-not-read", "fleet", why.as_str())],
        Some(Ok(walked)) => (&walked.0, &walked.1),
    };
    let mut raised = first.clone();
    if survey.left_out > 0 {
        let each: Vec<String> = survey
            .first_refused
            .iter()
            .map(|one| format!("{}: {}", one.repository, one.why))
            .collect();
        let all = survey.left_out + survey.repositories;
        let text = format!(
            "{} of {all} repositories are refused and stay as they are: {}",
            survey.left_out,
            each.join("; ")
        );
        raised.push(finding(Verdict::Warn, "fleet-refused", "fleet", text));
    }
    if survey.repositories == 0 {
        raised.push(fail("fleet-none", "fleet", "No repository of the list can be changed."));
        return raised;
    }
    let text = format!(
        "{} repositories, {} documents, {} shapes to read.",
        survey.repositories,
        survey.documents,
        survey.shapes.len()
    );
    raised.push(finding(Verdict::Pass, "fleet-walked", "fleet", text));
    for key in &plan.keys {
        let Some(turn) = survey.turns.get(&key.name) else { continue };
        let text = match &key.store {
            Some(Store::Yubikey { .. } | Store::Pkcs11 { .. }) => {
                let minutes = (turn.documents * TOUCH).div_ceil(60);
                format!(
                    "{} touches where its policy wants one each time, about {minutes} minutes; the PIN is asked for once.",
                    turn.documents
                )
            }
            Some(Store::Age { .. } | Store::Virtual { .. }) | None => format!(
                "{} signatures in batches of {}, opened once: no touches.",
                turn.documents,
                batch_of(key)
            ),
        };
        raised.push(finding(Verdict::Pass, "fleet-hands", key.name.as_str(), text));
    }
    raised
}
