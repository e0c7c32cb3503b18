//! What a client keeps between its runs.

use std::collections::BTreeMap;

use crate::tuf::name::RoleName;

/// The trusted metadata of a client, by role: for each the bytes as they were received, never another writing of them.
///
/// A client keeps a document only once everything about it checked out, one by one in the order of the specification, so
/// that what is kept after a refusal is what was trusted until then (TUF 1.0 sections 5.3.8, 5.4.5, 5.5.7, 5.6.6).
pub trait Kept {
    /// The bytes that were kept for a role; they are checked again before they are used.
    fn recall(&self, role: &RoleName) -> Option<Vec<u8>>;

    /// Keeps the bytes of a document in place of what was kept for its role.
    fn keep(&mut self, role: &RoleName, bytes: &[u8]);

    /// Lets go of what was kept for a role.
    fn forget(&mut self, role: &RoleName);
}

impl Kept for BTreeMap<RoleName, Vec<u8>> {
    fn recall(&self, role: &RoleName) -> Option<Vec<u8>> {
        self.get(role).cloned()
    }

    fn keep(&mut self, role: &RoleName, bytes: &[u8]) {
        self.insert(role.clone(), bytes.to_vec());
    }

    fn forget(&mut self, role: &RoleName) {
        self.remove(role);
    }
}

/// A client that has seen nothing before and will see nothing again.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepsNothing;

impl Kept for KeepsNothing {
    fn recall(&self, _: &RoleName) -> Option<Vec<u8>> {
        None
    }

    fn keep(&mut self, _: &RoleName, _: &[u8]) {}

    fn forget(&mut self, _: &RoleName) {}
}
