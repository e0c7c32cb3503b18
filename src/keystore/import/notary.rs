//! What Docker and Notary note beside a key: role, repository and id, in header lines or in the file's path.

use std::path::Path;

use crate::tuf::key::{KeyId, PublicKey};
use crate::tuf::wire::notary1;

use super::BadImport;
use super::pem::Block;

/// The notes of one key file.
#[derive(Default)]
pub(super) struct Note {
    pub(super) role: Option<String>,
    pub(super) gun: Option<String>,
    id: Option<String>,
}

impl Note {
    /// Header lines come first; what they leave out is taken from the path: `private/ID.key`, or before Notary 0.4
    /// `private/root_keys/ID.key` and `private/tuf_keys/GUN/ID_ROLE.key`.
    pub(super) fn of(path: &Path, block: &Block) -> Self {
        let header = |name| block.header(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let mut note = Self { role: header("role"), gun: header("gun"), id: None };
        let folders: Vec<&str> = path
            .parent()
            .map(|parent| parent.iter().filter_map(|part| part.to_str()).collect())
            .unwrap_or_default();
        let after = |name: &str| {
            let at = folders.iter().rposition(|folder| *folder == name)?;
            folders.get(at + 1..)
        };
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let (id, role) = stem.split_once('_').map_or((stem, None), |(id, role)| (id, Some(role)));
        note.id = Some(id).filter(|id| is_id(id)).map(str::to_owned);
        if note.id.is_some() {
            note.role = note.role.or_else(|| role.map(str::to_owned));
            let below = after("tuf_keys").filter(|gun| !gun.is_empty());
            note.gun = note.gun.or_else(|| below.map(|gun| gun.join("/")));
            let root = after("root_keys").map(|_| "root".to_owned());
            note.role = note.role.or(root);
        }
        // `notary key export` writes where the key was: `path: ID`.
        let noted = block
            .header("path")
            .and_then(|path| path.rsplit('/').next())
            .map(|name| name.split_once('_').map_or(name, |(id, _)| id).to_owned());
        note.id = note.id.or_else(|| noted.filter(|id| is_id(id)));
        note
    }

    /// Whether anything of it is Notary's.
    pub(super) const fn is_notary(&self) -> bool {
        self.role.is_some() || self.gun.is_some() || self.id.is_some()
    }

    /// Compares the key's own id with the one that is noted.
    pub(super) fn check(&self, public: &PublicKey) -> Result<(), BadImport> {
        let found = notary1::canonical_id(public);
        match &self.id {
            Some(id) if id.to_lowercase() != found.as_str() => {
                Err(BadImport::OtherId { found, expected: KeyId::new(id) })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
