//! Names: of repositories, of roles, and of the keys that a plan speaks of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One root of trust: a Notary GUN such as `registry.example.com/team/app`, or the name a team gives
/// its TUF repository.
///
/// Lower-case letters, digits and `._-:/`, 1 to 255 characters, no empty, `.` or `..` segment, so that
/// it is also a safe relative path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName(String);

/// The name of a role in a document: `root`, `targets`, `targets/releases`, or a TUF delegation.
///
/// 1 to 255 characters without control characters. What else a name may hold is its dialect's affair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

/// What a plan calls a key: `[A-Za-z0-9][A-Za-z0-9._-]{0,31}`; media and codenames follow the same rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

impl RoleName {
    /// The name of the root role.
    pub fn root() -> Self {
        Self("root".to_owned())
    }
    /// The name of the targets role.
    pub fn targets() -> Self {
        Self("targets".to_owned())
    }
    /// The name of the snapshot role.
    pub fn snapshot() -> Self {
        Self("snapshot".to_owned())
    }
    /// The name of the timestamp role.
    pub fn timestamp() -> Self {
        Self("timestamp".to_owned())
    }
}

impl FromStr for RepoName {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:/".contains(c);
        let bad = |expected| BadName { what: "repository", name: text.to_owned(), expected };
        if text.is_empty() || text.len() > 255 {
            return Err(bad("1 to 255 characters"));
        }
        if !text.chars().all(allowed) {
            return Err(bad("lower-case letters, digits and . _ - : /"));
        }
        if text.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(bad("segments that are neither empty nor . nor .."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for RoleName {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            return Err(BadName {
                what: "role",
                name: text.to_owned(),
                expected: "1 to 255 characters without control characters",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for KeyName {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        let goes_on = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !starts || !goes_on || text.len() > 32 {
            return Err(BadName {
                what: "name",
                name: text.to_owned(),
                expected: "a letter or digit, then at most 31 letters, digits, dots, dashes or underscores",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
text_type!(RepoName);
text_type!(RoleName);
text_type!(KeyName);

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a {what}: expected {expected}")]
pub struct BadName {
    /// What the name should have named.
    pub what: &'static str,
    /// The text found.
    pub name: String,
    /// The rule, in words.
    pub expected: &'static str,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_gun_with_a_port_is_a_repository_name() {
        let gun: RepoName = "localhost:5000/team/app".parse().unwrap();
        assert_eq!(gun.as_str(), "localhost:5000/team/app");
    }

    #[test]
    fn a_repository_name_never_leaves_its_folder() {
        for bad in ["", "../x", "a//b", "/a", "a/", "a/./b", "Team/App", "a\\b", "a b"] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad:?}");
        }
        for good in ["x", "a/b", "team/app", "a.b/c-d"] {
            assert!(good.parse::<RepoName>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_key_name_starts_with_a_letter_or_digit() {
        assert!("root-a".parse::<KeyName>().is_ok());
        for bad in ["", "-a", ".a", "a/b", "ä", &"a".repeat(33)] {
            assert!(bad.parse::<KeyName>().is_err(), "{bad:?}");
        }
    }
}
