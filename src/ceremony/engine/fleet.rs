//! The steps in which a change of many repositories differs from one of a single repository.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;

use super::super::ask::{AskKind, Form};
use super::super::check::Ground;
use super::super::event::{self, Act, ActId, ActKind, FileAt, Happened, Place, TroubleKind};
use super::super::export;
use super::super::export::calendar::{self, Ending};
use super::super::fleet::{BATCH, Competing, Survey, batch_of};
use super::super::plan::{MediumRole, Plan, PlannedKey};
use super::super::scene::{Block, TallyLine, Verdict};
use super::super::steps::StepId;
use super::program::{choice, medium, placed};
use super::results::about;
use super::state::State;
use super::turns;
use super::want::Want;

/// What is known of a fleet so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetState {
    /// What the walk found.
    pub survey: Option<Survey>,
    /// For how many repositories each key has signed.
    pub signed: BTreeMap<KeyName, u64>,
    /// How many signatures are kept.
    pub signatures: u64,
    /// How many repositories are put together.
    pub assembled: u64,
    /// How many of those are Notary's.
    pub notary: u64,
    /// What ends first of all that was put together, of each kind of thing.
    pub endings: Vec<Ending>,
    /// Batches and results, by their file in the evidence.
    pub files: BTreeMap<String, Digest>,
}

/// The part of a review in which the refused repositories are told.
const REFUSED: &str = "refused";

/// The part of a review in which documents are told that were signed before under the same versions.
const COMPETING: &str = "competing";

/// Whether a step is one in which fleets differ.
#[expect(clippy::large_enum_variant, reason = "one value lives at a time")]
pub(super) enum Stage {
    /// It is as in every plan.
    AsEver,
    /// It is a fleet's own, and wants this; nothing where it is done.
    OfFleet(Option<Want>),
}

/// What a step of a fleet wants. Steps that are not named here are those of every plan.
pub(super) fn of_step(ground: &Ground, state: &State, step: &StepId) -> Stage {
    let plan = ground.plan();
    if plan.fleet.is_none() {
        return Stage::AsEver;
    }
    match step {
        StepId::Survey => Stage::OfFleet(survey(plan, state)),
        StepId::Review => Stage::OfFleet(review(plan, state)),
        StepId::Sign => Stage::OfFleet(plan.keys.iter().find_map(|key| sign(state, key))),
        StepId::Export => Stage::OfFleet(export(plan, state)),
        StepId::Open
        | StepId::Room
        | StepId::Gate
        | StepId::Gather
        | StepId::Keys
        | StepId::Roster
        | StepId::Compare
        | StepId::Closing
        | StepId::HandOver
        | StepId::Statements
        | StepId::Seal
        | StepId::Inserted(_) => Stage::AsEver,
    }
}

fn derived(state: &State) -> event::Fleet {
    event::Fleet {
        roster: state.roster.clone(),
        facts: state.facts(),
        at: state.opening.at,
        drafts: state.fleet.survey.as_ref().map(|survey| survey.drafts),
    }
}

fn survey(plan: &Plan, state: &State) -> Option<Want> {
    let fleet = plan.fleet.as_ref()?;
    if state.fleet.survey.is_some() {
        return None;
    }
    medium(plan, state, &fleet.medium, "it is in").or_else(|| {
        Some(Want::Act {
            kind: ActKind::Survey,
            subject: format!("{}:{}", fleet.medium, fleet.list),
            bytes: plan.fleet_list().map(|list| list.sha256.value),
            act: Act::Survey(derived(state)),
        })
    })
}

