//! PKCS#11 tokens, through whatever module their vendor gives. A module runs its code as ours, so it is only loaded in a
//! process of its own: see `child`.
//!
//! A token is found by its serial number, a key by its `CKA_ID` *and* its public half. Slot numbers and labels are never
//! relied on, and neither is a login that somebody left behind.

mod whole;

use std::path::{Path, PathBuf};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::MechanismType;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::key::{Algorithm, Fingerprint, PublicKey};
use crate::tuf::signature::{Hash, Signature};

use super::child::Listed;
use super::{
    KeyStore, Label, Made, Remark, Secret, Seen, Signed, Signer, Spec, TokenError, Unlock,
};

pub(super) use whole::{change_pin, inventory};

/// Which key of which token, and how it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pkcs11Key {
    /// The module: an absolute path.
    pub module: PathBuf,
    /// The token's serial number, without the padding.
    pub serial: String,
    /// The key's `CKA_ID`.
    pub id: Vec<u8>,
    /// The hash that P-384 signs: SHA-256 in Notary, SHA-384 in TUF.
    pub p384: Hash,
    /// Whether it signs although the token does not guard it: people were told.
    pub unguarded: bool,
}

/// One key of a PKCS#11 token.
pub struct Pkcs11Token {
    key: Pkcs11Key,
    label: Label,
    context: Pkcs11,
    module: Digest,
}

impl Pkcs11Token {
    /// Loads the module. Its digest is taken first, so that the record says which code ran.
    pub fn load(key: Pkcs11Key, label: Label) -> Result<Self, TokenError> {
        let (context, module) = load(&key.module)?;
        Ok(Self { key, label, context, module })
    }

    /// The token with the serial number, wherever it is now. Exactly one must have it.
    fn slot(&self) -> Result<(Slot, TokenInfo), TokenError> {
        let slots = self.context.get_slots_with_token().map_err(|error| trouble(&error))?;
        let tokens: Vec<(Slot, TokenInfo)> = slots
            .into_iter()
            .filter_map(|slot| Some((slot, self.context.get_token_info(slot).ok()?)))
            .filter(|(_, info)| info.token_initialized())
            .collect();
        let mut here = tokens.iter().filter(|(_, info)| serial(info) == self.key.serial);
        match (here.next(), here.next()) {
            (Some((slot, info)), None) => Ok((*slot, info.clone())),
            (Some(_), Some(_)) => Err(TokenError::Device(format!(
                "two tokens say that their serial number is {}",
                self.key.serial
            ))),
            (None, _) if tokens.is_empty() => Err(TokenError::Absent),
            (None, _) => {
                let found: Vec<_> = tokens.iter().map(|(_, info)| serial(info)).collect();
                Err(TokenError::Other { serial: found.join(", ") })
            }
        }
    }

    /// A session with the token as it is at this moment, logged out whatever somebody left behind.
    fn session(&self, write: bool) -> Result<(Session, TokenInfo), TokenError> {
        let (slot, info) = self.slot()?;
        let session = if write {
            self.context.open_rw_session(slot)
        } else {
            self.context.open_ro_session(slot)
        };
        let session = session.map_err(|error| trouble(&error))?;
        let _ = session.logout();
        Ok((session, info))
    }

    /// Asks for the PIN once and logs in with it.
    fn log_in(
        &self,
        session: &Session,
        info: &TokenInfo,
        unlock: &mut dyn Unlock,
    ) -> Result<Secret, TokenError> {
        if info.user_pin_locked() {
            return Err(TokenError::Blocked);
        }
        let given = unlock.secret(&self.label, tries(info)).ok_or(TokenError::NoSecret)?;
        if given.expose().is_empty() {
            // Some modules take an empty PIN for one that was entered elsewhere.
            return Err(TokenError::NoSecret);
        }
        match session.login(UserType::User, Some(&auth_pin(&given))) {
            Ok(()) => Ok(given),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange, _)) => {
                let left = self.slot().ok().and_then(|(_, info)| tries(&info));
                if left == Some(0) {
                    return Err(TokenError::Blocked);
                }
                Err(TokenError::WrongSecret { tries_left: left })
            }
            Err(error) => Err(trouble(&error)),
        }
    }

    /// The public keys under the id.
    fn public_keys(&self, session: &Session) -> Result<Vec<PublicKey>, TokenError> {
        let found = self.public_objects(session)?;
        found.into_iter().map(|object| public_key(session, object)).collect()
    }

    fn public_objects(&self, session: &Session) -> Result<Vec<ObjectHandle>, TokenError> {
        let wanted =
            [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(self.key.id.clone())];
        session.find_objects(&wanted).map_err(|error| trouble(&error))
    }

    /// The one public key under the id, which must be this one.
    fn shows(&self, session: &Session, key: &Fingerprint) -> Result<PublicKey, TokenError> {
        let mut found = self.public_keys(session)?;
        if found.len() > 1 {
            return Err(self.collision(found.len(), "public"));
        }
        found.pop().filter(|found| found.fingerprint() == *key).ok_or(TokenError::NoSuchKey(*key))
    }

    fn collision(&self, keys: usize, which: &str) -> TokenError {
        TokenError::Device(format!("{keys} {which} keys have the id {}; expected one", self.id()))
    }

    /// The one private key under the id; it can only be found while logged in.
    fn private_key(&self, session: &Session) -> Result<Option<ObjectHandle>, TokenError> {
        let wanted =
            [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(self.key.id.clone())];
        let found = session.find_objects(&wanted).map_err(|error| trouble(&error))?;
        match found.as_slice() {
            [] => Ok(None),
            [key] => Ok(Some(*key)),
            several => Err(self.collision(several.len(), "private")),
        }
    }

    fn id(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.key.id)
    }
}

