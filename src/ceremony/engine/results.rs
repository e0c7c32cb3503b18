//! What came of acts: taken as it is, useful or not, and what follows from it.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;
use crate::tuf::time::Timestamp;

use super::super::ask::AskKind;
use super::super::authority;
use super::super::before::Anchor;
use super::super::change;
use super::super::check::Ground;
use super::super::event::{
    Act, ActId, ActKind, FileAt, Happened, Mode, Place, Remains, Seen, Trouble, TroubleKind,
};
use super::super::export::{self, Start};
use super::super::plan::{Kind, Origin, Plan, PlannedKey, Store};
use super::super::roster::{Enrolled, Proof, room_challenge};
use super::super::scene::Verdict;
use super::state::{Open, State};
use super::turns;

impl State {
    /// What leaves on OUT, once everything is signed.
    pub(super) fn export(&self, plan: &Plan) -> BTreeMap<String, Vec<u8>> {
        let start = Start {
            base: Some(self.facts().base),
            before: self.before.anchor().map(Anchor::current_files).unwrap_or_default(),
        };
        export::files_from(plan, &self.roster, &self.served, &start)
    }

    /// Counts the touches that a token asked for during an act.
    pub(super) fn count_touches(&mut self, plan: &Plan, id: &ActId, touches: u32) {
        if let (Some(key), 1..) = (key_of(plan, id), touches) {
            let counted = self.touches.entry(key.name.clone()).or_default();
            *counted = counted.saturating_add(touches);
        }
    }

