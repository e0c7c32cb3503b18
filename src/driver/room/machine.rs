//! What else this machine can tell of itself: none of it stops a ceremony, all of it is worth knowing.

use std::fs;
use std::path::Path;

use crate::ceremony::event::RoomFact;
use crate::ceremony::scene::Verdict;

use super::{fact, limit, read};

/// What the machine tells of itself: PASS, WARN or UNKNOWN.
pub(super) fn facts(root: &Path) -> Vec<RoomFact> {
    vec![
        locked_memory(root),
        ptrace(root),
        radios(root),
        hibernation(root),
        live_system(root),
        hypervisor(root),
        secure_boot(root),
        lockdown(root),
        taint(root),
    ]
}

/// What a ceremony needs to lock at the most: a page for each secret and each open key, and a few for what is read.
const LOCKED: u64 = 256 * 1024;

fn locked_memory(root: &Path) -> RoomFact {
    const NAME: &str = "locked-memory";
    match limit(root, "Max locked memory").as_deref() {
        None => fact(NAME, Verdict::Unknown, "the limit of locked memory cannot be read"),
        Some(text) if text.parse::<u64>().is_ok_and(|bytes| bytes < LOCKED) => fact(
            NAME,
            Verdict::Warn,
            format!(
                "only {text} bytes may be locked, so secrets could be written to swap. Use: ulimit -l {}",
                LOCKED / 1024
            ),
        ),
        Some(_) => {
            fact(NAME, Verdict::Pass, "secrets and keys stay in memory that is never swapped")
        }
    }
}

fn ptrace(root: &Path) -> RoomFact {
    const NAME: &str = "ptrace";
    match read(root, "proc/sys/kernel/yama/ptrace_scope").as_deref() {
        Some("1" | "2" | "3") => {
            fact(NAME, Verdict::Pass, "programs of one user cannot attach to each other at will")
        }
        Some("0") => fact(
            NAME,
            Verdict::Warn,
            "programs of one user may read each other's memory. This one shuts itself, but not the \
             terminal in which secrets are typed. Use: sysctl kernel.yama.ptrace_scope=1",
        ),
        Some(_) | None => {
            fact(NAME, Verdict::Unknown, "whether programs may attach to each other cannot be read")
        }
    }
}

/// The names in a folder; nothing where it is not there or cannot be read.
fn names(root: &Path, path: &str) -> Option<Vec<String>> {
    let entries = fs::read_dir(root.join(path)).ok()?;
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    Some(names)
}

/// Radios that are switched on, and adapters that no switch is known of.
fn radios(root: &Path) -> RoomFact {
    const NAME: &str = "radios";
    if names(root, "sys/class").is_none() {
        return fact(NAME, Verdict::Unknown, "the list of devices cannot be read");
    }
    let switches = names(root, "sys/class/rfkill").filter(|switches| !switches.is_empty());
    let of = |switch: &str, file: &str| read(root, &format!("sys/class/rfkill/{switch}/{file}"));
    let on: Vec<String> = match &switches {
        Some(switches) => switches
            .iter()
            .filter(|switch| {
                let blocked = |file| of(switch, file).is_some_and(|text| text != "0");
                !blocked("soft") && !blocked("hard")
            })
            .map(|switch| of(switch, "type").unwrap_or_else(|| switch.clone()))
            .collect(),
        None => ["ieee80211", "bluetooth"]
            .iter()
            .filter(|class| {
                names(root, &format!("sys/class/{class}")).is_some_and(|found| !found.is_empty())
            })
            .map(|class| (*class).to_owned())
            .collect(),
    };
    if on.is_empty() {
        return fact(NAME, Verdict::Pass, "no radio is on");
    }
    let text = format!(
        "a radio is on: {}. Switch it off: rfkill block all, or better take it out",
        on.join(", ")
    );
    fact(NAME, Verdict::Warn, text)
}

fn hibernation(root: &Path) -> RoomFact {
    const NAME: &str = "hibernation";
    let Some(states) = read(root, "sys/power/state") else {
        return fact(NAME, Verdict::Unknown, "whether it can hibernate cannot be read");
    };
    let place = read(root, "sys/power/resume").is_some_and(|device| device != "0:0");
    if states.split_whitespace().any(|state| state == "disk") && place {
        let text = "it can hibernate: all memory, secrets too, would be written to a disk. Use: systemctl \
                    mask hibernate.target hybrid-sleep.target, or boot with nohibernate";
        return fact(NAME, Verdict::Warn, text);
    }
    fact(NAME, Verdict::Pass, "it cannot hibernate to a disk")
}

