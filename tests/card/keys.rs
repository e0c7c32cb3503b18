//! Keys, policies, signatures, attestation and certificates, with the `yubikey` crate.

use std::thread;
use std::time::Duration;

use ::yubikey::piv::{AlgorithmId, Origin, RetiredSlotId, SlotAlgorithmId, SlotId};
use ::yubikey::{
    Certificate, Error, PinPolicy as Pin, TouchPolicy as Finger, YubiKey, certificate::CertInfo,
    piv,
};
use der::{DecodePem as _, Encode as _};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::DecodePublicKey as _;
use sha2::{Digest as _, Sha256, Sha384};
use spki::SubjectPublicKeyInfoOwned;

use crate::support::yubikey::{
    Algorithm, Card, Chain, Firmware, Pcscd, PinPolicy, PrivateKey, Touch, TouchPolicy, alone,
    self_signed,
};
use crate::{SOON, log_in, on_both, open};

const SIGNATURE: SlotId = SlotId::Signature;
const RETIRED: SlotId = SlotId::Retired(RetiredSlotId::R20);

#[test]
fn keys_made_on_the_card_sign_and_are_attested() {
    alone("keys::keys_made_on_the_card_sign_and_are_attested", || {
        on_both(|card, key, _| {
            let refused =
                piv::generate(key, SIGNATURE, AlgorithmId::EccP256, Pin::Once, Finger::Never);
            assert_eq!(refused.unwrap_err(), Error::AuthenticationError);
            log_in(key);
            for (slot, algorithm) in
                [(SIGNATURE, AlgorithmId::EccP256), (RETIRED, AlgorithmId::EccP384)]
            {
                let public =
                    piv::generate(key, slot, algorithm, Pin::Once, Finger::Always).unwrap();
                let number = u8::from(slot);
                assert_eq!(card.public(number), Some(public.to_der().unwrap()));
                let metadata = piv::metadata(key, slot).unwrap();
                assert_eq!(metadata.algorithm, SlotAlgorithmId::Asymmetric(algorithm));
                assert_eq!(metadata.policy, Some((Pin::Once, Finger::Always)));
                assert_eq!(metadata.origin, Some(Origin::Generated));
                assert_eq!(metadata.public, Some(public.clone()));

                key.verify_pin(b"123456").unwrap();
                card.forget();
                let (first, second) = (sign(key, slot, algorithm), sign(key, slot, algorithm));
                verify(&public, algorithm, &first.unwrap());
                verify(&public, algorithm, &second.unwrap());
                assert_eq!((card.counts().signatures, card.counts().touches), (2, 2));

                check_attestation(card, key, slot, Chain::Rsa, &public);
                let metadata = piv::metadata(key, SlotId::Attestation).unwrap();
                let intermediate = Certificate::read(key, SlotId::Attestation).unwrap().cert;
                let held = intermediate.tbs_certificate().subject_public_key_info();
                assert_eq!(metadata.public.as_ref(), Some(held));
            }
            let empty = piv::metadata(key, SlotId::Authentication);
            assert_eq!(empty.unwrap_err(), Error::NotFound);
            assert!(piv::attest(key, SlotId::Authentication).is_err());
            assert!(sign(key, SlotId::Authentication, AlgorithmId::EccP256).is_err());
        });
    });
}

#[test]
fn a_card_attests_with_ecdsa_too() {
    alone("keys::a_card_attests_with_ecdsa_too", || {
        let card = Card::with_chain(0x8000_0001, Firmware::V5_7_1, Chain::P256);
        card.set_form_factor(0x81);
        let public = card.make_key(0x9c, Algorithm::P384, PinPolicy::Always, TouchPolicy::Always);
        let _pcscd = Pcscd::with_cards(&[&card]);
        let key = &mut open(&card);
        let public = SubjectPublicKeyInfoOwned::try_from(public.as_slice()).unwrap();
        check_attestation(&card, key, SIGNATURE, Chain::P256, &public);
        let metadata = piv::metadata(key, SlotId::Attestation).unwrap();
        let intermediate = Certificate::read(key, SlotId::Attestation).unwrap().cert;
        let held = intermediate.tbs_certificate().subject_public_key_info();
        assert_eq!(metadata.public.as_ref(), Some(held));
    });
}

