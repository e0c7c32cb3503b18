//! The keys of a plan: each by itself, and the people, media and files that it names.

use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, KeyId};
use crate::tuf::policy::PinPolicy;

use super::super::file::{EnrolFile, FormFile, KeyFile, LeavesFile};
use super::super::{
    CertificatePlan, Confirmed, Leaves, LeavingForm, Medium, MediumRole, Origin, Person,
    PlannedKey, Store,
};
use super::Parsing;
use super::place::{Place, at};

impl Parsing<'_> {
    pub(super) fn key(
        &mut self,
        key: KeyFile,
        (dialect, is_fleet, by_request): (Dialect, bool, bool),
        people: &[Person],
        media: &[Medium],
    ) -> Option<PlannedKey> {
        let place = at("keys").named(key.name.as_str());
        let origin = self.origin(&place, &key, media);
        if let Some(holder) = &key.holder
            && !people.iter().any(|person| person.name == *holder)
        {
            let found = format!("{:?}", holder.as_str());
            self.refuse(&place.field("holder"), "one of the people", &found);
        }
        match &origin {
            Some(Origin::Make { .. } | Origin::Fingerprint(_)) => self.here(&place, &key),
            Some(Origin::Enrol { .. } | Origin::Listed(_)) if by_request => {
                if let Some(store) = &key.store {
                    self.store(&place.field("store"), store);
                }
            }
            Some(Origin::Enrol { .. } | Origin::Server { .. } | Origin::Listed(_)) => {
                self.elsewhere(&place, &key);
            }
            None => {}
        }
        if key.certificate.is_some() && dialect == Dialect::Tuf1 && !is_fleet {
            let expected = "certificates in notary1 plans only";
            self.refuse(&place.field("certificate"), expected, "one in a tuf1 plan");
        }
        if let Some(count) = key.hold_pin {
            let place = place.field("hold_pin");
            if !(2..=1_000_000).contains(&count) {
                self.refuse(&place, "2 to 1000000 signatures", &count.to_string());
            }
            let never = key.make.as_ref().is_some_and(|make| make.pin == Some(PinPolicy::Never));
            if never {
                self.refuse(&place, "it beside a key that asks for its PIN", "pin = \"never\"");
            }
            if matches!(key.store, Some(Store::Age { .. }) | None) {
                let expected = "it beside a token's store only";
                self.refuse(&place, expected, "another key, which has no PIN");
            }
        }
        let makes_age_file = key.make.is_some() && matches!(key.store, Some(Store::Age { .. }));
        let leaves = key.leaves.map(|leaves| {
            let place = place.field("leaves");
            if !makes_age_file {
                let expected = "it beside make and an age store only";
                self.refuse(&place, expected, "another key, which cannot be copied");
            }
            self.leaves(&place, leaves, media)
        });
        Some(PlannedKey {
            name: key.name,
            holder: key.holder,
            store: key.store,
            place: key.place,
            algorithm: key.algorithm,
            origin: origin?,
            certificate: key
                .certificate
                .map(|c| CertificatePlan { valid_for: c.valid_for, common_name: c.common_name }),
            leaves,
            hold_pin: key.hold_pin,
        })
    }

    /// A key that comes to the room.
    fn here(&mut self, place: &Place, key: &KeyFile) {
        if key.holder.is_none() {
            self.refuse(place, "a holder, since the key comes to the room", "none");
        }
        match &key.store {
            None => self.refuse(place, "a store, since the key comes to the room", "none"),
            Some(store) => self.store(&place.field("store"), store),
        }
        let takes_rsa = matches!(key.store, Some(Store::Pkcs11 { .. } | Store::Virtual { .. }));
        if key.algorithm == Algorithm::Rsa && !takes_rsa {
            let expected = "ed25519, p256 or p384; rsa signs here only in a PKCS#11 token";
            self.refuse(&place.field("algorithm"), expected, "rsa");
        }
    }

    /// A key that stays where it is.
    fn elsewhere(&mut self, place: &Place, key: &KeyFile) {
        if key.store.is_some() {
            let expected = "no store, since the key does not come to the room";
            self.refuse(&place.field("store"), expected, "one");
        }
        if let (Some(_), Some(holder)) = (&key.server, &key.holder) {
            let expected = "no holder, since the server holds it";
            self.refuse(&place.field("holder"), expected, &format!("{:?}", holder.as_str()));
        }
    }

    fn store(&mut self, place: &Place, store: &Store) {
        match store {
            Store::Age { recovery } => {
                for recipient in recovery {
                    self.recipient(&place.field("age").field("recovery"), recipient);
                }
            }
            Store::Yubikey { slot, .. } => {
                let retired = (0x82_u8..=0x95).any(|known| *slot == format!("{known:x}"));
                if !retired && !["9a", "9c", "9d", "9e"].contains(&slot.as_str()) {
                    let place = place.field("yubikey").field("slot");
                    self.refuse(&place, "9a, 9c, 9d, 9e or 82 to 95", &format!("{slot:?}"));
                }
            }
            Store::Pkcs11 { module, serial, id } => {
                let place = place.field("pkcs11");
                if !module.starts_with('/') || module.chars().any(char::is_control) {
                    let expected = "the absolute path of the module";
                    self.refuse(&place.field("module"), expected, &format!("{module:?}"));
                }
                if serial.is_empty()
                    || serial.len() > 32
                    || !serial.bytes().all(|b| b.is_ascii_graphic())
                {
                    let expected = "the token's serial number, 1 to 32 characters";
                    self.refuse(&place.field("serial"), expected, &format!("{serial:?}"));
                }
                let hex = data_encoding::HEXLOWER_PERMISSIVE.decode(id.as_bytes());
                if !hex.is_ok_and(|bytes| (1..=64).contains(&bytes.len())) {
                    let expected = "the key's CKA_ID, 1 to 64 bytes in hex";
                    self.refuse(&place.field("id"), expected, &format!("{id:?}"));
                }
            }
            Store::Virtual { .. } => {}
        }
    }

    /// The form of a recipient; whether its checksum is right, only who encrypts to it can tell.
    pub(super) fn recipient(&mut self, place: &Place, recipient: &str) {
        let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !recipient.starts_with("age1")
            || recipient.len() != 62
            || !recipient.bytes().all(letters)
        {
            let expected = "an age recipient: age1 and 58 lower-case letters and digits";
            self.refuse(place, expected, &format!("{recipient:?}"));
        }
    }

    fn leaves(&mut self, place: &Place, leaves: LeavesFile, media: &[Medium]) -> Leaves {
        self.medium(&place.field("medium"), &leaves.medium, MediumRole::Keys, media);
        let to = place.field("to");
        let form = match leaves.form {
            FormFile::Notary => {
                if !leaves.to.is_empty() {
                    self.refuse(&to, "it beside as = \"age\" only", "as = \"notary\"");
                }
                LeavingForm::Notary
            }
            FormFile::Age => {
                if leaves.to.is_empty() {
                    self.refuse(&to, "at least one age recipient", "none");
                }
                for recipient in &leaves.to {
                    self.recipient(&to, recipient);
                }
                LeavingForm::Age { to: leaves.to }
            }
        };
        Leaves { medium: leaves.medium, form }
    }

    /// Exactly one of `make`, `fingerprint`, `enrol`, `server`, `listed`.
    fn origin(&mut self, place: &Place, key: &KeyFile, media: &[Medium]) -> Option<Origin> {
        if key.fingerprint.is_none() {
            for (field, there) in
                [("confirmed_by", key.confirmed_by.is_some()), ("source", key.source.is_some())]
            {
                if there {
                    let expected = "it beside a fingerprint only";
                    self.refuse(&place.field(field), expected, "no fingerprint");
                }
            }
        }
        match (&key.make, key.fingerprint, &key.enrol, &key.server, key.listed) {
            (Some(make), None, None, None, None) => {
                let in_a_token =
                    matches!(key.store, Some(Store::Yubikey { .. } | Store::Pkcs11 { .. }));
                if let Some(replaces) = make.replaces.filter(|_| !in_a_token) {
                    let place = place.field("make").field("replaces");
                    let expected = "it beside a token's store only: files are never overwritten";
                    self.refuse(&place, expected, &replaces.to_string());
                }
                Some(Origin::Make { pin: make.pin, touch: make.touch, replaces: make.replaces })
            }
            (None, Some(value), None, None, None) => {
                let Some(by) = key.confirmed_by.clone() else {
                    let expected = "confirmed_by beside it";
                    self.refuse(&place.field("fingerprint"), expected, "nobody who confirms it");
                    return None;
                };
                Some(Origin::Fingerprint(Confirmed { value, by, source: key.source.clone() }))
            }
            (None, None, Some(enrol), None, None) => {
                Some(self.enrol(&place.field("enrol"), enrol, media))
            }
            (None, None, None, None, Some(fingerprint)) => Some(Origin::Listed(fingerprint)),
            (None, None, None, Some(server), None) => {
                let place = place.field("server");
                self.path(&place.field("file"), &server.file);
                self.medium(&place.field("medium"), &server.medium, MediumRole::In, media);
                self.key_id(&place.field("id"), &server.id);
                Some(Origin::Server {
                    medium: server.medium.clone(),
                    file: server.file.clone(),
                    id: server.id.clone(),
                })
            }
            _ => {
                let stated = [
                    ("make", key.make.is_some()),
                    ("fingerprint", key.fingerprint.is_some()),
                    ("enrol", key.enrol.is_some()),
                    ("server", key.server.is_some()),
                    ("listed", key.listed.is_some()),
                ];
                let found: Vec<_> =
                    stated.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
                let found =
                    if found.is_empty() { "none of them".to_owned() } else { found.join(" and ") };
                self.refuse(
                    place,
                    "exactly one of make, fingerprint, enrol, server and listed",
                    &found,
                );
                None
            }
        }
    }

    fn enrol(&mut self, place: &Place, enrol: &EnrolFile, media: &[Medium]) -> Origin {
        self.path(&place.field("public"), &enrol.public);
        self.path(&place.field("proof"), &enrol.proof);
        if enrol.public == enrol.proof {
            let expected = "another file than the public half";
            self.refuse(&place.field("proof"), expected, &format!("{:?}", enrol.proof));
        }
        self.medium(&place.field("medium"), &enrol.medium, MediumRole::In, media);
        Origin::Enrol {
            medium: enrol.medium.clone(),
            public: enrol.public.clone(),
            proof: enrol.proof.clone(),
            fingerprint: Confirmed {
                value: enrol.fingerprint,
                by: enrol.confirmed_by.clone(),
                source: enrol.source.clone(),
            },
        }
    }

    /// The servers that give a key away call it by a SHA-256 digest.
    fn key_id(&mut self, place: &Place, id: &KeyId) {
        let hex = data_encoding::HEXLOWER.decode(id.as_str().as_bytes());
        if !hex.is_ok_and(|bytes| bytes.len() == 32) {
            let found = format!("{:?}", id.as_str());
            self.refuse(place, "a key id of 64 lower-case hex digits", &found);
        }
    }
}
