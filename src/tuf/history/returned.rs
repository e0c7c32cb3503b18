//! Keys that a root took out and a later one let in again.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;

/// A key that left and came back: whoever took it out had a reason, and whoever let it in may not know that.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Returned {
    /// The key.
    pub key: Fingerprint,
    /// The role that it may sign for again.
    pub role: RoleName,
    /// The last root that named it before.
    pub last: u64,
    /// The first root without it.
    pub left: u64,
    /// The root that names it again.
    pub back: u64,
}

/// Looks for returned keys in the roots that are at hand, in the order of their versions: keys that came back into a role,
/// and keys that no role named for a while and that came back into another.
///
/// Keys are compared as a whole, never by an abbreviation.
pub fn returned<'a>(roots: impl IntoIterator<Item = &'a Root>) -> Vec<Returned> {
    let roots: BTreeMap<u64, &Root> = roots.into_iter().map(|root| (root.version, root)).collect();
    let mut found = Vec::new();
    // For every key the roots in which a role named it, and of each role.
    let mut anywhere: BTreeMap<&PublicKey, Spell> = BTreeMap::new();
    let mut within: BTreeMap<(&PublicKey, &RoleName), Spell> = BTreeMap::new();
    let mut before = None;
    for (version, root) in roots {
        let named = named(root);
        for (key, role) in &named {
            let gap = within.get(&(*key, *role)).and_then(|spell| spell.gap(before));
            // In another role than before, if it was in none.
            let gap = gap.or_else(|| anywhere.get(key).and_then(|spell| spell.gap(before)));
            if let Some((last, left)) = gap {
                let (key, role) = (key.fingerprint(), (*role).clone());
                found.push(Returned { key, role, last, left, back: version });
            }
        }
        for (key, role) in &named {
            for spell in
                [within.entry((*key, *role)).or_default(), anywhere.entry(key).or_default()]
            {
                *spell = Spell { last: version, left: None };
            }
        }
        for spell in within.values_mut().chain(anywhere.values_mut()) {
            if spell.last != version && spell.left.is_none() {
                spell.left = Some(version);
            }
        }
        before = Some(version);
    }
    found
}

/// When a key was named last, and the first root after that without it.
#[derive(Default)]
struct Spell {
    last: u64,
    left: Option<u64>,
}

impl Spell {
    /// The gap before the next root, where the key is not in the one before.
    fn gap(&self, before: Option<u64>) -> Option<(u64, u64)> {
        let left = self.left?;
        (before != Some(self.last)).then_some((self.last, left))
    }
}

/// Every key with every role that names it.
fn named(root: &Root) -> BTreeSet<(&PublicKey, &RoleName)> {
    let roles = root.roles.iter();
    let named = roles.flat_map(|(name, role)| role.keyids.iter().map(move |id| (name, id)));
    named.filter_map(|(name, id)| Some((&root.keys.get(id)?.public, name))).collect()
}
