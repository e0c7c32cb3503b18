//! The virtual token: it plays every kind of store in a rehearsal, with its faults on demand.
//!
//! Its state lies in a file beside the rehearsal, so that a power cut can be rehearsed too. Its keys are throw-away keys
//! that follow from the plan; it keeps nothing worth stealing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::forge::ForgedKey;
use crate::tuf::key::{Algorithm, Fingerprint, PublicKey};
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::signature::Signature;

use super::provision::Provisioned;
use super::{
    KeyStore, Label, Made, Rules, Secret, SecretKind, Seen, Signer, Spec, TokenError, Unlock,
};

/// What a virtual token is made to be.
#[derive(Debug, Clone)]
pub struct VirtualSpec {
    /// The seed of its key.
    pub seed: Digest,
    /// Under which name the key follows from the seed.
    pub name: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// For which dialect it signs.
    pub dialect: Dialect,
    /// The serial number it plays; nothing for a key file.
    pub serial: Option<String>,
    /// Whether the key is there already.
    pub has_key: bool,
}

/// A fault to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing is in the reader.
    Unplugged,
    /// Another token is in the reader.
    OtherToken,
    /// Nobody touches it in time.
    NoTouch,
    /// It goes away in the middle.
    Gone,
    /// A signature of random bytes.
    Garbage,
    /// A signature by another key.
    OtherKey,
    /// The secret is taken as wrong.
    WrongSecret,
    /// A good signature, with the same ECDSA nonce each time.
    SameNonce,
}

/// A fault and when it comes: at the n-th operation of the token's life, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// At which operation.
    pub at: u64,
    /// What happens.
    pub fault: Fault,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    seed: Digest,
    name: String,
    algorithm: Algorithm,
    dialect: Dialect,
    serial: Option<String>,
    has_key: bool,
    /// A slow hash of the rehearsal's secret.
    secret: Option<Digest>,
    /// Whether PIN, PUK and management key are its holder's own.
    #[serde(default)]
    provisioned: bool,
    tries_left: u8,
    pin: Option<PinPolicy>,
    touch: Option<TouchPolicy>,
    operations: u64,
    touches: u64,
    faults: Vec<Planned>,
}

/// How many wrong secrets a virtual token takes.
const TRIES: u8 = 3;

/// A virtual token.
#[derive(Debug)]
pub struct VirtualToken {
    path: PathBuf,
    label: Label,
    state: State,
}

impl VirtualToken {
    /// Opens the token in a file, or makes it as specified.
    pub fn open(path: &Path, label: Label, spec: VirtualSpec) -> Result<Self, TokenError> {
        let state = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| file_error(path, &error.to_string()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State {
                seed: spec.seed,
                name: spec.name,
                algorithm: spec.algorithm,
                dialect: spec.dialect,
                serial: spec.serial,
                has_key: spec.has_key,
                secret: None,
                provisioned: false,
                tries_left: TRIES,
                pin: None,
                touch: None,
                operations: 0,
                touches: 0,
                faults: Vec::new(),
            },
            Err(error) => return Err(file_error(path, &error.to_string())),
        };
        let token = Self { path: path.to_owned(), label, state };
        token.save()?;
        Ok(token)
    }

    /// Plans faults to come.
    pub fn plan_faults(&mut self, faults: &[Planned]) -> Result<(), TokenError> {
        self.state.faults.extend_from_slice(faults);
        self.save()
    }

    /// How many touches it asked for in its life.
    pub const fn touches(&self) -> u64 {
        self.state.touches
    }

    /// What is in the store now, after an interruption: the key, if it was made.
    pub fn key(&self) -> Option<PublicKey> {
        self.state.has_key.then(|| self.forged()).flatten().map(|key| key.public_key().clone())
    }

    fn forged(&self) -> Option<ForgedKey> {
        let state = &self.state;
        let key = ForgedKey::new(&state.seed, &state.name, state.algorithm)?;
        Some(key.for_dialect(state.dialect))
    }

