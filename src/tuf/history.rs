//! What several copies of one repository say together, and what its own past says: two documents of one version, documents
//! older than those that were kept, keys that came back, and versions that leave no room for the next.

mod forks;
mod numbers;
mod older;
mod returned;
mod voices;

pub use forks::{Branch, Fork, root_forks};
pub use numbers::{JUMP, ROOM, ends_soon, jumps};
pub use older::{Compared, Older, compare};
pub use returned::{Returned, returned};
pub use voices::SignedBy;

#[cfg(test)]
mod tests;
