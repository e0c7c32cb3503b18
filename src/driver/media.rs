//! Media: directories that were enrolled beforehand, each for one role.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ceremony::event::{FileAt, MAX_INPUT, Place, Trouble, TroubleKind};
use crate::ceremony::mounted::{MAX_LISTED, MediumId, Mounted};
use crate::ceremony::plan::{Input, MediumRole, Plan};
use crate::tuf::digest::Digest;
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
    id: MediumId,
    rehearsal: bool,
}

/// Enrols a directory as a medium: writes its marker with an id that no other medium has. A directory that is marked
/// already is refused.
pub fn enrol(
    folder: &Path,
    name: &KeyName,
    role: MediumRole,
    id: MediumId,
    rehearsal: bool,
) -> std::io::Result<()> {
    let marker = Marker { anchorite: 1, name: name.clone(), role, id, rehearsal };
    let text = toml::to_string(&marker).expect("a marker is TOML");
    file::write_new(folder, MARKER, text.as_bytes(), Readers::All)
}

/// The media that somebody named: where each is mounted.
#[derive(Debug, Clone, Default)]
pub struct Media {
    mounts: BTreeMap<KeyName, PathBuf>,
    rehearsal: bool,
    /// The medium that was found first under each name: no other may take its place.
    known: BTreeMap<KeyName, MediumId>,
}

impl Media {
    /// Takes the mounts by the plan's names. A rehearsal takes only scratch media, a real ceremony none of them.
    pub const fn new(mounts: BTreeMap<KeyName, PathBuf>, rehearsal: bool) -> Self {
        Self { mounts, rehearsal, known: BTreeMap::new() }
    }

    /// The folder of a medium, if it is mounted, marked, and of the right role. Looked at anew each time, since media come
    /// and go.
    pub fn folder(&self, plan: &Plan, name: &KeyName) -> Result<PathBuf, Trouble> {
        self.marked(plan, name).map(|(folder, _)| folder)
    }

    /// Finds a medium and lists what is on it. From now on no other medium of that name is taken for it.
    pub fn mount(&mut self, plan: &Plan, name: &KeyName) -> Result<Mounted, Trouble> {
        let (folder, id) = self.marked(plan, name)?;
        let mut files =
            file::list(&folder).map_err(|error| file::trouble(name.as_str(), &error))?;
        files.retain(|path| path != MARKER);
        let count = files.len();
        files.truncate(MAX_LISTED);
        self.known.insert(name.clone(), id.clone());
        Ok(Mounted { id, files, count })
    }

    fn marked(&self, plan: &Plan, name: &KeyName) -> Result<(PathBuf, MediumId), Trouble> {
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
        if self.known.get(name).is_some_and(|known| *known != marker.id) {
            let found =
                format!("{name}: another medium of that name is in, not the one from before");
            return bad(TroubleKind::Other, found);
        }
        Ok((folder.clone(), marker.id))
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

    /// The inputs of a plan that are at hand now, for the check: on mounted media.
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

/// The state before of a plan as it lies beside the plan file, each medium as a folder of its name: how sample
/// repositories are shipped, and how an office keeps what it fetched.
pub fn beside(plan_file: &Path, plan: &Plan) -> BTreeMap<FileAt, Vec<u8>> {
    read_beside(plan_file, plan.before_inputs())
}

/// The same with every input of the plan, key files and proofs included.
pub fn inputs_beside(plan_file: &Path, plan: &Plan) -> BTreeMap<FileAt, Vec<u8>> {
    read_beside(plan_file, plan.inputs.iter())
}

fn read_beside<'a>(
    plan_file: &Path,
    inputs: impl Iterator<Item = &'a Input>,
) -> BTreeMap<FileAt, Vec<u8>> {
    let folder = plan_file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    inputs
        .filter_map(|input| {
            let at =
                FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
            let medium = folder.join(input.medium.as_str());
            let bytes = file::read_back(&medium, &at.path, MAX_INPUT).ok()?;
            (Digest::of(&bytes) == input.sha256.value).then_some((at, bytes))
        })
        .collect()
}

/// Whether a file may go to OUT: one of the public kinds, that parses as what its name says, and holds nothing that looks
/// like a private key. The error says why not.
pub fn public(path: &str, bytes: &[u8]) -> Result<(), &'static str> {
    const SECRETS: [&[u8]; 5] = [
        b"PRIVATE KEY-----",
        b"AGE-SECRET-KEY-",
        b"age-encryption.org/",
        b"BEGIN AGE ENCRYPTED FILE",
        b"openssh-key-v1",
    ];
    if SECRETS.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == *secret)) {
        return Err("it looks like a private key");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => {
            let value = serde_json::from_slice(bytes).map_err(|_| "it is not JSON")?;
            if holds_private(&value) { Err("a key in it has a private half") } else { Ok(()) }
        }
        Some("pem") => {
            let first = text.lines().next().unwrap_or_default();
            let known = ["-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----"];
            if known.contains(&first) { Ok(()) } else { Err("it is no certificate or public key") }
        }
        // Scripts, their tables, calendars, settings and explanations.
        Some("sh" | "txt" | "ics" | "yaml") | None => Ok(()),
        Some(_) => Err("files of this kind never go out"),
    }
}

