//! What a plan states about the care of keys, each row by itself and with the keys and media that it names.

use super::super::file::{BackUpFile, BagsFile, DrillFile, RetireFile};
use super::super::{
    BackUp, BackUpForm, Bags, Drill, Kind, Medium, MediumRole, Origin, PlannedKey, Retired, Store,
};
use super::Parsing;
use super::place::{Place, at};

impl Parsing<'_> {
    pub(super) fn bags(
        &mut self,
        kind: Kind,
        stated: Vec<BagsFile>,
        keys: &[PlannedKey],
    ) -> Vec<Bags> {
        let wanted = matches!(kind, Kind::ProvisionToken | Kind::ChangePin);
        self.only_in("bags", !stated.is_empty(), wanted, "provision-token and change-pin");
        self.unique(&at("bags"), stated.iter().map(|row| row.key.as_str()));
        if wanted {
            let bagless = keys.iter().filter(|key| !stated.iter().any(|row| row.key == key.name));
            for key in bagless {
                let expected = format!("a row with key = \"{}\"", key.name);
                self.refuse(&at("bags"), &expected, "none");
            }
        }
        stated
            .into_iter()
            .enumerate()
            .map(|(nth, row)| {
                let place = at("bags").nth(nth);
                self.known(&place, &row.key, keys);
                let repositories = row.repositories.unwrap_or(1);
                if !(1..=1_000_000).contains(&repositories) {
                    let found = repositories.to_string();
                    self.refuse(&place.field("repositories"), "1 to 1000000", &found);
                }
                Bags {
                    key: row.key,
                    bag: row.bag,
                    place: row.place,
                    secrets_bag: row.secrets_bag,
                    secrets_place: row.secrets_place,
                    repositories,
                }
            })
            .collect()
    }

    pub(super) fn back_ups(
        &mut self,
        kind: Kind,
        stated: Vec<BackUpFile>,
        keys: &[PlannedKey],
        media: &[Medium],
    ) -> Vec<BackUp> {
        let wanted = kind == Kind::BackUp;
        self.only_in("back_ups", !stated.is_empty(), wanted, "back-up");
        self.needed("back_ups", wanted && stated.is_empty(), kind);
        let mut all: Vec<BackUp> = Vec::new();
        for (nth, row) in stated.into_iter().enumerate() {
            let place = at("back_ups").nth(nth);
            self.known(&place, &row.key, keys);
            self.medium(&place.field("medium"), &row.medium, MediumRole::Keys, media);
            for to in &row.to {
                self.recipient(&place.field("to"), &to.recipient);
            }
            let form = match (row.to.is_empty(), row.paper) {
                (false, false) => BackUpForm::Recipients(row.to),
                (true, true) => BackUpForm::Paper,
                (true, false) | (false, true) => {
                    let expected = "either to = [...] with recipients or paper = true";
                    self.refuse(&place, expected, "neither or both");
                    continue;
                }
            };
            let back_up = BackUp {
                key: row.key,
                medium: row.medium,
                form,
                holder: row.holder,
                place: row.place,
                home: row.home,
            };
            let taken =
                |known: &BackUp| known.medium == back_up.medium && known.file() == back_up.file();
            if all.iter().any(taken) {
                let found = format!("{} on {} twice", back_up.file(), back_up.medium);
                self.refuse(&place.field("medium"), "another medium for the second copy", &found);
            }
            all.push(back_up);
        }
        all
    }

    pub(super) fn drills(
        &mut self,
        kind: Kind,
        stated: Vec<DrillFile>,
        keys: &[PlannedKey],
        media: &[Medium],
    ) -> Vec<Drill> {
        let wanted = kind == Kind::RestoreDrill;
        self.only_in("drills", !stated.is_empty(), wanted, "restore-drill");
        self.needed("drills", wanted && stated.is_empty(), kind);
        self.unique(&at("drills"), stated.iter().map(|row| row.key.as_str()));
        let mut all = Vec::new();
        for (nth, row) in stated.into_iter().enumerate() {
            let place = at("drills").nth(nth);
            self.known(&place, &row.key, keys);
            self.medium(&place.field("medium"), &row.medium, MediumRole::Keys, media);
            self.path(&place.field("file"), &row.file);
            let identity = row.identity.map(|identity| {
                let place = place.field("identity");
                self.medium(&place.field("medium"), &identity.medium, MediumRole::Keys, media);
                self.path(&place.field("file"), &identity.file);
                (identity.medium, identity.file)
            });
            all.push(Drill { key: row.key, medium: row.medium, file: row.file, identity });
        }
        all
    }

    pub(super) fn retired(&mut self, kind: Kind, stated: Vec<RetireFile>) -> Vec<Retired> {
        let wanted = kind == Kind::RetireToken;
        self.only_in("retire", !stated.is_empty(), wanted, "retire-token");
        self.needed("retire", wanted && stated.is_empty(), kind);
        self.unique(&at("retire"), stated.iter().map(|row| row.name.as_str()));
        let fingerprints: Vec<String> =
            stated.iter().map(|row| row.fingerprint.to_string()).collect();
        self.unique(&at("retire"), fingerprints.iter().map(String::as_str));
        stated
            .into_iter()
            .map(|row| Retired {
                name: row.name,
                fingerprint: row.fingerprint,
                serial: row.serial,
                holder: row.holder,
                fate: row.state,
                reason: row.reason.0,
            })
            .collect()
    }

    /// Which keys a kind without documents can take care of.
    pub(super) fn keys_of_kind(&mut self, kind: Kind, keys: &[PlannedKey]) {
        if kind.is_of_keys() && kind != Kind::RetireToken && keys.is_empty() {
            self.refuse(&at("keys"), "at least one key", "none");
        }
        for key in keys {
            let place = at("keys").named(key.name.as_str());
            let made = matches!(key.origin, Origin::Make { .. });
            let exists = matches!(key.origin, Origin::Fingerprint(_));
            let file = matches!(key.store, Some(Store::Age { .. }));
            let expected = match kind {
                Kind::ProvisionToken if !made || file => "make = { ... } in a token",
                Kind::ChangePin if !exists => "a fingerprint, since the key exists",
                Kind::BackUp | Kind::RestoreDrill if !exists || !file => {
                    "a fingerprint and an age store: no other key can be copied"
                }
                Kind::RetireToken => "no keys: what is given up stands under [[retire]]",
                Kind::ProvisionToken
                | Kind::ChangePin
                | Kind::BackUp
                | Kind::RestoreDrill
                | Kind::FirstRoot
                | Kind::Refresh
                | Kind::RotateRoot
                | Kind::ReplaceCustodian
                | Kind::RotateOnline
                | Kind::RotateTagging
                | Kind::AddDelegation
                | Kind::RotateDelegation
                | Kind::RemoveDelegation
                | Kind::SignTargets
                | Kind::RootCompromise
                | Kind::Adopt => continue,
            };
            self.refuse(&place, expected, "another key");
        }
    }

    fn only_in(&mut self, table: &str, stated: bool, wanted: bool, kinds: &str) {
        if stated && !wanted {
            self.refuse(&at(table), &format!("it in {kinds} only"), "another kind");
        }
    }

    fn needed(&mut self, table: &str, missing: bool, kind: Kind) {
        if missing {
            let expected = format!("at least one [[{table}]], since the kind is {kind}");
            self.refuse(&at(table), &expected, "none");
        }
    }

    fn known(&mut self, place: &Place, name: &crate::tuf::name::KeyName, keys: &[PlannedKey]) {
        if !keys.iter().any(|key| key.name == *name) {
            self.refuse(&place.field("key"), "one of the keys", &format!("{:?}", name.as_str()));
        }
    }
}
