//! Batches of signatures: derived again, compared with their rows, signed, verified, and kept whole.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::ceremony::event::{Fleet, Happened, Trouble, TroubleKind};
use crate::ceremony::fleet::survey::rows;
use crate::ceremony::fleet::{Line, Member, Signs, batch_of, signatures_file};
use crate::ceremony::plan::PlannedKey;
use crate::driver::file;
use crate::driver::ports::{Company, Progress};
use crate::keystore::{KeyStore, Label, Rules, Secret, Signer, TokenError, Unlock};
use crate::tuf::digest::Digest;
use crate::tuf::document::DocId;
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;

use super::cursor::{Cursor, Lines};
use super::keeping::Growing;
use super::{Yard, mismatch};

/// What a bench keeps between the batches of a fleet.
#[derive(Default)]
pub struct Turns {
    cursor: Option<(Owner, u64, Cursor)>,
    signs: Signs,
    /// Of every ECDSA signature of the key whose turn it is: the beginnings of its nonce's image, and of what was signed.
    nonces: Option<(KeyName, HashMap<u64, u64>)>,
    /// A key from a file that stays open for its turn.
    open: Option<(KeyName, Box<dyn Signer>)>,
    /// A token's secret, for exactly as many signatures as are left of its key's turn.
    held: Option<(KeyName, Secret, u64)>,
}

/// For whom a cursor goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Key(KeyName),
    Results,
}

/// One batch of a key's turn.
pub struct Batch<'a> {
    /// The key in the plan.
    pub key: &'a PlannedKey,
    /// Its public half.
    pub public: &'a PublicKey,
    /// Which batch, from 0.
    pub nth: u64,
    /// For how many repositories the key signs in all.
    pub of: u64,
    /// What is derived from.
    pub fleet: &'a Fleet,
}

/// Bytes to sign, and of which document of which repository of the batch.
struct Message {
    nth: u64,
    id: DocId,
    bytes: Vec<u8>,
}

/// The longest line of a file of signatures.
pub(crate) const LONGEST_ROW: usize = 4096;

impl Turns {
    /// Forgets what is kept, after trouble or a pause.
    pub fn rest(&mut self) {
        self.cursor = None;
        self.open = None;
        self.held = None;
    }

    /// Signs a batch. `trouble` puts a store's error into words.
    pub fn batch(
        &mut self,
        yard: &Yard,
        evidence: &Path,
        store: &mut dyn KeyStore,
        batch: &Batch<'_>,
        company: &mut dyn Company,
        trouble: &dyn Fn(&TokenError) -> Trouble,
    ) -> Result<Happened, Trouble> {
        let size = batch_of(batch.key);
        let name = &batch.key.name;
        let mut cursor = self.cursor(yard, evidence, batch, size)?;
        let mut messages: Vec<Message> = Vec::new();
        let mut repositories = 0;
        while repositories < size {
            let Some((line, drafted)) = self.next_of(yard, &mut cursor, name)? else { break };
            repositories += 1;
            let roles = self.signs.roles(&yard.plan, &line, name);
            for (id, bytes) in cursor.payloads(yard, &line, &drafted, batch.fleet)? {
                if roles.contains(&id.role) {
                    messages.push(Message { nth: repositories, id, bytes });
                }
            }
        }
        let made = self.sign(&messages, store, batch, company, trouble)?;
        let failed = |error: io::Error| file::trouble("signatures", &error);
        let mut nonces = self.nonces_of(evidence, name, batch.nth).map_err(failed)?;
        let mut growing =
            Growing::new(evidence, &signatures_file(name.as_str(), batch.nth)).map_err(failed)?;
        for (message, signature) in messages.iter().zip(made) {
            // One nonce over other bytes gives the key away; over the same bytes it is the same signature.
            let digest = Digest::of(&message.bytes);
            let signed = beginning(digest.as_bytes());
            let nonce = signature.ecdsa_r().and_then(beginning);
            if nonce.is_some_and(|nonce| {
                signed != Some(*nonces.entry(nonce).or_insert(signed.unwrap_or_default()))
            }) {
                return Err(Trouble {
                    kind: TroubleKind::BadSignature,
                    found: format!("{name}: a nonce was used twice; do not use this key"),
                });
            }
            let id = &message.id;
            let row =
                format!("{digest}\t{}\t{}\t{}\n", id.repository, id.role, String::from(signature));
            growing.add(&row).map_err(failed)?;
        }
        let signatures = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        let file = growing.finish().map_err(failed)?;
        self.nonces = Some((name.clone(), nonces));
        self.cursor = Some((Owner::Key(name.clone()), batch.nth + 1, cursor));
        if (batch.nth + 1) * size >= batch.of {
            self.rest();
        }
        Ok(Happened::Batched { repositories, signatures, file })
    }

