//! Media: directories that were enrolled beforehand, each for one role.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ceremony::event::{FileAt, MAX_INPUT, Place, Trouble, TroubleKind};
use crate::ceremony::plan::{MediumRole, Plan};
use crate::tuf::name::KeyName;

use super::file::{self, Readers};

/// The file that marks a medium.
pub const MARKER: &str = "anchorite-medium.toml";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    anchorite: u32,
    name: KeyName,
    role: MediumRole,
    rehearsal: bool,
}

/// Enrols a directory as a medium: writes its marker. A directory that is marked already is refused.
pub fn enrol(
    folder: &Path,
    name: &KeyName,
    role: MediumRole,
    rehearsal: bool,
) -> std::io::Result<()> {
    let marker = Marker { anchorite: 1, name: name.clone(), role, rehearsal };
    let text = toml::to_string(&marker).expect("a marker is TOML");
    file::write_new(folder, MARKER, text.as_bytes(), Readers::All)
}

/// The media that somebody named: where each is mounted.
#[derive(Debug, Clone, Default)]
pub struct Media {
    mounts: BTreeMap<KeyName, PathBuf>,
    rehearsal: bool,
}

impl Media {
    /// Takes the mounts by the plan's names. A rehearsal takes only scratch media, a real ceremony none of them.
    pub const fn new(mounts: BTreeMap<KeyName, PathBuf>, rehearsal: bool) -> Self {
        Self { mounts, rehearsal }
    }

    /// The folder of a medium, if it is mounted, marked, and of the right role. Looked at anew each time, since media come
    /// and go.
    pub fn folder(&self, plan: &Plan, name: &KeyName) -> Result<PathBuf, Trouble> {
        let bad = |kind, found: String| Err(Trouble { kind, found });
        let Some(planned) = plan.media.iter().find(|medium| medium.name == *name) else {
            return bad(TroubleKind::Absent, format!("{name} is not a medium of the plan"));
        };
        let Some(folder) = self.mounts.get(name) else {
            return bad(
                TroubleKind::Absent,
                format!("nobody said where {name} is: expected --medium {name}=DIR"),
            );
        };
        let Ok(bytes) = file::read_back(folder, MARKER, 4096) else {
            return bad(
                TroubleKind::Absent,
                format!(
                    "{name}: nothing is there, or it is not enrolled: expected {MARKER} \
                         (anchorite media enrol DIR --role {} --name {name})",
                    planned.role
                ),
            );
        };
        let text = String::from_utf8_lossy(&bytes);
        let Ok(marker) = toml::from_str::<Marker>(&text) else {
            return bad(TroubleKind::Mismatch, format!("{name}: {MARKER} cannot be read"));
        };
        if marker.role != planned.role {
            return bad(
                TroubleKind::Other,
                format!(
                    "{name}: expected a medium enrolled as \"{}\", found \"{}\"",
                    planned.role, marker.role
                ),
            );
        }
        if marker.name != *name {
            return bad(
                TroubleKind::Other,
                format!("expected the medium {name}, found {}", marker.name),
            );
        }
        if marker.rehearsal != self.rehearsal {
            let found = if marker.rehearsal { "a rehearsal's" } else { "a real one" };
            return bad(TroubleKind::Other, format!("{name}: the medium is {found}"));
        }
        Ok(folder.clone())
    }

    /// Reads an input.
    pub fn read(&self, plan: &Plan, at: &FileAt) -> Result<Vec<u8>, Trouble> {
        let Place::Medium(name) = &at.place else {
            return Err(Trouble {
                kind: TroubleKind::Unsupported,
                found: format!("{at} is not on a medium"),
            });
        };
        let folder = self.folder(plan, name)?;
        file::read_back(&folder, &at.path, MAX_INPUT)
            .map_err(|error| file::trouble(&at.to_string(), &error))
    }

    /// The inputs of a plan that are at hand now, for the check.
    pub fn at_hand(&self, plan: &Plan) -> BTreeMap<FileAt, Vec<u8>> {
        plan.inputs
            .iter()
            .filter_map(|input| {
                let at =
                    FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
                let bytes = self.read(plan, &at).ok()?;
                Some((at, bytes))
            })
            .collect()
    }
}

/// Whether bytes may go to OUT: whatever looks like a private key or a secret may not.
pub fn is_public(bytes: &[u8]) -> bool {
    const SECRETS: [&[u8]; 5] = [
        b"PRIVATE KEY-----",
        b"AGE-SECRET-KEY-",
        b"age-encryption.org/",
        b"BEGIN AGE ENCRYPTED FILE",
        b"openssh-key-v1",
    ];
    !SECRETS.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == *secret))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::parse(include_bytes!("../../ceremonies/first-root-notary1/plan.toml")).unwrap()
    }

    fn name(text: &str) -> KeyName {
        text.parse().unwrap()
    }

    fn media(folder: &Path) -> Media {
        Media::new(BTreeMap::from([(name("IN"), folder.to_owned())]), false)
    }

    #[test]
    fn a_medium_that_was_enrolled_for_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        enrol(folder.path(), &name("IN"), MediumRole::Out, false).unwrap();
        let trouble = media(folder.path()).folder(&plan(), &name("IN")).unwrap_err();
        assert_eq!(trouble.found, "IN: expected a medium enrolled as \"in\", found \"out\"");
    }

    #[test]
    fn a_rehearsals_medium_is_refused_by_a_real_ceremony() {
        let folder = tempfile::tempdir().unwrap();
        enrol(folder.path(), &name("IN"), MediumRole::In, true).unwrap();
        let trouble = media(folder.path()).folder(&plan(), &name("IN")).unwrap_err();
        assert_eq!(trouble.found, "IN: the medium is a rehearsal's");
    }

    #[test]
    fn a_folder_without_a_marker_is_no_medium() {
        let folder = tempfile::tempdir().unwrap();
        let trouble = media(folder.path()).folder(&plan(), &name("IN")).unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Absent);
        assert!(trouble.found.contains("media enrol"), "{}", trouble.found);
    }

    #[test]
    fn a_directory_is_enrolled_once() {
        let folder = tempfile::tempdir().unwrap();
        enrol(folder.path(), &name("IN"), MediumRole::In, false).unwrap();
        assert!(enrol(folder.path(), &name("IN"), MediumRole::Out, false).is_err());
        assert!(media(folder.path()).folder(&plan(), &name("IN")).is_ok());
    }

    #[test]
    fn private_keys_do_not_pass_as_public() {
        for secret in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            "AGE-SECRET-KEY-1QQ",
            "age-encryption.org/v1\n-> scrypt",
        ] {
            assert!(!is_public(format!("text\n{secret}").as_bytes()), "{secret}");
        }
        assert!(is_public(b"-----BEGIN PUBLIC KEY-----"));
    }
}
