//! The plan file as TOML states it: shapes only. Unknown members are errors with their line.

use serde::Deserialize;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, Fingerprint, KeyId};
use crate::tuf::name::{KeyName, RepoName, RoleName};
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::time::{Lifetime, Timestamp};

use super::{Client, Insert, Kind, Label, MediumRole, Part, SignWho, SignedWhere, Store};

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
    pub(super) window: Option<WindowFile>,
    pub(super) repository: RepositoryFile,
    pub(super) people: Vec<PersonFile>,
    #[serde(default)]
    pub(super) media: Vec<MediumFile>,
    pub(super) keys: Vec<KeyFile>,
    pub(super) roles: RolesFile,
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
    pub(super) algorithm: Algorithm,
    pub(super) make: Option<MakeFile>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) confirmed_by: Option<Label>,
    pub(super) source: Option<Label>,
    pub(super) enrol: Option<EnrolFile>,
    pub(super) server: Option<ServerFile>,
    pub(super) certificate: Option<CertificateFile>,
    pub(super) leaves: Option<LeavesFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeFile {
    pub(super) pin: Option<PinPolicy>,
    pub(super) touch: Option<TouchPolicy>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RolesFile {
    pub(super) root: RoleFile,
    pub(super) targets: RoleFile,
    pub(super) snapshot: RoleFile,
    pub(super) timestamp: RoleFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleFile {
    pub(super) keys: Vec<KeyName>,
    pub(super) threshold: u32,
    pub(super) sign: Option<SignWho>,
    pub(super) signed: Option<SignedWhere>,
    pub(super) valid_for: Option<Lifetime>,
}

impl RolesFile {
    pub(super) fn named(self) -> [(RoleName, RoleFile); 4] {
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
