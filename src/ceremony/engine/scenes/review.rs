//! The review, and the comparison of what was reviewed with something outside this machine.

use super::super::super::ask::{AskId, AskKind};
use super::super::super::change::ChangeSet;
use super::super::super::review;
use super::super::super::scene::{Block, Verdict};
use super::super::program;
use super::{Painter, read, row, text};

impl Painter<'_> {
    pub(super) fn review(&self) -> Vec<Block> {
        let mut blocks = vec![
            read("We review what will be signed. Nothing else is signed today."),
            Block::Rows(vec![
                row("repository", self.plan.repository.name.to_string()),
                row("kind", self.kind()),
            ]),
        ];
        blocks.extend(review::review(self.plan, self.state));
        blocks.extend(self.plan.waivers.iter().map(|waiver| {
            Block::Mark(
                Verdict::Warn,
                format!("waived: {}: {} ({})", waiver.finding, waiver.reason, waiver.by),
            )
        }));
        blocks
    }

    fn kind(&self) -> String {
        match self.state.before.anchor() {
            None => "first root: there is nothing before it".to_owned(),
            Some(_) => self.plan.kind.to_string(),
        }
    }

    pub(super) fn source() -> Vec<Block> {
        vec![
            text("Is this machine about to sign what the plan says?"),
            text(
                "A second laptop can tell: carry OUT to it and run  anchorite draft PLAN \
                 --roster OUT/roster.json . It drafts the same documents from the same plan and \
                 prints the digest in words. Then choose it here; this screen will ask for some \
                 of those words.",
            ),
            text(
                "Without a second laptop nothing outside can know the digest, because keys were \
                 made just now. Then this screen shows it, you write it down, and the evidence \
                 says that it was not compared.",
            ),
        ]
    }

    pub(super) fn compare_change(&self) -> Vec<Block> {
        let mut blocks = vec![
            text("The answer is NOT on this screen. Use the second laptop."),
            read("From the second laptop: the words with these numbers, please."),
        ];
        blocks.extend(self.last_comparison(&AskId {
            kind: AskKind::CompareChange,
            about: String::new(),
            nth: 1,
        }));
        blocks
    }

    pub(super) fn closing_review(&self) -> Vec<Block> {
        let mut blocks = vec![
            read("We review what names the signed documents. Nothing else is signed now."),
            text(
                "It could not be drafted before: it states hashes of files with their signatures.",
            ),
        ];
        blocks.extend(review::closing_review(self.plan, self.state));
        blocks
    }

    pub(super) fn written_down(&self, id: &AskId) -> Vec<Block> {
        let (digest, said, label) = if id.about == program::CLOSING {
            let said = "This is the digest of the snapshot. Please write it down, and sign.";
            let closing = self.state.closing.as_ref();
            (closing.map(ChangeSet::digest), said, "digest of the snapshot")
        } else {
            let said =
                "This is the digest of all that will be signed. Please write it down, and sign.";
            (self.state.change_digest(), said, "digest of the change")
        };
        let mut blocks = vec![read(said)];
        blocks.extend(digest.map(|digest| Block::Digest { label: label.to_owned(), digest }));
        blocks.push(text("The evidence will say: written down, not compared."));
        blocks
    }
}
