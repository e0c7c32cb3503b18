//! A virtual `YubiKey` as a test holds it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::attestation::Chain;
use super::controls::{Counts, Effect, Entry, Kind, Touch};
use super::crypto::{Algorithm, PrivateKey};
use super::device::Device;
use super::keys::{Origin, PinPolicy, Slot, TouchPolicy, is_slot};
use super::management::{ManagementCipher, ManagementKey};
use super::objects::{certificate_object, wrapped};
use super::pcscd::Pcscd;
use super::piv::{Firmware, Identity};
use super::reader::Reader;
use super::x509::self_signed;

/// A card that keeps what it holds while it is out of its reader, and forgets it with the test. Slots are numbers: 0x9a, 0x9c,
/// 0x9d, 0x9e, and 0x82 to 0x95.
#[derive(Debug)]
pub(crate) struct Card {
    device: Arc<Device>,
}

/// What is left of the tries, and how many there are after a right entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) left: u8,
    pub(crate) limit: u8,
}

impl Card {
    /// A card from the factory, unplugged: PIN 123456, PUK 12345678, the default management key, no keys. It attests with the
    /// RSA chain, as real ones do, and is touched whenever it asks for it.
    pub(crate) fn new(serial: u32, firmware: Firmware) -> Self {
        Self::with_chain(serial, firmware, Chain::Rsa)
    }

    /// The same with another attestation chain.
    pub(crate) fn with_chain(serial: u32, firmware: Firmware, chain: Chain) -> Self {
        let identity = Identity { serial, firmware, chain, form_factor: 1 };
        Self { device: Arc::new(Device::new(identity)) }
    }

    pub(crate) fn serial(&self) -> u32 {
        self.device.applications().piv.identity.serial
    }

    // --- in and out of the reader ------------------------------------------------------------------

    /// Plugs the card into an empty reader; up to 0.4 seconds pass until the daemon has seen it.
    pub(crate) fn plug(&self, pcscd: &mut Pcscd) {
        pcscd.plug(&[self]);
    }

    /// Pulls the card, at once and in the middle of what it does. The daemon notices within 0.4 seconds:
    /// [`Pcscd::settle`] waits for it.
    pub(crate) fn unplug(&self) {
        if let Some(reader) = self.reader().take() {
            reader.pull();
        }
    }

    /// Whether the card is in a reader; a fault may have pulled it.
    pub(crate) fn is_plugged(&self) -> bool {
        self.reader().is_some() && !self.device.controls.is_pulled()
    }

