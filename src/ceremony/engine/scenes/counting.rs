//! What the signing screens count, and the bytes that people may look at.

use super::super::super::ask::{AskId, AskKind};
use super::super::super::authority::{self, Count};
use super::super::super::recipe::DocRecipe;
use super::super::super::scene::{Block, TallyLine};
use super::{Painter, row};

impl Painter<'_> {
    pub(super) fn tallies(&self) -> Vec<TallyLine> {
        // Before the first signature there is nothing to count, after the seal nothing more; the review and the digests
        // that are written down need the room.
        let began = self.state.has_pressed(AskKind::Head, "before the first signature");
        if !began || self.state.sealed.is_some() {
            return Vec::new();
        }
        if self.plan.fleet.is_some() {
            return super::super::fleet::tallies(self.plan, self.state);
        }
        self.state.recipe.all().flat_map(|doc| self.tally(doc)).collect()
    }

    /// What a document still wants: of a new root both thresholds, by name.
    fn tally(&self, doc: &DocRecipe) -> Vec<TallyLine> {
        let counts = self.state.tallied.get(&doc.role).cloned();
        let counts =
            counts.unwrap_or_else(|| authority::counts(self.state, &doc.role, &doc.signers));
        if counts.is_empty() {
            // A document that hashes signed ones is not drafted yet.
            return vec![TallyLine {
                what: doc.role.to_string(),
                have: 0,
                need: usize::try_from(doc.threshold).unwrap_or(usize::MAX),
                signed: Vec::new(),
                open: doc.signers.iter().map(ToString::to_string).collect(),
            }];
        }
        let line = |count: Count| TallyLine {
            what: if count.before {
                format!("{}, by the one before", doc.role)
            } else {
                doc.role.to_string()
            },
            have: count.good.len(),
            need: count.need,
            signed: count.good,
            open: count.open,
        };
        counts.into_iter().map(line).collect()
    }

    pub(super) fn details(&self, id: &AskId) -> Vec<Block> {
        let stages = self.state.change.iter().chain(&self.state.closing);
        let open = match id.kind {
            AskKind::Source | AskKind::CompareChange => false,
            AskKind::RollCall
            | AskKind::Clock
            | AskKind::Room
            | AskKind::ComparePlan
            | AskKind::Head
            | AskKind::Ready
            | AskKind::LastTry
            | AskKind::Medium
            | AskKind::Review
            | AskKind::WrittenDown
            | AskKind::Trouble
            | AskKind::Note
            | AskKind::Statement
            | AskKind::Exception
            | AskKind::Pause
            | AskKind::Abort => true,
        };
        // While the digest of the change is being compared, nothing that leads to it is shown.
        if !open || (self.state.compared.is_some() && !self.compared()) {
            return Vec::new();
        }
        stages
            .flat_map(super::super::super::change::ChangeSet::payloads)
            .flat_map(|payload| {
                let bytes = String::from_utf8_lossy(payload.to_sign()).into_owned();
                [
                    Block::Heading(format!("{}: the exact bytes to sign", payload.id())),
                    Block::Rows(vec![
                        row("sha256", payload.digest().to_string()),
                        row("bytes", bytes),
                    ]),
                ]
            })
            .collect()
    }

    fn compared(&self) -> bool {
        self.state.has_pressed(AskKind::CompareChange, "")
            || self.state.has_pressed(AskKind::WrittenDown, "")
    }
}
