//! The survey: what is held of a whole fleet, gathered from one repository after the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::super::plan::Plan;
use super::super::roster::{Facts, Roster};
use super::list::Line;
use super::member::{Member, Signs};
use super::shape::shape;

/// What is held of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    /// SHA-256 of the list.
    pub list: Digest,
    /// SHA-256 of the table of drafts: what people compare.
    pub drafts: Digest,
    /// SHA-256 of the table of members.
    pub members: Digest,
    /// SHA-256 of the table of refused repositories.
    pub refused: Digest,
    /// How many repositories are changed.
    pub repositories: u64,
    /// How many documents are signed.
    pub documents: u64,
    /// How many repositories are refused, and stay as they are.
    pub left_out: u64,
    /// The first of them.
    pub first_refused: Vec<Refused>,
    /// The shapes, in the order in which they came up.
    pub shapes: Vec<Shape>,
    /// What each key signs.
    pub turns: BTreeMap<KeyName, Turn>,
    /// What was signed before under the same versions, with other content; nothing where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub competing: Option<Competing>,
}

/// Documents that compete with those of the fleet: whoever has their signatures can still publish them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Competing {
    /// SHA-256 of the table of all of them.
    pub table: Digest,
    /// How many documents.
    pub documents: u64,
    /// The first of them, in words.
    pub first: Vec<String>,
    /// Records of the workspace that could not be read, with the reason: whether they hold more is not known.
    pub unread: Vec<String>,
}

/// A repository that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Its name.
    pub repository: String,
    /// Why.
    pub why: String,
}

/// One shape of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// What the change says.
    pub lines: Vec<String>,
    /// How many repositories it is the change of.
    pub count: u64,
    /// The first of them, with what their change says otherwise.
    pub members: Vec<String>,
}

/// What one key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// For how many repositories.
    pub repositories: u64,
    /// How many documents.
    pub documents: u64,
}

/// The most shapes that people can be asked to read.
pub const MOST_SHAPES: usize = 200;
/// How many refused repositories and members are shown; the tables name them all.
pub const SHOWN: usize = 5;

/// Gathers a survey.
#[derive(Debug, Default)]
pub struct Surveyor {
    known: BTreeMap<Vec<String>, usize>,
    shapes: Vec<Shape>,
    turns: BTreeMap<KeyName, Turn>,
    signs: Signs,
    repositories: u64,
    documents: u64,
    left_out: u64,
    first_refused: Vec<Refused>,
}

/// What one repository adds to the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// It is changed: its lines in the tables of drafts and of members, and whether it is the first of its shape.
    Drafted {
        /// Lines of the table of drafts.
        drafts: String,
        /// The documents, in the order of the lines.
        change: super::super::change::ChangeSet,
        /// A line of the table of members.
        member: String,
        /// Whether its shape is a new one.
        first: bool,
    },
    /// It is refused: a line of the table of refused repositories.
    Refused(String),
}

impl Surveyor {
    /// Takes a repository, or why it could not be read.
    pub fn take(
        &mut self,
        fleet: &Plan,
        line: &Line,
        member: Result<Member, String>,
        (roster, facts, at): (&Roster, &Facts, Timestamp),
    ) -> Rows {
        let drafted = member.and_then(|member| {
            if let Some(why) = member.objection(at) {
                return Err(why);
            }
            let change = member.change(roster, facts)?;
            if change.payloads().is_empty() {
                return Err("nothing is signed for it".to_owned());
            }
            let shaped = shape(&member, &change, roster, facts);
            let (nth, first) = self.place(shaped.lines)?;
            Ok((change, shaped.own, nth, first))
        });
        let (change, own, nth, first) = match drafted {
            Ok(drafted) => drafted,
            Err(why) => return self.refuse(line, &why),
        };
        for (key, roles) in self.signs.of(fleet, line) {
            let turn = self.turns.entry(key.clone()).or_default();
            turn.repositories += 1;
            turn.documents += u64::try_from(roles.len()).unwrap_or_default();
        }
        self.repositories += 1;
        self.documents += u64::try_from(change.payloads().len()).unwrap_or_default();
        let own = own.join("; ");
        if let Some(shape) = self.shapes.get_mut(nth) {
            shape.count += 1;
            if shape.members.len() < SHOWN {
                shape.members.push(format!("{}: {own}", line.name));
            }
        }
        Rows::Drafted {
            drafts: rows(&change),
            change,
            member: format!("{}\t{}\t{own}\n", nth + 1, line.name),
            first,
        }
    }

    fn refuse(&mut self, line: &Line, why: &str) -> Rows {
        self.left_out += 1;
        let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let row = format!("{}\t{why}\n", line.name);
        if self.first_refused.len() < SHOWN {
            self.first_refused.push(Refused { repository: line.name.to_string(), why });
        }
        Rows::Refused(row)
    }

    /// The number of a shape, from 0, and whether it is new.
    fn place(&mut self, lines: Vec<String>) -> Result<(usize, bool), String> {
        if let Some(nth) = self.known.get(&lines) {
            return Ok((*nth, false));
        }
        let nth = self.shapes.len();
        if nth == MOST_SHAPES {
            return Err(format!(
                "its change is like none of {MOST_SHAPES} others, and nobody reads more"
            ));
        }
        self.known.insert(lines.clone(), nth);
        self.shapes.push(Shape { lines, count: 0, members: Vec::new() });
        Ok((nth, true))
    }

    /// The survey, with the digests of the list and of the tables drafts, members and refused.
    pub fn finish(self, [list, drafts, members, refused]: [Digest; 4]) -> Survey {
        Survey {
            list,
            drafts,
            members,
            refused,
            repositories: self.repositories,
            documents: self.documents,
            left_out: self.left_out,
            first_refused: self.first_refused,
            shapes: self.shapes,
            turns: self.turns,
            competing: None,
        }
    }
}

/// The rows of one repository in the table of drafts.
pub fn rows(change: &super::super::change::ChangeSet) -> String {
    change
        .payloads()
        .iter()
        .map(|payload| {
            let id = payload.id();
            format!("{}\t{}\t{}\t{}\n", payload.digest(), id.repository, id.role, id.version)
        })
        .collect()
}
