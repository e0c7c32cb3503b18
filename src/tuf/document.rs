//! Which document is meant, in which dialect.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::{BadName, KeyName, RepoName, RoleName};

/// How documents look as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Notary v1, the format of Docker Content Trust.
    Notary1,
    /// The Update Framework, specification 1.0.
    Tuf1,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notary1 => "notary1",
            Self::Tuf1 => "tuf1",
        })
    }
}

/// One version of one document of one repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocId {
    /// The repository it belongs to.
    pub repository: RepoName,
    /// The role whose document it is.
    pub role: DocRole,
    /// Its version; certificates have version 1.
    pub version: u64,
}

/// The role of a document, or the certificate of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DocRole {
    /// A Notary root key's self-signed certificate, by the key's name in the plan.
    Certificate(KeyName),
    /// `root.json`.
    Root,
    /// `targets.json`.
    Targets,
    /// A delegated targets role.
    Delegated(RoleName),
    /// `snapshot.json`.
    Snapshot,
    /// `timestamp.json`.
    Timestamp,
}

impl DocRole {
    /// The role's name in documents; a certificate has none.
    pub fn role_name(&self) -> Option<RoleName> {
        match self {
            Self::Certificate(_) => None,
            Self::Root => Some(RoleName::root()),
            Self::Targets => Some(RoleName::targets()),
            Self::Delegated(name) => Some(name.clone()),
            Self::Snapshot => Some(RoleName::snapshot()),
            Self::Timestamp => Some(RoleName::timestamp()),
        }
    }
}

impl fmt::Display for DocRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(key) => write!(f, "certificate:{key}"),
            Self::Root => f.write_str("root"),
            Self::Targets => f.write_str("targets"),
            Self::Delegated(name) => fmt::Display::fmt(name, f),
            Self::Snapshot => f.write_str("snapshot"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}

impl FromStr for DocRole {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once(':') {
            Some(("certificate", key)) => key.parse().map(Self::Certificate),
            Some(_) | None => Ok(match text {
                "root" => Self::Root,
                "targets" => Self::Targets,
                "snapshot" => Self::Snapshot,
                "timestamp" => Self::Timestamp,
                other => Self::Delegated(other.parse()?),
            }),
        }
    }
}

impl TryFrom<String> for DocRole {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<DocRole> for String {
    fn from(role: DocRole) -> Self {
        role.to_string()
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, version {}", self.role, self.repository, self.version)
    }
}
