//! The online side of a Notary export: the scripts that publish and accept, and the tables that they read. Which file
//! says what is told in the `README` that goes with them.

use data_encoding::BASE64;

use crate::tuf::digest::Digest;
use crate::tuf::name::{RepoName, RoleName};

/// One repository as it goes to a Notary server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name (GUN).
    pub name: RepoName,
    /// Its folder on OUT: relative, without tabs.
    pub folder: String,
    /// The server's timestamp key, as the base64 `public` of the key in the root.
    pub timestamp_key: String,
    /// The server's snapshot key in the same form; nothing where the server holds none.
    pub snapshot_key: Option<String>,
    /// The documents that go up together, root first.
    pub documents: Vec<Document>,
    /// The tags that a client must show, with all that delegations contribute.
    pub tags: Vec<Tag>,
}

/// One document, written to `folder/ROLE.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its role, such as `root` or `targets/releases`.
    pub role: RoleName,
    /// SHA-256 of its bytes as written.
    pub digest: Digest,
}

/// One signed tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// SHA-256 of the image manifest.
    pub digest: Digest,
    /// Length of the manifest in bytes.
    pub length: u64,
}

/// Every file of the online side by its path on OUT: four scripts, the `README`, three tables. The first repository is
/// the canary.
pub fn files(repositories: &[Repository]) -> Result<Vec<(&'static str, Vec<u8>)>, NotOneLine> {
    let mut files: Vec<_> =
        SCRIPTS.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect();
    let rows =
        |make: fn(&Repository) -> Vec<Vec<String>>| table(repositories.iter().flat_map(make));
    files.push(("publish/REPOSITORIES", rows(repository_row)?));
    files.push(("publish/UPLOADS", rows(upload_rows)?));
    files.push(("accept/EXPECTED", rows(expected_rows)?));
    Ok(files)
}

const SCRIPTS: [(&str, &str); 5] = [
    ("publish/README", include_str!("README")),
    ("publish/server.sh", include_str!("server.sh")),
    ("publish/precheck", include_str!("precheck.sh")),
    ("publish/publish", include_str!("publish.sh")),
    ("accept/accept", include_str!("accept.sh")),
];

fn repository_row(repository: &Repository) -> Vec<Vec<String>> {
    vec![vec![
        repository.name.as_str().to_owned(),
        repository.folder.clone(),
        repository.timestamp_key.clone(),
        repository.snapshot_key.clone().unwrap_or_else(|| "-".to_owned()),
    ]]
}

fn upload_rows(repository: &Repository) -> Vec<Vec<String>> {
    let row = |document: &Document| {
        vec![
            repository.name.as_str().to_owned(),
            document.role.as_str().to_owned(),
            format!("{}/{}.json", repository.folder, document.role.as_str()),
            document.digest.to_string(),
            BASE64.encode(document.digest.as_bytes()),
        ]
    };
    repository.documents.iter().map(row).collect()
}

fn expected_rows(repository: &Repository) -> Vec<Vec<String>> {
    let name = repository.name.as_str().to_owned();
    if repository.tags.is_empty() {
        return vec![vec![name, "-".to_owned(), "-".to_owned(), "-".to_owned()]];
    }
    let row = |tag: &Tag| {
        vec![name.clone(), tag.name.clone(), tag.digest.to_string(), tag.length.to_string()]
    };
    repository.tags.iter().map(row).collect()
}

/// Lines of fields with tabs between them. A field with a control character could pass for another field or line.
fn table(rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, NotOneLine> {
    let mut text = String::new();
    for row in rows {
        if let Some(field) =
            row.iter().find(|field| field.is_empty() || field.contains(char::is_control))
        {
            return Err(NotOneLine { field: field.clone() });
        }
        text.push_str(&row.join("\t"));
        text.push('\n');
    }
    Ok(text.into_bytes())
}

/// A name that cannot stand in a table: it is empty or has a control character.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name {field:?} is empty or has a control character, so that the publishing scripts cannot carry it"
)]
pub struct NotOneLine {
    /// The name.
    pub field: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn repository(tags: Vec<Tag>) -> Repository {
        Repository {
            name: "example.com/app".parse().unwrap(),
            folder: "app".to_owned(),
            timestamp_key: "dGltZQ==".to_owned(),
            snapshot_key: None,
            documents: vec![Document { role: RoleName::root(), digest: Digest::of(b"root") }],
            tags,
        }
    }

    fn text(files: &[(&str, Vec<u8>)], path: &str) -> String {
        let (_, bytes) = files.iter().find(|(name, _)| *name == path).unwrap();
        String::from_utf8(bytes.clone()).unwrap()
    }

    #[test]
    fn what_is_absent_is_a_dash() {
        let files = files(&[repository(Vec::new())]).unwrap();
        assert_eq!(text(&files, "publish/REPOSITORIES"), "example.com/app\tapp\tdGltZQ==\t-\n");
        assert_eq!(text(&files, "accept/EXPECTED"), "example.com/app\t-\t-\t-\n");
    }

    #[test]
    fn a_tag_that_could_pass_for_another_line_is_refused() {
        for name in ["", "v1\tv2", "v1\nv2"] {
            let tag = Tag { name: name.to_owned(), digest: Digest::of(b""), length: 1 };
            let refused = files(&[repository(vec![tag])]).unwrap_err();
            assert_eq!(refused.field, name);
        }
    }
}