/// Whether a member `private` anywhere is anything but `null`.
fn holds_private(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| (name == "private" && !value.is_null()) || holds_private(value)),
        Value::Array(items) => items.iter().any(holds_private),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use crate::ceremony::export::{self, Start};
    use crate::ceremony::roster::Roster;
    use crate::tuf::time::Timestamp;

    use super::*;

    fn plan() -> Plan {
        Plan::parse(include_bytes!("../../ceremonies/first-root-notary1/plan.toml")).unwrap()
    }

    #[test]
    fn every_file_of_an_export_may_go_out() {
        let signed = BTreeMap::from([(
            "root.json".to_owned(),
            include_bytes!("../../tests/data/notary-v1/meta/10-witness/root.json").to_vec(),
        )]);
        let start = Start { base: Timestamp::from_unix_seconds(0), ..Start::default() };
        let files = export::files_from(&plan(), &Roster::default(), &signed, &start);
        assert!(files.len() > 15, "{:?}", files.keys());
        for (path, bytes) in files {
            assert_eq!(public(&path, &bytes), Ok(()), "{path}");
        }
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
        enrol(folder.path(), &name("IN"), MediumRole::Out, MediumId::new(&[1; 16]), false).unwrap();
        let trouble = media(folder.path()).folder(&plan(), &name("IN")).unwrap_err();
        assert_eq!(trouble.found, "IN: expected a medium enrolled as \"in\", found \"out\"");
    }

    #[test]
    fn a_rehearsals_medium_is_refused_by_a_real_ceremony() {
        let folder = tempfile::tempdir().unwrap();
        enrol(folder.path(), &name("IN"), MediumRole::In, MediumId::new(&[1; 16]), true).unwrap();
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
        enrol(folder.path(), &name("IN"), MediumRole::In, MediumId::new(&[1; 16]), false).unwrap();
        assert!(
            enrol(folder.path(), &name("IN"), MediumRole::Out, MediumId::new(&[1; 16]), false)
                .is_err()
        );
        assert!(media(folder.path()).folder(&plan(), &name("IN")).is_ok());
    }

    #[test]
    fn another_medium_of_the_same_name_does_not_take_its_place() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (nth, folder) in (1..).zip([&first, &second]) {
            let id = MediumId::new(&[nth; 16]);
            enrol(folder.path(), &name("IN"), MediumRole::In, id, false).unwrap();
        }
        std::fs::write(first.path().join("a"), "").unwrap();
        let mut media = media(first.path());
        let mounted = media.mount(&plan(), &name("IN")).unwrap();
        assert_eq!((mounted.count, mounted.files), (1, vec!["a".to_owned()]));
        assert!(media.folder(&plan(), &name("IN")).is_ok());
        media.mounts.insert(name("IN"), second.path().to_owned());
        let trouble = media.folder(&plan(), &name("IN")).unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Other);
    }

    #[test]
    fn only_public_files_that_parse_go_out() {
        for (path, secret) in [
            ("README", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
            ("README", "AGE-SECRET-KEY-1QQ"),
            ("a.txt", "age-encryption.org/v1\n-> scrypt"),
            ("a.pem", "-----BEGIN EC PRIVATE KEY-----"),
            ("a.pem", "something else"),
            ("a.json", "{"),
            ("a.json", r#"{"keyval":{"private":"AAAA","public":"BBBB"}}"#),
            ("a.key", "text"),
        ] {
            assert!(public(path, secret.as_bytes()).is_err(), "{path}: {secret}");
        }
        assert!(public("README", &[0xff]).is_err());
        for (path, fine) in [
            ("README", "text"),
            ("a.pem", "-----BEGIN PUBLIC KEY-----\n"),
            ("a/b.json", r#"{"keyval":{"private":null,"public":"BBBB"}}"#),
            ("publish/server.sh", "#!/bin/sh\n"),
        ] {
            assert_eq!(public(path, fine.as_bytes()), Ok(()), "{path}");
        }
    }
}
