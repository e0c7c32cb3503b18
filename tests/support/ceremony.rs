//! Real ceremonies for tests: a shipped plan with its keys in age files, its media, its workspace, and a script that
//! answers. The program itself is run, as people run it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anchorite::tuf::digest::Digest;
use anchorite::tuf::time::Timestamp;
use tempfile::TempDir;

use super::command::{Ran, run};

/// The passphrase of every key.
pub(crate) const PASSPHRASE: &str = "a-long-Passphrase-for-7-tests";

/// A window round now, as a plan's line.
pub(crate) fn window() -> String {
    let now = anchorite::driver::bench::system_time();
    let at = |seconds: i64| -> Timestamp { now.plus_seconds(seconds).unwrap() };
    format!("window    = {{ from = {}, until = {} }}\n", at(-3600), at(3600))
}

/// A real ceremony and everything round it.
#[derive(Debug)]
pub(crate) struct Ceremony {
    folder: TempDir,
    plan: String,
    answers: String,
    secrets: Vec<String>,
}

impl Ceremony {
    /// Takes a shipped plan: tokens become age files, there is a window round now, and what a test's room lacks is
    /// waived.
    pub(crate) fn of(shipped: &str) -> Self {
        let text = fs::read_to_string(format!("ceremonies/{shipped}/plan.toml")).unwrap();
        let mut plan: String = text
            .lines()
            .map(|line| {
                let line = match line.split_once("= { yubikey") {
                    Some((name, _)) => format!("{name}= {{ age = {{}} }}"),
                    None => line.replace(
                        "make        = { pin = \"always\", touch = \"always\" }",
                        "make = {}",
                    ),
                };
                line.replace("make      = { pin = \"always\", touch = \"always\" }", "make = {}")
                    + "\n"
            })
            .collect();
        let window = window();
        plan = plan.replacen("\n[repository]", &format!("\n{window}\n[repository]"), 1);
        for finding in [
            "file-root-key",
            "unattended",
            "room-network-interface",
            "room-default-route",
            "room-swap",
        ] {
            if !plan.contains(&format!("finding = \"{finding}\"")) {
                plan.push_str(&format!(
                    "\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"a test\"\nby = \"Administrator\"\n"
                ));
            }
        }
        Self::with(plan)
    }

    /// Takes a plan as it is.
    pub(crate) fn with(plan: String) -> Self {
        let folder = TempDir::new().unwrap();
        for medium in ["IN", "OUT", "KEYS"] {
            fs::create_dir(folder.path().join(medium)).unwrap();
        }
        let ceremony = Self { folder, plan, answers: String::new(), secrets: Vec::new() };
        for (medium, role) in [("IN", "in"), ("OUT", "out"), ("KEYS", "keys")] {
            let at = ceremony.at(medium);
            ceremony.program(&["media", "enrol", &at.to_string_lossy(), "--role", role]).success();
        }
        let book = ceremony.at("BOOK");
        ceremony.program(&["media", "enrol", &book.to_string_lossy(), "--role", "book"]).success();
        ceremony
    }

    /// Changes the plan's text; what is replaced must be there.
    pub(crate) fn change(&mut self, from: &str, to: &str) {
        assert!(self.plan.contains(from), "{from}");
        self.plan = self.plan.replacen(from, to, 1);
    }

    /// Puts the key of this name into another store, in the form of TOML.
    pub(crate) fn store(&mut self, key: &str, store: &str) {
        self.member(key, "store", store);
    }

    fn member(&mut self, key: &str, member: &str, value: &str) {
        let mut mine = false;
        let mut found = false;
        let lines = self.plan.lines().map(|line| {
            if line.starts_with("[[") {
                mine = false;
            }
            mine |= line.starts_with("name") && line.ends_with(&format!("= \"{key}\""));
            if mine && line.starts_with(member) {
                found = true;
                return format!("{member} = {value}\n");
            }
            format!("{line}\n")
        });
        self.plan = lines.collect();
        assert!(found, "{key}: {member}");
    }

    /// Makes the key of this name ask for PIN and touch each time.
    pub(crate) fn guarded(&mut self, key: &str) {
        self.member(key, "make", "{ pin = \"always\", touch = \"always\" }");
    }

    /// Makes the key of this name of another kind.
    pub(crate) fn algorithm(&mut self, key: &str, algorithm: &str) {
        self.member(key, "algorithm", &format!("\"{algorithm}\""));
    }

    /// Makes the key of this name without policies.
    pub(crate) fn unguarded(&mut self, key: &str) {
        self.member(key, "make", "{}");
    }

    /// Drops a block of the plan, from its first words to the next empty line.
    pub(crate) fn drop_block(&mut self, first: &str) {
        let start = self.plan.find(first).unwrap_or_else(|| panic!("{first}"));
        let end = self.plan[start..].find("\n\n").map_or(self.plan.len(), |at| start + at + 2);
        self.plan.replace_range(start..end, "");
    }

    /// Puts a server's key on IN, and its digest and id into the plan.
    pub(crate) fn server_key(&mut self, role: &str, bytes: &[u8], place_holder: &str) {
        fs::write(self.at("IN").join(format!("{role}.key")), bytes).unwrap();
        let (id, _) = anchorite::tuf::wire::notary1::read_server_key(bytes).unwrap();
        self.change(place_holder, id.as_str());
        let zero = "0".repeat(64);
        let listed = format!("path         = \"{role}.key\"\nsha256       = ");
        self.change(&format!("{listed}\"{zero}\""), &format!("{listed}\"{}\"", Digest::of(bytes)));
    }

    /// Answers one more question, `say` in the form of TOML.
    pub(crate) fn answer(&mut self, ask: &str, say: &str) {
        self.answers.push_str(&format!("\n[[answer]]\nask = \"{ask}\"\nsay = {say}\n"));
    }

