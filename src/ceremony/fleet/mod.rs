//! One change of many repositories: the list, each repository as a plan of its own, and what is held of all of them.
//!
//! Documents are never held together: the driver brings one repository after the other, and what stays of each is a row,
//! a place in a shape, or the reason why it is refused.

pub mod list;
pub mod member;
pub mod shape;
pub mod survey;

pub use list::Line;
pub use member::{Member, SignedFile, Signs};
pub use survey::{Competing, Refused, Shape, Survey, Surveyor, Turn};

use super::plan::{PlannedKey, Store};

/// How many repositories are put together at once, and how many a key in a file signs for at once.
pub const BATCH: u64 = 512;

/// How many repositories a key signs for before the next line of the record: one for a key in a token, since somebody
/// touches it each time.
pub const fn batch_of(key: &PlannedKey) -> u64 {
    match key.store {
        Some(Store::Yubikey { .. } | Store::Pkcs11 { .. }) => 1,
        Some(Store::Age { .. } | Store::Virtual { .. }) | None => BATCH,
    }
}

/// How many batches so many repositories are.
pub const fn batches(repositories: u64, batch: u64) -> u64 {
    repositories.div_ceil(batch)
}

/// The table of drafts in the evidence: sorted lines `sha256<TAB>repository<TAB>role<TAB>version`, in the order of the list.
pub const DRAFTS: &str = "fleet/drafts.tsv";
/// Which repository has which shape, and what its change says otherwise: `shape<TAB>repository<TAB>differences`.
pub const MEMBERS: &str = "fleet/members.tsv";
/// The repositories that are refused: `repository<TAB>why`.
pub const REFUSED: &str = "fleet/refused.tsv";
/// What was signed before under the same versions: `repository<TAB>role<TAB>version<TAB>sha256<TAB>when<TAB>keys`.
pub const COMPETING: &str = "fleet/competing.tsv";
/// The list as it was read.
pub const LIST: &str = "fleet/list.tsv";

/// The evidence's folder of signatures.
pub const SIGNATURES: &str = "fleet/signatures";

/// The evidence's file of one batch of signatures: lines `sha256<TAB>repository<TAB>role<TAB>signature`.
pub fn signatures_file(key: &str, nth: u64) -> String {
    format!("{SIGNATURES}/{key}-{nth:05}.tsv")
}

/// The evidence's folder of lists of results.
pub const ASSEMBLED: &str = "fleet/assembled/";

/// The evidence's file of one batch of results: lines `sha256  path` of what was written to OUT.
pub fn assembled_file(nth: u64) -> String {
    format!("{ASSEMBLED}{nth:05}.txt")
}

/// The folder of a repository's new documents on OUT.
pub fn folder_of(repository: &str) -> String {
    format!("fleet/{}", repository.replace('/', "%2F"))
}
