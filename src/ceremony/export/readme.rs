//! The `README` of an export: what each file is and changes, what to do with it, and who stays exposed until when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::tuf::any::AnyDocument;
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;

use super::anchors::Anchored;
use super::documents::Documents;

/// What the text is about.
pub(super) struct Told<'a> {
    /// One line: which ceremony.
    pub(super) title: String,
    pub(super) folder: &'a str,
    pub(super) served: &'a BTreeMap<String, Vec<u8>>,
    /// What the ceremony signed; `anchored` holds everything as it is afterwards.
    pub(super) signed: &'a Documents,
    pub(super) anchored: &'a Anchored<'a>,
    /// The roles that the online side will sign.
    pub(super) pending: Vec<String>,
}

impl Told<'_> {
    pub(super) fn text(&self) -> String {
        if self.served.is_empty() {
            return self.taken_over();
        }
        let mut text =
            format!("{}\n\nSigned offline. Public data only. NOTHING IS LIVE YET.\n\n", self.title);
        for (name, bytes) in self.served {
            let _ = writeln!(text, "{}/{name}\n    sha256 {}", self.folder, Digest::of(bytes));
        }
        text.push_str("\nWHAT EACH DOCUMENT IS FOR\n");
        for (role, document) in self.signed.all() {
            self.document(&mut text, role, document);
        }
        if self.replaces_targets_keys() {
            text.push_str(
                "\nroot and targets belong together. Alone, this root would leave targets on the server that no\n\
                 client accepts, and the server would say nothing.\n",
            );
        }
        if !self.pending.is_empty() {
            let _ = writeln!(
                text,
                "\nStill to be signed by the online side: {}.",
                self.pending.join(", ")
            );
        }
        text.push_str(match self.anchored.dialect {
            Dialect::Notary1 => {
                "\nWHAT TO DO\n\
                 To publish, follow publish/README. To pin the root in clients, use anchors/: a card with the root's\n\
                 digest, pins for notary, certificates, and an excerpt for an admission controller.\n"
            }
            Dialect::Tuf1 => {
                "\nWHAT TO DO\n\
                 To publish, put the files of the metadata folder on the server under exactly these names, the\n\
                 targets beside them, and timestamp.json last. Ship anchors/root.json inside clients; compare its\n\
                 digest with anchors/root-digest.txt.\n"
            }
        });
        text.push_str(
            "calendar.ics and calendar.txt say when to begin with what replaces these documents.\n",
        );
        self.exposed(&mut text);
        text
    }

    /// A repository was taken over as it is.
    fn taken_over(&self) -> String {
        format!(
            "{}\n\nNothing was signed, and nothing goes up: the repository stays as it is. Public data only.\n\n\
             WHAT TO DO\n\
             To pin the root in clients, use anchors/; its digest is in anchors/root-digest.txt. calendar.ics and\n\
             calendar.txt say when to begin with what replaces these documents. Keys come into a store of ours\n\
             with anchorite key import; until then they are where they were.\n",
            self.title
        )
    }

    fn document(&self, text: &mut String, role: &RoleName, document: &AnyDocument) {
        let before = self.anchored.before.of(role);
        let _ = write!(text, "{role}, version {}", document.version());
        if let Some(before) = before {
            let _ = write!(text, " after {}", before.version());
        }
        let _ = writeln!(text, ", until {}", document.expires().at.to_minute());
        let _ = writeln!(text, "    {}.", purpose(document));
        let mut changes = Vec::new();
        match (before, document) {
            (Some(AnyDocument::Root(before)), AnyDocument::Root(after)) => {
                changes = self.of_root(before.peek(), after.peek());
            }
            (Some(AnyDocument::Targets(before)), AnyDocument::Targets(after)) => {
                changes = of_targets(before.peek(), after.peek());
            }
            (
                _,
                AnyDocument::Root(_)
                | AnyDocument::Targets(_)
                | AnyDocument::Snapshot(_)
                | AnyDocument::Timestamp(_),
            ) => {}
        }
        if before.is_some() && changes.is_empty() {
            changes.push("Nothing but version and date changed".to_owned());
        }
        for change in changes {
            let _ = writeln!(text, "    {change}.");
        }
    }

    /// By role, which keys come and which go; and thresholds.
    fn of_root(&self, before: &Root, after: &Root) -> Vec<String> {
        let mut changes = Vec::new();
        let named = |ids: Vec<&KeyId>| -> String {
            ids.into_iter().map(|id| self.anchored.called(id)).collect::<Vec<_>>().join(", ")
        };
        let roles: BTreeSet<&RoleName> = before.roles.keys().chain(after.roles.keys()).collect();
        for role in roles {
            let (old, new) = (before.roles.get(role), after.roles.get(role));
            let ids = |keys: Option<&crate::tuf::root::RoleKeys>| -> BTreeSet<KeyId> {
                keys.map(|keys| keys.keyids.iter().cloned().collect()).unwrap_or_default()
            };
            let (old_ids, new_ids) = (ids(old), ids(new));
            let come = named(new_ids.difference(&old_ids).collect());
            let go = named(old_ids.difference(&new_ids).collect());
            if !come.is_empty() {
                changes.push(format!("Keys that come to {role}: {come}"));
            }
            if !go.is_empty() {
                changes.push(format!("Keys that leave {role}: {go}"));
            }
            if let (Some(old), Some(new)) = (old, new)
                && old.threshold != new.threshold
            {
                changes.push(format!(
                    "The threshold of {role} becomes {} after {}",
                    new.threshold.0, old.threshold.0
                ));
            }
        }
        changes
    }

    /// Whether a key leaves a role of the root.
    fn replaces_keys(&self) -> bool {
        let (before, after) = (self.anchored.before.root(), self.anchored.after.root());
        before.zip(after).is_some_and(|(before, after)| {
            before.roles.iter().any(|(role, keys)| {
                let now = after.roles.get(role).map(|role| role.keyids.as_slice());
                keys.keyids.iter().any(|id| !now.unwrap_or_default().contains(id))
            })
        })
    }

    fn replaces_targets_keys(&self) -> bool {
        let ids = |of: &Documents| -> BTreeSet<KeyId> {
            of.keys(&RoleName::targets()).into_iter().map(|(id, _)| id.clone()).collect()
        };
        self.anchored.before.root().is_some()
            && ids(self.anchored.before) != ids(self.anchored.after)
    }

    fn exposed(&self, text: &mut String) {
        text.push_str("\nWHO STAYS EXPOSED, AND UNTIL WHEN\n");
        text.push_str(match self.anchored.dialect {
            Dialect::Notary1 => {
                "docker trusts the first root that it sees; it reads no pins. A client that never saw this repository\n\
                 is protected only by the pins of notary or by an admission controller, and without them for ever.\n"
            }
            Dialect::Tuf1 => {
                "A client that fetches its first root from the server trusts whatever it is given. Only a root that\n\
                 comes with the client itself protects it.\n"
            }
        });
        let end = |role: &RoleName| -> Option<(u64, Timestamp)> {
            let before = self.anchored.before.of(role)?;
            self.signed.of(role)?;
            Some((before.version(), before.expires().at))
        };
        if self.anchored.before.of(&RoleName::root()).is_none() {
            return;
        }
        text.push_str(
            "\nNobody is protected before this is published and the client has asked the server again. A client that\n\
             is cut off, or is shown old files by whoever stands between, keeps to what it has until the timestamp\n\
             that it saw last ends (a Notary server makes it for 14 days unless it was told otherwise).\n",
        );
        if let Some((version, at)) = end(&RoleName::root()).filter(|_| self.replaces_keys()) {
            let _ = writeln!(
                text,
                "\nA client that nobody gives the new root keeps to root version {version}. Whoever holds a key that it\n\
                 names and this ceremony replaced, and the keys of the online side too, can deceive that client until\n\
                 that root ends: {}.",
                at.to_minute()
            );
        }
        if let Some((version, at)) = end(&RoleName::targets()) {
            let _ = writeln!(
                text,
                "\nTargets version {version}, which are replaced, end {}: until then whoever holds the keys of the\n\
                 online side can show them again to a client that has not seen the new ones.",
                at.to_minute()
            );
        }
        if let (Dialect::Notary1, Some(_)) = (self.anchored.dialect, end(&RoleName::root())) {
            text.push_str(
                "\nA client that has seen the repository follows to the new root by itself if it saw the version just\n\
                 before; one that is two versions behind, and whose root has ended, must remove its trust data. A\n\
                 client whose pins name only certificates of the old root refuses the new one at its first contact:\n\
                 give out anchors/notary-trust-pinning.json, which names both, before publishing.\n",
            );
        }
        text.push_str("\nWhat was pulled or downloaded before is checked again by nobody.\n");
    }
}

