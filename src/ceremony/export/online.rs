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
    /// The timestamp and snapshot keys of the root before, in the same form: a server answers these until it has the root
    /// that names others. Nothing where there was no root.
    pub keys_before: [Option<String>; 2],
    /// The documents that the ceremony began from, each with the digest of the file as it came from the server. Without
    /// any the name must be free.
    pub before: Vec<Document>,
    /// The documents that go up together, root first.
    pub documents: Vec<Document>,
    /// SHA-256 of the root file that a client must hold afterwards, uploaded or not.
    pub root: Digest,
    /// The tags that a client must show, in the order of its walk: those of targets, then those of each delegation.
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
    /// The role that signs it.
    pub role: RoleName,
}

/// Every file of the online side by its path on OUT: the scripts, the `README`, the tables. The first repository is the
/// canary.
pub fn files(repositories: &[Repository]) -> Result<Vec<(&'static str, Vec<u8>)>, NotOneLine> {
    let mut tables = Rows::default();
    for repository in repositories {
        tables.extend(&rows(repository)?);
    }
    let mut files = scripts();
    files.extend(
        [
            ("publish/REPOSITORIES", tables.repositories),
            ("publish/BEFORE", tables.before),
            ("publish/UPLOADS", tables.uploads),
            ("accept/EXPECTED", tables.expected),
        ]
        .map(|(path, text)| (path, text.into_bytes())),
    );
    Ok(files)
}

/// The scripts and the `README`, by their path on OUT.
pub(super) fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    SCRIPTS.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect()
}

/// Rows of each table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) repositories: String,
    pub(super) before: String,
    pub(super) uploads: String,
    pub(super) expected: String,
}

impl Rows {
    fn extend(&mut self, more: &Self) {
        self.repositories += &more.repositories;
        self.before += &more.before;
        self.uploads += &more.uploads;
        self.expected += &more.expected;
    }
}

/// The rows of one repository.
pub(super) fn rows(repository: &Repository) -> Result<Rows, NotOneLine> {
    Ok(Rows {
        repositories: table(repository_row(repository))?,
        before: table(before_rows(repository))?,
        uploads: table(upload_rows(repository))?,
        expected: table(expected_rows(repository))?,
    })
}

/// The script `fetch` as one file, for those who have no export yet: what it would source stands in it.
pub fn fetch_alone() -> String {
    const SOURCES: &str =
        "# shellcheck source-path=SCRIPTDIR source=server.sh\n. \"$(dirname \"$0\")/server.sh\"\n";
    FETCH.replace(SOURCES, SERVER)
}

const SERVER: &str = include_str!("server.sh");
const FETCH: &str = include_str!("fetch.sh");

const SCRIPTS: [(&str, &str); 7] = [
    ("publish/README", include_str!("README")),
    ("publish/server.sh", SERVER),
    ("publish/tables.sh", include_str!("tables.sh")),
    ("publish/fetch", FETCH),
    ("publish/precheck", include_str!("precheck.sh")),
    ("publish/publish", include_str!("publish.sh")),
    ("accept/accept", include_str!("accept.sh")),
];

fn repository_row(repository: &Repository) -> Vec<Vec<String>> {
    let or_dash = |key: &Option<String>| key.clone().unwrap_or_else(|| "-".to_owned());
    let [timestamp_before, snapshot_before] = &repository.keys_before;
    vec![vec![
        repository.name.as_str().to_owned(),
        repository.folder.clone(),
        repository.timestamp_key.clone(),
        or_dash(&repository.snapshot_key),
        repository.root.to_string(),
        or_dash(timestamp_before),
        or_dash(snapshot_before),
    ]]
}

fn before_rows(repository: &Repository) -> Vec<Vec<String>> {
    let row = |document: &Document| {
        vec![
            repository.name.as_str().to_owned(),
            document.role.as_str().to_owned(),
            document.digest.to_string(),
        ]
    };
    repository.before.iter().map(row).collect()
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
        let mut row = vec![name];
        row.resize(5, "-".to_owned());
        return vec![row];
    }
    let row = |tag: &Tag| {
        vec![
            name.clone(),
            tag.name.clone(),
            tag.digest.to_string(),
            tag.length.to_string(),
            tag.role.as_str().to_owned(),
        ]
    };
    repository.tags.iter().map(row).collect()
}

/// Lines of fields with tabs between them. A field with a control character could pass for another field or line.
fn table(rows: Vec<Vec<String>>) -> Result<String, NotOneLine> {
    let mut text = String::new();
    for row in rows {
        if let Some(field) = row.iter().find(|field| !is_one_line(field)) {
            return Err(NotOneLine { field: field.clone() });
        }
        text.push_str(&row.join("\t"));
        text.push('\n');
    }
    Ok(text)
}

/// Whether a field can stand in a table: it is not empty and has no control character.
pub(super) fn is_one_line(field: &str) -> bool {
    !field.is_empty() && !field.contains(char::is_control)
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
            keys_before: [None, Some("c25hcA==".to_owned())],
            before: Vec::new(),
            documents: vec![Document { role: RoleName::root(), digest: Digest::of(b"root") }],
            root: Digest::of(b"root"),
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
        let root = Digest::of(b"root");
        let row = format!("example.com/app\tapp\tdGltZQ==\t-\t{root}\t-\tc25hcA==\n");
        assert_eq!(text(&files, "publish/REPOSITORIES"), row);
        assert_eq!(text(&files, "publish/BEFORE"), "");
        assert_eq!(text(&files, "accept/EXPECTED"), "example.com/app\t-\t-\t-\t-\n");
    }

    #[test]
    fn fetch_as_one_file_sources_nothing() {
        let script = fetch_alone();
        assert!(script.contains("ask_token() {") && script.contains("fetch_documents() {"));
        assert!(!script.contains("\n. "));
    }

    #[test]
    fn a_tag_that_could_pass_for_another_line_is_refused() {
        for name in ["", "v1\tv2", "v1\nv2"] {
            let role = RoleName::targets();
            let tag = Tag { name: name.to_owned(), digest: Digest::of(b""), length: 1, role };
            let refused = files(&[repository(vec![tag])]).unwrap_err();
            assert_eq!(refused.field, name);
        }
    }
}
