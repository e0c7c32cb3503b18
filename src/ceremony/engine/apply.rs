//! How facts change what is known: answers are checked first, results of acts are taken as they are.

use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;
use crate::tuf::wire::notary1;

use super::super::ask::{Answer, Ask, AskKind, Form, People, Wish};
use super::super::change;
use super::super::check::Ground;
use super::super::event::{
    Act, ActId, ActKind, FileAt, Happened, Place, Refusal, Remains, Seen, Trouble, TroubleKind,
    Wanted,
};
use super::super::plan::{Origin, Part, Plan, PlannedKey, Store};
use super::super::roster::{Enrolled, Proof, carried_challenge, room_challenge};
use super::state::{Compared, Comparison, Exception, Open, State, Statement};
use super::{comparison, program, turns};

impl State {
    /// Takes what people said, or refuses it and changes nothing.
    pub(super) fn hear(
        &mut self,
        ground: &Ground,
        at: Timestamp,
        said: &People,
        wanted: &Wanted,
    ) -> Result<(), Refusal> {
        match said {
            People::Wish(wish) => {
                if !self.dialogs.contains(wish) && self.sealed.is_none() {
                    self.dialogs.push(*wish);
                }
                Ok(())
            }
            People::Answer { ask, say } => {
                let open = program::open_ask(wanted).ok_or(Refusal::NoQuestion)?;
                if open.id != *ask {
                    return Err(Refusal::OtherQuestion {
                        open: open.id.to_string(),
                        answered: ask.to_string(),
                    });
                }
                fits(&open.form, say)?;
                self.answer(ground.plan(), at, open, say)
            }
        }
    }

    fn answer(
        &mut self,
        plan: &Plan,
        at: Timestamp,
        ask: &Ask,
        say: &Answer,
    ) -> Result<(), Refusal> {
        let press = |state: &mut Self| {
            state.pressed.insert((ask.id.kind, ask.id.about.clone()));
        };
        match ask.id.kind {
            AskKind::RollCall => self.roll_call(plan, say),
            AskKind::ComparePlan => self.compare(at, ask, say, plan.digest),
            AskKind::CompareChange => {
                let digest = self.change.as_ref().map_or(plan.digest, change::ChangeSet::digest);
                self.compare(at, ask, say, digest);
            }
            AskKind::Source => {
                self.compared = Some(match chosen(say) {
                    Some("second-laptop") => Compared::SecondLaptop,
                    Some(_) | None => Compared::WrittenDown,
                });
            }
            AskKind::Room if chosen(say) == Some("again") => self.room = None,
            AskKind::Trouble => self.decide(ask, say),
            AskKind::Room | AskKind::LastTry if chosen(say) == Some("stop") => {
                self.dialogs.push(Wish::Abort);
            }
            AskKind::Statement => self.statement(&ask.id.about, say),
            AskKind::Exception => self.exception(at, say),
            AskKind::Pause => {
                self.dialogs.pop();
                self.seen.clear();
            }
            AskKind::Abort => self.abort(plan, say)?,
            AskKind::Review => {
                all_ticked(&ask.form, say)?;
                press(self);
            }
            AskKind::Ready => {
                // A new turn: whatever was seen before may have been swapped since.
                if let Some((_, name)) = ask.id.about.rsplit_once('/') {
                    self.seen.retain(|key, _| key.as_str() != name);
                }
                press(self);
            }
            AskKind::Medium => {
                if self.change.is_some() && self.roster_head.is_none() {
                    self.roster_head = Some(self.head);
                }
                press(self);
            }
            AskKind::Clock
            | AskKind::Room
            | AskKind::Head
            | AskKind::LastTry
            | AskKind::WrittenDown
            | AskKind::Note => press(self),
        }
        Ok(())
    }