/// Whether the system's own files lie in memory.
fn live_system(root: &Path) -> RoomFact {
    const NAME: &str = "live-system";
    let kind = read(root, "proc/mounts").and_then(|table| {
        // What was mounted last is what is seen.
        let mut fields = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let root = fields.rfind(|fields| fields.get(1) == Some(&"/"))?;
        root.get(2).map(|kind| (*kind).to_owned())
    });
    match kind.as_deref() {
        None => fact(NAME, Verdict::Unknown, "where the system's own files lie cannot be read"),
        Some("tmpfs" | "ramfs" | "rootfs" | "overlay" | "squashfs") => {
            fact(NAME, Verdict::Pass, "the system is a live one: its own files are in memory")
        }
        Some(kind) => fact(
            NAME,
            Verdict::Warn,
            format!(
                "the system runs from a disk ({kind}): logs and temporary files stay on it. Start a live \
                 system from a medium that cannot be written"
            ),
        ),
    }
}

fn hypervisor(root: &Path) -> RoomFact {
    const NAME: &str = "hypervisor";
    let flags = read(root, "proc/cpuinfo").and_then(|table| {
        let line = table.lines().find(|line| line.starts_with("flags"))?;
        Some(line.split_whitespace().any(|flag| flag == "hypervisor"))
    });
    let named = read(root, "sys/hypervisor/type").is_some_and(|text| !text.is_empty());
    match flags {
        _ if named => fact(NAME, Verdict::Warn, VIRTUAL),
        Some(true) => fact(NAME, Verdict::Warn, VIRTUAL),
        Some(false) => fact(NAME, Verdict::Pass, "this is no virtual machine, as far as it says"),
        None => fact(NAME, Verdict::Unknown, "the processor does not say whether it is a real one"),
    }
}

const VIRTUAL: &str = "this is a virtual machine: whoever runs its host reads all its memory. Use a machine of its own";

