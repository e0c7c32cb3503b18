//! What is shown of a document, in words.

use crate::front::words::{counted, escape, hex_lines, wrap};
use crate::tuf::key::KeyId;
use crate::tuf::time::Timestamp;

use super::shape::{Document, Key, Role, Tallied};

/// The lines for one document.
pub(super) fn lines(document: &Document) -> Vec<String> {
    let mut page = Page { lines: Vec::new(), keys: &document.keys };
    page.head(document);
    page.roles(document);
    page.keys();
    page.targets(document);
    page.meta(document);
    page.signatures(document);
    page.unknown(document);
    page.lines
}

struct Page<'a> {
    lines: Vec<String>,
    keys: &'a [Key],
}

impl Page<'_> {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn row(&mut self, name: &str, value: impl std::fmt::Display) {
        self.say(format!("  {name:<12}{value}"));
    }

    fn head(&mut self, document: &Document) {
        self.say(format!(
            "{}: {}, {}, version {}",
            escape(&document.file),
            document.kind,
            document.dialect,
            document.version
        ));
        if document.role != document.kind {
            self.row("role", escape(&document.role));
        }
        self.row("expires", when(document.expires.at, document.expires.days_left));
        if let Some(stated) = &document.expires.stated {
            self.row("", format!("[!!] written as {}", escape(stated)));
        }
        if let Some(clock) = &document.certificates {
            self.row(
                "certificate",
                format!("the first ends {}", when(clock.earliest_end, clock.days_left)),
            );
            let mark = if clock.before_root {
                "[!!] before the root expires; from then on clients refuse everything for good"
            } else {
                "[ok] not before the root expires"
            };
            self.row("", mark);
        }
        self.row("digest", "SHA-256 of what is signed:");
        for line in hex_lines(&document.digest) {
            self.row("", line);
        }
        if let Some(stated) = &document.spec_version {
            self.row("spec", escape(stated));
        }
        if let Some(stated) = document.consistent_snapshot {
            self.row("snapshots", if stated { "consistent" } else { "not consistent" });
        }
        if document.exact_bytes == Some(false) {
            self.row(
                "bytes",
                "[!!] Notary would write others: a server that signs snapshots bricks it",
            );
        }
    }

    /// How the page calls a key: by its number in the list of keys.
    fn number(&self, id: &KeyId) -> String {
        match self.keys.iter().position(|key| key.id == *id) {
            Some(place) => format!("[{}]", place + 1),
            None => format!("[!!] {}, which is not among the keys", escape(id.as_str())),
        }
    }

    fn numbers(&self, ids: &[KeyId]) -> String {
        ids.iter().map(|id| self.number(id)).collect::<Vec<_>>().join(" ")
    }

    fn roles(&mut self, document: &Document) {
        if document.kind == "root" {
            for role in &document.roles {
                let must = must(role.threshold, &role.keyids);
                let numbers = self.numbers(&role.keyids);
                self.row(&escape(&role.name), format!("{must}: {numbers}"));
            }
            return;
        }
        if !document.roles.is_empty() {
            self.say(format!(
                "  delegates to {}, in this order:",
                counted(document.roles.len(), "role")
            ));
        }
        for role in &document.roles {
            self.delegation(role);
        }
        self.overlaps(document);
        if let Some(bins) = &document.bins {
            let last = bins.count.saturating_sub(1);
            self.say(format!(
                "  delegates to {} hash bins: {}-0 to {}-{last:x}, by {} bits",
                bins.count,
                escape(&bins.prefix),
                escape(&bins.prefix),
                bins.bits
            ));
            let must = must(bins.threshold, &bins.keyids);
            let numbers = self.numbers(&bins.keyids);
            self.say(format!("    +- {must}: {numbers}"));
        }
    }

    fn delegation(&mut self, role: &Role) {
        self.say(format!("    +- {}", escape(&role.name)));
        let must = must(role.threshold, &role.keyids);
        let numbers = self.numbers(&role.keyids);
        self.say(format!("    |    {must}: {numbers}"));
        for (what, list) in [("paths", &role.paths), ("hash prefixes", &role.path_hash_prefixes)] {
            let Some(list) = list else { continue };
            let quoted: Vec<_> = list.iter().map(|path| format!("\"{}\"", escape(path))).collect();
            let text = match list.as_slice() {
                [] => "none".to_owned(),
                [all] if all.is_empty() => "\"\" (everything)".to_owned(),
                _ => few(&quoted, 5),
            };
            for line in wrap(&format!("{what}: {text}"), 84) {
                self.say(format!("    |    {line}"));
            }
        }
        if role.terminating == Some(true) {
            self.say("    |    terminating: for these paths nobody after it is asked");
        }
    }

    /// Paths that two delegations cover, and delegations that are never asked.
    fn overlaps(&mut self, document: &Document) {
        const SHOWN: usize = 5;
        let Some(found) = &document.overlaps else { return };
        for pair in found.pairs.iter().take(SHOWN) {
            let (first, second) = (escape(pair.first.as_str()), escape(pair.second.as_str()));
            let (one, two) = (escape(&pair.first_path), escape(&pair.second_path));
            self.say(format!("  [!!] {first} and {second} overlap: \"{one}\" and \"{two}\""));
            if pair.ends {
                self.say(format!("       {first} ends the search; {second} is not asked there"));
            }
        }
        if found.pairs.len() > SHOWN {
            self.say(format!("       {} pairs overlap, showing {SHOWN}", found.pairs.len()));
        }
        for role in &found.never_asked {
            let role = escape(role.as_str());
            self.say(format!(
                "  [!!] {role} is never asked: terminating roles before it cover all its paths"
            ));
        }
        if !found.complete {
            self.say("  [??] there are too many paths to compare them all");
        }
    }

    fn keys(&mut self) {
        for (place, key) in self.keys.iter().enumerate() {
            let bits = key.rsa_bits.map(|bits| format!(", {bits} bits")).unwrap_or_default();
            self.row(&format!("key [{}]", place + 1), format!("{}{bits}", key.algorithm));
            let digest = key.fingerprint.digest();
            for line in hex_lines(&digest) {
                self.row("", line);
            }
            for words in wrap(&key.words, 78) {
                self.row("", words);
            }
            self.row("", format!("id {}", escape(key.id.as_str())));
            if !key.id_is_the_hash {
                self.row("", "[!!] the id is not the hash of the key");
            }
            if let Some(leaf) = &key.certificate {
                self.row(
                    "",
                    format!(
                        "certificate for {}, from {} to {}",
                        escape(&leaf.common_name),
                        leaf.not_before.to_minute(),
                        when(leaf.not_after, leaf.days_left)
                    ),
                );
            }
        }
    }

    fn targets(&mut self, document: &Document) {
        let Some(list) = &document.targets else { return };
        self.row("targets", showing(list.count, list.items.len()));
        for target in &list.items {
            let custom = if target.custom { ", with custom data" } else { "" };
            self.say(format!("    {}  {} bytes{custom}", escape(&target.name), target.length));
            self.hashes(&target.hashes);
        }
    }

    fn hashes(&mut self, hashes: &std::collections::BTreeMap<String, String>) {
        if hashes.is_empty() {
            self.say("      no hash");
        }
        for (name, hash) in hashes {
            self.say(format!("      {} {hash}", escape(name)));
        }
    }

    fn meta(&mut self, document: &Document) {
        let Some(list) = &document.meta else { return };
        self.row("names", showing(list.count, list.items.len()));
        for file in &list.items {
            let version = file.version.map(|v| format!(", version {v}")).unwrap_or_default();
            let length = file.length.map(|l| format!(", {l} bytes")).unwrap_or_default();
            self.say(format!("    {}{version}{length}", escape(&file.name)));
            if !file.hashes.is_empty() {
                self.hashes(&file.hashes);
            }
        }
    }

    fn signatures(&mut self, document: &Document) {
        self.row("signatures", document.signatures);
        for id in &document.empty_signatures {
            self.say(format!("    empty: {}", escape(id.as_str())));
        }
        if document.tallies.is_empty() {
            self.say("  [??] Who may sign it is not known from this file alone.");
            let by = if document.kind == "targets" && document.role != "targets" {
                "--by FILE, the document that delegates to it"
            } else {
                "--root FILE"
            };
            self.say(format!("       Name who says it: {by}"));
        }
        for tallied in &document.tallies {
            self.tally(tallied);
        }
    }

    fn tally(&mut self, tallied: &Tallied) {
        let by = escape(&tallied.by);
        if let Some(why) = &tallied.why_not {
            self.say(format!("  [NO] by {by}: {}", escape(why)));
            return;
        }
        let mark = if tallied.reached { "[ok]" } else { "[NO]" };
        self.say(format!(
            "  {mark} by {by}: {}, {} needed",
            counted(tallied.good.len(), "good signature"),
            tallied.threshold.unwrap_or_default()
        ));
        for good in &tallied.good {
            self.say(format!("       signed: {}", good.fingerprint));
        }
        for ignored in &tallied.not_counted {
            let why = match ignored.why {
                "stranger" => "the role does not list this key id",
                "empty" => "an empty place-holder",
                "not-of-its-kind" => "no signature of the key's kind",
                "again" => "the same key is counted already",
                _ => "not this key's signature over these bytes",
            };
            self.say(format!("       not counted: {}", escape(ignored.keyid.as_str())));
            self.say(format!("         {why}"));
        }
        for missing in &tallied.missing {
            self.say(format!("       has not signed: {missing}"));
        }
    }

    fn unknown(&mut self, document: &Document) {
        let names: Vec<_> = document.unknown_members.iter().map(|name| escape(name)).collect();
        if !names.is_empty() {
            for (nth, line) in wrap(&few(&names, 5), 76).iter().enumerate() {
                self.row(if nth == 0 { "unknown" } else { "" }, line);
            }
        }
    }
}

fn must(threshold: i64, keys: &[KeyId]) -> String {
    format!("{threshold} of {}", counted(keys.len(), "key"))
}

fn when(at: Timestamp, days: i64) -> String {
    let left = match days {
        i64::MIN..=-1 => "[!!] it has passed".to_owned(),
        1 => "1 day left".to_owned(),
        _ => format!("{days} days left"),
    };
    format!("{} ({left})", at.to_minute())
}

/// `31, showing 5`.
fn showing(count: usize, shown: usize) -> String {
    if shown < count {
        format!("{count}, showing {shown} (--all for the rest)")
    } else {
        count.to_string()
    }
}

fn few(names: &[String], most: usize) -> String {
    let shown = names.get(..most).unwrap_or(names);
    let listed = shown.join(", ");
    if shown.len() < names.len() {
        format!("{}, showing {}: {listed}", names.len(), shown.len())
    } else {
        listed
    }
}