    /// Takes what came of an act, useful or not.
    pub(super) fn learn(&mut self, ground: &Ground, at: Timestamp, id: &ActId, what: &Happened) {
        let plan = ground.plan();
        let key = key_of(plan, id);
        self.count_pin(id, key, matches!(what, Happened::Signed(_)));
        match (id.kind, what) {
            (ActKind::Level, Happened::Failed(trouble)) => {
                self.levelled(id, Some(trouble.found.clone()));
            }
            (ActKind::Level, Happened::Levelled { .. }) => self.levelled(id, None),
            (ActKind::Mount, Happened::Mounted(mounted)) => {
                if let Ok(name) = id.subject.parse() {
                    self.mounted.insert(name, mounted.clone());
                }
            }
            (_, Happened::Failed(trouble)) => self.failed(id, key, trouble),
            (ActKind::Room, Happened::Room(facts)) => self.room = Some(facts.clone()),
            (ActKind::Read, Happened::Read { digest, content }) => {
                self.read(plan, id, *digest, &content.0);
            }
            (ActKind::Look, Happened::Seen(seen)) => {
                if let Some(key) = key {
                    self.looked(plan.kind, key, seen);
                }
            }
            (ActKind::Make, Happened::Made { public }) => {
                if let Some(key) = key {
                    self.made(plan.kind, key, public);
                }
            }
            (ActKind::Prove | ActKind::Sign, Happened::Signed(signature)) => {
                if let Some(key) = key {
                    self.note_nonce(id, key, signature);
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
            (ActKind::Provision, Happened::Provisioned { .. }) => {
                if let Some(key) = key {
                    self.care.provisioned.insert(key.name.clone());
                    self.seen.remove(&key.name);
                }
            }
            (ActKind::ChangeSecret, Happened::SecretChanged) => {
                if let Some(key) = key {
                    self.care.changed.insert(key.name.clone());
                    self.care.adopted.remove(&key.name);
                    self.seen.remove(&key.name);
                }
            }
            (ActKind::BackUp, Happened::BackedUp { file }) => {
                self.care.backed_up.insert(id.subject.clone(), file.clone());
            }
            (ActKind::Drill, Happened::Recovered { public, signature }) => {
                if let Some(key) = key {
                    self.recovered(at, id, key, (public, signature));
                }
            }
            (ActKind::Survey, Happened::Surveyed(survey)) => self.surveyed(plan, id, survey),
            (ActKind::Batch, Happened::Batched { .. }) => self.batched(plan, id, what),
            (ActKind::Assemble, Happened::Assembled { .. }) => self.assembled(id, what),
            (ActKind::Inspect, Happened::Inspected(remains)) => self.inspected(plan, remains),
            (ActKind::Seal, Happened::Sealed { tree }) => self.sealed = Some(*tree),
            (
                ActKind::Room
                | ActKind::Mount
                | ActKind::Level
                | ActKind::Read
                | ActKind::Look
                | ActKind::Make
                | ActKind::Prove
                | ActKind::Sign
                | ActKind::Write
                | ActKind::ReadBack
                | ActKind::HandOver
                | ActKind::Provision
                | ActKind::ChangeSecret
                | ActKind::BackUp
                | ActKind::Drill
                | ActKind::Inspect
                | ActKind::Survey
                | ActKind::Batch
                | ActKind::Assemble
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

    /// A second copy that cannot be brought level is on record and stops nothing.
    fn levelled(&mut self, id: &ActId, behind: Option<String>) {
        let Some((name, step)) = id.subject.split_once(':') else { return };
        let Ok(name) = name.parse::<KeyName>() else { return };
        match behind {
            Some(why) => self.behind.insert(name.clone(), why),
            None => self.behind.remove(&name),
        };
        self.levelled.insert((name, step.to_owned()));
    }

    fn failed(&mut self, id: &ActId, key: Option<&PlannedKey>, trouble: &Trouble) {
        if let Some(key) = key {
            self.seen.remove(&key.name);
            self.pressed.remove(&(AskKind::LastTry, key.name.to_string()));
        }
        self.inspect = None;
        let more = self.not_set(id, trouble).map_or_else(String::new, |more| format!("; {more}"));
        self.open(&about(id), trouble.kind, format!("{}{more}", trouble.found));
    }

    pub(super) fn open(&mut self, about: &str, kind: TroubleKind, found: String) {
        self.trouble = Some(Open {
            about: about.to_owned(),
            trouble: Trouble { kind, found },
            again: true,
            adopt: false,
        });
    }

    fn looked(&mut self, kind: Kind, key: &PlannedKey, seen: &Seen) {
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
            Origin::Make { .. }
            | Origin::Enrol { .. }
            | Origin::Server { .. }
            | Origin::Listed(_) => {
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
        self.remarks.insert(key.name.clone(), seen.remarks.clone());
        if !seen.attestation.is_empty() {
            let chain = seen.attestation.iter().map(|bytes| bytes.0.clone()).collect();
            self.attestations.insert(key.name.clone(), chain);
        }
        // What is the factory's is what provisioning is for.
        let provisioning =
            kind == Kind::ProvisionToken && !self.care.provisioned.contains(&key.name);
        let refused = seen.remarks.iter().find(|remark| {
            remark.verdict == Verdict::Fail
                && !(provisioning && remark.name.starts_with("factory-"))
        });
        if let (Mode::Real, Some(remark)) = (self.opening.mode, refused) {
            let found = format!("{}: {}", remark.name, remark.text);
            self.open(&what, TroubleKind::Unsupported, found);
            return;
        }
        self.seen.insert(key.name.clone(), seen.clone());
    }

    fn made(&mut self, kind: Kind, key: &PlannedKey, public: &PublicKey) {
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
            if kind == Kind::ProvisionToken {
                // Looked at once more, for the attestation.
                self.seen.remove(&key.name);
            }
        }
    }

    fn signed(&mut self, plan: &Plan, id: &ActId, key: &PlannedKey, signature: &Signature) {
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
            let signers = self.recipe.all().find(|doc| doc.role == role);
            let signers = signers.map(|doc| doc.signers.clone()).unwrap_or_default();
            let counts = authority::counts(self, &role, &signers);
            self.tallied.insert(role, counts);
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

    /// Notes the nonce of a signature, whatever becomes of it. A bench refuses a repeated one before it gets here.
    fn note_nonce(&mut self, id: &ActId, key: &PlannedKey, signature: &Signature) {
        if let (Some(known), Some(bytes)) = (self.roster.keys.get(&key.name), id.bytes) {
            self.nonces.note(known.key().fingerprint(), signature, bytes);
        }
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
            (
                Remains::Nothing,
                Act::Provision(key) | Act::ChangeSecret(key) | Act::BackUp { key, .. },
            ) => self.cut_off(&id, &key.name),
            (Remains::Nothing | Remains::Key(_), _) => {
                self.open(
                    &what,
                    TroubleKind::Gone,
                    "interrupted; nothing is left of it".to_owned(),
                );
            }
        }
    }

    /// Derives what follows from the facts, once: the documents when every key is known and proven, those that hash others
    /// when these are signed, the export when everything is signed.
    pub(super) fn derive(&mut self, plan: &Plan) {
        if plan.fleet.is_some() || plan.kind.is_of_keys() {
            // The documents of a fleet are derived where they are, one repository after the other.
            return;
        }
        if self.change.is_none() {
            self.change = change::draft(plan, &self.before, &self.roster, &self.facts()).ok();
            if let Some(change) = &self.change {
                self.root = authority::drafted_root(plan, change);
                self.delegations = authority::drafted_delegations(plan, change);
            }
        }
        // Of a request, one key's part is signed here, and whoever gathers the parts puts them together.
        let part = self.asked.is_some();
        if self.change.is_none() || part || !self.all_signed(&self.recipe.documents) {
            return;
        }
        if self.closing.is_none() && !self.recipe.closing.is_empty() {
            let signed = super::outcome::documents(self);
            self.closing =
                change::closing(plan, &self.before, &self.roster, &self.facts(), &signed)
                    .ok()
                    .flatten();
        }
        if self.all_signed(&self.recipe.closing) && self.served.is_empty() {
            self.served = super::outcome::served(plan, self);
            self.exported = self.export(plan);
            if let Some(why) = super::super::walk::refused(plan, self) {
                let found = format!("a client refuses what was signed: {why}");
                self.open("client walk", TroubleKind::Mismatch, found);
                if let Some(open) = &mut self.trouble {
                    open.again = false;
                }
            }
        }
    }
}

/// What an act is about, without its number: `sign root-a`.
pub(super) fn about(id: &ActId) -> String {
    if id.subject.is_empty() {
        id.kind.as_str().to_owned()
    } else {
        format!("{} {}", id.kind.as_str(), id.subject)
    }
}

/// The key whose store an act is about. A batch is named after its key: `root-a/137`; a back-up too: `root-a@KIT`.
fn key_of<'a>(plan: &'a Plan, id: &ActId) -> Option<&'a PlannedKey> {
    let named = id.subject.split(['@', '/']).next().unwrap_or_default();
    named.parse().ok().and_then(|name: KeyName| plan.key(&name))
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
