//! Notary repositories that clients must judge: what we say of each, and what the real client says.

use std::collections::BTreeSet;

use anchorite::tuf::client::notary1::{Contact, meet};
use anchorite::tuf::client::{Walk, WalkVerdict};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::key::KeyId;
use anchorite::tuf::time::Timestamp;
use anchorite::tuf::verify::Candidate;
use anchorite::tuf::wire::certificate::Certificate;

use super::notary_repo::{Cert, Files, Plan, RootPlan, days, list, role, signed_by};

/// What a client makes of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Accepts,
    /// It takes the repository without a subtree, and says so.
    Drops,
    Refuses,
}
use Says::{Accepts, Drops, Refuses};

/// A repository, the root that the client holds already, what it pins, and what is said of it.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) gun: String,
    pub(crate) files: Files,
    pub(crate) held: Option<Vec<u8>>,
    pub(crate) pins: Vec<String>,
    /// The PEM text of a pinned authority.
    pub(crate) authority: Option<String>,
    pub(crate) ours: Says,
    pub(crate) real: Says,
}

struct Making {
    now: Timestamp,
    all: Vec<Variant>,
}

/// All of them, for a time.
pub(crate) fn variants(now: Timestamp) -> Vec<Variant> {
    let mut making = Making { now, all: Vec::new() };
    making.certificates();
    making.roles();
    making.delegations();
    making.bytes();
    making.rotations();
    making.pins();
    making.all
}

impl Making {
    fn add(&mut self, name: &'static str, ours: Says, real: Says, files: Files) -> &mut Variant {
        let gun = gun(name);
        let (held, pins, authority) = (None, Vec::new(), None);
        self.all.push(Variant { name, gun, files, held, pins, authority, ours, real });
        self.all.last_mut().unwrap()
    }

    fn plan(&self, name: &str) -> Plan {
        Plan::new(&gun(name), self.now)
    }

    fn cert(&self, label: &str, name: &str) -> Cert {
        Cert::new(label, &gun(name), self.now)
    }

    /// A root of one certificate.
    fn one(&mut self, name: &'static str, says: Says, change: impl Fn(&mut Cert)) {
        let mut cert = self.cert("root-a", name);
        change(&mut cert);
        let files = self.plan(name).with_root(&[cert], 1).files();
        self.add(name, says, says, files);
    }

    /// A root of one certificate whose PEM text is changed.
    fn form(&mut self, name: &'static str, says: Says, change: impl Fn(String) -> String) {
        let mut plan = self.plan(name);
        let pem = change(self.cert("root-a", name).pem());
        plan.root.certificates = vec![("root-a".to_owned(), pem)];
        plan.root.signers = plan.root.certificates.clone();
        self.add(name, says, says, plan.files());
    }

    fn three(&self, name: &str, ended: &[&str]) -> Vec<Cert> {
        let made = ["root-a", "root-b", "root-c"].map(|label| {
            let mut cert = self.cert(label, name);
            if ended.contains(&label) {
                cert.from = days(self.now, -100);
                cert.until = days(self.now, -1);
            }
            cert
        });
        made.to_vec()
    }

    fn certificates(&mut self) {
        let now = self.now;
        self.one("good", Accepts, |_| ());
        for (name, says, common_name) in [
            ("other-name", Refuses, "registry.example.com/other"),
            ("no-name", Refuses, ""),
            ("wildcard", Accepts, "registry.example.com/*"),
            ("other-wildcard", Refuses, "registry.example.org/*"),
        ] {
            self.one(name, says, |cert| common_name.clone_into(&mut cert.name));
        }
        self.one("ended", Refuses, |cert| {
            cert.from = days(now, -100);
            cert.until = days(now, -1);
        });
        self.one("ends-soon", Accepts, |cert| cert.until = days(now, 100));
        self.one("begins-tonight", Accepts, |cert| {
            cert.from = Timestamp::from_unix_seconds(now.unix_seconds() + 43_200).unwrap();
        });
        self.one("begins-in-three-days", Refuses, |cert| cert.from = days(now, 3));
        self.one("authority-as-leaf", Refuses, |cert| cert.authority = true);
        self.one("sha1", Refuses, |cert| cert.sha1 = true);
        let carriage = |pem: String| pem.replace('\n', "\r\n");
        self.form("carriage-returns", Refuses, carriage);
        self.form("no-last-newline", Refuses, |pem| pem.trim_end().to_owned());
        let mut ca = Cert::new("ca", "An authority", now);
        ca.authority = true;
        let after = ca.pem();
        self.form("authority-after-leaf", Accepts, |pem| pem + &after);
        self.form("authority-first", Refuses, |pem| after.clone() + &pem);
        let other = self.cert("root-b", "two-leaves").pem();
        self.form("two-leaves", Refuses, |pem| pem + &other);
        ca.until = days(now, -1);
        ca.from = days(now, -9);
        let ended = ca.pem();
        self.form("ended-authority-after-leaf", Refuses, |pem| pem + &ended);
        for (name, ended, says) in [
            ("two-of-three", &[][..], Accepts),
            ("one-of-three-ended", &["root-b"], Accepts),
            ("two-of-three-ended", &["root-a", "root-b"], Refuses),
        ] {
            let files = self.plan(name).with_root(&self.three(name, ended), 2).files();
            self.add(name, says, says, files);
        }
        let name = "one-key-two-certificates";
        let mut again = self.cert("root-a", name);
        again.until = days(now, 6000);
        let files = self.plan(name).with_root(&[self.cert("root-a", name), again], 2).files();
        self.add(name, Refuses, Accepts, files);
    }