    fn save(&self) -> Result<(), TokenError> {
        let bytes = serde_json::to_vec_pretty(&self.state).expect("the state is JSON");
        let aside = self.path.with_extension("new");
        let written = fs::File::create(&aside).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&aside, &self.path)
        });
        written.map_err(|error| file_error(&self.path, &error.to_string()))
    }

    /// Counts an operation and gives the fault that was planned for it.
    fn operation(&mut self) -> Result<Option<Fault>, TokenError> {
        self.state.operations += 1;
        let now = self.state.operations;
        let fault = self.state.faults.iter().find(|planned| planned.at == now);
        let fault = fault.map(|planned| planned.fault);
        self.save()?;
        match fault {
            Some(Fault::Unplugged) => Err(TokenError::Absent),
            Some(Fault::OtherToken) => Err(TokenError::Other { serial: "99999999".to_owned() }),
            Some(Fault::Gone) => Err(TokenError::Gone),
            Some(
                Fault::NoTouch
                | Fault::Garbage
                | Fault::OtherKey
                | Fault::WrongSecret
                | Fault::SameNonce,
            )
            | None => Ok(fault),
        }
    }

    /// Gives the token its holder's own PIN and PUK, as a real one gets them; once it has them, nothing is changed.
    pub fn provision(&mut self, unlock: &mut dyn Unlock) -> Result<Provisioned, TokenError> {
        self.operation()?;
        if self.state.provisioned {
            return Ok(Provisioned::default());
        }
        let pin = self.new_secret(SecretKind::Pin, unlock)?;
        let puk = self.new_secret(SecretKind::Puk, unlock)?;
        if pin.expose() == puk.expose() {
            return Err(TokenError::Unsupported("a PUK that is the PIN".to_owned()));
        }
        self.state.secret = Some(hash(&self.state, &pin));
        self.state.provisioned = true;
        self.save()?;
        Ok(Provisioned { pin: true, puk: true, management_key: true })
    }

    /// Changes the PIN or passphrase. The old one is asked for first, and a wrong one uses a try.
    pub fn change_secret(&mut self, unlock: &mut dyn Unlock) -> Result<(), TokenError> {
        let fault = self.operation()?;
        self.unlock(unlock, fault)?;
        let chosen = self.new_secret(self.label.kind, unlock)?;
        self.state.secret = Some(hash(&self.state, &chosen));
        self.save()
    }

    fn new_secret(&self, kind: SecretKind, unlock: &mut dyn Unlock) -> Result<Secret, TokenError> {
        let rules = if kind == SecretKind::Passphrase { Rules::passphrase() } else { Rules::pin() };
        let label = Label { kind, ..self.label.clone() };
        unlock.new_secret(&label, &rules).ok_or(TokenError::NoSecret)
    }

    /// The key in a rehearsal's back-up: its stand-in names the key.
    pub fn key_in_back_up(&mut self, file: &[u8]) -> Result<ForgedKey, TokenError> {
        self.operation()?;
        let stated = format!("a stand-in for the encrypted key {}\n", self.state.name);
        let text = String::from_utf8_lossy(file);
        if !text.ends_with(&stated) {
            return Err(file_error(&self.path, "it is no back-up of this key"));
        }
        self.forged()
            .ok_or_else(|| TokenError::Unsupported("a virtual key of this kind".to_owned()))
    }

    /// Plays what a holder does to a blocked token elsewhere: with its PUK it has all its tries again, under the same secret.
    pub fn unblock(&mut self) -> Result<(), TokenError> {
        if self.state.tries_left > 0 {
            return Ok(());
        }
        self.state.tries_left = TRIES;
        self.save()
    }

    fn is_file(&self) -> bool {
        self.label.kind == SecretKind::Passphrase
    }

    /// Asks for the secret once and compares it.
    fn unlock(&mut self, unlock: &mut dyn Unlock, fault: Option<Fault>) -> Result<(), TokenError> {
        if self.state.tries_left == 0 {
            return Err(TokenError::Blocked);
        }
        let tries = (!self.is_file()).then_some(self.state.tries_left);
        let given = unlock.secret(&self.label, tries).ok_or(TokenError::NoSecret)?;
        let right = match &self.state.secret {
            Some(known) => hash(&self.state, &given) == *known,
            // A key that was there before the rehearsal opens with any secret.
            None => true,
        };
        if right && fault != Some(Fault::WrongSecret) {
            self.state.tries_left = TRIES;
            return self.save();
        }
        if !self.is_file() {
            self.state.tries_left -= 1;
        }
        self.save()?;
        if self.state.tries_left == 0 {
            return Err(TokenError::Blocked);
        }
        let tries_left = (!self.is_file()).then_some(self.state.tries_left);
        Err(TokenError::WrongSecret { tries_left })
    }
}