    fn roll_call(&mut self, plan: &Plan, say: &Answer) {
        let Answer::Ticked(present) = say else { return };
        let holders = plan
            .keys
            .iter()
            .filter(|key| key.is_here())
            .filter_map(|key| key.holder.as_ref())
            .map(super::super::plan::Label::as_str);
        let operators = plan.people_who(Part::Operator).map(|person| person.name.as_str());
        let missing: Vec<&str> = holders
            .chain(operators)
            .filter(|name| !present.iter().any(|here| here == name))
            .collect();
        let witnesses: Vec<_> = program::comparers(plan);
        let nobody_compares = !witnesses.iter().any(|name| present.contains(name));
        if let Some(name) = missing.first() {
            self.open("roll-call", TroubleKind::Absent, format!("{name} is not here"));
        } else if nobody_compares {
            let found = format!("none of {} is here", witnesses.join(", "));
            self.open("roll-call", TroubleKind::Absent, found);
        } else {
            self.present = Some(present.iter().cloned().collect());
            for name in witnesses.iter().filter(|name| !present.contains(name)) {
                self.pressed.insert((AskKind::ComparePlan, name.clone()));
            }
        }
    }

    /// A typed comparison is recorded, right or wrong.
    fn compare(&mut self, at: Timestamp, ask: &Ask, say: &Answer, digest: Digest) {
        let positions = program::asked_positions(self, &ask.id).unwrap_or_default();
        let right = match say {
            Answer::Typed(words) => Some(comparison::right(&digest, &positions, words)),
            Answer::Differ | Answer::Pressed | Answer::Chose(_) | Answer::Ticked(_) => None,
        };
        self.comparisons.push(Comparison { at, what: ask.id.script_name(), right });
        match right {
            Some(true) => {
                self.wrong = 0;
                self.pressed.insert((ask.id.kind, ask.id.about.clone()));
            }
            Some(false) => {
                self.wrong += 1;
                self.differed = self.wrong >= 2;
            }
            None => self.differed = true,
        }
    }

    fn decide(&mut self, ask: &Ask, say: &Answer) {
        match chosen(say) {
            Some("stop") => self.dialogs.push(Wish::Abort),
            Some("exception") => self.dialogs.push(Wish::Exception),
            Some("adopt") => {
                self.trouble = None;
                if let Some((name, key)) = self.found_key.take() {
                    self.roster.keys.insert(name, Enrolled::Made { key });
                }
            }
            Some(_) | None => {
                self.trouble = None;
                self.found_key = None;
                self.pressed.remove(&(AskKind::LastTry, ask.id.about.clone()));
            }
        }
    }

    fn statement(&mut self, person: &str, say: &Answer) {
        match say {
            Answer::Chose(word) => {
                let said = Statement { agrees: word == "agree", why: None };
                self.statements.insert(person.to_owned(), said);
            }
            Answer::Typed(lines) => {
                if let Some(said) = self.statements.get_mut(person) {
                    said.why = lines.first().cloned();
                }
            }
            Answer::Pressed | Answer::Ticked(_) | Answer::Differ => {}
        }
    }

    fn exception(&mut self, at: Timestamp, say: &Answer) {
        self.dialogs.pop();
        let Answer::Typed(lines) = say else { return };
        let line = |n: usize| lines.get(n).cloned().unwrap_or_default();
        self.exceptions.push(Exception {
            number: self.exceptions.len() + 1,
            at,
            expected: line(0),
            happened: line(1),
            decided: line(2),
            by: line(3),
        });
        self.differed = false;
        self.wrong = 0;
    }

    fn abort(&mut self, plan: &Plan, say: &Answer) -> Result<(), Refusal> {
        let Answer::Typed(lines) = say else { return Ok(()) };
        let typed = lines.first().map(String::as_str).unwrap_or_default().trim();
        if typed.is_empty() {
            self.dialogs.pop();
        } else if typed.eq_ignore_ascii_case(plan.codename.as_str()) {
            self.aborted = Some(lines.get(1).cloned().unwrap_or_default());
        } else {
            return Err(Refusal::Form {
                expected: format!(
                    "Type {} to stop for good, or leave the line empty to go on.",
                    plan.codename
                ),
            });
        }
        Ok(())
    }