    fn roles(&mut self) {
        let now = self.now;
        let name = "root-signed-by-one-of-two";
        let mut plan = self.plan(name).with_root(&self.three(name, &[]), 2);
        plan.root.signers.truncate(1);
        self.add(name, Refuses, Refuses, plan.files());
        for (name, targets, says) in [
            ("targets-by-two", role(&["targets", "more"], 2), Accepts),
            ("targets-by-one-of-two", signed_by(&["targets", "more"], 2, &["targets"]), Refuses),
            ("targets-by-a-stranger", signed_by(&["targets"], 1, &["stranger"]), Refuses),
            (
                "targets-by-a-stranger-too",
                signed_by(&["targets"], 1, &["targets", "stranger"]),
                Accepts,
            ),
            (
                "one-key-signs-twice",
                signed_by(&["targets", "more"], 2, &["targets", "targets"]),
                Refuses,
            ),
            ("targets-by-ed25519", role(&["ed-targets"], 1), Accepts),
        ] {
            let plan = Plan { targets, ..self.plan(name) };
            self.add(name, says, says, plan.files());
        }
        let name = "root-expired";
        let mut plan = self.plan(name);
        plan.root.expires = days(now, -1);
        self.add(name, Refuses, Refuses, plan.files());
        for (nth, name) in
            ["targets-expired", "snapshot-expired", "timestamp-expired"].into_iter().enumerate()
        {
            let mut plan = self.plan(name);
            plan.expires[nth] = days(now, -1);
            self.add(name, Refuses, Refuses, plan.files());
        }
        let name = "target-without-hash";
        let plan = Plan { tags: vec!["no-hash".to_owned()], ..self.plan(name) };
        self.add(name, Refuses, Accepts, plan.files());
    }

    fn delegations(&mut self) {
        let releases = "targets/releases";
        let all = Some(&[""][..]);
        let team = || role(&["team"], 1);
        for (name, delegated, paths, tags, says) in [
            ("delegation", team(), all, &["v2"][..], Accepts),
            ("delegation-by-two", role(&["team", "ed-team"], 2), all, &["v2"], Accepts),
            (
                "delegation-by-one-of-two",
                signed_by(&["team", "two"], 2, &["team"]),
                all,
                &["v2"],
                Drops,
            ),
            ("delegation-by-nobody", signed_by(&[], 1, &["team"]), all, &["v2"], Drops),
            (
                "delegation-by-a-stranger",
                signed_by(&["team"], 1, &["stranger"]),
                all,
                &["v2"],
                Drops,
            ),
            ("delegation-threshold-zero", role(&["team"], 0), all, &["v2"], Refuses),
            ("delegation-without-paths", team(), None, &["v2"], Accepts),
            ("delegation-with-a-prefix", team(), Some(&["prod-"]), &["v2", "prod-1"], Accepts),
        ] {
            let plan = self.plan(name).with(releases, delegated, paths, tags);
            self.add(name, says, says, plan.files());
        }
        let name = "delegation-name";
        let files = self.plan(name).with("targets/Bad", team(), all, &["v2"]).files();
        self.add(name, Refuses, Refuses, files);
        let name = "delegation-expired";
        let mut plan = self.plan(name).with(releases, team(), all, &["v2"]);
        plan.delegations[0].expires = days(self.now, -1);
        self.add(name, Drops, Drops, plan.files());
        let name = "delegation-below-a-dropped-one";
        let plan = self
            .plan(name)
            .with("targets/a", signed_by(&["team"], 1, &["stranger"]), all, &["v2"])
            .with("targets/a/b", team(), all, &["v3"])
            .with("targets/c", team(), all, &["v4"]);
        self.add(name, Drops, Drops, plan.files());
        let name = "delegation-below-another";
        let plan = self.plan(name).with("targets/a", team(), Some(&["a"]), &["a1"]).with(
            "targets/a/b",
            team(),
            Some(&["ab", "b"]),
            &["ab1", "b1"],
        );
        self.add(name, Accepts, Accepts, plan.files());
        let name = "delegation-not-published";
        let plan = self.plan(name).with(releases, team(), all, &["v2"]);
        let mut files = plan.offline();
        files.remove("targets/releases.json");
        plan.online(&mut files);
        self.add(name, Accepts, Accepts, files);
        let name = "delegation-missing";
        let mut files = self.plan(name).with(releases, team(), all, &["v2"]).files();
        files.remove("targets/releases.json");
        self.add(name, Refuses, Refuses, files);
    }

