//! The audit of a fleet: every row is derived again from the documents, and every signature verified.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ceremony::audit::Claim;
use crate::ceremony::engine::Engine;
use crate::ceremony::event::{Fleet, Mode, Trouble};
use crate::ceremony::fleet::{BATCH, SignedFile, assembled_file, folder_of};
use crate::ceremony::plan::Plan;
use crate::ceremony::scene::Verdict;
use crate::ceremony::twin::Purpose;
use crate::driver::file;
use crate::tuf::digest::Digest;

use super::assemble::Made;
use super::cursor::{Cursor, Lines};
use super::sign::{LONGEST_ROW, derived};
use super::{Barred, Yard, mismatch};

/// What a stranger can derive of a fleet: with its documents everything, without them nothing more than is in the folder.
pub fn claims(plan: &Plan, engine: &Engine, evidence: &Path, from: Option<&Path>) -> Vec<Claim> {
    let claim =
        |verdict, text: String| vec![Claim { verdict, name: "fleet-rows".to_owned(), text }];
    let Some(survey) = &engine.record().fleet.survey else { return Vec::new() };
    let Some(from) = from else {
        let name = plan.fleet.as_ref().map(|fleet| fleet.medium.to_string()).unwrap_or_default();
        let text = format!(
            "Rows were not derived again: name the documents' folder, --medium {name}=DIR."
        );
        return claim(Verdict::Unknown, text);
    };
    match derive(plan, engine, evidence, from) {
        Err(trouble) => claim(Verdict::Fail, trouble.found),
        Ok((repositories, _)) if repositories != survey.repositories => claim(
            Verdict::Fail,
            format!(
                "{repositories} repositories have rows, the record says {}.",
                survey.repositories
            ),
        ),
        Ok((repositories, signatures)) => claim(
            Verdict::Pass,
            format!(
                "All rows of {repositories} repositories are derived again from their documents, and \
                 {signatures} signatures verified."
            ),
        ),
    }
}

fn derive(
    plan: &Plan,
    engine: &Engine,
    evidence: &Path,
    from: &Path,
) -> Result<(u64, usize), Trouble> {
    let record = engine.record();
    let yard = Yard {
        plan: plan.clone(),
        purpose: match record.opening.mode {
            Mode::Real => None,
            Mode::Check => Some(Purpose::Check),
            Mode::Rehearsal => Some(Purpose::Rehearse),
        },
        from: from.to_owned(),
        trust: None,
        barred: Barred::default(),
    };
    let drafts = record.fleet.survey.as_ref().map(|survey| survey.drafts);
    let fleet = Fleet {
        roster: record.roster.clone(),
        facts: record.facts(),
        at: record.opening.at,
        drafts,
    };
    let mut cursor = Cursor::open(&yard, evidence, drafts)?;
    let mut made = Made::all(plan, evidence);
    let (mut repositories, mut signatures) = (0, 0);
    let mut written = BTreeMap::new();
    while let Some((line, drafted)) = cursor.next()? {
        if repositories < record.fleet.assembled && repositories % BATCH == 0 {
            written = assembled(evidence, repositories / BATCH)?;
        }
        let (member, change) = derived(&yard, &line, &drafted, &fleet)?;
        let name = yard.drafted_name(&line);
        if repositories < record.fleet.assembled {
            let mut found = Vec::new();
            for key in &mut made {
                key.of(&name, &mut found).map_err(|error| file::trouble("signatures", &error))?;
            }
            signatures += found.len();
            let files = member
                .signed(&change, &fleet.roster, &found)
                .map_err(|why| mismatch(&format!("{name}: {why}")))?;
            for SignedFile { name: path, bytes, .. } in files {
                let path = format!("{}/{path}", folder_of(&name));
                if written.get(&path) != Some(&Digest::of(&bytes).to_string()) {
                    return Err(mismatch(&format!("{path}: something else was written")));
                }
            }
        }
        repositories += 1;
    }
    Ok((repositories, signatures))
}

/// What a batch of results wrote, by path.
fn assembled(evidence: &Path, nth: u64) -> Result<BTreeMap<String, String>, Trouble> {
    let path = assembled_file(nth);
    let failed = |error: std::io::Error| file::trouble(&path, &error);
    let mut lines = Lines::new(file::open_below(evidence, &path).map_err(failed)?, LONGEST_ROW);
    let mut written = BTreeMap::new();
    while let Some(row) = lines.next().map_err(failed)? {
        if let Some((digest, path)) = row.split_once("  ") {
            written.insert(path.to_owned(), digest.to_owned());
        }
    }
    Ok(written)
}