    /// Takes what came of an act, useful or not.
    pub(super) fn learn(&mut self, ground: &Ground, _at: Timestamp, id: &ActId, what: &Happened) {
        let plan = ground.plan();
        let key = id.subject.parse().ok().and_then(|name: KeyName| plan.key(&name));
        match (id.kind, what) {
            (_, Happened::Failed(trouble)) => self.failed(id, key, trouble),
            (ActKind::Room, Happened::Room(facts)) => self.room = Some(facts.clone()),
            (ActKind::Read, Happened::Read { digest, content }) => {
                self.read(plan, id, *digest, &content.0);
            }
            (ActKind::Look, Happened::Seen(seen)) => {
                if let Some(key) = key {
                    self.looked(key, seen);
                }
            }
            (ActKind::Make, Happened::Made { public }) => {
                if let Some(key) = key {
                    self.made(key, public);
                }
            }
            (ActKind::Prove | ActKind::Sign, Happened::Signed(signature)) => {
                if let Some(key) = key {
                    self.signed(plan, id, key, signature);
                }
            }
            (ActKind::Write, Happened::Written { digest }) => {
                self.wrote(plan, id, *digest);
            }
            (ActKind::ReadBack, Happened::ReadBack { digest }) => {
                self.read_back(plan, id, *digest);
            }
            (ActKind::HandOver, Happened::HandedOver { file }) => {
                if let Some(key) = key {
                    self.handed_over.insert(key.name.clone(), file.clone());
                }
            }
            (ActKind::Inspect, Happened::Inspected(remains)) => self.inspected(plan, remains),
            (ActKind::Seal, Happened::Sealed { tree }) => self.sealed = Some(*tree),
            (
                ActKind::Room
                | ActKind::Read
                | ActKind::Look
                | ActKind::Make
                | ActKind::Prove
                | ActKind::Sign
                | ActKind::Write
                | ActKind::ReadBack
                | ActKind::HandOver
                | ActKind::Inspect
                | ActKind::Seal,
                _,
            ) => self.open(
                &id.to_string(),
                TroubleKind::Device,
                "the answer does not belong to what was asked for".to_owned(),
            ),
        }
        self.derive(plan);
    }

    fn failed(&mut self, id: &ActId, key: Option<&PlannedKey>, trouble: &Trouble) {
        if let Some(key) = key {
            self.seen.remove(&key.name);
            self.pressed.remove(&(AskKind::LastTry, key.name.to_string()));
        }
        self.inspect = None;
        self.trouble =
            Some(Open { about: about(id), trouble: trouble.clone(), again: true, adopt: false });
    }

    pub(super) fn open(&mut self, about: &str, kind: TroubleKind, found: String) {
        self.trouble = Some(Open {
            about: about.to_owned(),
            trouble: Trouble { kind, found },
            again: true,
            adopt: false,
        });
    }

    fn read(&mut self, plan: &Plan, id: &ActId, digest: Digest, content: &[u8]) {
        let input = plan
            .inputs
            .iter()
            .find(|input| format!("{}:{}", input.medium, input.path) == id.subject);
        let Some(input) = input else { return };
        if digest != input.sha256.value || Digest::of(content) != digest {
            let found =
                format!("{}: expected sha256 {}, found {}", id.subject, input.sha256.value, digest);
            self.open(&about(id), TroubleKind::Mismatch, found);
            return;
        }
        let file = FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
        self.inputs.insert(file, content.to_vec());
        for key in &plan.keys {
            if let Err(found) = self.bring_in(plan, key) {
                self.open(&about(id), TroubleKind::Mismatch, found);
            }
        }
    }