/// The byte after the four of attributes in a variable of the firmware.
fn firmware(root: &Path, name: &str) -> Option<u8> {
    let path = format!("sys/firmware/efi/efivars/{name}-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    fs::read(root.join(path)).ok()?.get(4).copied()
}

fn secure_boot(root: &Path) -> RoomFact {
    const NAME: &str = "secure-boot";
    let unverified =
        "Nothing but the digest of the boot medium vouches for what was started: compare it";
    match (firmware(root, "SecureBoot"), firmware(root, "SetupMode")) {
        (Some(1), Some(0) | None) => {
            fact(NAME, Verdict::Pass, "the firmware verified what was started (Secure Boot)")
        }
        (Some(_), _) => fact(
            NAME,
            Verdict::Warn,
            format!("Secure Boot is off or open for anybody's keys. {unverified}"),
        ),
        (None, _) if root.join("sys/firmware/efi").exists() => fact(
            NAME,
            Verdict::Unknown,
            format!("the firmware's variables cannot be read. {unverified}"),
        ),
        (None, _) if root.join("sys/firmware").exists() => fact(
            NAME,
            Verdict::Warn,
            format!("it was not started by UEFI, so without Secure Boot. {unverified}"),
        ),
        (None, _) => fact(NAME, Verdict::Unknown, "how it was started cannot be read"),
    }
}

fn lockdown(root: &Path) -> RoomFact {
    const NAME: &str = "lockdown";
    let mode = read(root, "sys/kernel/security/lockdown");
    let mode = mode.as_deref().and_then(|text| text.split_once('[')?.1.split_once(']'));
    match mode.map(|(mode, _)| mode) {
        Some("confidentiality") => fact(
            NAME,
            Verdict::Pass,
            "the kernel keeps its memory even from root (confidentiality)",
        ),
        Some("integrity") => {
            fact(NAME, Verdict::Pass, "the kernel lets nobody change it while it runs (integrity)")
        }
        Some(_) => fact(
            NAME,
            Verdict::Warn,
            "root may read all memory and load any module. Boot with lockdown=confidentiality",
        ),
        None => fact(NAME, Verdict::Unknown, "whether the kernel is locked down cannot be read"),
    }
}

fn taint(root: &Path) -> RoomFact {
    const NAME: &str = "kernel-taint";
    match read(root, "proc/sys/kernel/tainted").as_deref() {
        Some("0") => {
            fact(NAME, Verdict::Pass, "the kernel runs its own modules only, without a fault")
        }
        Some(bits) if bits.parse::<u64>().is_ok() => fact(
            NAME,
            Verdict::Warn,
            format!(
                "the kernel says that it is tainted ({bits}): a foreign or unsigned module, or a fault. Look \
                 the number up in its tainted-kernels page"
            ),
        ),
        Some(_) | None => {
            fact(NAME, Verdict::Unknown, "whether the kernel is tainted cannot be read")
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::tests::{laptop, put};
    use super::*;

    const BOOT: &str = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    const SETUP: &str = "sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";

    fn verdict(root: &Path, name: &str) -> Verdict {
        facts(root).into_iter().find(|fact| fact.name == name).unwrap().verdict
    }

    #[test]
    fn each_answer_is_given_for_what_the_machine_says() {
        use Verdict::{Pass, Unknown, Warn};
        for (name, path, text, expected) in [
            ("locked-memory", "proc/self/limits", "Max locked memory  65536 65536 bytes\n", Warn),
            ("locked-memory", "proc/self/limits", "Max locked memory  unlimited unlimited\n", Pass),
            ("locked-memory", "proc/self/limits", "", Unknown),
            ("ptrace", "proc/sys/kernel/yama/ptrace_scope", "0\n", Warn),
            ("ptrace", "proc/sys/kernel/yama/ptrace_scope", "2\n", Pass),
            ("ptrace", "proc/sys/kernel/yama/ptrace_scope", "?\n", Unknown),
            ("radios", "sys/class/rfkill/rfkill0/hard", "0\n", Warn),
            ("hibernation", "sys/power/resume", "8:2\n", Warn),
            ("hibernation", "sys/power/state", "freeze mem\n", Pass),
            ("live-system", "proc/mounts", "/dev/sda2 / ext4 rw 0 0\n", Warn),
            ("live-system", "proc/mounts", "rootfs / rootfs rw\nx / ext4 rw\n", Warn),
            ("live-system", "proc/mounts", "proc /proc proc rw 0 0\n", Unknown),
            ("hypervisor", "proc/cpuinfo", "flags\t\t: fpu hypervisor lm\n", Warn),
            ("hypervisor", "proc/cpuinfo", "Features : fp asimd\n", Unknown),
            ("hypervisor", "sys/hypervisor/type", "xen\n", Warn),
            ("secure-boot", BOOT, "\u{6}\0\0\0\0", Warn),
            ("secure-boot", SETUP, "\u{6}\0\0\0\u{1}", Warn),
            ("secure-boot", BOOT, "", Unknown),
            ("lockdown", "sys/kernel/security/lockdown", "[none] integrity confidentiality", Warn),
            ("lockdown", "sys/kernel/security/lockdown", "none [integrity] confidentiality", Pass),
            ("lockdown", "sys/kernel/security/lockdown", "?", Unknown),
            ("kernel-taint", "proc/sys/kernel/tainted", "4097\n", Warn),
            ("kernel-taint", "proc/sys/kernel/tainted", "", Unknown),
        ] {
            let root = laptop();
            assert_eq!(verdict(root.path(), name), Pass, "{name} of a good laptop");
            put(root.path(), path, text);
            assert_eq!(verdict(root.path(), name), expected, "{name}: {text:?}");
        }
    }

    #[test]
    fn a_radio_without_a_switch_and_one_that_is_switched_off_are_told_apart() {
        let root = laptop();
        fs::remove_dir_all(root.path().join("sys/class/rfkill")).unwrap();
        assert_eq!(verdict(root.path(), "radios"), Verdict::Pass);
        put(root.path(), "sys/class/ieee80211/phy0/name", "phy0");
        assert_eq!(verdict(root.path(), "radios"), Verdict::Warn);
        for (soft, hard, expected) in
            [("1", "0", Verdict::Pass), ("0", "1", Verdict::Pass), ("0", "0", Verdict::Warn)]
        {
            put(root.path(), "sys/class/rfkill/rfkill0/type", "wlan\n");
            put(root.path(), "sys/class/rfkill/rfkill0/soft", soft);
            put(root.path(), "sys/class/rfkill/rfkill0/hard", hard);
            assert_eq!(verdict(root.path(), "radios"), expected, "{soft} {hard}");
        }
    }

    #[test]
    fn a_machine_that_was_not_started_by_uefi_has_no_secure_boot() {
        let root = laptop();
        fs::remove_dir_all(root.path().join("sys/firmware/efi")).unwrap();
        assert_eq!(verdict(root.path(), "secure-boot"), Verdict::Warn);
    }

    #[test]
    fn nothing_of_the_machine_stops_a_ceremony() {
        let nothing = tempfile::tempdir().unwrap();
        for fact in facts(nothing.path()) {
            assert_eq!(fact.verdict, Verdict::Unknown, "{}", fact.name);
        }
    }
}
