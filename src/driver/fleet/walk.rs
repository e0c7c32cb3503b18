//! The walk: every repository of the list is read, verified, judged and drafted, once.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::ceremony::change::certificate;
use crate::ceremony::check::{CheckReport, Finding, base};
use crate::ceremony::event::{Fleet, Mode, SessionId, Trouble};
use crate::ceremony::fleet::survey::Rows;
use crate::ceremony::fleet::{DRAFTS, LIST, Line, MEMBERS, Member, REFUSED, Survey, Surveyor};
use crate::ceremony::plan::Plan;
use crate::ceremony::roster::{Enrolled, Facts, Proof, Roster};
use crate::ceremony::scene::Verdict;
use crate::ceremony::twin::{Purpose, Twin};
use crate::driver::file;
use crate::tuf::digest::Digest;
use crate::tuf::key::KeyId;
use crate::tuf::time::Timestamp;

use super::cursor::List;
use super::keeping::Growing;
use super::spool::Filling;
use super::{Barred, Yard};

/// Where the tables of a walk go: into an evidence folder, or nowhere but their digests.
pub enum Tables<'a> {
    /// The evidence folder.
    Kept(&'a Path),
    /// Only their digests are wanted.
    Digests,
}

enum Table {
    Kept(Box<Growing>),
    Digest(Sha256),
}

impl Table {
    fn new(tables: &Tables<'_>, path: &str) -> io::Result<Self> {
        Ok(match tables {
            Tables::Kept(folder) => Self::Kept(Box::new(Growing::new(folder, path)?)),
            Tables::Digests => Self::Digest(Sha256::new()),
        })
    }

    fn add(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Kept(file) => file.add(text),
            Self::Digest(hash) => {
                hash.update(text.as_bytes());
                Ok(())
            }
        }
    }

    fn finish(self) -> io::Result<Digest> {
        match self {
            Self::Kept(file) => file.finish(),
            Self::Digest(hash) => Ok(Digest::from_bytes(hash.finalize().into())),
        }
    }
}

/// Walks a fleet. `each` is told of every repository: its line, and whether it is the first of its shape.
pub fn walk(
    yard: &Yard,
    fleet: &Fleet,
    tables: &Tables<'_>,
    mut each: impl FnMut(u64, &Line, bool),
) -> Result<Survey, Trouble> {
    let failed = |error: io::Error| file::trouble("fleet", &error);
    let mut list = List::open(yard)?;
    let mut written = Table::new(tables, LIST).map_err(failed)?;
    let mut drafts = Table::new(tables, DRAFTS).map_err(failed)?;
    let mut members = Table::new(tables, MEMBERS).map_err(failed)?;
    let mut refused = Table::new(tables, REFUSED).map_err(failed)?;
    let mut spool = match tables {
        Tables::Kept(folder) => Some(Filling::new(folder).map_err(failed)?),
        Tables::Digests => None,
    };
    let mut surveyor = Surveyor::default();
    let mut count = 0;
    while let Some(line) = list.next()? {
        count += 1;
        written.add(&line.to_text()).map_err(failed)?;
        let member = yard
            .documents(&line)
            .map_err(|error| format!("{}: {error}", line.folder))
            .and_then(|files| Member::of(&yard.plan, yard.purpose, &line, files))
            .and_then(|member| yard.current(member));
        let ground = (&fleet.roster, &fleet.facts, fleet.at);
        let first = match surveyor.take(&yard.plan, &line, member, ground) {
            Rows::Drafted { drafts: rows, change, member, first } => {
                drafts.add(&rows).map_err(failed)?;
                for payload in change.payloads() {
                    if let Some(spool) = &mut spool {
                        spool.add(payload.to_sign()).map_err(failed)?;
                    }
                }
                members.add(&member).map_err(failed)?;
                first
            }
            Rows::Refused(row) => {
                refused.add(&row).map_err(failed)?;
                false
            }
        };
        each(count, &line, first);
    }
    spool.map_or(Ok(()), Filling::finish).map_err(failed)?;
    let digests = [written, drafts, members, refused].map(|table| table.finish().map_err(failed));
    let [list, drafts, members, refused] = digests;
    Ok(surveyor.finish([list?, drafts?, members?, refused?]))
}

/// Walks a fleet for the check, with throw-away keys; of each shape the first repository is also played to its end by
/// itself, and its clients walk. The findings are those on these repositories that stop a ceremony.
pub fn walk_for_check(
    plan: &Plan,
    from: &Path,
    at: Timestamp,
) -> Result<(Survey, Vec<Finding>), Trouble> {
    let purpose = Some(Purpose::Check);
    let barred = Barred::default();
    let from = from.to_owned();
    let yard = Yard { plan: plan.clone(), purpose, from, trust: None, barred };
    let fleet = throw_away(plan, at);
    let mut firsts = Vec::new();
    let survey = walk(&yard, &fleet, &Tables::Digests, |_, line, first| {
        if first {
            firsts.push(line.clone());
        }
    })?;
    let real = Yard { purpose: None, ..yard };
    let findings = firsts.iter().flat_map(|line| played(&real, line, at)).collect();
    Ok((survey, findings))
}

/// The first of a shape is checked as a plan of its own.
fn played(yard: &Yard, line: &Line, at: Timestamp) -> Vec<Finding> {
    let member = yard
        .documents(line)
        .map_err(|error| error.to_string())
        .and_then(|files| Member::of(&yard.plan, None, line, files));
    let Ok(member) = member else { return Vec::new() };
    let report = CheckReport::of(member.plan(), at, member.before().raw());
    let told = |found: &Finding| {
        found.verdict == Verdict::Fail && !found.only_real || found.name.starts_with("client-")
    };
    report
        .findings
        .into_iter()
        .filter(told)
        .map(|found| Finding { about: line.name.to_string(), ..found })
        .collect()
}

/// Throw-away keys for every key of the plan, as if all had been proven.
fn throw_away(plan: &Plan, at: Timestamp) -> Fleet {
    let twin = Twin::new(plan, &crate::ceremony::before::Before::none(), Purpose::Check);
    let facts = Facts {
        mode: Mode::Check,
        session: SessionId::new([0; 16]),
        plan: plan.digest,
        base: base(plan, at),
    };
    let mut roster = Roster { keys: BTreeMap::new(), ..Roster::default() };
    for key in plan.keys.iter().filter(|key| key.is_here()) {
        let Some(forged) = twin.key(&key.name) else { continue };
        let mut proof = Proof::Challenge(forged.sign(b"check"));
        if let Ok(payload) = certificate(plan, key, forged.public_key(), &facts) {
            let signed = forged.sign_certificate(payload.to_sign());
            let pem = payload.envelope(&[(KeyId::new(key.name.as_str()), signed.clone())]);
            let pem = String::from_utf8_lossy(&pem).into_owned();
            roster.certificates.insert(key.name.clone(), pem);
            proof = Proof::Certificate(signed);
        }
        roster.keys.insert(key.name.clone(), Enrolled::Made { key: forged.public_key().clone() });
        roster.proofs.insert(key.name.clone(), proof);
    }
    Fleet { roster, facts, at, drafts: None }
}
