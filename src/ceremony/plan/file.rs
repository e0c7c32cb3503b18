//! The plan file as TOML states it: shapes only. Unknown members are errors with their line.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, Fingerprint, KeyId};
use crate::tuf::name::{KeyName, RepoName, RoleName};
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::time::{Lifetime, Timestamp};

use super::token_uri::{BadUri, TokenKey};
use super::{
    Client, Fate, Goodness, Insert, Kind, Label, MediumRole, Part, Recipient, SignWho, SignedWhere,
    Store,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    #[expect(dead_code, reason = "read before everything else")]
    pub(super) anchorite: toml::Value,
    pub(super) kind: Kind,
    pub(super) title: Label,
    pub(super) codename: KeyName,
    #[serde(default)]
    pub(super) clients: Vec<Client>,
    #[serde(default)]
    pub(super) by_request: bool,
    pub(super) window: Option<WindowFile>,
    pub(super) next: Option<NextFile>,
    pub(super) repository: Option<RepositoryFile>,
    pub(super) fleet: Option<FleetFile>,
    pub(super) people: Vec<PersonFile>,
    #[serde(default)]
    pub(super) media: Vec<MediumFile>,
    #[serde(default)]
    pub(super) keys: Vec<KeyFile>,
    #[serde(default)]
    pub(super) roles: RolesFile,
    pub(super) before: Option<BeforeFile>,
    pub(super) known_good: Option<KnownGoodFile>,
    #[serde(default)]
    pub(super) delegations: Vec<DelegationFile>,
    pub(super) bins: Option<BinsFile>,
    #[serde(default)]
    pub(super) remove: Vec<RemoveFile>,
    #[serde(default)]
    pub(super) keep: Vec<KeepFile>,
    #[serde(default)]
    pub(super) compromised: Vec<CompromisedFile>,
    #[serde(default)]
    pub(super) bags: Vec<BagsFile>,
    #[serde(default)]
    pub(super) back_ups: Vec<BackUpFile>,
    #[serde(default)]
    pub(super) drills: Vec<DrillFile>,
    #[serde(default)]
    pub(super) retire: Vec<RetireFile>,
    #[serde(default)]
    pub(super) inputs: Vec<InputFile>,
    #[serde(default)]
    pub(super) targets: Vec<TargetFile>,
    #[serde(default)]
    pub(super) steps: Vec<StepFile>,
    #[serde(default)]
    pub(super) waivers: Vec<WaiverFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowFile {
    pub(super) from: toml::value::Datetime,
    pub(super) until: toml::value::Datetime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NextFile {
    pub(super) at: toml::value::Datetime,
    pub(super) standby: Lifetime,
}

/// A TOML date with time and offset.
pub(super) fn moment(stated: &toml::value::Datetime) -> Option<Timestamp> {
    stated.offset?;
    stated.to_string().parse().ok()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositoryFile {
    pub(super) name: RepoName,
    pub(super) dialect: Dialect,
    pub(super) consistent_snapshot: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FleetFile {
    pub(super) name: RepoName,
    pub(super) medium: KeyName,
    pub(super) list: String,
    #[serde(default)]
    pub(super) also_sign: Vec<KeyName>,
    #[serde(default)]
    pub(super) sets: BTreeMap<KeyName, BTreeMap<KeyName, KeyName>>,
    pub(super) known_good: Option<KnownGoodFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonFile {
    pub(super) name: Label,
    pub(super) roles: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MediumFile {
    pub(super) name: KeyName,
    pub(super) role: MediumRole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    pub(super) name: KeyName,
    pub(super) holder: Option<Label>,
    pub(super) store: Option<Store>,
    pub(super) place: Option<Label>,
    pub(super) algorithm: Algorithm,
    pub(super) make: Option<MakeFile>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) confirmed_by: Option<Label>,
    pub(super) source: Option<Label>,
    pub(super) enrol: Option<EnrolFile>,
    pub(super) server: Option<ServerFile>,
    pub(super) listed: Option<Fingerprint>,
    pub(super) certificate: Option<CertificateFile>,
    pub(super) leaves: Option<LeavesFile>,
    pub(super) hold_pin: Option<u32>,
}

/// A store as a plan writes it: a PKCS#11 token also by a URI.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum StoreFile {
    Age {
        #[serde(default)]
        recovery: Vec<String>,
    },
    Yubikey {
        serial: u32,
        slot: String,
    },
    Pkcs11(Pkcs11File),
    Virtual {
        serial: u32,
    },
}

pub(super) enum Pkcs11File {
    Uri(String),
    Table(Pkcs11Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pkcs11Table {
    module: String,
    serial: String,
    id: String,
}

impl<'de> Deserialize<'de> for Pkcs11File {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Pkcs11File;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with module, serial and id, or a PKCS#11 URI")
            }

            fn visit_str<E>(self, text: &str) -> Result<Pkcs11File, E> {
                Ok(Pkcs11File::Uri(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pkcs11File, A::Error> {
                Pkcs11Table::deserialize(MapAccessDeserializer::new(map)).map(Pkcs11File::Table)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl TryFrom<StoreFile> for Store {
    type Error = BadUri;

    fn try_from(file: StoreFile) -> Result<Self, BadUri> {
        Ok(match file {
            StoreFile::Age { recovery } => Self::Age { recovery },
            StoreFile::Yubikey { serial, slot } => Self::Yubikey { serial, slot },
            StoreFile::Pkcs11(Pkcs11File::Table(Pkcs11Table { module, serial, id })) => {
                Self::Pkcs11 { module, serial, id }
            }
            StoreFile::Pkcs11(Pkcs11File::Uri(uri)) => {
                let TokenKey { module, serial, id } = TokenKey::of_uri(&uri)?;
                Self::Pkcs11 { module, serial, id }
            }
            StoreFile::Virtual { serial } => Self::Virtual { serial },
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeFile {
    pub(super) pin: Option<PinPolicy>,
    pub(super) touch: Option<TouchPolicy>,
    pub(super) replaces: Option<Fingerprint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnrolFile {
    pub(super) medium: KeyName,
    pub(super) public: String,
    pub(super) proof: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) confirmed_by: Label,
    pub(super) source: Option<Label>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerFile {
    pub(super) medium: KeyName,
    pub(super) file: String,
    pub(super) id: KeyId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateFile {
    pub(super) valid_for: Lifetime,
    pub(super) common_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeavesFile {
    pub(super) medium: KeyName,
    #[serde(rename = "as")]
    pub(super) form: FormFile,
    #[serde(default)]
    pub(super) to: Vec<String>,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormFile {
    Age,
    Notary,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RolesFile {
    pub(super) root: Option<RoleFile>,
    pub(super) targets: Option<RoleFile>,
    pub(super) snapshot: Option<RoleFile>,
    pub(super) timestamp: Option<RoleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleFile {
    pub(super) keys: Vec<KeyName>,
    pub(super) threshold: u32,
    pub(super) sign: Option<SignWho>,
    pub(super) signed: Option<SignedWhere>,
    pub(super) valid_for: Option<Lifetime>,
    pub(super) version: Option<u64>,
}

impl RolesFile {
    pub(super) fn named(self) -> [(RoleName, Option<RoleFile>); 4] {
        [
            (RoleName::root(), self.root),
            (RoleName::targets(), self.targets),
            (RoleName::snapshot(), self.snapshot),
            (RoleName::timestamp(), self.timestamp),
        ]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputFile {
    pub(super) medium: KeyName,
    pub(super) path: String,
    pub(super) sha256: Digest,
    pub(super) confirmed_by: Label,
    pub(super) source: Option<Label>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetFile {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) sha256: Digest,
    pub(super) role: Option<RoleName>,
    pub(super) was: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BeforeFile {
    pub(super) medium: KeyName,
    #[serde(default)]
    pub(super) folder: String,
    pub(super) root: Digest,
    pub(super) confirmed_by: Label,
    pub(super) source: Option<Label>,
    #[serde(default)]
    pub(super) also_sign: Vec<KeyName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownGoodFile {
    pub(super) file: String,
    pub(super) form: Goodness,
    pub(super) since: Option<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegationFile {
    pub(super) name: RoleName,
    pub(super) keys: Vec<KeyName>,
    pub(super) threshold: u32,
    pub(super) sign: Option<SignWho>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    #[serde(default)]
    pub(super) path_hash_prefixes: Vec<String>,
    #[serde(default)]
    pub(super) terminating: bool,
    pub(super) valid_for: Option<Lifetime>,
    pub(super) version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BinsFile {
    pub(super) name_prefix: RoleName,
    pub(super) bit_length: u32,
    pub(super) keys: Vec<KeyName>,
    pub(super) threshold: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveFile {
    pub(super) delegation: Option<RoleName>,
    pub(super) target: Option<String>,
    pub(super) role: Option<RoleName>,
    pub(super) reason: Reason,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeepFile {
    pub(super) delegation: Option<RoleName>,
    pub(super) target: Option<String>,
    pub(super) role: Option<RoleName>,
    pub(super) reason: Reason,
    pub(super) by: Label,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompromisedFile {
    pub(super) fingerprint: Fingerprint,
    pub(super) since: Option<toml::value::Datetime>,
    pub(super) reason: Reason,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BagsFile {
    pub(super) key: KeyName,
    pub(super) bag: Label,
    pub(super) place: Label,
    pub(super) secrets_bag: Label,
    pub(super) secrets_place: Label,
    pub(super) repositories: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackUpFile {
    pub(super) key: KeyName,
    pub(super) medium: KeyName,
    #[serde(default)]
    pub(super) to: Vec<Recipient>,
    #[serde(default)]
    pub(super) paper: bool,
    pub(super) holder: Label,
    pub(super) place: Label,
    pub(super) home: Label,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrillFile {
    pub(super) key: KeyName,
    pub(super) medium: KeyName,
    pub(super) file: String,
    pub(super) identity: Option<IdentityFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityFile {
    pub(super) medium: KeyName,
    pub(super) file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetireFile {
    pub(super) name: KeyName,
    pub(super) fingerprint: Fingerprint,
    pub(super) serial: Option<Label>,
    pub(super) holder: Label,
    pub(super) state: Fate,
    pub(super) reason: Reason,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    pub(super) after: String,
    pub(super) insert: Insert,
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverFile {
    pub(super) finding: String,
    pub(super) reason: Reason,
    pub(super) by: Label,
}

/// A reason is longer than a title.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Reason(pub(super) String);

impl TryFrom<String> for Reason {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let printable = !text.chars().any(|c| c.is_control() || super::is_format(c));
        let length = text.chars().count();
        if printable && (1..=200).contains(&length) {
            Ok(Self(text))
        } else {
            Err("expected 1 to 200 printable characters".to_owned())
        }
    }
}