/// One question for each shape, for what was signed before, for the refused repositories, and for the waivers.
fn review(plan: &Plan, state: &State) -> Option<Want> {
    let survey = state.fleet.survey.as_ref()?;
    if survey.repositories == 0 {
        let choices = vec![choice('s', "stop", "stop the ceremony")];
        return Some(Want::ask(AskKind::Trouble, "draft", Form::Choose(choices)));
    }
    let shapes = (1..=survey.shapes.len()).map(|nth| format!("shape-{nth}"));
    let refused = (survey.left_out > 0).then(|| REFUSED.to_owned());
    let waivers = (!plan.waivers.is_empty()).then(|| "waivers".to_owned());
    let competing = survey.competing.as_ref().map(|_| COMPETING.to_owned());
    let open = shapes
        .chain(competing)
        .chain(refused)
        .chain(waivers)
        .find(|about| !state.has_pressed(AskKind::Review, about))?;
    Some(Want::press(AskKind::Review, open, 'g', "all is read; go on"))
}

/// The next batch of a key's turn.
fn sign(state: &State, key: &PlannedKey) -> Option<Want> {
    let survey = state.fleet.survey.as_ref()?;
    let turn = survey.turns.get(&key.name)?;
    let done = state.fleet.signed.get(&key.name).copied().unwrap_or_default();
    if done >= turn.repositories {
        return None;
    }
    let public = state.roster.keys.get(&key.name)?.key().clone();
    if let Some(want) = turns::ready(state, key, "sign") {
        return Some(want);
    }
    let nth = done / batch_of(key);
    Some(Want::Act {
        kind: ActKind::Batch,
        subject: format!("{}/{nth}", key.name),
        bytes: Some(survey.drafts),
        act: Act::Batch {
            key: key.clone(),
            public,
            nth,
            of: turn.repositories,
            fleet: derived(state),
        },
    })
}

fn export(plan: &Plan, state: &State) -> Option<Want> {
    let survey = state.fleet.survey.as_ref()?;
    if !state.has_pressed(AskKind::Medium, "export") {
        return Some(Want::press(AskKind::Medium, "export", 'g', "write the export"));
    }
    let out = plan.media(MediumRole::Out).next()?;
    if state.fleet.assembled < survey.repositories {
        let nth = state.fleet.assembled / BATCH;
        return Some(Want::Act {
            kind: ActKind::Assemble,
            subject: format!("{}/{nth}", out.name),
            bytes: Some(survey.drafts),
            act: Act::Assemble {
                medium: out.name.clone(),
                nth,
                of: survey.repositories,
                fleet: derived(state),
            },
        });
    }
    beside(plan, state, survey).into_iter().find_map(|(path, bytes)| {
        let file = FileAt { place: Place::Medium(out.name.clone()), path };
        placed(state, file, || bytes)
    })
}

/// What lies on OUT beside the documents and tables: what explains them, the calendar, and the scripts for Notary's.
fn beside(plan: &Plan, state: &State, survey: &Survey) -> Vec<(String, Vec<u8>)> {
    let base = state.facts().base;
    let first = |ending: &Ending| Ending {
        repository: format!("{}, the first of the fleet", ending.repository),
        ..ending.clone()
    };
    let endings: Vec<Ending> = state.fleet.endings.iter().map(first).collect();
    let mut files = vec![
        ("FLEET.txt".to_owned(), explained(plan, state, survey).into_bytes()),
        ("calendar.ics".to_owned(), calendar::ics(&endings, base).into_bytes()),
        ("calendar.txt".to_owned(), calendar::text(&endings, base).into_bytes()),
    ];
    if state.fleet.notary > 0 {
        let scripts = export::fleet::scripts().into_iter();
        files.extend(scripts.map(|(path, bytes)| (path.to_owned(), bytes)));
    }
    files
}

/// What lies on OUT, for those who publish it.
fn explained(plan: &Plan, state: &State, survey: &Survey) -> String {
    let mut text = format!(
        "{}: {}\n\n{} repositories, {} documents. Below fleet/ is one folder a repository, its name with %2F for /.\n\
         Each folder is whole: publish all files of one together, or none of them.\n\
         {} repositories were refused and stay as they are; the evidence names them in fleet/refused.tsv.\n\n\
         The digests of all roots, for those who hold them: cat publish/part-*/ROOTS\n\
         What ends first, and when to begin with what replaces it: calendar.txt\n",
        plan.codename, plan.title, survey.repositories, survey.documents, survey.left_out
    );
    let notary = state.fleet.notary;
    if notary > 0 {
        text += &format!(
            "\nNOTARY: {notary} repositories. publish/README says how precheck, publish and accept carry them to the\n\
             server: root and targets in one request, the first repository as a canary, then in waves.\n"
        );
    }
    if notary < survey.repositories {
        text += &format!(
            "\nTUF: {} repositories. Copy the files of a folder to where its clients ask, the root last, and at once\n\
             let the online side sign snapshot and timestamp. Update a client of the first few from an empty trust\n\
             directory before you go on.\n",
            survey.repositories - notary
        );
    }
    text
}