    /// Enrols a key whose files have all been read.
    fn bring_in(&mut self, plan: &Plan, key: &PlannedKey) -> Result<(), String> {
        if self.roster.keys.contains_key(&key.name) {
            return Ok(());
        }
        let at = |medium: &KeyName, path: &str| FileAt {
            place: Place::Medium(medium.clone()),
            path: path.to_owned(),
        };
        match &key.origin {
            Origin::Make { .. } | Origin::Fingerprint(_) => Ok(()),
            Origin::Server { medium, file, id } => {
                let Some(bytes) = self.inputs.get(&at(medium, file)) else { return Ok(()) };
                let (found, public) = server_key(plan.repository.dialect, bytes)
                    .map_err(|why| format!("{medium}:{file}: {why}"))?;
                if found != *id {
                    return Err(format!("{medium}:{file}: expected the key {id}, found {found}"));
                }
                let file = Digest::of(bytes);
                self.adopt_key(plan, key, Enrolled::Server { key: public, file })
            }
            Origin::Enrol { medium, public, proof, fingerprint } => {
                let (Some(pem), Some(proof)) = (
                    self.inputs.get(&at(medium, public)).cloned(),
                    self.inputs.get(&at(medium, proof)).cloned(),
                ) else {
                    return Ok(());
                };
                let found =
                    enrolled_key(&pem).map_err(|why| format!("{medium}:{public}: {why}"))?;
                if found.fingerprint() != fingerprint.value {
                    return Err(format!(
                        "{medium}:{public}: expected the fingerprint {}, found {}",
                        fingerprint.value,
                        found.fingerprint()
                    ));
                }
                let challenge = carried_challenge(&plan.repository.name, &key.name, &found);
                if !proves(&found, &challenge, &proof) {
                    return Err(format!(
                        "the proof of {} is not this key's signature for {}",
                        key.name, plan.repository.name
                    ));
                }
                let file = Digest::of(&pem);
                self.adopt_key(plan, key, Enrolled::Enrolled { key: found, file })?;
                let file = Digest::of(&proof);
                self.roster.proofs.insert(key.name.clone(), Proof::Carried { file });
                Ok(())
            }
        }
    }

    /// Takes a key into the roster, unless it is another's already or of another algorithm.
    fn adopt_key(
        &mut self,
        _plan: &Plan,
        key: &PlannedKey,
        enrolled: Enrolled,
    ) -> Result<(), String> {
        let public = enrolled.key();
        if public.algorithm() != key.algorithm {
            return Err(format!(
                "{}: expected an {} key, found {}",
                key.name,
                key.algorithm,
                public.algorithm()
            ));
        }
        let twin = self
            .roster
            .keys
            .iter()
            .find(|(name, known)| **name != key.name && known.key() == public);
        if let Some((name, _)) = twin {
            return Err(format!("{} is the same key as {name}", key.name));
        }
        self.roster.keys.insert(key.name.clone(), enrolled);
        Ok(())
    }

    fn looked(&mut self, key: &PlannedKey, seen: &Seen) {
        let expected = match &key.store {
            Some(Store::Yubikey { serial, .. } | Store::Virtual { serial }) => {
                Some(serial.to_string())
            }
            Some(Store::Pkcs11 { serial, .. }) => Some(serial.clone()),
            Some(Store::Age { .. }) | None => None,
        };
        let what = format!("look {}", key.name);
        if let (Some(expected), Some(found)) = (&expected, &seen.serial)
            && expected != found
        {
            let found = format!("expected the token {expected}, found {found}; take it out");
            self.open(&what, TroubleKind::Other, found);
            return;
        }
        let wanted = match &key.origin {
            Origin::Fingerprint(confirmed) => Some(confirmed.value),
            Origin::Make { .. } | Origin::Enrol { .. } | Origin::Server { .. } => {
                self.roster.keys.get(&key.name).map(|known| known.key().fingerprint())
            }
        };
        if let Some(wanted) = wanted {
            let found = seen.keys.iter().find(|public| public.fingerprint() == wanted);
            let Some(public) = found else {
                let found = format!("the key with fingerprint {wanted} is not there");
                self.open(&what, TroubleKind::Other, found);
                return;
            };
            if turns::exists_before(key) && !self.roster.keys.contains_key(&key.name) {
                self.roster.keys.insert(key.name.clone(), Enrolled::Shown { key: public.clone() });
            }
        }
        self.seen.insert(key.name.clone(), seen.clone());
    }

