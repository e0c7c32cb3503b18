//! Keys in age files: PKCS#8 under a passphrase, readable with `age` and `openssl` without this program.
//!
//! `NAME.age` is the key under a passphrase (scrypt), `NAME.pub` its public half, and `NAME.recovery.age`, where the plan
//! wants one, the same key for recipients. One file never has both a passphrase and recipients.

mod change;
mod header;
mod seal;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::signature::{Hash, Signature};

use super::software_key::SoftwareKey;
use super::{KeyStore, Label, Made, Rules, Secret, Seen, Signer, Spec, TokenError, Unlock};

pub use header::{BadHeader, OpensWith};
use seal::encrypt;
pub use seal::{decrypt, decrypt_with, encrypt_for, opened_by, recipients_in};

/// scrypt with N = 2^18: about a second and 256 MiB.
pub const WORK_FACTOR: u8 = 18;
/// The most that is tried when a file is read: N = 2^22, 4 GiB.
const MAX_WORK_FACTOR: u8 = 22;

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

    /// Writes the files of a key that exists already, under a new passphrase, and proves them. Nothing may be there under
    /// its name.
    pub fn adopt(&self, key: &SoftwareKey, unlock: &mut dyn Unlock) -> Result<(), TokenError> {
        self.vacant()?;
        let secret =
            unlock.new_secret(&self.label, &Rules::passphrase()).ok_or(TokenError::NoSecret)?;
        self.new_files(|written| self.keep(key, &secret, written))
    }

    /// Changes the passphrase. The old file stays until the new one is written aside, synced, read back, opened with the new
    /// passphrase and proven to hold the same key.
    pub fn change_passphrase(&self, unlock: &mut dyn Unlock) -> Result<Changed, TokenError> {
        self.change(unlock, &mut |_| Ok(()))
    }

    fn change(
        &self,
        unlock: &mut dyn Unlock,
        before: &mut dyn FnMut(change::Step) -> std::io::Result<()>,
    ) -> Result<Changed, TokenError> {
        let public = self.clone().look()?.keys.into_iter().next().ok_or(TokenError::Absent)?;
        let bytes = self.read(&self.name("age"))?;
        let old = unlock.secret(&self.label, None).ok_or(TokenError::NoSecret)?;
        let key = decrypt(&bytes, &old).map_err(|why| self.named(why))?;
        if *key.public_key() != public {
            return Err(self.file("age", "it holds another key than its .pub file says"));
        }
        let secret =
            unlock.new_secret(&self.label, &Rules::passphrase()).ok_or(TokenError::NoSecret)?;
        if secret.expose() == old.expose() {
            return Err(TokenError::Unsupported("the new passphrase is the old one".to_owned()));
        }
        let sealed = encrypt(&key.to_pkcs8_pem()?, &secret, self.work_factor)?;
        let proven = |bytes: &[u8]| self.proves(bytes, &secret, &public);
        change::replace(&self.folder, &self.name("age"), &sealed, &proven, before)?;
        Ok(Changed { public, name: self.name("age"), sealed })
    }

    /// Takes an age file under a passphrase back as this key's, byte for byte, and proves it. No age file of the key may be
    /// there, and a public half must fit.
    pub fn restore(&self, bytes: &[u8], unlock: &mut dyn Unlock) -> Result<PublicKey, TokenError> {
        self.lost()?;
        let secret = unlock.secret(&self.label, None).ok_or(TokenError::NoSecret)?;
        let key = decrypt(bytes, &secret)?;
        self.place(bytes, &secret, key.public_key())
    }

    /// Takes a key back under a new passphrase, and proves it. No age file of the key may be there, and a public half must
    /// fit.
    pub fn restore_key(
        &self,
        key: &SoftwareKey,
        unlock: &mut dyn Unlock,
    ) -> Result<PublicKey, TokenError> {
        self.lost()?;
        let secret =
            unlock.new_secret(&self.label, &Rules::passphrase()).ok_or(TokenError::NoSecret)?;
        let bytes = encrypt(&key.to_pkcs8_pem()?, &secret, self.work_factor)?;
        self.place(&bytes, &secret, key.public_key())
    }

    /// Whether the age file is gone.
    fn lost(&self) -> Result<(), TokenError> {
        match self.path(&self.name("age")).symlink_metadata() {
            Ok(_) => Err(TokenError::Occupied(self.name("age"))),
            Err(_) => Ok(()),
        }
    }

    fn place(
        &self,
        bytes: &[u8],
        secret: &Secret,
        public: &PublicKey,
    ) -> Result<PublicKey, TokenError> {
        let there = match self.public() {
            Ok(there) => Some(there),
            Err(TokenError::Absent) => None,
            Err(why) => return Err(why),
        };
        if there.as_ref().is_some_and(|there| there != public) {
            return Err(self.file("pub", "it is the public half of another key"));
        }
        self.new_files(|written| {
            self.write(&self.name("age"), bytes, 0o600, written)?;
            self.proves(&self.read(&self.name("age"))?, secret, public)?;
            if there.is_none() {
                self.write(&self.name("pub"), public.to_pem().as_bytes(), 0o644, written)?;
            }
            Ok(())
        })?;
        Ok(public.clone())
    }

    /// Opens these bytes with the passphrase, and has the key in them sign: it must be the one with this public half.
    fn proves(&self, bytes: &[u8], secret: &Secret, public: &PublicKey) -> Result<(), TokenError> {
        let again = decrypt(bytes, secret).map_err(|why| self.named(why))?;
        let challenge =
            format!("anchorite-proof-1\nfile\n{}\n{}\n", self.label.key, public.fingerprint());
        if again.public_key() == public
            && public.verifies(challenge.as_bytes(), &again.sign(challenge.as_bytes())?)
        {
            Ok(())
        } else {
            Err(self.file("age", "what was written does not hold the key"))
        }
    }

    /// Whether nothing is there under the key's name yet.
    fn vacant(&self) -> Result<(), TokenError> {
        let names = ["age", "pub", "recovery.age"].map(|ending| self.name(ending));
        match names.iter().find(|name| self.path(name).symlink_metadata().is_ok()) {
            Some(there) => Err(TokenError::Occupied(there.clone())),
            None => Ok(()),
        }
    }

    /// Writes new files; where that fails, nothing half-made is left behind. What somebody else put there stays.
    fn new_files(
        &self,
        write: impl FnOnce(&mut Vec<String>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let mut written = Vec::new();
        write(&mut written).inspect_err(|_| {
            for name in &written {
                let _ = std::fs::remove_file(self.path(name));
            }
        })
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
        self.proves(&self.read(&self.name("age"))?, secret, key.public_key())?;
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

/// A file whose passphrase was changed.
#[derive(Debug)]
pub struct Changed {
    /// The key in it.
    pub public: PublicKey,
    name: String,
    sealed: Vec<u8>,
}

impl Changed {
    /// Puts the new file in the place of the old one in another folder too: written beside it, synced and read back
    /// first.
    pub fn replace_in(&self, folder: &Path) -> Result<(), TokenError> {
        // What it opens to was proven at home; here it is the same bytes, and that is compared.
        change::replace(folder, &self.name, &self.sealed, &|_| Ok(()), &mut |_| Ok(()))
    }
}

/// Puts a key's file in the place of another file of the same key, in a second folder: after a change of the passphrase,
/// once the new one has proven itself. Both public halves must be there and the same. A folder without the file is left as
/// it is.
pub fn renew_copy(home: &Path, second: &Path, key: &KeyName) -> Result<(), TokenError> {
    let [age, public] = ["age", "pub"].map(|ending| format!("{key}.{ending}"));
    let [new, old] = [home, second].map(|folder| read_plain(&folder.join(&age), &age));
    let new = new?;
    match old {
        Ok(old) if old != new => {}
        Ok(_) | Err(TokenError::Absent) => return Ok(()),
        Err(why) => return Err(why),
    }
    if read_plain(&home.join(&public), &public)? != read_plain(&second.join(&public), &public)? {
        let what = "it is the public half of another key".to_owned();
        return Err(TokenError::File { path: public, what });
    }
    // What the file opens to was proven at home; here it is the same bytes, and that is compared.
    change::replace(second, &age, &new, &|_| Ok(()), &mut |_| Ok(()))
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
        self.vacant()?;
        let secret =
            unlock.new_secret(&self.label, &Rules::passphrase()).ok_or(TokenError::NoSecret)?;
        let key = SoftwareKey::generate(spec.algorithm)?;
        self.new_files(|written| self.keep(&key, &secret, written))?;
        Ok(Made { public: key.public_key().clone() })
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

    fn stay_open(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Option<Box<dyn Signer>>, TokenError> {
        let seen = self.look()?;
        if !seen.keys.iter().any(|public| public.fingerprint() == *key) {
            return Err(TokenError::NoSuchKey(*key));
        }
        Ok(Some(Box::new(Unlocked(self.open(unlock)?))))
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
    // The medium itself is to answer; a file system that cannot drop its pages still reads right.
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(bytes)
    } else {
        Err(failed(format!("expected at most {MAX_FILE} bytes")))
    }
}

#[cfg(test)]
mod testkit_tests;
#[cfg(test)]
mod tests;