impl FleetState {
    /// How many signatures a batch of a key's turn asks for.
    pub(super) fn asked_for(&self, key: &PlannedKey, nth: u64, of: u64) -> u32 {
        let turn = self.survey.as_ref().and_then(|survey| survey.turns.get(&key.name));
        let turn = turn.copied().unwrap_or_default();
        let batch = batch_of(key);
        let repositories = batch.min(of.saturating_sub(nth * batch));
        // Where repositories differ in how many documents a key signs, the mean is what can be said beforehand.
        let each = turn.documents.div_ceil(turn.repositories.max(1));
        u32::try_from(repositories * each).unwrap_or(u32::MAX)
    }
}

impl State {
    pub(super) fn surveyed(&mut self, plan: &Plan, id: &ActId, survey: &Survey) {
        let expected = plan.fleet_list().map(|list| list.sha256.value);
        if expected != Some(survey.list) {
            let expected = expected.map(|digest| digest.to_string()).unwrap_or_default();
            let found = format!("the list: expected sha256 {expected}, found {}", survey.list);
            self.open(&about(id), TroubleKind::Mismatch, found);
            return;
        }
        let tables = [
            (super::super::fleet::DRAFTS, survey.drafts),
            (super::super::fleet::MEMBERS, survey.members),
            (super::super::fleet::REFUSED, survey.refused),
            (super::super::fleet::LIST, survey.list),
        ];
        let competing = survey.competing.as_ref();
        let competing = competing.map(|known| (super::super::fleet::COMPETING, known.table));
        let tables = tables.into_iter().chain(competing);
        self.fleet.files.extend(tables.map(|(path, digest)| (path.to_owned(), digest)));
        self.fleet.survey = Some(survey.clone());
    }

    /// A batch must be of as many repositories as are next.
    pub(super) fn batched(&mut self, plan: &Plan, id: &ActId, what: &Happened) {
        let Happened::Batched { repositories, signatures, file } = what else { return };
        let Some((name, nth)) = id.subject.split_once('/') else { return };
        let key = plan.keys.iter().find(|key| key.name.as_str() == name);
        let (Some(key), Ok(nth)) = (key, nth.parse::<u64>()) else { return };
        let survey = self.fleet.survey.as_ref();
        let of = survey.and_then(|survey| survey.turns.get(&key.name)).copied();
        let of = of.unwrap_or_default().repositories;
        let batch = batch_of(key);
        let done = nth * batch;
        if *repositories != batch.min(of.saturating_sub(done)) {
            let found = format!("{repositories} repositories were signed for, and others expected");
            self.open(&about(id), TroubleKind::Mismatch, found);
            return;
        }
        self.fleet.signed.insert(key.name.clone(), done + repositories);
        self.fleet.signatures += signatures;
        self.fleet.files.insert(super::super::fleet::signatures_file(name, nth), *file);
    }

    pub(super) fn assembled(&mut self, id: &ActId, what: &Happened) {
        let Happened::Assembled { repositories, file, endings, notary } = what else { return };
        let of = self.fleet.survey.as_ref().map_or(0, |survey| survey.repositories);
        let done = self.fleet.assembled;
        if *repositories != BATCH.min(of.saturating_sub(done)) {
            let found = format!("{repositories} repositories were put together, others expected");
            self.open(&about(id), TroubleKind::Mismatch, found);
            return;
        }
        for ending in endings {
            export::fleet::sooner(&mut self.fleet.endings, ending.clone());
        }
        self.fleet.notary += notary;
        self.fleet.files.insert(super::super::fleet::assembled_file(done / BATCH), *file);
        self.fleet.assembled = done + repositories;
    }
}