    fn made(&mut self, key: &PlannedKey, public: &PublicKey) {
        let enrolled = Enrolled::Made { key: public.clone() };
        let twin = self
            .roster
            .keys
            .iter()
            .find(|(name, known)| **name != key.name && known.key() == public)
            .map(|(name, _)| name.clone());
        if public.algorithm() != key.algorithm {
            let found = format!("expected an {} key, found {}", key.algorithm, public.algorithm());
            self.open(&format!("make {}", key.name), TroubleKind::Mismatch, found);
        } else if let Some(name) = twin {
            let found = format!("{} is the same key as {name}", key.name);
            self.open(&format!("make {}", key.name), TroubleKind::Mismatch, found);
        } else {
            self.roster.keys.insert(key.name.clone(), enrolled);
        }
    }

    fn signed(
        &mut self,
        plan: &Plan,
        id: &ActId,
        key: &PlannedKey,
        signature: &crate::tuf::signature::Signature,
    ) {
        let Some(public) = self.roster.keys.get(&key.name).map(|known| known.key().clone()) else {
            return;
        };
        let bad = |state: &mut Self| {
            let found = "the signature that came back is not this key's over these bytes";
            state.seen.remove(&key.name);
            state.open(&about(id), TroubleKind::BadSignature, found.to_owned());
        };
        if id.kind == ActKind::Prove {
            let challenge = room_challenge(&self.facts(), &key.name, &public);
            if !public.verifies(&challenge, signature) {
                return bad(self);
            }
            let proof = Proof::Challenge(signature.clone());
            self.roster.proofs.insert(key.name.clone(), proof);
            return;
        }
        if let Some(payload) = turns::unsigned(self, &key.name).cloned() {
            if Some(payload.digest()) != id.bytes || !public.verifies(payload.to_sign(), signature)
            {
                return bad(self);
            }
            let role = payload.id().role.clone();
            let made = self.signatures.entry(role.clone()).or_default();
            made.push((key.name.clone(), signature.clone()));
            let good = super::super::walk::tally(self, &role);
            self.tallied.insert(role, good);
            return;
        }
        let Ok(payload) = change::certificate(plan, key, &public, &self.facts()) else { return };
        if !public.verifies(payload.to_sign(), signature) {
            return bad(self);
        }
        let pem = payload
            .envelope(&[(crate::tuf::key::KeyId::new(key.name.as_str()), signature.clone())]);
        let pem = String::from_utf8_lossy(&pem).into_owned();
        self.roster.certificates.insert(key.name.clone(), pem);
        self.roster.proofs.insert(key.name.clone(), Proof::Certificate(signature.clone()));
    }

    fn wrote(&mut self, plan: &Plan, id: &ActId, digest: Digest) {
        match (file_at(plan, &id.subject), id.bytes == Some(digest)) {
            (Some(file), true) => {
                self.written.insert(file, digest);
            }
            (_, false) => self.open(
                &about(id),
                TroubleKind::Mismatch,
                format!("{}: what was written is not what was meant", id.subject),
            ),
            (None, true) => {}
        }
    }

    fn read_back(&mut self, plan: &Plan, id: &ActId, digest: Digest) {
        let Some(file) = file_at(plan, &id.subject) else { return };
        if self.written.get(&file) == Some(&digest) {
            self.confirmed.insert(file);
        } else {
            let found = format!("{}: what is there is not what was written", id.subject);
            self.open(&about(id), TroubleKind::Mismatch, found);
        }
    }