impl KeyStore for Pkcs11Token {
    fn look(&mut self) -> Result<Seen, TokenError> {
        let (session, info) = self.session(false)?;
        Ok(Seen {
            serial: Some(serial(&info)),
            keys: self.public_keys(&session)?,
            tries_left: tries(&info),
            remarks: vec![Remark {
                name: "module".to_owned(),
                weak: false,
                text: format!("{}, sha256 {}", self.key.module.display(), self.module),
            }],
            attestation: Vec::new(),
        })
    }

    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError> {
        if spec.touch.is_some_and(|touch| touch != crate::tuf::policy::TouchPolicy::Never) {
            return Err(TokenError::Unsupported(
                "PKCS#11 knows no touch policy; set it with the vendor's own tool".to_owned(),
            ));
        }
        let (session, info) = self.session(true)?;
        let there: Vec<_> =
            self.public_keys(&session)?.iter().map(PublicKey::fingerprint).collect();
        let replaces = spec.replaces.filter(|old| there == [*old]);
        if replaces.is_none() && !there.is_empty() {
            return Err(TokenError::Occupied(format!("id {}", self.id())));
        }
        self.log_in(&session, &info, unlock)?;
        let old = self.private_key(&session)?;
        if replaces.is_none() && old.is_some() {
            return Err(TokenError::Occupied(format!("id {}", self.id())));
        }
        let made = self.clear(&session, old).and_then(|()| self.generate(&session, spec.algorithm));
        let _ = session.logout();
        made.map(|public| Made { public })
    }

    fn signer(
        &mut self,
        key: &Fingerprint,
        _unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        let (session, _) = self.session(false)?;
        let public = self.shows(&session, key)?;
        Ok(Box::new(Pkcs11Signer { public, token: self }))
    }

    fn sign(
        &mut self,
        key: &Fingerprint,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<Signed, TokenError> {
        // The token may have been changed since it was looked at: serial and public key are checked before the PIN.
        let (session, info) = self.session(false)?;
        let signer = Pkcs11Signer { public: self.shows(&session, key)?, token: self };
        signer.token.log_in(&session, &info, unlock)?;
        let made = signer.private(&session).and_then(|key| signer.sign_by(&session, key, message));
        let _ = session.logout();
        Ok(Signed { public: signer.public, signature: made? })
    }
}

impl Pkcs11Token {
    /// Destroys the key that is replaced, the public half last: a token that was pulled out in between still says which key
    /// it was.
    fn clear(&self, session: &Session, private: Option<ObjectHandle>) -> Result<(), TokenError> {
        let public = self.public_objects(session)?;
        for object in private.into_iter().chain(public) {
            session.destroy_object(object).map_err(|error| trouble(&error))?;
        }
        Ok(())
    }

    fn generate(&self, session: &Session, algorithm: Algorithm) -> Result<PublicKey, TokenError> {
        let curve = |oid: &[u8]| vec![Attribute::EcParams(oid.to_vec())];
        let (mechanism, kind) = match algorithm {
            Algorithm::Ed25519 => (Mechanism::EccEdwardsKeyPairGen, curve(OID_ED25519)),
            Algorithm::P256 => (Mechanism::EccKeyPairGen, curve(OID_P256)),
            Algorithm::P384 => (Mechanism::EccKeyPairGen, curve(OID_P384)),
            Algorithm::Rsa => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![
                    Attribute::ModulusBits(RSA_BITS.into()),
                    Attribute::PublicExponent(RSA_EXPONENT.to_vec()),
                ],
            ),
        };
        let name = Attribute::Label(self.label.key.as_str().as_bytes().to_vec());
        let id = Attribute::Id(self.key.id.clone());
        let mut public = vec![
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            name.clone(),
            id.clone(),
        ];
        public.extend(kind);
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            name,
            id,
        ];
        let (public, private) = session
            .generate_key_pair(&mechanism, &public, &private)
            .map_err(|error| trouble(&error))?;
        let weak = Guard::of(session, private)?.weaknesses(false);
        if !weak.is_empty() {
            // Nothing depends on the key yet: it is better gone than used.
            for object in [public, private] {
                let _ = session.destroy_object(object);
            }
            return Err(TokenError::Unsupported(format!(
                "the token made a key that is not guarded: it {}; it was deleted again",
                weak.join(" and ")
            )));
        }
        public_key(session, public)
    }
}

