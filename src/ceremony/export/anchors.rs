//! What clients hold on to: the root's digest on a card, pins, certificates, and a rule for those who admit images.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::tuf::any::AnyDocument;
use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::{RepoName, RoleName};
use crate::tuf::qr;
use crate::tuf::root::ListedKey;

use super::documents::Documents;

/// The repository whose anchors these are, before and after the change.
pub(super) struct Anchored<'a> {
    pub(super) name: &'a RepoName,
    pub(super) dialect: Dialect,
    /// What the plan calls keys, by their id.
    pub(super) names: &'a BTreeMap<KeyId, String>,
    pub(super) before: &'a Documents,
    pub(super) after: &'a Documents,
}

impl Anchored<'_> {
    /// All files below `anchors/`, by their path on OUT. None where there is no root.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let Some(root) = self.after.of(&RoleName::root()) else { return files };
        files.insert("anchors/root-digest.txt".to_owned(), self.card(root).into_bytes());
        files.insert("anchors/root.json".to_owned(), root.received().to_vec());
        match self.dialect {
            Dialect::Tuf1 => {}
            Dialect::Notary1 => {
                for (id, key) in self.after.keys(&RoleName::root()) {
                    if let Some(pem) = &key.certificate {
                        let path = format!("anchors/{}.pem", self.called(id));
                        files.insert(path, pem.clone().into_bytes());
                    }
                }
                let pins = self.pinning().into_bytes();
                files.insert("anchors/notary-trust-pinning.json".to_owned(), pins);
                files.insert("anchors/admission.yaml".to_owned(), self.admission().into_bytes());
            }
        }
        files
    }

    /// What the plan calls a key, or the beginning of its id.
    pub(super) fn called(&self, id: &KeyId) -> String {
        let short = || id.as_str().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        self.names.get(id).cloned().unwrap_or_else(short)
    }

    /// The ids to pin: those of the new root, and those of the one before, for clients that see the change later.
    pub(super) fn pins(&self) -> Vec<&KeyId> {
        let mut ids: Vec<&KeyId> = Vec::new();
        for (id, _) in
            [self.before, self.after].iter().flat_map(|root| root.keys(&RoleName::root()))
        {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    fn pinning(&self) -> String {
        let ids: Vec<String> = self.pins().iter().map(|id| format!("{:?}", id.as_str())).collect();
        // The reader of this setting folds the names of repositories to lower case; ours are lower case.
        format!(
            "{{\n  \"trust_pinning\": {{\n    \"certs\": {{\n      {:?}: [{}]\n    }}\n  }}\n}}\n",
            self.name.as_str(),
            ids.join(", ")
        )
    }

    /// For Connaisseur, which reads root keys in this form; other controllers take the same keys in forms of their own.
    fn admission(&self) -> String {
        let mut text = String::from(
            "# For clusters that let only signed images start: an excerpt of the Helm values of the admission\n\
             # controller Connaisseur (version 3). It begins its trust with the root key below, and not with the\n\
             # first root that a server shows. Every root key is listed, since the controller wants the one that it\n\
             # is told to use: name any one of them under trustRoot. Put in your server, and compare the keys with\n\
             # root-digest.txt beside this file.\n\
             application:\n  validators:\n    - name: anchorite\n      type: notaryv1\n      \
             host: notary.example.com # YOUR NOTARY SERVER\n      trustRoots:\n",
        );
        let keys: Vec<(&KeyId, &ListedKey)> = self.after.keys(&RoleName::root());
        for (id, key) in &keys {
            let _ = writeln!(text, "        - name: \"{}\"\n          key: |", self.called(id));
            for line in key.public.to_pem().lines() {
                let _ = writeln!(text, "            {line}");
            }
        }
        let first = keys.first().map(|(id, _)| self.called(id)).unwrap_or_default();
        let _ = write!(
            text,
            "  policy:\n    - pattern: \"{}:*\"\n      validator: anchorite\n      with:\n        trustRoot: \"{first}\"\n",
            self.name
        );
        text
    }

    /// The card: for the wall, for a web page, for the telephone.
    fn card(&self, root: &AnyDocument) -> String {
        let digest = root.digest();
        let mut text = format!(
            "ROOT OF TRUST of {}\nversion {}, good until {}\n\n",
            self.name,
            root.version(),
            root.expires().at.to_minute()
        );
        if self.before.root_digest() == Some(digest) {
            text.push_str("This ceremony left the root as it is.\n\n");
        }
        text.push_str("Root digest: SHA-256 of what the root's keys signed.\n\n");
        text.push_str(&compared(&digest));
        let _ = writeln!(
            text,
            "\nThe same as a QR code:\n\n{}",
            qr::drawn(&digest.to_string()).unwrap_or_default()
        );
        let _ = writeln!(
            text,
            "SHA-256 of the file root.json, signatures and all:\n{}\n",
            Digest::of(root.received())
        );
        let keys = self.after.keys(&RoleName::root());
        let threshold =
            self.after.root().and_then(|root| Some(root.roles.get(&RoleName::root())?.threshold.0));
        let _ = writeln!(
            text,
            "Root keys, {} of {} must sign:",
            threshold.unwrap_or_default(),
            keys.len()
        );
        for (id, key) in keys {
            let _ = writeln!(
                text,
                "\n{}\n    id           {}\n    fingerprint  {}",
                self.called(id),
                id.as_str(),
                key.public.fingerprint()
            );
        }
        if let Some(before) = self.before.root_digest().filter(|before| *before != digest) {
            let _ = writeln!(text, "\nThe root before had the digest\n{before}");
        }
        text
    }
}

/// A digest in groups and words, four lines of each.
fn compared(digest: &Digest) -> String {
    let mut text = String::new();
    for line in digest.groups().chunks(4) {
        let _ = writeln!(text, "    {}", line.join(" "));
    }
    text.push('\n');
    for line in digest.words().chunks(8) {
        let _ = writeln!(text, "    {}", line.join(" "));
    }
    text
}
