//! The lists of a plan: inputs, targets, inserted steps, waivers.

use std::collections::BTreeSet;

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::wire::json::MAX_INTEGER;

use super::super::super::steps::FIRST_ROOT;
use super::super::file::{InputFile, StepFile, TargetFile, WaiverFile};
use super::super::{
    Confirmed, Input, InsertedStep, Medium, MediumRole, Origin, PlannedKey, PlannedTarget, Waiver,
    is_format,
};
use super::Parsing;
use super::place::at;

impl Parsing<'_> {
    pub(super) fn inputs(&mut self, stated: Vec<InputFile>, media: &[Medium]) -> Vec<Input> {
        let mut inputs = Vec::new();
        for (nth, input) in stated.into_iter().enumerate() {
            let place = at("inputs").nth(nth);
            self.path(&place.field("path"), &input.path);
            self.medium(&place.field("medium"), &input.medium, MediumRole::In, media);
            inputs.push(Input {
                medium: input.medium,
                path: input.path,
                sha256: Confirmed {
                    value: input.sha256,
                    by: input.confirmed_by,
                    source: input.source,
                },
            });
        }
        let files: Vec<String> =
            inputs.iter().map(|input| format!("{}:{}", input.medium, input.path)).collect();
        self.unique(&at("inputs"), files.iter().map(String::as_str));
        inputs
    }

    /// Every file that a key names is listed among the inputs.
    pub(super) fn listed(&mut self, keys: &[PlannedKey], inputs: &[Input]) {
        for key in keys {
            let place = at("keys").named(key.name.as_str());
            let files = match &key.origin {
                Origin::Make { .. } | Origin::Fingerprint(_) | Origin::Listed(_) => Vec::new(),
                Origin::Enrol { medium, public, proof, .. } => {
                    let place = place.field("enrol");
                    vec![
                        (place.field("public"), medium, public),
                        (place.field("proof"), medium, proof),
                    ]
                }
                Origin::Server { medium, file, .. } => {
                    vec![(place.field("server").field("file"), medium, file)]
                }
            };
            for (place, medium, path) in files {
                if !inputs.iter().any(|input| input.medium == *medium && input.path == *path) {
                    let expected = "a file that is listed under [[inputs]], with its digest";
                    self.refuse(&place, expected, &format!("{path:?} on {medium}"));
                }
            }
        }
    }

    pub(super) fn targets(
        &mut self,
        stated: Vec<TargetFile>,
        dialect: Dialect,
    ) -> Vec<PlannedTarget> {
        let mut known = BTreeSet::new();
        let mut targets = Vec::new();
        for (nth, target) in stated.into_iter().enumerate() {
            let place = at("targets").nth(nth);
            match dialect {
                Dialect::Notary1 if !is_tag(&target.name) => self.refuse(
                    &place.field("name"),
                    "an image tag: at most 128 letters, digits and . _ - , no . or - first",
                    &format!("{:?}", target.name),
                ),
                Dialect::Notary1 => {}
                Dialect::Tuf1 => self.path(&place.field("name"), &target.name),
            }
            if !known.insert((target.role.clone(), target.name.clone())) {
                let found = format!("{:?} twice", target.name);
                self.refuse(&place.field("name"), "each name once", &found);
            }
            if target.length > MAX_INTEGER.unsigned_abs() {
                let expected = "a length below 2^53";
                self.refuse(&place.field("length"), expected, &target.length.to_string());
            }
            targets.push(PlannedTarget {
                name: target.name,
                length: target.length,
                sha256: target.sha256,
                role: target.role.unwrap_or_else(RoleName::targets),
                was: target.was,
            });
        }
        targets
    }

    pub(super) fn steps(&mut self, stated: Vec<StepFile>) -> Vec<InsertedStep> {
        let mut steps = Vec::new();
        for (nth, step) in stated.into_iter().enumerate() {
            let place = at("steps").nth(nth);
            if !FIRST_ROOT.contains(&step.after.as_str()) {
                let expected = format!("one of {}", FIRST_ROOT.join(", "));
                self.refuse(&place.field("after"), &expected, &format!("{:?}", step.after));
            }
            let length = step.text.chars().count();
            if !(1..=400).contains(&length)
                || step.text.chars().any(|c| c.is_control() || is_format(c))
            {
                let expected = "1 to 400 printable characters on one line";
                self.refuse(&place.field("text"), expected, &format!("{length} characters"));
            }
            steps.push(InsertedStep { after: step.after, insert: step.insert, text: step.text });
        }
        steps
    }

    pub(super) fn waivers(&mut self, stated: Vec<WaiverFile>) -> Vec<Waiver> {
        self.unique(&at("waivers"), stated.iter().map(|waiver| waiver.finding.as_str()));
        let mut waivers = Vec::new();
        for (nth, waiver) in stated.into_iter().enumerate() {
            let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
            if waiver.finding.is_empty()
                || waiver.finding.len() > 64
                || !waiver.finding.bytes().all(letters)
            {
                let place = at("waivers").nth(nth).field("finding");
                let expected = "the name of a finding, such as threshold-one";
                self.refuse(&place, expected, &format!("{:?}", waiver.finding));
            }
            waivers.push(Waiver {
                finding: waiver.finding,
                reason: waiver.reason.0,
                by: waiver.by,
            });
        }
        waivers
    }
}

/// Whether a name is an image tag as registries take it.
fn is_tag(name: &str) -> bool {
    let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    starts
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}