    fn inspected(&mut self, plan: &Plan, remains: &Remains) {
        let Some((id, act)) = self.inspect.take() else { return };
        let what = about(&id);
        match (remains, act) {
            (Remains::Key(public), Act::Make(key)) => {
                let found = format!(
                    "interrupted; a key that was not recorded is there, fingerprint {}",
                    public.fingerprint()
                );
                self.open(&what, TroubleKind::Occupied, found);
                self.found_key = Some((key.name, public.clone()));
                if let Some(open) = &mut self.trouble {
                    open.adopt = true;
                    open.again = false;
                }
            }
            (Remains::File(digest), Act::Write { file, .. }) if id.bytes == Some(*digest) => {
                if file_at(plan, &id.subject).is_some() {
                    self.written.insert(file, *digest);
                }
            }
            (Remains::File(_), _) => {
                let found =
                    format!("interrupted; a part of {} is there: remove it first", id.subject);
                self.open(&what, TroubleKind::Occupied, found);
            }
            (Remains::Nothing | Remains::Key(_), _) if id.kind == ActKind::Sign => {
                let found = "interrupted; a signature may have been made and lost, and counts as \
                             an attempt"
                    .to_owned();
                self.open(&what, TroubleKind::Gone, found);
            }
            (Remains::Nothing | Remains::Key(_), _) => {
                self.open(
                    &what,
                    TroubleKind::Gone,
                    "interrupted; nothing is left of it".to_owned(),
                );
            }
        }
    }

    /// Derives what follows from the facts, once: the documents when every key is known and proven, the export when
    /// everything is signed.
    fn derive(&mut self, plan: &Plan) {
        if self.change.is_none() {
            self.change = change::draft(plan, &self.roster, &self.facts()).ok();
            if self.change.is_some() {
                self.root = super::super::walk::drafted_root(plan, self);
                self.ids = self
                    .roster
                    .keys
                    .keys()
                    .filter_map(|name| {
                        let (id, _) = change::listed(plan, &self.roster, name).ok()?;
                        Some((name.clone(), id))
                    })
                    .collect();
            }
        }
        let signed = self.recipe.documents.iter().all(|doc| {
            let made = self.signatures.get(&doc.role).map_or(0, Vec::len);
            made == doc.signers.len()
        });
        if self.change.is_some() && signed && self.served.is_empty() {
            self.served = super::outcome::served(plan, self);
            self.exported = super::super::export::files(plan, &self.roster, &self.served);
            if let Some(why) = super::super::walk::refused(plan, self) {
                let found = format!("a fresh client refuses what was signed: {why}");
                self.open("client walk", TroubleKind::Mismatch, found);
                if let Some(open) = &mut self.trouble {
                    open.again = false;
                }
            }
        }
    }

    /// The good signatures on one document, under the ids that the new root gives their keys.
    pub fn counted(
        &self,
        role: &DocRole,
    ) -> Vec<(crate::tuf::key::KeyId, crate::tuf::signature::Signature)> {
        let made = self.signatures.get(role).map(Vec::as_slice).unwrap_or_default();
        made.iter()
            .filter_map(|(name, signature)| Some((self.ids.get(name)?.clone(), signature.clone())))
            .collect()
    }
}

/// What an act is about, without its number: `sign root-a`.
fn about(id: &ActId) -> String {
    if id.subject.is_empty() {
        id.kind.as_str().to_owned()
    } else {
        format!("{} {}", id.kind.as_str(), id.subject)
    }
}

/// The file that an act's subject names: the reverse of [`FileAt`]'s `Display`.
fn file_at(plan: &Plan, subject: &str) -> Option<FileAt> {
    let (place, path) = subject.split_once(':')?;
    let place = match place {
        "evidence" => Place::Evidence,
        "trust" => Place::Trust,
        name => Place::Medium(plan.media.iter().find(|m| m.name.as_str() == name)?.name.clone()),
    };
    Some(FileAt { place, path: path.to_owned() })
}

fn chosen(say: &Answer) -> Option<&str> {
    match say {
        Answer::Chose(word) => Some(word),
        Answer::Pressed | Answer::Ticked(_) | Answer::Typed(_) | Answer::Differ => None,
    }
}