    pub(super) fn insert(&self, reader: &Arc<Reader>) {
        assert!(!self.is_plugged(), "card {} is plugged in already", self.serial());
        *self.reader() = Some(Arc::clone(reader));
        reader.insert(&self.device);
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, Option<Arc<Reader>>> {
        self.device.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- the finger --------------------------------------------------------------------------------

    /// How the card is touched from now on.
    pub(crate) fn set_touch(&self, touch: Touch) {
        self.device.controls.set_touch(touch);
    }

    /// Touches the card now; only of use while it blinks.
    pub(crate) fn touch(&self) {
        self.device.controls.touch();
    }

    /// Waits until the card asks for touch; false when it does not.
    pub(crate) fn wait_for_blinking(&self, limit: Duration) -> bool {
        self.device.controls.wait_for_blinking(limit)
    }

    // --- what goes wrong, and what was seen --------------------------------------------------------

    /// Lets the `nth` command of a kind from now on go wrong (1 is the next one), once.
    pub(crate) fn fail(&self, kind: Kind, nth: u32, effect: Effect) {
        self.device.controls.add_fault(kind, nth, effect);
    }

    /// Every command so far.
    pub(crate) fn log(&self) -> Vec<Entry> {
        self.device.controls.log()
    }

    /// How many signatures and touches were asked for.
    pub(crate) fn counts(&self) -> Counts {
        self.device.controls.counts()
    }

    /// Begins the log and the counts anew, and takes back faults that did not happen yet.
    pub(crate) fn forget(&self) {
        self.device.controls.forget();
    }

    // --- what the card holds, without a command ----------------------------------------------------

    /// Gives the card another PIN (6 to 8 bytes) and all tries.
    pub(crate) fn set_pin(&self, pin: &str) {
        self.device.applications().piv.pin.stage(pin.as_bytes());
    }

    /// Gives the card another PUK (6 to 8 bytes) and all tries.
    pub(crate) fn set_puk(&self, puk: &str) {
        self.device.applications().piv.puk.stage(puk.as_bytes());
    }

    /// Leaves so many tries for the PIN; 0 blocks it.
    pub(crate) fn set_pin_tries(&self, left: u8) {
        self.device.applications().piv.pin.left = left;
    }

    /// Leaves so many tries for the PUK; 0 blocks it.
    pub(crate) fn set_puk_tries(&self, left: u8) {
        self.device.applications().piv.puk.left = left;
    }

    pub(crate) fn pin_tries(&self) -> Tries {
        let pin = &self.device.applications().piv.pin;
        Tries { left: pin.left, limit: pin.limit }
    }

    pub(crate) fn puk_tries(&self) -> Tries {
        let puk = &self.device.applications().piv.puk;
        Tries { left: puk.left, limit: puk.limit }
    }

    /// Gives the card another management key.
    pub(crate) fn set_management_key(&self, cipher: ManagementCipher, key: &[u8]) {
        let key = ManagementKey::new(cipher, key).expect("a key of the cipher's size");
        self.device.applications().piv.management = key;
    }

    /// What the card says it is: 1 is a keychain key with USB-A, 0x81 one of the FIPS series.
    pub(crate) fn set_form_factor(&self, form_factor: u8) {
        self.device.applications().piv.identity.form_factor = form_factor;
    }

    /// Makes a key on the card; returns its public half, DER `SubjectPublicKeyInfo`.
    pub(crate) fn make_key(
        &self,
        slot: u8,
        algorithm: Algorithm,
        pin: PinPolicy,
        touch: TouchPolicy,
    ) -> Vec<u8> {
        let key = PrivateKey::generate(algorithm);
        self.put(slot, Slot { key, pin, touch, origin: Origin::Generated })
    }

    /// Puts a key in; returns its public half, DER `SubjectPublicKeyInfo`.
    pub(crate) fn import_key(
        &self,
        slot: u8,
        key: PrivateKey,
        pin: PinPolicy,
        touch: TouchPolicy,
    ) -> Vec<u8> {
        self.put(slot, Slot { key, pin, touch, origin: Origin::Imported })
    }

    /// Puts a P-256 key in as Notary does with its root keys: PIN once, touch, and a certificate beside it that says `root`.
    pub(crate) fn import_notary_root(&self, slot: u8, key: PrivateKey) -> Vec<u8> {
        let certificate = self_signed(&key, "root");
        self.set_certificate(slot, &certificate);
        self.import_key(slot, key, PinPolicy::Once, TouchPolicy::Always)
    }

    fn put(&self, number: u8, slot: Slot) -> Vec<u8> {
        assert!(is_slot(number), "{number:02x} is no slot");
        let public = slot.key.public();
        self.device.applications().piv.slots.insert(number, slot);
        public
    }

    /// The public key in a slot, DER `SubjectPublicKeyInfo`.
    pub(crate) fn public(&self, slot: u8) -> Option<Vec<u8>> {
        self.device.applications().piv.slots.get(&slot).map(|slot| slot.key.public())
    }

    /// Puts a certificate (DER) beside the key of a slot.
    pub(crate) fn set_certificate(&self, slot: u8, certificate: &[u8]) {
        let object = certificate_object(slot).expect("a slot");
        self.set_object(object, &wrapped(certificate));
    }

    /// Puts an object in, as PUT DATA has it inside its tag 53.
    pub(crate) fn set_object(&self, id: u32, content: &[u8]) {
        self.device.applications().piv.objects.insert(id, content.to_vec());
    }

    /// An object, without its tag 53.
    pub(crate) fn object(&self, id: u32) -> Option<Vec<u8>> {
        self.device.applications().piv.objects.get(&id).cloned()
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        self.unplug();
    }
}