    /// The cursor where the batch begins: it goes on where the one before ended, or from the beginning of the list.
    fn cursor(
        &mut self,
        yard: &Yard,
        evidence: &Path,
        batch: &Batch<'_>,
        size: u64,
    ) -> Result<Cursor, Trouble> {
        let owner = Owner::Key(batch.key.name.clone());
        match self.cursor.take() {
            Some((known, nth, cursor)) if known == owner && nth == batch.nth => Ok(cursor),
            Some(_) | None => {
                let mut cursor = Cursor::open(yard, evidence, batch.fleet.drafts)?;
                for _ in 0..batch.nth * size {
                    self.next_of(yard, &mut cursor, &batch.key.name)?;
                }
                Ok(cursor)
            }
        }
    }

    /// The next repository for which a key signs.
    fn next_of(
        &mut self,
        yard: &Yard,
        cursor: &mut Cursor,
        key: &KeyName,
    ) -> Result<Option<(Line, String)>, Trouble> {
        while let Some(found) = cursor.next()? {
            if self.signs.of(&yard.plan, &found.0).contains_key(key) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn sign(
        &mut self,
        messages: &[Message],
        store: &mut dyn KeyStore,
        batch: &Batch<'_>,
        company: &mut dyn Company,
        trouble: &dyn Fn(&TokenError) -> Trouble,
    ) -> Result<Vec<Signature>, Trouble> {
        let name = &batch.key.name;
        let before = batch.nth * batch_of(batch.key);
        let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        let (held, open) = (self.held.take(), self.open.take());
        let left = batch.of.saturating_sub(before).max(count);
        let mut people = Holding {
            company,
            held: held
                .filter(|(known, _, _)| known == name)
                .map(|(_, secret, left)| (secret, left)),
            left,
        };
        let mut kept = match open.filter(|(known, _)| known == name) {
            Some((_, signer)) => Some(signer),
            None => store
                .stay_open(&batch.public.fingerprint(), &mut people)
                .map_err(|e| trouble(&e))?,
        };
        let fingerprint = batch.public.fingerprint();
        let each = |people: &mut Holding<'_>, sign: Sign<'_>| {
            let mut made = Vec::new();
            for Message { nth, id, bytes } in messages {
                people.company.progress(&Progress {
                    doing: format!("{name} signs {id}"),
                    done: Some((before + nth, batch.of)),
                });
                let signature = sign(bytes, &mut *people)?;
                if !batch.public.verifies(bytes, &signature) {
                    return Err(TokenError::BadSignature);
                }
                people.used();
                made.push(signature);
            }
            Ok(made)
        };
        let made = match (&mut kept, messages) {
            (Some(signer), _) => each(&mut people, &mut |bytes, people| signer.sign(bytes, people)),
            // One message in one go: a token is opened once.
            (None, [_]) => each(&mut people, &mut |bytes, people| {
                store.sign(&fingerprint, bytes, people).map(|signed| signed.signature)
            }),
            (None, _) => store.signer(&fingerprint, &mut people).and_then(|mut signer| {
                each(&mut people, &mut |bytes, people| signer.sign(bytes, people))
            }),
        };
        let made = made.map_err(|error| trouble(&error))?;
        self.held = people.held.map(|(secret, left)| (name.clone(), secret, left));
        self.open = kept.map(|signer| (name.clone(), signer));
        Ok(made)
    }

    /// The nonces of a key's batches so far: those at hand, or, after an interruption, those on record.
    fn nonces_of(
        &mut self,
        evidence: &Path,
        key: &KeyName,
        batches: u64,
    ) -> io::Result<HashMap<u64, u64>> {
        if let Some((_, known)) = self.nonces.take().filter(|(known, _)| known == key) {
            return Ok(known);
        }
        let mut found = HashMap::new();
        for nth in 0..batches {
            let file = file::open_below(evidence, &signatures_file(key.as_str(), nth))?;
            let mut lines = Lines::new(file, LONGEST_ROW);
            while let Some(row) = lines.next()? {
                let mut columns = row.split('\t');
                let signed = columns.next().and_then(|text| text.parse::<Digest>().ok());
                let signature = columns.nth(2).map(ToOwned::to_owned);
                let signature = signature.and_then(|text| Signature::try_from(text).ok());
                let nonce = signature.as_ref().and_then(Signature::ecdsa_r).and_then(beginning);
                let signed = signed.and_then(|digest| beginning(digest.as_bytes()));
                found.extend(nonce.zip(signed));
            }
        }
        Ok(found)
    }

    /// The cursor for results, where the batch of results begins.
    pub(super) fn results(
        &mut self,
        yard: &Yard,
        evidence: &Path,
        fleet: &Fleet,
        (nth, size): (u64, u64),
    ) -> Result<Cursor, Trouble> {
        match self.cursor.take() {
            Some((Owner::Results, known, cursor)) if known == nth => Ok(cursor),
            Some(_) | None => {
                let mut cursor = Cursor::open(yard, evidence, fleet.drafts)?;
                for _ in 0..nth * size {
                    cursor.next()?;
                }
                Ok(cursor)
            }
        }
    }

    pub(super) fn stand(&mut self, nth: u64, cursor: Cursor) {
        self.cursor = Some((Owner::Results, nth, cursor));
    }
}

/// A repository derived again; it must equal its rows.
pub(super) fn derived(
    yard: &Yard,
    line: &Line,
    drafted: &str,
    fleet: &Fleet,
) -> Result<(Member, crate::ceremony::change::ChangeSet), Trouble> {
    let wrong = |why: &str| mismatch(&format!("{}: {why}", line.name));
    let files = yard.documents(line).map_err(|error| file::trouble(&line.folder, &error))?;
    let member = Member::of(&yard.plan, yard.purpose, line, files).map_err(|why| wrong(&why))?;
    let change = member.change(&fleet.roster, &fleet.facts).map_err(|why| wrong(&why))?;
    if rows(&change) == drafted {
        Ok((member, change))
    } else {
        Err(wrong("what is derived now is not what was reviewed"))
    }
}

/// The first eight bytes: enough to tell two apart.
pub(super) fn beginning(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?))
}

/// How one message is signed.
type Sign<'a> = &'a mut dyn FnMut(&[u8], &mut dyn Unlock) -> Result<Signature, TokenError>;

/// People who are asked once for the secret of a turn: it is held for exactly as many signatures as are left.
struct Holding<'a> {
    company: &'a mut dyn Company,
    held: Option<(Secret, u64)>,
    left: u64,
}

impl Holding<'_> {
    fn used(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let Some((_, left)) = &mut self.held {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.held = None;
            }
        }
    }
}

impl Unlock for Holding<'_> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        if let Some((secret, _)) = &self.held {
            return Some(Secret::of(secret.expose()));
        }
        let secret = self.company.secret(label, tries_left)?;
        self.held = Some((Secret::of(secret.expose()), self.left));
        Some(secret)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.company.new_secret(label, rules)
    }

    fn touch(&mut self, label: &Label) {
        self.company.touch(label);
    }

    fn given_up(&mut self) -> bool {
        self.company.given_up()
    }
}
