//! Keys in age files: PKCS#8 under a passphrase, readable with `age` and `openssl` without this program.
//!
//! `NAME.age` is the key under a passphrase (scrypt), `NAME.pub` its public half, and `NAME.recovery.age`, where the plan
//! wants one, the same key for recipients. One file never has both a passphrase and recipients.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use age::secrecy::SecretString;
use zeroize::Zeroizing;

use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::signature::{Hash, Signature};

use super::pages::Locked;
use super::software_key::SoftwareKey;
use super::{KeyStore, Label, Made, Rules, Secret, Seen, Signer, Spec, TokenError, Unlock};

/// scrypt with N = 2^18: about a second and 256 MiB.
pub const WORK_FACTOR: u8 = 18;
/// The most that is tried when a file is read: N = 2^22, 4 GiB.
const MAX_WORK_FACTOR: u8 = 22;
/// Room for a private key in PEM, more than any needs: two pages.
const MAX_PLAIN: usize = 8192;
/// The largest key file: 64 KiB.
const MAX_FILE: u64 = 64 * 1024;

/// The age file of one key.
#[derive(Debug, Clone)]
pub struct AgeFile {
    folder: PathBuf,
    label: Label,
    recovery: Vec<String>,
    work_factor: u8,
    hash: Hash,
}

impl AgeFile {
    /// The file that the label's key has, or will have, in a folder.
    pub const fn new(folder: PathBuf, label: Label) -> Self {
        Self { folder, label, recovery: Vec::new(), work_factor: WORK_FACTOR, hash: Hash::Sha384 }
    }

    /// Also writes a second file for these `age1…` recipients when the key is made.
    #[must_use]
    pub fn with_recovery(mut self, recipients: Vec<String>) -> Self {
        self.recovery = recipients;
        self
    }

    /// Which hash a P-384 key signs over.
    #[must_use]
    pub const fn with_hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    /// Another work factor than [`WORK_FACTOR`]: for tests, which cannot wait.
    #[must_use]
    pub const fn with_work_factor(mut self, work_factor: u8) -> Self {
        self.work_factor = work_factor;
        self
    }

    /// Asks for the passphrase once and opens the file.
    pub fn open(&self, unlock: &mut dyn Unlock) -> Result<SoftwareKey, TokenError> {
        let public = self.clone().look()?.keys.into_iter().next().ok_or(TokenError::Absent)?;
        let bytes = self.read(&self.name("age"))?;
        let secret = unlock.secret(&self.label, None).ok_or(TokenError::NoSecret)?;
        let key = decrypt(&bytes, &secret).map_err(|why| self.named(why))?;
        if *key.public_key() != public {
            return Err(self.file("age", "it holds another key than its .pub file says"));
        }
        Ok(key.with_hash(self.hash))
    }

    fn name(&self, ending: &str) -> String {
        format!("{}.{ending}", self.label.key)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn file(&self, ending: &str, what: &str) -> TokenError {
        TokenError::File { path: self.name(ending), what: what.to_owned() }
    }

    /// Puts the file's name into an error that has none.
    fn named(&self, error: TokenError) -> TokenError {
        if let TokenError::File { path, what } = &error
            && path.is_empty()
        {
            return TokenError::File { path: self.name("age"), what: what.clone() };
        }
        error
    }

    fn public(&self) -> Result<PublicKey, TokenError> {
        let bytes = self.read(&self.name("pub"))?;
        std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| PublicKey::from_pem(text).ok())
            .ok_or_else(|| self.file("pub", "expected a public key in PEM"))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, TokenError> {
        read_plain(&self.path(name), name)
    }

    /// Writes a new file, and notes it as ours as soon as it is there.
    fn write(
        &self,
        name: &str,
        bytes: &[u8],
        mode: u32,
        written: &mut Vec<String>,
    ) -> Result<(), TokenError> {
        let failed = |error: std::io::Error| TokenError::File {
            path: name.to_owned(),
            what: error.to_string(),
        };
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(self.path(name))
            .map_err(failed)?;
        written.push(name.to_owned());
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// Writes the files of a new key; each is read back before the next is written, and the public half comes last.
    fn keep(
        &self,
        key: &SoftwareKey,
        secret: &Secret,
        written: &mut Vec<String>,
    ) -> Result<(), TokenError> {
        let pem = key.to_pkcs8_pem()?;
        // Recipients are read before anything is written.
        let recovery =
            if self.recovery.is_empty() { None } else { Some(encrypt_for(&self.recovery, &pem)?) };
        let home = encrypt(&pem, secret, self.work_factor)?;
        self.write(&self.name("age"), &home, 0o600, written)?;
        let again =
            decrypt(&self.read(&self.name("age"))?, secret).map_err(|why| self.named(why))?;
        if again.public_key() != key.public_key() {
            return Err(self.file("age", "what was written does not hold the key"));
        }
        if let Some(bytes) = recovery {
            let name = self.name("recovery.age");
            self.write(&name, &bytes, 0o600, written)?;
            if self.read(&name)? != bytes {
                return Err(self.file("recovery.age", "what is there is not what was written"));
            }
        }
        self.write(&self.name("pub"), key.public_key().to_pem().as_bytes(), 0o644, written)
    }
}

impl KeyStore for AgeFile {
    fn look(&mut self) -> Result<Seen, TokenError> {
        let file = self.path(&self.name("age"));
        match file.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.path(&self.name("pub")).exists() {
                    return Err(TokenError::Absent);
                }
                return Ok(Seen::default());
            }
            Err(error) => return Err(self.file("age", &error.to_string())),
            Ok(found) if found.mode() & 0o077 != 0 => {
                return Err(self.file("age", "others may read it; expected mode 0600: chmod 600"));
            }
            Ok(_) => {}
        }
        Ok(Seen { serial: None, keys: vec![self.public()?], ..Seen::default() })
    }

    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError> {
        let names = ["age", "pub", "recovery.age"].map(|ending| self.name(ending));
        if let Some(there) = names.iter().find(|name| self.path(name).exists()) {
            return Err(TokenError::Occupied(there.clone()));
        }
        let secret =
            unlock.new_secret(&self.label, &Rules::passphrase()).ok_or(TokenError::NoSecret)?;
        let key = SoftwareKey::generate(spec.algorithm)?;
        let mut written = Vec::new();
        match self.keep(&key, &secret, &mut written) {
            Ok(()) => Ok(Made { public: key.public_key().clone() }),
            Err(why) => {
                // Nothing half-made is left behind; the key in it was never used. What somebody else put there stays.
                for name in &written {
                    let _ = std::fs::remove_file(self.path(name));
                }
                Err(why)
            }
        }
    }