/// Whether an answer has the form that was asked for.
fn fits(form: &Form, say: &Answer) -> Result<(), Refusal> {
    let refuse = |expected: String| Err(Refusal::Form { expected });
    match (form, say) {
        (Form::Press { .. }, Answer::Pressed) | (Form::Words(_), Answer::Differ) => Ok(()),
        (Form::Choose(choices), Answer::Chose(word)) => {
            if choices.iter().any(|choice| choice.word == *word) {
                return Ok(());
            }
            let words: Vec<_> = choices.iter().map(|choice| choice.word.as_str()).collect();
            refuse(format!("Expected one of {}, found {word:?}.", words.join(", ")))
        }
        (Form::Tick { items, .. }, Answer::Ticked(words)) => {
            match words.iter().find(|word| !items.iter().any(|item| item.word == **word)) {
                None => Ok(()),
                Some(word) => refuse(format!("{word:?} is not on the list.")),
            }
        }
        (Form::Fill(fields) | Form::Words(fields), Answer::Typed(lines)) => {
            if lines.len() != fields.len() {
                return refuse(format!("Expected {} lines, found {}.", fields.len(), lines.len()));
            }
            let short = fields
                .iter()
                .zip(lines)
                .find(|(field, line)| !field.optional && line.trim().is_empty());
            let long =
                fields.iter().zip(lines).find(|(field, line)| line.chars().count() > field.max);
            match (short, long) {
                (Some((field, _)), _) => refuse(format!("Fill in: {}.", field.label)),
                (None, Some((field, _))) => {
                    refuse(format!("{}: at most {} characters.", field.label, field.max))
                }
                (None, None) => Ok(()),
            }
        }
        (Form::Press { key, .. }, _) => refuse(format!("Press {key} to go on.")),
        (Form::Choose(_) | Form::Tick { .. } | Form::Fill(_) | Form::Words(_), _) => {
            refuse("The answer does not have the form that is asked for.".to_owned())
        }
    }
}

/// A review ends when every item was read.
fn all_ticked(form: &Form, say: &Answer) -> Result<(), Refusal> {
    let (Form::Tick { items, .. }, Answer::Ticked(words)) = (form, say) else { return Ok(()) };
    match items.iter().find(|item| !words.contains(&item.word)) {
        None => Ok(()),
        Some(item) => Err(Refusal::Form { expected: format!("Still to read: {}.", item.label) }),
    }
}

fn server_key(
    dialect: Dialect,
    bytes: &[u8],
) -> Result<(crate::tuf::key::KeyId, PublicKey), String> {
    match dialect {
        Dialect::Notary1 => {
            let (id, listed) = notary1::read_server_key(bytes).map_err(|why| why.to_string())?;
            Ok((id, listed.public))
        }
        Dialect::Tuf1 => {
            let public = enrolled_key(bytes)?;
            let (id, _) = dialect
                .list_key(&public)
                .ok_or_else(|| "this kind of key cannot be listed".to_owned())?;
            Ok((id, public))
        }
    }
}

fn enrolled_key(bytes: &[u8]) -> Result<PublicKey, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "expected a PEM file".to_owned())?;
    PublicKey::from_pem(text).map_err(|why| why.to_string())
}

/// Whether a proof file is a signature of `key` over `challenge`: our own text form, or the raw bytes that openssl
/// writes (Ed25519 as they are, ECDSA as DER).
fn proves(key: &PublicKey, challenge: &[u8], proof: &[u8]) -> bool {
    use crate::tuf::key::Algorithm;
    use crate::tuf::signature::{Hash, Signature};
    let own = std::str::from_utf8(proof)
        .ok()
        .and_then(|text| Signature::try_from(text.trim().to_owned()).ok());
    let raw = match key.algorithm() {
        Algorithm::Ed25519 => proof.try_into().ok().map(Signature::Ed25519),
        algorithm @ (Algorithm::P256 | Algorithm::P384) => {
            Signature::from_ecdsa_der(algorithm, Hash::Sha256, proof)
        }
        Algorithm::Rsa => None,
    };
    own.is_some_and(|signature| key.verifies(challenge, &signature))
        || raw.is_some_and(|signature| key.verifies(challenge, &signature))
}
