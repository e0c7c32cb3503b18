//! Keys that leave: in the form that Docker and Notary read, under a new passphrase.

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::wire::notary1;

use super::software_key::SoftwareKey;
use super::{Secret, TokenError};

/// How often PBKDF2 hashes. Notary itself writes 2,048 rounds, and reads any number.
pub const ROUNDS: u32 = 600_000;

/// The name under which Notary keeps a private key: the id of its bare public half.
pub fn notary_file_name(public: &PublicKey) -> String {
    format!("{}.key", notary1::canonical_id(public))
}

/// The key as an `ENCRYPTED PRIVATE KEY` PEM with Notary's header lines: PBES2 with PBKDF2-HMAC-SHA1 (the only PRF that
/// Notary reads) and AES-256-CBC. It is read back before it is given out. ECDSA only.
pub fn notary_pem(
    key: &SoftwareKey,
    role: &str,
    gun: Option<&str>,
    passphrase: &Secret,
) -> Result<Zeroizing<String>, TokenError> {
    match key.public_key().algorithm() {
        Algorithm::P256 | Algorithm::P384 => {}
        Algorithm::Ed25519 | Algorithm::Rsa => {
            return Err(TokenError::Unsupported(
                "only ECDSA keys leave in Notary's form; make the key with p256".to_owned(),
            ));
        }
    }
    if role.chars().chain(gun.unwrap_or_default().chars()).any(char::is_control) {
        return Err(TokenError::Unsupported("a role or name with a control character".to_owned()));
    }
    let mut salt = [0; 8];
    let mut iv = [0; 16];
    let random = getrandom::fill(&mut salt).and_then(|()| getrandom::fill(&mut iv));
    random.map_err(|error| TokenError::Unsupported(format!("no random bytes: {error}")))?;
    let secret = derive(passphrase, &salt);
    let plain = key.to_pkcs8()?;
    let sealed = cbc::Encryptor::<Aes256>::new(&(*secret).into(), &iv.into())
        .encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
    let opened = cbc::Decryptor::<Aes256>::new(&(*secret).into(), &iv.into())
        .decrypt_padded_vec::<Pkcs7>(&sealed)
        .map(Zeroizing::new);
    if !opened.is_ok_and(|opened| opened.as_slice() == plain.as_bytes()) {
        return Err(TokenError::BadSignature);
    }
    let der = encrypted_private_key_info(&salt, &iv, &sealed);
    let mut pem = Zeroizing::new("-----BEGIN ENCRYPTED PRIVATE KEY-----\n".to_owned());
    if let Some(gun) = gun {
        pem.push_str(&format!("gun: {gun}\n"));
    }
    pem.push_str(&format!("role: {role}\n\n"));
    for line in BASE64.encode(&der).as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END ENCRYPTED PRIVATE KEY-----\n");
    Ok(pem)
}

fn derive(passphrase: &Secret, salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut secret = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<sha1::Sha1>(
        passphrase.expose().as_bytes(),
        salt,
        ROUNDS,
        secret.as_mut_slice(),
    );
    secret
}

/// `EncryptedPrivateKeyInfo` (RFC 5958) with PBES2 (RFC 8018 A.4); the PRF is left out, which means HMAC-SHA1.
fn encrypted_private_key_info(salt: &[u8], iv: &[u8], sealed: &[u8]) -> Vec<u8> {
    /// 1.2.840.113549.1.5.13, 1.2.840.113549.1.5.12, 2.16.840.1.101.3.4.1.42.
    const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
    const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
    const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
    let rounds: Vec<u8> = ROUNDS.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let derivation = tlv(
        0x30,
        &[tlv(0x06, PBKDF2), tlv(0x30, &[tlv(0x04, salt), tlv(0x02, &rounds)].concat())].concat(),
    );
    let cipher = tlv(0x30, &[tlv(0x06, AES_256_CBC), tlv(0x04, iv)].concat());
    let algorithm =
        tlv(0x30, &[tlv(0x06, PBES2), tlv(0x30, &[derivation, cipher].concat())].concat());
    tlv(0x30, &[algorithm, tlv(0x04, sealed)].concat())
}

/// A DER value of less than 64 KiB.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match (u8::try_from(content.len()), u16::try_from(content.len())) {
        (Ok(short), _) if short < 0x80 => out.push(short),
        (Ok(short), _) => out.extend([0x81, short]),
        (Err(_), Ok(long)) => {
            out.push(0x82);
            out.extend(long.to_be_bytes());
        }
        (Err(_), Err(_)) => {}
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn openssl_opens_it_once_the_header_lines_are_gone() {
        let key = SoftwareKey::generate(Algorithm::P256).unwrap();
        let secret = Secret::new(Zeroizing::new("correct horse".to_owned()));
        let pem = notary_pem(&key, "targets", Some("example.com/app"), &secret).unwrap();
        assert!(pem.contains("\ngun: example.com/app\nrole: targets\n\n"));
        let bare: String = pem
            .lines()
            .filter(|line| !line.contains(": "))
            .map(|line| format!("{line}\n"))
            .collect();
        let mut openssl = Command::new("openssl")
            .args(["pkey", "-pubout", "-passin", "pass:correct horse"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        openssl.stdin.take().unwrap().write_all(bare.as_bytes()).unwrap();
        let out = openssl.wait_with_output().unwrap();
        let public = PublicKey::from_pem(std::str::from_utf8(&out.stdout).unwrap()).unwrap();
        assert_eq!(public, *key.public_key());
    }

    #[test]
    fn what_leaves_can_come_in_again() {
        use super::super::import::KeyFile;
        let key = SoftwareKey::generate(Algorithm::P384).unwrap();
        let secret = Secret::new(Zeroizing::new("correct horse".to_owned()));
        let pem = notary_pem(&key, "targets/ci", None, &secret).unwrap();
        let path = std::path::PathBuf::from(notary_file_name(key.public_key()));
        let file = KeyFile::read(&path, pem.as_bytes()).unwrap();
        assert_eq!(file.role(), Some("targets/ci"));
        let again = file.open(Some(&secret)).unwrap().remove(0);
        assert_eq!(again.public_key(), key.public_key());
    }

    #[test]
    fn an_ed25519_key_does_not_leave_in_this_form() {
        let key = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
        let secret = Secret::new(Zeroizing::new("correct horse".to_owned()));
        assert!(notary_pem(&key, "targets", None, &secret).is_err());
    }
}