    fn signer(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        let seen = self.look()?;
        if !seen.keys.iter().any(|public| public.fingerprint() == *key) {
            return Err(TokenError::NoSuchKey(*key));
        }
        Ok(Box::new(Unlocked(self.open(unlock)?)))
    }
}

/// A key that was opened for one use.
struct Unlocked(SoftwareKey);

impl Signer for Unlocked {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&mut self, message: &[u8], _: &mut dyn Unlock) -> Result<Signature, TokenError> {
        self.0.sign(message)
    }
}

fn read_plain(path: &Path, name: &str) -> Result<Vec<u8>, TokenError> {
    let failed = |what: String| TokenError::File { path: name.to_owned(), what };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(TokenError::Absent);
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(bytes)
    } else {
        Err(failed(format!("expected at most {MAX_FILE} bytes")))
    }
}

/// Encrypts under a passphrase, armoured.
fn encrypt(pem: &str, secret: &Secret, work_factor: u8) -> Result<Vec<u8>, TokenError> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(secret.expose().to_owned()));
    recipient.set_work_factor(work_factor);
    let recipient: &dyn age::Recipient = &recipient;
    seal(pem, &[recipient])
}

/// Encrypts a key for `age1…` recipients, armoured.
pub fn encrypt_for(recipients: &[String], pem: &str) -> Result<Vec<u8>, TokenError> {
    let read = recipients
        .iter()
        .map(|text| {
            age::x25519::Recipient::from_str(text).map_err(|_| TokenError::File {
                path: text.clone(),
                what: "is not a recipient such as age1…".to_owned(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut all: Vec<&dyn age::Recipient> = Vec::new();
    for recipient in &read {
        all.push(recipient);
    }
    seal(pem, &all)
}

fn seal(pem: &str, recipients: &[&dyn age::Recipient]) -> Result<Vec<u8>, TokenError> {
    let failed = |what: String| TokenError::Unsupported(format!("encryption failed: {what}"));
    let encryptor = age::Encryptor::with_recipients(recipients.iter().copied())
        .map_err(|_| failed("no usable recipient".to_owned()))?;
    let mut out = Vec::new();
    let armour = age::armor::ArmoredWriter::wrap_output(&mut out, age::armor::Format::AsciiArmor)
        .map_err(|error| failed(error.to_string()))?;
    let mut writer = encryptor.wrap_output(armour).map_err(|error| failed(error.to_string()))?;
    writer
        .write_all(pem.as_bytes())
        .and_then(|()| writer.finish())
        .and_then(age::armor::ArmoredWriter::finish)
        .map_err(|error| failed(error.to_string()))?;
    Ok(out)
}

/// Decrypts a key file with a passphrase. Nothing of the plaintext is used before its end was authenticated.
pub fn decrypt(bytes: &[u8], secret: &Secret) -> Result<SoftwareKey, TokenError> {
    let file = |what: &str| TokenError::File { path: String::new(), what: what.to_owned() };
    let reader = age::armor::ArmoredReader::new(bytes);
    let decryptor = age::Decryptor::new_buffered(reader)
        .map_err(|_| file("it is no age file, or it is damaged"))?;
    if !decryptor.is_scrypt() {
        return Err(file("it has recipients instead of a passphrase"));
    }
    let mut identity = age::scrypt::Identity::new(SecretString::from(secret.expose().to_owned()));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let identity: &dyn age::Identity = &identity;
    let mut stream = match decryptor.decrypt(std::iter::once(identity)) {
        Ok(stream) => stream,
        Err(age::DecryptError::ExcessiveWork { required, .. }) => {
            return Err(file(&format!(
                "its work factor is {required}; at most {MAX_WORK_FACTOR} is tried"
            )));
        }
        Err(_) => return Err(TokenError::WrongSecret { tries_left: None }),
    };
    let mut plain = Locked::new(Zeroizing::new([0; MAX_PLAIN]));
    let mut length = 0;
    loop {
        let rest = plain.get_mut(length..).unwrap_or_default();
        match stream.read(rest).map_err(|_| file("it is damaged or cut short"))? {
            0 => break,
            count => length += count,
        }
    }
    plain
        .get(..length)
        .filter(|_| length < MAX_PLAIN)
        .and_then(|pem| std::str::from_utf8(pem).ok())
        .and_then(SoftwareKey::from_pkcs8_pem)
        .ok_or_else(|| file("it holds no private key that can be used"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use crate::tuf::key::Algorithm;

    use super::super::SecretKind;
    use super::*;

    struct Says(&'static str);

    impl Unlock for Says {
        fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
            (!self.0.is_empty()).then(|| Secret::new(Zeroizing::new(self.0.to_owned())))
        }
        fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
            self.secret(label, None)
        }
        fn touch(&mut self, _: &Label) {}
    }

    const SPEC: Spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None };

    fn store(folder: &Path) -> AgeFile {
        let label = Label {
            key: "root-a".parse().unwrap(),
            holder: "Custodian A".to_owned(),
            place: "age file".to_owned(),
            kind: SecretKind::Passphrase,
        };
        AgeFile::new(folder.to_owned(), label).with_work_factor(4)
    }

    #[test]
    fn a_key_that_was_made_opens_with_its_passphrase_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
        let fingerprint = made.public.fingerprint();
        let wrong = store.signer(&fingerprint, &mut Says("battery")).err().unwrap();
        assert_eq!(wrong, TokenError::WrongSecret { tries_left: None });
        let nobody = store.signer(&fingerprint, &mut Says("")).err().unwrap();
        assert_eq!(nobody, TokenError::NoSecret);
        let mut signer = store.signer(&fingerprint, &mut Says("correct horse")).unwrap();
        let signature = signer.sign(b"message", &mut Says("")).unwrap();
        assert!(made.public.verifies(b"message", &signature));
    }

    #[test]
    fn a_key_is_never_made_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        store.make(&SPEC, &mut Says("one")).unwrap();
        let before = std::fs::read(folder.path().join("root-a.age")).unwrap();
        let error = store.make(&SPEC, &mut Says("two")).unwrap_err();
        assert_eq!(error, TokenError::Occupied("root-a.age".to_owned()));
        assert_eq!(std::fs::read(folder.path().join("root-a.age")).unwrap(), before);
    }

    #[test]
    fn a_bad_recipient_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path()).with_recovery(vec!["age1nonsense".to_owned()]);
        assert!(store.make(&SPEC, &mut Says("correct horse")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_recovery_file_opens_for_its_recipient() {
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let mut store = store(folder.path()).with_recovery(vec![identity.to_public().to_string()]);
        let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
        let bytes = std::fs::read(folder.path().join("root-a.recovery.age")).unwrap();
        let decryptor =
            age::Decryptor::new_buffered(age::armor::ArmoredReader::new(&bytes[..])).unwrap();
        let mut pem = String::new();
        let open: &dyn age::Identity = &identity;
        decryptor.decrypt(std::iter::once(open)).unwrap().read_to_string(&mut pem).unwrap();
        assert_eq!(*SoftwareKey::from_pkcs8_pem(&pem).unwrap().public_key(), made.public);
    }

    #[test]
    fn damaged_foreign_and_open_files_are_told_apart_from_a_wrong_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
        let path = folder.path().join("root-a.age");
        let whole = std::fs::read(&path).unwrap();
        let fingerprint = made.public.fingerprint();
        for bytes in [&whole[..whole.len() / 2], b"not an age file", b""] {
            std::fs::write(&path, bytes).unwrap();
            let error = store.signer(&fingerprint, &mut Says("correct horse")).err().unwrap();
            assert!(matches!(&error, TokenError::File { path, .. } if path == "root-a.age"));
        }
        std::fs::write(&path, &whole).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = store.look().unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_work_factor_bomb_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        store.make(&SPEC, &mut Says("correct horse")).unwrap();
        let bytes = std::fs::read(folder.path().join("root-a.age")).unwrap();
        let mut binary = Vec::new();
        age::armor::ArmoredReader::new(&bytes[..]).read_to_end(&mut binary).unwrap();
        let header = String::from_utf8_lossy(&binary[..100]).into_owned();
        let at = header.find(" 4\n").unwrap();
        binary.splice(at..at + 2, b" 30".iter().copied());
        let error = decrypt(&binary, &Secret::new(Zeroizing::new("x".to_owned()))).unwrap_err();
        assert!(error.to_string().contains("work factor is 30"), "{error}");
    }
}