    /// Bytes that Notary would write in another way: covered by the repository's own snapshot, or not.
    fn bytes(&mut self) {
        let change = |files: &mut Files, name: &str| {
            files.get_mut(name).unwrap().push(b'\n');
        };
        for (name, document) in
            [("own-snapshot-newline", "targets.json"), ("own-snapshot-root-newline", "root.json")]
        {
            let plan = self.plan(name);
            let mut files = plan.offline();
            change(&mut files, document);
            plan.online(&mut files);
            self.add(name, Accepts, Accepts, files);
        }
        for (name, document) in [
            ("targets-changed", "targets.json"),
            ("root-changed", "root.json"),
            ("snapshot-changed", "snapshot.json"),
        ] {
            let mut files = self.plan(name).files();
            change(&mut files, document);
            self.add(name, Refuses, Refuses, files);
        }
        let name = "root-not-in-the-snapshot";
        let plan = self.plan(name);
        let mut files = plan.offline();
        let root = files.remove("root.json").unwrap();
        plan.online(&mut files);
        files.insert("root.json".to_owned(), root);
        self.add(name, Refuses, Refuses, files);
    }

    /// Roots that follow one another: each with its certificates, when it expires, and who signs.
    fn chain(
        &mut self,
        name: &'static str,
        says: (Says, Says),
        roots: &[(u64, i64, &[&str], &[&str])],
        gap: bool,
    ) {
        let mut plan = self.plan(name);
        let mut files = Files::new();
        let mut held = None;
        for (version, expires, certificates, signers) in roots {
            let pem = |label: &&str| {
                let mut cert = self.cert(label.trim_end_matches('!'), name);
                if label.ends_with('!') {
                    cert.from = days(self.now, -100);
                    cert.until = days(self.now, -1);
                }
                (cert.key.clone(), cert.pem())
            };
            plan.root = RootPlan {
                version: *version,
                expires: days(self.now, *expires),
                certificates: certificates.iter().map(pem).collect(),
                threshold: 1,
                signers: signers.iter().map(pem).collect(),
            };
            held.get_or_insert_with(|| plan.root());
            files.insert(format!("{version}.root.json"), plan.root());
        }
        files.extend(plan.files());
        if gap {
            files.remove("2.root.json");
        }
        self.add(name, says.0, says.1, files).held = held;
    }

    fn rotations(&mut self) {
        let both = |says| (says, says);
        let (a, b, c) = (&["root-a"][..], &["root-b"][..], &["root-c"][..]);
        self.chain(
            "rotated",
            both(Accepts),
            &[(1, 99, a, a), (2, 99, b, &["root-a", "root-b"])],
            false,
        );
        self.chain("rotated-by-new-only", both(Refuses), &[(1, 99, a, a), (2, 99, b, b)], false);
        self.chain("rotated-by-old-only", both(Refuses), &[(1, 99, a, a), (2, 99, b, a)], false);
        let (ab, bc): (&[&str], &[&str]) = (&["root-a", "root-b"], &["root-b", "root-c"]);
        let abc = &["root-a", "root-b", "root-c"][..];
        self.chain(
            "rotated-twice",
            both(Accepts),
            &[(1, 99, a, a), (2, 99, b, ab), (3, 99, c, bc)],
            false,
        );
        self.chain(
            "middle-expired",
            both(Accepts),
            &[(1, 99, a, a), (2, -1, b, ab), (3, 99, c, bc)],
            false,
        );
        self.chain(
            "held-expired-one-behind",
            both(Accepts),
            &[(1, -1, a, a), (2, 99, b, ab)],
            false,
        );
        self.chain(
            "held-expired-two-behind",
            both(Refuses),
            &[(1, -1, a, a), (2, 99, b, ab), (3, 99, c, bc)],
            false,
        );
        self.chain(
            "held-expired-legacy",
            both(Accepts),
            &[(1, -1, a, a), (2, 99, b, ab), (3, 99, c, abc)],
            false,
        );
        self.chain("version-skipped", (Refuses, Accepts), &[(1, 99, a, a), (3, 99, b, ab)], false);
        self.chain(
            "middle-missing",
            both(Refuses),
            &[(1, 99, a, a), (2, 99, b, ab), (3, 99, c, bc)],
            true,
        );
        self.chain(
            "middle-certificate-ended",
            both(Refuses),
            &[
                (1, 99, a, a),
                (2, 99, &["root-b!"], &["root-a", "root-b!"]),
                (3, 99, c, &["root-b!", "root-c"]),
            ],
            false,
        );
        self.chain(
            "held-certificate-ended",
            both(Refuses),
            &[(1, 99, &["root-a!"], &["root-a!"]), (2, 99, b, &["root-a!", "root-b"])],
            false,
        );
        self.chain("rolled-back", both(Refuses), &[(2, 99, a, a), (1, 99, a, a)], false);
        let name = "two-roots-of-one-version";
        self.chain(name, (Refuses, Accepts), &[(1, 99, a, a), (1, 98, a, a)], false);
    }