fn purpose(document: &AnyDocument) -> &'static str {
    match document {
        AnyDocument::Root(_) => {
            "Names the keys and thresholds of every role; everything else is believed by its word"
        }
        AnyDocument::Targets(_) => {
            "Maps names to digests, and names those who may do so for a part of them"
        }
        AnyDocument::Snapshot(_) => "Says which documents belong together",
        AnyDocument::Timestamp(_) => "Says which snapshot is the newest",
    }
}

/// How many names come, go and move, and which delegations.
fn of_targets(before: &Targets, after: &Targets) -> Vec<String> {
    let mut changes = Vec::new();
    let (old, new) = (before.targets.to_map(), after.targets.to_map());
    let come = new.keys().filter(|name| !old.contains_key(*name)).count();
    let go = old.keys().filter(|name| !new.contains_key(*name)).count();
    let moved = new
        .iter()
        .filter(|(name, file)| {
            old.get(*name).is_some_and(|before| {
                (before.length, &before.hashes) != (file.length, &file.hashes)
            })
        })
        .count();
    if come + go + moved > 0 {
        changes.push(format!(
            "Names that come: {come}; that go: {go}; that lead to other content: {moved}"
        ));
    }
    let roles = |targets: &Targets| -> BTreeMap<RoleName, BTreeSet<KeyId>> {
        let all = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
        all.map(|role| (role.name.clone(), role.keys.keyids.iter().cloned().collect())).collect()
    };
    let (old, new) = (roles(before), roles(after));
    for (role, keys) in &new {
        match old.get(role) {
            None => changes.push(format!("The delegation {role} comes")),
            Some(before) if before != keys => {
                changes.push(format!("The delegation {role} has other keys"));
            }
            Some(_) => {}
        }
    }
    for role in old.keys().filter(|role| !new.contains_key(*role)) {
        changes.push(format!("The delegation {role} goes"));
    }
    changes
}