impl KeyStore for VirtualToken {
    fn look(&mut self) -> Result<Seen, TokenError> {
        self.operation()?;
        Ok(Seen {
            serial: self.state.serial.clone(),
            keys: self.key().into_iter().collect(),
            tries_left: (!self.is_file()).then_some(self.state.tries_left),
            ..Seen::default()
        })
    }

    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError> {
        let fault = self.operation()?;
        if self.state.has_key {
            return Err(TokenError::Occupied(self.label.place.clone()));
        }
        if self.state.provisioned {
            self.unlock(unlock, fault)?;
        } else {
            let secret = self.new_secret(self.label.kind, unlock)?;
            self.state.secret = Some(hash(&self.state, &secret));
        }
        self.state.pin = spec.pin;
        self.state.touch = spec.touch;
        self.state.has_key = true;
        self.save()?;
        self.key().map(|public| Made { public }).ok_or_else(|| {
            TokenError::Unsupported(format!("a virtual {} key", self.state.algorithm))
        })
    }

    fn signer(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        let fault = self.operation()?;
        let public = self.key().filter(|public| public.fingerprint() == *key);
        let public = public.ok_or(TokenError::NoSuchKey(*key))?;
        // A token whose policy wants the PIN for each signature asks for it there.
        if self.state.pin != Some(PinPolicy::Always) {
            self.unlock(unlock, fault)?;
        }
        Ok(Box::new(VirtualSigner { token: self, public }))
    }
}

struct VirtualSigner<'a> {
    token: &'a mut VirtualToken,
    public: PublicKey,
}

impl Signer for VirtualSigner<'_> {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], unlock: &mut dyn Unlock) -> Result<Signature, TokenError> {
        let fault = self.token.operation()?;
        if self.token.state.pin == Some(PinPolicy::Always) {
            self.token.unlock(unlock, fault)?;
        }
        if matches!(self.token.state.touch, Some(TouchPolicy::Always | TouchPolicy::Cached)) {
            self.token.state.touches += 1;
            self.token.save()?;
            unlock.touch(&self.token.label);
            if fault == Some(Fault::NoTouch) {
                return Err(TokenError::NoTouch);
            }
        }
        let unsupported = || TokenError::Unsupported("a virtual key of this kind".to_owned());
        let key = self.token.forged().ok_or_else(unsupported)?;
        let signature = match fault {
            Some(Fault::Garbage) => key.sign(b"garbage"),
            Some(Fault::SameNonce) => key.sign_with_one_nonce(message),
            Some(Fault::OtherKey) => {
                let state = &self.token.state;
                let other = ForgedKey::new(&state.seed, "another key", state.algorithm);
                other.ok_or_else(unsupported)?.for_dialect(state.dialect).sign(message)
            }
            Some(
                Fault::Unplugged
                | Fault::OtherToken
                | Fault::NoTouch
                | Fault::Gone
                | Fault::WrongSecret,
            )
            | None => key.sign(message),
        };
        if self.public.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(TokenError::BadSignature)
        }
    }
}