struct Pkcs11Signer<'a> {
    token: &'a mut Pkcs11Token,
    public: PublicKey,
}

impl Signer for Pkcs11Signer<'_> {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], unlock: &mut dyn Unlock) -> Result<Signature, TokenError> {
        self.token.sign(&self.public.fingerprint(), message, unlock).map(|made| made.signature)
    }
}

impl Pkcs11Signer<'_> {
    /// The private half, guarded as the token says, or used all the same.
    fn private(&self, session: &Session) -> Result<ObjectHandle, TokenError> {
        let missing = || TokenError::NoSuchKey(self.public.fingerprint());
        let key = self.token.private_key(session)?.ok_or_else(missing)?;
        // A token that says neither may guard it all the same.
        let weak = Guard::of(session, key)?.weaknesses(true);
        if weak.is_empty() || self.token.key.unguarded {
            Ok(key)
        } else {
            Err(TokenError::Unguarded(weak.join(" and ")))
        }
    }

    fn sign_by(
        &self,
        session: &Session,
        key: ObjectHandle,
        message: &[u8],
    ) -> Result<Signature, TokenError> {
        use sha2::Digest as _;
        let sign = |mechanism: &Mechanism<'_>, data: &[u8]| {
            session.sign(mechanism, key, data).map_err(|error| trouble(&error))
        };
        // Not every module hashes, so the hash is made here.
        match self.public.algorithm() {
            Algorithm::P256 => {
                let rs = sign(&Mechanism::Ecdsa, &sha2::Sha256::digest(message))?;
                Ok(Signature::Ecdsa { hash: Hash::Sha256, rs })
            }
            Algorithm::P384 => {
                let hash = self.token.key.p384;
                let digest = match hash {
                    Hash::Sha256 => sha2::Sha256::digest(message).to_vec(),
                    Hash::Sha384 => sha2::Sha384::digest(message).to_vec(),
                };
                Ok(Signature::Ecdsa { hash, rs: sign(&Mechanism::Ecdsa, &digest)? })
            }
            Algorithm::Ed25519 => {
                let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
                let bytes = sign(&pure, message)?;
                bytes.try_into().map(Signature::Ed25519).map_err(|_| TokenError::BadSignature)
            }
            Algorithm::Rsa => {
                let pss = Mechanism::RsaPkcsPss(PkcsPssParams {
                    hash_alg: MechanismType::SHA256,
                    mgf: PkcsMgfType::MGF1_SHA256,
                    s_len: 32.into(),
                });
                sign(&pss, &sha2::Sha256::digest(message)).map(Signature::RsaPss)
            }
        }
    }
}

/// A PIN as the module takes it; wiped when dropped.
fn auth_pin(secret: &Secret) -> AuthPin {
    AuthPin::new(secret.expose().to_owned().into_boxed_str())
}

/// OBJECT IDENTIFIER 1.3.101.112, 1.2.840.10045.3.1.7 and 1.3.132.0.34 in DER, as `CKA_EC_PARAMS` takes them.
const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const OID_P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// The size of an RSA key that is made: as strong as P-256 (NIST SP 800-57, table 2), and what TPMs make at most.
const RSA_BITS: u64 = 3072;
/// 65537.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

/// A token's serial number without the blanks and zero bytes that fill its field.
fn serial(info: &TokenInfo) -> String {
    info.serial_number().trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
}

/// How many wrong PINs are left: PKCS#11 only tells the last one, and none.
fn tries(info: &TokenInfo) -> Option<u8> {
    if info.user_pin_locked() {
        Some(0)
    } else if info.user_pin_final_try() {
        Some(1)
    } else {
        None
    }
}

/// What a token says of how it guards a private key; nothing where it does not say.
struct Guard {
    sensitive: Option<bool>,
    extractable: Option<bool>,
}

