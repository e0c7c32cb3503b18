//! The screens of ceremonies that are about keys alone.

use super::super::super::ask::AskId;
use super::super::super::plan::{BackUpForm, Kind, PlannedKey, cost};
use super::super::super::scene::Block;
use super::super::care;
use super::{Painter, holder, read, row, text};

impl Painter<'_> {
    /// What a holder's turn will do; nothing in ceremonies that sign documents.
    pub(super) fn care_turn(&self, turn: &str, key: &PlannedKey) -> Option<String> {
        let said = match (self.plan.kind, turn) {
            (Kind::ProvisionToken, _) => {
                "own PIN, PUK and management key; the token makes its key, which signs a challenge"
            }
            (Kind::ChangePin, _) => "a new secret is set, and the key signs a challenge under it",
            (Kind::BackUp, "back-up") => "the key is opened, and a back-up is written",
            (Kind::RestoreDrill, _) => {
                let drill = self.plan.drills.iter().find(|drill| drill.key == key.name)?;
                return Some(format!(
                    "{} on {} is opened in memory, and the key in it signs; its own store is not touched",
                    drill.file, drill.medium
                ));
            }
            _ => return None,
        };
        Some(said.to_owned())
    }

    /// What a key's policies will cost later.
    pub(super) fn care_rows(&self, key: &PlannedKey) -> Option<(String, String)> {
        let bags = self.plan.bags.iter().find(|bags| bags.key == key.name)?;
        (self.plan.kind == Kind::ProvisionToken)
            .then(|| row("will cost", cost(key, bags.repositories)))
    }

    /// A note of the plan's own, or what people do with paper, bags and tokens.
    pub(super) fn care_note(&self, id: &AskId) -> Vec<Block> {
        let (what, name) = id.about.split_once('/').unwrap_or((id.about.as_str(), ""));
        match what {
            "paper" => self.paper(name),
            "bags" => self.bags(name),
            "stored" => self.stored(name),
            "resealed" => self.resealed(name),
            "retired" => self.retire(name),
            _ => self.note(id),
        }
    }

    fn paper(&self, name: &str) -> Vec<Block> {
        let who = self.key_of(name).map(holder).unwrap_or_default();
        vec![
            read(format!("{who}, please write the new secret of {name} on your own paper.")),
            text(
                "It is on paper before it is set: if the power goes in between, both papers are at hand and \
                 one of them opens the key. It will be typed twice from that paper. Another PIN than on \
                 every other token; never the factory's.",
            ),
        ]
    }

    fn bags(&self, name: &str) -> Vec<Block> {
        let Some(bags) = self.plan.bags.iter().find(|bags| bags.key.as_str() == name) else {
            return Vec::new();
        };
        vec![
            read(format!(
                "The key {name} has proven itself. Please seal it, and its paper, in two bags."
            )),
            Block::Rows(vec![
                row("key in bag", bags.bag.to_string()),
                row("kept at", bags.place.to_string()),
                row("paper in bag", bags.secrets_bag.to_string()),
                row("kept at", bags.secrets_place.to_string()),
            ]),
            text("Read both numbers aloud from the bags. Only now is an older paper destroyed."),
        ]
    }

    fn stored(&self, about: &str) -> Vec<Block> {
        let Some(row_of) = self.plan.back_ups.iter().find(|row| care::subject(row) == about) else {
            return Vec::new();
        };
        let opens = match &row_of.form {
            BackUpForm::Paper => "the passphrase of the key file".to_owned(),
            BackUpForm::Recipients(to) => {
                let who: Vec<_> = to.iter().map(|to| to.kept_by.to_string()).collect();
                format!("the identity of {}", who.join(" or "))
            }
        };
        let mut blocks = vec![
            read(format!("{}, please take the medium {}.", row_of.holder, row_of.medium)),
            Block::Rows(vec![
                row("file", row_of.file()),
                row("opens with", opens),
                row("is taken to", row_of.place.to_string()),
            ]),
        ];
        if row_of.form == BackUpForm::Paper {
            blocks.push(text("Print it on a printer without a memory, then destroy the medium."));
        }
        blocks.push(text("A back-up counts once it was brought back in a drill."));
        blocks
    }

    fn resealed(&self, name: &str) -> Vec<Block> {
        let mut rows = Vec::new();
        for (key, drill) in &self.state.care.recovered {
            if key.as_str() == name {
                rows.push(row("fingerprint", drill.fingerprint.to_string()));
                rows.push(row("took", format!("{} s", drill.seconds)));
            }
        }
        vec![
            read(format!("{name} came back from its back-up alone, and signed.")),
            Block::Rows(rows),
            text("It is gone from this machine's memory, and nothing was written."),
        ]
    }

    fn retire(&self, name: &str) -> Vec<Block> {
        let Some(retired) = self.plan.retired.iter().find(|row| row.name.as_str() == name) else {
            return Vec::new();
        };
        let mut rows = vec![
            row("key", retired.name.to_string()),
            row("fingerprint", retired.fingerprint.to_string()),
            row("held by", retired.holder.to_string()),
            row("state", retired.fate.to_string()),
            row("reason", retired.reason.clone()),
        ];
        if let Some(serial) = &retired.serial {
            rows.insert(2, row("token", serial.to_string()));
        }
        vec![
            read(format!("We give up {name}. No document that clients follow lists it.")),
            Block::Rows(rows),
            text("Its fingerprint is never authorised again."),
        ]
    }
}