/// Slow and salted: people may type a real passphrase in a rehearsal, against all advice.
fn hash(state: &State, secret: &Secret) -> Digest {
    let salt = [state.seed.as_bytes().as_slice(), state.name.as_bytes()].concat();
    let mut out = [0; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(secret.expose().as_bytes(), &salt, ROUNDS, &mut out);
    Digest::from_bytes(out)
}

const ROUNDS: u32 = 1_000;

fn file_error(path: &Path, what: &str) -> TokenError {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    TokenError::File { path: name, what: what.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    /// People who say these secrets, and count touches.
    struct People {
        secrets: Vec<&'static str>,
        touches: u32,
    }

    impl Unlock for People {
        fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
            let text = self.secrets.pop()?;
            Some(Secret::new(Zeroizing::new(text.to_owned())))
        }
        fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
            self.secret(label, None)
        }
        fn touch(&mut self, _: &Label) {
            self.touches += 1;
        }
    }

    fn token(folder: &Path) -> VirtualToken {
        let label = Label {
            key: "root-a".parse().unwrap(),
            holder: "Custodian A".to_owned(),
            place: "a virtual token".to_owned(),
            kind: SecretKind::Pin,
        };
        let spec = VirtualSpec {
            seed: Digest::of(b"seed"),
            name: "root-a".to_owned(),
            algorithm: Algorithm::P256,
            dialect: Dialect::Notary1,
            serial: Some("18158855".to_owned()),
            has_key: false,
        };
        VirtualToken::open(&folder.join("root-a.json"), label, spec).unwrap()
    }

    const SPEC: Spec = Spec {
        algorithm: Algorithm::P256,
        pin: Some(PinPolicy::Always),
        touch: Some(TouchPolicy::Always),
        replaces: None,
    };

    fn sign(token: &mut VirtualToken, people: &mut People) -> Result<Signature, TokenError> {
        let key = token.key().unwrap().fingerprint();
        let mut signer = token.signer(&key, people)?;
        signer.sign(b"message", people)
    }

    #[test]
    fn it_survives_a_power_cut_with_its_key_and_its_tries() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = People { secrets: vec!["654321", "123456"], touches: 0 };
        let made = token(folder.path()).make(&SPEC, &mut people).unwrap();
        let wrong = sign(&mut token(folder.path()), &mut people).unwrap_err();
        assert_eq!(wrong, TokenError::WrongSecret { tries_left: Some(2) });
        let mut again = token(folder.path());
        assert_eq!(again.look().unwrap().tries_left, Some(2));
        assert_eq!(again.key(), Some(made.public));
    }

    #[test]
    fn the_third_wrong_secret_blocks_it_and_the_right_one_comes_too_late() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = People { secrets: vec!["123456", "3", "2", "1", "123456"], touches: 0 };
        let mut token = token(folder.path());
        token.make(&SPEC, &mut people).unwrap();
        let errors: Vec<_> = (0..4).map(|_| sign(&mut token, &mut people).unwrap_err()).collect();
        assert_eq!(errors.last(), Some(&TokenError::Blocked));
        assert_eq!(people.touches, 0);
    }

    #[test]
    fn a_touch_is_asked_for_once_a_signature() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = People { secrets: vec!["123456"; 3], touches: 0 };
        let mut token = token(folder.path());
        token.make(&SPEC, &mut people).unwrap();
        sign(&mut token, &mut people).unwrap();
        sign(&mut token, &mut people).unwrap();
        assert_eq!((people.touches, token.touches()), (2, 2));
    }

    #[test]
    fn wrong_signatures_never_leave_it() {
        for fault in [Fault::Garbage, Fault::OtherKey] {
            let folder = tempfile::tempdir().unwrap();
            let mut people = People { secrets: vec!["123456"; 2], touches: 0 };
            let mut token = token(folder.path());
            token.make(&SPEC, &mut people).unwrap();
            token.plan_faults(&[Planned { at: 3, fault }]).unwrap();
            assert_eq!(sign(&mut token, &mut people).unwrap_err(), TokenError::BadSignature);
        }
    }

    #[test]
    fn faults_come_when_they_are_planned() {
        let folder = tempfile::tempdir().unwrap();
        let mut token = token(folder.path());
        let planned = [(1, Fault::Unplugged), (2, Fault::OtherToken), (3, Fault::Gone)];
        token.plan_faults(&planned.map(|(at, fault)| Planned { at, fault })).unwrap();
        assert_eq!(token.look().unwrap_err(), TokenError::Absent);
        assert!(matches!(token.look().unwrap_err(), TokenError::Other { .. }));
        assert_eq!(token.look().unwrap_err(), TokenError::Gone);
        assert!(token.look().is_ok());
    }
}