impl Guard {
    fn of(session: &Session, key: ObjectHandle) -> Result<Self, TokenError> {
        let asked = [AttributeType::Sensitive, AttributeType::Extractable];
        let found = session.get_attributes(key, &asked).map_err(|error| trouble(&error))?;
        let says = |of: fn(bool) -> Attribute| {
            [true, false].into_iter().find(|value| found.contains(&of(*value)))
        };
        Ok(Self {
            sensitive: says(Attribute::Sensitive),
            extractable: says(Attribute::Extractable),
        })
    }

    /// Why there may be copies of the key. `unsaid`: whether silence is taken for good.
    fn weaknesses(&self, unsaid: bool) -> Vec<&'static str> {
        let mut weak = Vec::new();
        if !self.sensitive.unwrap_or(unsaid) {
            weak.push("is not sensitive");
        }
        if self.extractable.unwrap_or(!unsaid) {
            weak.push("can be extracted");
        }
        weak
    }
}

/// Reads a public key object. `CKA_PUBLIC_KEY_INFO` is often empty, so the key is put together from its parts.
fn public_key(session: &Session, object: ObjectHandle) -> Result<PublicKey, TokenError> {
    let asked = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let found = session.get_attributes(object, &asked).map_err(|error| trouble(&error))?;
    let mut kind = None;
    let (mut point, mut modulus, mut exponent) = (None, None, None);
    for attribute in found {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the list is the library's and grows")]
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            Attribute::EcPoint(bytes) => point = Some(bytes),
            Attribute::Modulus(bytes) => modulus = Some(bytes),
            Attribute::PublicExponent(bytes) => exponent = Some(bytes),
            _ => {}
        }
    }
    let bad = || TokenError::Device("a public key on the token cannot be read".to_owned());
    match (kind, point, modulus, exponent) {
        (Some(KeyType::EC), Some(point), _, _) => {
            PublicKey::from_sec1_point(unwrapped(&point)).map_err(|_| bad())
        }
        (Some(KeyType::EC_EDWARDS), Some(point), _, _) => {
            let bytes = <[u8; 32]>::try_from(unwrapped(&point)).map_err(|_| bad())?;
            PublicKey::from_ed25519(&bytes).map_err(|_| bad())
        }
        (Some(KeyType::RSA), _, Some(modulus), Some(exponent)) => {
            PublicKey::from_rsa(&modulus, &exponent).map_err(|_| bad())
        }
        _ => Err(bad()),
    }
}

/// A point is an OCTET STRING in DER by the standard, and bare in some modules.
fn unwrapped(point: &[u8]) -> &[u8] {
    match point {
        [0x04, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        bare => bare,
    }
}

/// What an error of a module means.
fn trouble(error: &Error) -> TokenError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list is the library's and grows")]
    match error {
        Error::Pkcs11(RvError::PinLocked, _) => TokenError::Blocked,
        Error::Pkcs11(
            RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::DeviceError
            | RvError::SessionHandleInvalid
            | RvError::GeneralError,
            _,
        ) => TokenError::Gone,
        Error::Pkcs11(RvError::MechanismInvalid, function) => {
            TokenError::Unsupported(format!("{function}: this kind of key"))
        }
        Error::Pkcs11(why, function) => TokenError::Device(format!("{function}: {why:?}")),
        other => TokenError::Device(format!("{other:?}")),
    }
}

/// Lists the tokens that a module shows.
pub(super) fn list(module: &Path) -> Result<Vec<Listed>, TokenError> {
    let (context, _) = load(module)?;
    let slots = context.get_slots_with_token().map_err(|error| trouble(&error))?;
    Ok(slots
        .into_iter()
        .filter_map(|slot| context.get_token_info(slot).ok())
        .filter(TokenInfo::token_initialized)
        .map(|info| Listed {
            serial: serial(&info),
            name: format!("{} ({})", info.label(), info.model()),
        })
        .collect())
}

/// Loads a module, which runs its code, and gives the SHA-256 of its file. Only an absolute path names one file.
fn load(module: &Path) -> Result<(Pkcs11, Digest), TokenError> {
    let bad = |what: String| TokenError::File { path: module.display().to_string(), what };
    if !module.is_absolute() {
        return Err(bad("expected the absolute path of a PKCS#11 module".to_owned()));
    }
    let digest = Digest::of(&std::fs::read(module).map_err(|error| bad(error.to_string()))?);
    let context = Pkcs11::new(module).map_err(|error| {
        if matches!(error, Error::LibraryLoading(_) | Error::MissingSymbol(_)) {
            return bad("it is no PKCS#11 module: C_GetFunctionList is not there".to_owned());
        }
        trouble(&error)
    })?;
    let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    context.initialize(threads).map_err(|error| {
        let why =
            if let Error::Pkcs11(why, _) = error { format!("{why:?}") } else { error.to_string() };
        bad(format!("the module does not start ({why}): is its own configuration there?"))
    })?;
    Ok((context, digest))
}