    fn pins(&mut self) {
        let id = |cert: &Cert| list(&cert.pem()).0.to_string();
        let none = || "0".repeat(64);
        for (name, pins, says) in [
            ("pinned", &["root-a"][..], Accepts),
            ("pinned-old-and-new", &["none", "root-a"], Accepts),
            ("pinned-other", &["none"], Refuses),
        ] {
            let files = self.plan(name).files();
            let own = id(&self.cert("root-a", name));
            let pins = pins.iter().map(|pin| if *pin == "none" { none() } else { own.clone() });
            let pins = pins.collect();
            self.add(name, says, says, files).pins = pins;
        }
        for (name, count, says) in
            [("pinned-one-of-two", 1, Refuses), ("pinned-two-of-two", 2, Accepts)]
        {
            let three = self.three(name, &[]);
            let files = self.plan(name).with_root(&three, 2).files();
            let pins = three.iter().take(count).map(id).collect();
            self.add(name, says, says, files).pins = pins;
        }
        let mut ca = Cert::new("ca", "An authority", self.now);
        ca.authority = true;
        for (name, usage, issued, says) in [
            ("authority-pinned", None, true, Accepts),
            ("authority-pinned-for-servers", Some(1), true, Accepts),
            ("authority-pinned-for-code", Some(3), true, Refuses),
            ("other-authority-pinned", None, false, Refuses),
        ] {
            let mut cert = self.cert("root-a", name);
            cert.usage = usage;
            cert.issuer = issued.then(|| (ca.key.clone(), ca.name.clone()));
            let files = self.plan(name).with_root(&[cert], 1).files();
            self.add(name, says, says, files).authority = Some(ca.pem());
        }
        let name = "authority-between";
        let mut between = Cert::new("between", "Another authority", self.now);
        between.authority = true;
        between.issuer = Some((ca.key.clone(), ca.name.clone()));
        let mut cert = self.cert("root-a", name);
        cert.issuer = Some((between.key.clone(), between.name.clone()));
        let mut plan = self.plan(name);
        let pem = cert.pem() + &between.pem();
        plan.root.certificates = vec![("root-a".to_owned(), pem)];
        plan.root.signers = plan.root.certificates.clone();
        self.add(name, Accepts, Accepts, plan.files()).authority = Some(ca.pem());
    }
}

fn gun(name: &str) -> String {
    format!("registry.example.com/{name}")
}

/// What our own client says of a variant, and its walk; none where its root is not even one.
pub(crate) fn judged(variant: &Variant, at: Timestamp) -> (Says, Option<Walk>) {
    let walk = walked(variant, at);
    let refused =
        |walk: &Walk| walk.steps.iter().any(|step| matches!(step.verdict, WalkVerdict::Refused(_)));
    let says = match &walk {
        Some(walk) if walk.accepted() => Accepts,
        Some(walk) if !refused(walk) => Drops,
        Some(_) | None => Refuses,
    };
    (says, walk)
}

fn walked(variant: &Variant, at: Timestamp) -> Option<Walk> {
    let contact = Contact {
        gun: Some(variant.gun.clone()),
        pins: variant.pins.iter().map(KeyId::new).collect(),
        authorities: variant
            .authority
            .iter()
            .flat_map(|pem| Certificate::chain_from_pem(pem).unwrap())
            .collect(),
        first: variant.held.is_none(),
    };
    let root = variant.held.as_ref().unwrap_or(&variant.files["root.json"]);
    let root = Candidate::read(Dialect::Notary1, root).unwrap().trusted_on_first_use().ok()?;
    Some(meet(&contact, root, &mut variant.files.clone(), at, &BTreeSet::new()))
}