#[test]
fn pin_policies_hold() {
    alone("keys::pin_policies_hold", || {
        on_both(|card, key, _| {
            let p256 = AlgorithmId::EccP256;
            for (slot, pin) in
                [(0x9a, PinPolicy::Once), (0x9c, PinPolicy::Always), (0x9e, PinPolicy::Never)]
            {
                card.make_key(slot, Algorithm::P256, pin, TouchPolicy::Never);
            }
            let [once, always, never] =
                [SlotId::Authentication, SIGNATURE, SlotId::CardAuthentication];
            sign(key, never, p256).unwrap();
            assert_eq!(sign(key, once, p256).unwrap_err(), Error::AuthenticationError);
            assert_eq!(sign(key, always, p256).unwrap_err(), Error::AuthenticationError);
            key.verify_pin(b"123456").unwrap();
            sign(key, always, p256).unwrap();
            assert_eq!(sign(key, always, p256).unwrap_err(), Error::AuthenticationError);
            sign(key, once, p256).unwrap();
            sign(key, once, p256).unwrap();
            // Asking for the tries logs out.
            key.get_pin_retries().unwrap();
            assert_eq!(sign(key, once, p256).unwrap_err(), Error::AuthenticationError);
            assert_eq!((card.counts().signatures_asked, card.counts().signatures), (8, 4));
        });
    });
}

#[test]
fn touch_is_waited_for() {
    alone("keys::touch_is_waited_for", || {
        on_both(|card, key, _| {
            let p256 = AlgorithmId::EccP256;
            card.make_key(0x9a, Algorithm::P256, PinPolicy::Never, TouchPolicy::Cached);
            card.make_key(0x9c, Algorithm::P256, PinPolicy::Never, TouchPolicy::Always);
            card.set_touch(Touch::ByHand(Duration::from_millis(50)));
            assert_eq!(sign(key, SIGNATURE, p256).unwrap_err(), Error::AuthenticationError);
            assert!(card.log().last().unwrap().took >= Duration::from_millis(50));
            assert_eq!((card.counts().touches_asked, card.counts().touches), (1, 0));

            card.set_touch(Touch::ByHand(SOON));
            thread::scope(|scope| {
                scope.spawn(|| {
                    assert!(card.wait_for_blinking(SOON));
                    card.touch();
                });
                sign(key, SIGNATURE, p256).unwrap();
            });

            card.set_touch(Touch::After(Duration::from_millis(30)));
            sign(key, SIGNATURE, p256).unwrap();
            assert!(card.log().last().unwrap().took >= Duration::from_millis(30));
            // The touch just now counts for the other key.
            card.set_touch(Touch::ByHand(Duration::ZERO));
            sign(key, SlotId::Authentication, p256).unwrap();
            assert_eq!((card.counts().touches_asked, card.counts().touches), (3, 2));
        });
    });
}

#[test]
fn an_imported_notary_key_is_known_by_its_certificate() {
    alone("keys::an_imported_notary_key_is_known_by_its_certificate", || {
        on_both(|card, key, _| {
            let private = PrivateKey::generate(Algorithm::P256);
            card.import_notary_root(0x9c, private.clone());
            let certificate = Certificate::read(key, SIGNATURE).unwrap();
            assert_eq!(certificate.subject(), "CN=root");
            assert_eq!(certificate.subject_pki().to_der().unwrap(), private.public());
            assert_eq!(piv::Key::list(key).unwrap().len(), 2, "slot f9 has one too");
            let metadata = piv::metadata(key, SIGNATURE).unwrap();
            assert_eq!(metadata.origin, Some(Origin::Imported));
            assert_eq!(piv::attest(key, SIGNATURE).unwrap_err(), Error::GenericError);

            // The same by commands, in another slot.
            log_in(key);
            let (finger, pin) = (Finger::Never, Pin::Always);
            let (algorithm, scalar) = (AlgorithmId::EccP384, [0x11; 48]);
            piv::import_ecc_key(key, RETIRED, algorithm, &scalar, finger, pin).unwrap();
            let public = piv::metadata(key, RETIRED).unwrap().public.unwrap();
            let other = PrivateKey::from_bytes(Algorithm::P384, &scalar).unwrap();
            assert_eq!(public.to_der().unwrap(), other.public());
            let certificate = Certificate::from_bytes(self_signed(&private, "root")).unwrap();
            certificate.write(key, RETIRED, CertInfo::Uncompressed).unwrap();
            assert_eq!(Certificate::read(key, RETIRED).unwrap().cert, certificate.cert);
            assert!(card.object(0x005f_c120).is_some());
            Certificate::delete(key, RETIRED).unwrap();
            assert!(Certificate::read(key, RETIRED).is_err());
            key.verify_pin(b"123456").unwrap();
            verify(&public, algorithm, &sign(key, RETIRED, algorithm).unwrap());
        });
    });
}