/// What people read of a shape, of the refused repositories, of the waivers.
pub(super) fn blocks(plan: &Plan, state: &State, about: &str) -> Vec<Block> {
    let Some(survey) = &state.fleet.survey else { return Vec::new() };
    if about == REFUSED {
        let each = survey.first_refused.iter();
        return vec![
            Block::ReadAloud("These repositories are not changed today. Please read why.".into()),
            Block::Mark(
                Verdict::Warn,
                format!("{} repositories are refused and stay as they are", survey.left_out),
            ),
            Block::Rows(each.map(|one| (one.repository.clone(), one.why.clone())).collect()),
            Block::Text(format!("All of them: {} in the evidence.", super::super::fleet::REFUSED)),
        ];
    }
    if let (COMPETING, Some(competing)) = (about, &survey.competing) {
        return told_before(competing);
    }
    let nth = about.strip_prefix("shape-").and_then(|nth| nth.parse::<usize>().ok());
    let Some((nth, shape)) = nth.and_then(|nth| Some((nth, survey.shapes.get(nth - 1)?))) else {
        let each = plan.waivers.iter().map(|waiver| {
            let text = format!("waived: {}: {} ({})", waiver.finding, waiver.reason, waiver.by);
            Block::Mark(Verdict::Warn, text)
        });
        return each.collect();
    };
    let shapes = survey.shapes.len();
    let mut blocks = vec![
        Block::ReadAloud("We review what will be signed. Nothing else is signed today.".into()),
        Block::Rows(vec![
            ("shape".to_owned(), format!("{nth} of {shapes}")),
            ("repositories".to_owned(), format!("{} of {}", shape.count, survey.repositories)),
        ]),
    ];
    blocks.extend(shape.lines.iter().map(|line| match line.trim_start().strip_prefix("[!!] ") {
        Some(danger) => Block::Mark(Verdict::Warn, danger.to_owned()),
        None => Block::Rows(vec![(String::new(), line.clone())]),
    }));
    blocks.push(Block::List {
        title: format!("the first of its {} members, and what is their own", shape.count),
        items: shape.members.clone(),
    });
    blocks.push(Block::Text(format!(
        "All of them: {} in the evidence.",
        super::super::fleet::MEMBERS
    )));
    blocks
}

/// What was signed before under the same versions, and is something else.
fn told_before(competing: &Competing) -> Vec<Block> {
    let mut blocks = vec![
        Block::ReadAloud("Other documents were signed before under these versions.".into()),
        Block::Mark(
            Verdict::Warn,
            format!(
                "{} documents were signed before with other content. Whoever has those signatures can \
                 still publish them.",
                competing.documents
            ),
        ),
        Block::List {
            title: format!("the first of {}", competing.documents),
            items: competing.first.clone(),
        },
        Block::Text(format!("All of them: {} in the evidence.", super::super::fleet::COMPETING)),
    ];
    let unread = competing.unread.iter();
    blocks.extend(unread.map(|why| {
        let text = format!("{why}; whether something was signed there is not known");
        Block::Mark(Verdict::Unknown, text)
    }));
    blocks
}

/// How far each key is.
pub(super) fn tallies(plan: &Plan, state: &State) -> Vec<TallyLine> {
    let Some(survey) = &state.fleet.survey else { return Vec::new() };
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let keys = plan.keys.iter().filter_map(|key| {
        let turn = survey.turns.get(&key.name)?;
        let done = state.fleet.signed.get(&key.name).copied().unwrap_or_default();
        let whole = done == turn.repositories;
        let named = |when: bool| if when { vec![key.name.to_string()] } else { Vec::new() };
        Some(TallyLine {
            what: key.name.to_string(),
            have: count(done),
            need: count(turn.repositories),
            signed: named(whole),
            open: named(!whole),
        })
    });
    keys.collect()
}