    /// Adds a key that has a passphrase.
    pub(crate) fn secret(&mut self, key: &str) {
        self.secrets.push(key.to_owned());
    }

    /// A path of the ceremony.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The plan's path, written out.
    pub(crate) fn plan(&self) -> PathBuf {
        let path = self.at("plan.toml");
        fs::write(&path, &self.plan).unwrap();
        path
    }

    /// Runs the program.
    pub(crate) fn program(&self, arguments: &[&str]) -> Ran {
        run(Command::new(env!("CARGO_BIN_EXE_anchorite"))
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null()))
    }

    /// Holds the ceremony by the shipped script, with the digest of this plan in the place of the shipped one.
    pub(crate) fn hold(&self, shipped: &str) -> Ran {
        let plan = self.plan();
        let digest = |path: &Path| Digest::of(&fs::read(path).unwrap()).to_string();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies").join(shipped);
        let script = fs::read_to_string(root.join("answers.toml")).unwrap();
        let mut script = script.replace(&digest(&root.join("plan.toml")), &digest(&plan));
        // The plan has other waivers to read.
        let waivers: Vec<String> = self
            .plan
            .lines()
            .filter_map(|line| line.strip_prefix("finding = "))
            .map(|name| format!("\"waiver {}\"", name.trim_matches('"')))
            .collect();
        let review = script.find("ask = \"review\"").unwrap();
        let end = review + script[review..].find(']').unwrap();
        let start = review + script[review..].find('[').unwrap();
        let items: Vec<String> = script[start + 1..end]
            .split(", ")
            .filter(|item| !item.contains("waiver"))
            .map(str::to_owned)
            .chain(waivers)
            .collect();
        script.replace_range(start + 1..end, &items.join(", "));
        script.push_str(&self.answers);
        fs::write(self.at("answers.toml"), script).unwrap();
        let secrets: BTreeMap<String, &str> = fs::read_to_string(root.join("rehearsal-secrets"))
            .unwrap()
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(name, _)| name.to_owned())
            .chain(self.secrets.clone())
            .map(|name| (name, PASSPHRASE))
            .collect();
        let mut file = fs::File::create(self.at("secrets")).unwrap();
        for (name, secret) in secrets {
            writeln!(file, "{name}\t{secret}").unwrap();
        }
        let medium = |name: &str| format!("{name}={}", self.at(name).display());
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<secrets", env!("CARGO_BIN_EXE_anchorite"), "run"])
            .arg(plan)
            .args(["--script", "answers.toml", "--passphrase-fd", "3", "--workspace", "BOOK"]);
        for name in ["IN", "OUT", "KEYS"] {
            if self.plan.contains(&format!("name = \"{name}\"")) {
                command.args(["--medium", &medium(name)]);
            }
        }
        run(command.current_dir(self.folder.path()).stdin(Stdio::null()))
    }

    /// Holds another ceremony in the same workspace, by a script of its own, with IN and OUT in folders that end in
    /// `-ROUND`. `asked` are questions and what is said, in the form of TOML, or `wish abort`; the digest of the plan is
    /// put in.
    pub(crate) fn then(
        &self,
        round: &str,
        plan: &str,
        asked: &[(&str, &str)],
        secrets: &[&str],
    ) -> Ran {
        let file = self.at(&format!("plan-{round}.toml"));
        fs::write(&file, plan).unwrap();
        let script: String = asked
            .iter()
            .map(|(ask, say)| {
                let (member, say) = if ask.starts_with("compare-plan/") {
                    ("digest", format!("\"{}\"", Digest::of(plan.as_bytes())))
                } else if let Some(wish) = say.strip_prefix("wish ") {
                    ("wish", format!("\"{wish}\""))
                } else {
                    ("say", (*say).to_owned())
                };
                format!("[[answer]]\nask = \"{ask}\"\n{member} = {say}\n\n")
            })
            .collect();
        fs::write(self.at(&format!("answers-{round}.toml")), script).unwrap();
        let lines: String = secrets.iter().map(|key| format!("{key}\t{PASSPHRASE}\n")).collect();
        fs::write(self.at("secrets"), lines).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<secrets", env!("CARGO_BIN_EXE_anchorite"), "run"])
            .arg(file)
            .args(["--script", &format!("answers-{round}.toml"), "--passphrase-fd", "3"])
            .args(["--workspace", "BOOK"]);
        for name in ["IN", "OUT"] {
            let folder = self.at(&format!("{name}-{round}"));
            command.args(["--medium", &format!("{name}={}", folder.display())]);
        }
        run(command.current_dir(self.folder.path()).stdin(Stdio::null()))
    }

    /// Enrols IN and OUT of another round.
    pub(crate) fn media(&self, round: &str) {
        for (name, role) in [("IN", "in"), ("OUT", "out")] {
            let folder = self.at(&format!("{name}-{round}"));
            fs::create_dir(&folder).unwrap();
            let folder = folder.to_string_lossy().into_owned();
            self.program(&["media", "enrol", &folder, "--role", role, "--name", name]).success();
        }
    }

    /// The evidence folder of the ceremony with this codename.
    pub(crate) fn evidence_of(&self, codename: &str) -> PathBuf {
        let folders = fs::read_dir(self.at("BOOK/evidence")).unwrap();
        let mut folders = folders.map(|entry| entry.unwrap().path());
        folders.find(|path| path.to_string_lossy().ends_with(codename)).unwrap()
    }

    /// The evidence folder.
    pub(crate) fn evidence(&self) -> PathBuf {
        let folder = self.at("BOOK").join("evidence");
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }
}