#[test]
fn ed25519_is_known_from_firmware_5_7_on() {
    alone("keys::ed25519_is_known_from_firmware_5_7_on", || {
        on_both(|card, key, _| {
            let ed25519 = AlgorithmId::Ed25519;
            log_in(key);
            let made = piv::generate(key, SIGNATURE, ed25519, Pin::Never, Finger::Never);
            if key.version().minor == 4 {
                assert_eq!(made.unwrap_err(), Error::AlgorithmError);
                return;
            }
            assert_eq!(card.public(0x9c), Some(made.unwrap().to_der().unwrap()));
            let signature = piv::sign_data(key, &[7; 1000], ed25519, SIGNATURE).unwrap();
            let public = card.public(0x9c).unwrap();
            let public = ed25519_dalek::VerifyingKey::from_public_key_der(&public).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
            public.verify_strict(&[7; 1000], &signature).unwrap();
        });
    });
}

pub(crate) fn digest(algorithm: AlgorithmId) -> Vec<u8> {
    if algorithm == AlgorithmId::EccP384 {
        Sha384::digest(b"a root").to_vec()
    } else {
        Sha256::digest(b"a root").to_vec()
    }
}

pub(crate) fn sign(
    key: &mut YubiKey,
    slot: SlotId,
    algorithm: AlgorithmId,
) -> Result<Vec<u8>, Error> {
    let signature = piv::sign_data(key, &digest(algorithm), algorithm, slot)?;
    Ok(signature.to_vec())
}

pub(crate) fn verify(public: &SubjectPublicKeyInfoOwned, algorithm: AlgorithmId, signature: &[u8]) {
    assert!(is_right(public, algorithm, signature));
}

pub(crate) fn is_right(
    public: &SubjectPublicKeyInfoOwned,
    algorithm: AlgorithmId,
    signature: &[u8],
) -> bool {
    let public = public.to_der().unwrap();
    let digest = digest(algorithm);
    if algorithm == AlgorithmId::EccP256 {
        let public = p256::ecdsa::VerifyingKey::from_public_key_der(&public).unwrap();
        let signature = p256::ecdsa::Signature::from_der(signature).unwrap();
        public.verify_prehash(&digest, &signature).is_ok()
    } else {
        let public = p384::ecdsa::VerifyingKey::from_public_key_der(&public).unwrap();
        let signature = p384::ecdsa::Signature::from_der(signature).unwrap();
        public.verify_prehash(&digest, &signature).is_ok()
    }
}

/// The attested certificate says what the card is and hangs from the root through slot f9.
fn check_attestation(
    card: &Card,
    key: &mut YubiKey,
    slot: SlotId,
    chain: Chain,
    public: &SubjectPublicKeyInfoOwned,
) {
    let attested = Certificate::from_bytes(piv::attest(key, slot).unwrap()).unwrap().cert;
    let intermediate = Certificate::read(key, SlotId::Attestation).unwrap().cert;
    let root = x509_cert::Certificate::from_pem(chain.root_pem()).unwrap();
    check_signature(&intermediate, &root);
    check_signature(&attested, &intermediate);
    let fields = attested.tbs_certificate();
    assert_eq!(fields.subject_public_key_info(), public);
    let subject = format!("CN=YubiKey PIV Attestation {:02x}", u8::from(slot));
    assert_eq!(fields.subject().to_string(), subject);
    let extension = |number: u8| {
        let extensions = fields.extensions().unwrap().iter();
        let oid = format!("1.3.6.1.4.1.41482.3.{number}");
        let mut found = extensions.filter(|found| found.extn_id.to_string() == oid);
        found.next().unwrap().extn_value.as_bytes().to_vec()
    };
    let version = key.version();
    assert_eq!(extension(3), [version.major, version.minor, version.patch]);
    assert_eq!(extension(7), card.serial().to_der().unwrap());
    let (pin, touch) = piv::metadata(key, slot).unwrap().policy.unwrap();
    assert_eq!(extension(8), [u8::from(pin), u8::from(touch)]);
    assert_eq!(extension(9), [if card.serial() == 0x8000_0001 { 0x81 } else { 1 }]);
}

fn check_signature(certificate: &x509_cert::Certificate, issuer: &x509_cert::Certificate) {
    let content = certificate.tbs_certificate().to_der().unwrap();
    assert_eq!(certificate.tbs_certificate().issuer(), issuer.tbs_certificate().subject());
    let public = issuer.tbs_certificate().subject_public_key_info().to_der().unwrap();
    let signature = certificate.signature().raw_bytes();
    if let Ok(key) = rsa::RsaPublicKey::from_public_key_der(&public) {
        let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key);
        key.verify(&content, &signature.try_into().unwrap()).unwrap();
    } else {
        let key = p256::ecdsa::VerifyingKey::from_public_key_der(&public).unwrap();
        key.verify(&content, &p256::ecdsa::Signature::from_der(signature).unwrap()).unwrap();
    }
}
