//! The room as this machine can see it: network, swap, clock, core dumps, tracing, and what the machine tells of itself.
//!
//! Every reader has three answers: yes, no, cannot tell. Files come from below a root, so that tests can make a room.

mod machine;

use std::fs;
use std::path::Path;

use crate::ceremony::event::RoomFact;
use crate::ceremony::scene::Verdict;
use crate::tuf::time::Timestamp;

/// Checks the room for a ceremony: `/proc` and `/sys` are read below `root`. What the machine tells of itself is among it
/// only where people should know it, as WARN.
pub fn check(root: &Path, now: Timestamp) -> Vec<RoomFact> {
    let mut facts = required(root, now);
    let machine = self::machine(root).into_iter();
    facts.extend(machine.filter(|fact| fact.verdict == Verdict::Warn));
    facts
}

/// What the machine tells of itself, all of it. Nothing here stops a ceremony: PASS, WARN or UNKNOWN.
pub fn machine(root: &Path) -> Vec<RoomFact> {
    machine::facts(root)
}

/// What every ceremony looks at; a FAIL stops a real one, unless its plan waives `room-NAME`.
pub fn required(root: &Path, now: Timestamp) -> Vec<RoomFact> {
    vec![
        interfaces(root),
        default_route(root),
        swap(root),
        clock(root, now),
        core_dumps(root),
        traced(root),
    ]
}

fn fact(name: &str, verdict: Verdict, text: impl Into<String>) -> RoomFact {
    RoomFact { name: name.to_owned(), verdict, text: text.into() }
}

fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok().map(|text| text.trim().to_owned())
}

/// An interface that is up, loopback aside.
fn interfaces(root: &Path) -> RoomFact {
    const NAME: &str = "network-interface";
    let Ok(entries) = fs::read_dir(root.join("sys/class/net")) else {
        return fact(NAME, Verdict::Unknown, "the list of interfaces cannot be read");
    };
    let mut unreadable = false;
    let up: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let of = |file: &str| read(root, &format!("sys/class/net/{name}/{file}"));
            let loopback = of("type").as_deref() == Some("772");
            let flags = of("flags")
                .and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
            unreadable |= !loopback && flags.is_none();
            !loopback && flags.is_some_and(|flags| flags & 1 == 1)
        })
        .collect();
    if up.is_empty() && unreadable {
        fact(NAME, Verdict::Unknown, "an interface does not say whether it is up")
    } else if up.is_empty() {
        fact(NAME, Verdict::Pass, "no network interface is up")
    } else {
        let text = format!(
            "{} is up. Unplug the cable, switch radios off, or: ip link set dev {} down",
            up.join(", "),
            up.first().map(String::as_str).unwrap_or_default()
        );
        fact(NAME, Verdict::Fail, text)
    }
}

fn default_route(root: &Path) -> RoomFact {
    const NAME: &str = "default-route";
    let v4 = read(root, "proc/net/route").map(|table| {
        table.lines().skip(1).any(|line| line.split_whitespace().nth(1) == Some("00000000"))
    });
    let v6 = read(root, "proc/net/ipv6_route").map(|table| {
        table.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let zero =
                |field: Option<&&str>| field.is_some_and(|text| text.chars().all(|c| c == '0'));
            zero(fields.first())
                && fields.get(1) == Some(&"00")
                && !zero(fields.get(4))
                && fields.last() != Some(&"lo")
        })
    });
    match (v4, v6) {
        (Some(true), _) | (_, Some(true)) => fact(
            NAME,
            Verdict::Fail,
            "there is a way out to a network. Take the network away: ip route del default",
        ),
        (Some(false), _) => fact(NAME, Verdict::Pass, "there is no way out to a network"),
        (None, _) => fact(NAME, Verdict::Unknown, "the routes cannot be read"),
    }
}

fn swap(root: &Path) -> RoomFact {
    const NAME: &str = "swap";
    let Some(table) = read(root, "proc/swaps") else {
        return fact(NAME, Verdict::Unknown, "the list of swap spaces cannot be read");
    };
    let spaces: Vec<&str> =
        table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    if spaces.is_empty() {
        return fact(NAME, Verdict::Pass, "swap is off");
    }
    let on = spaces.join(", ");
    if spaces.iter().all(|space| is_memory(root, space)) {
        let text = format!(
            "{on} is swap in memory: secrets reach no disk, but stay longer. Switch it off: swapoff -a"
        );
        return fact(NAME, Verdict::Warn, text);
    }
    let text = format!("{on} is swap: secrets could reach a disk. Switch it off: swapoff -a");
    fact(NAME, Verdict::Fail, text)
}

/// Whether a swap space is compressed memory without a disk behind it (zram). Kernels that can put one behind it say so.
fn is_memory(root: &Path, space: &str) -> bool {
    let name = space.strip_prefix("/dev/").unwrap_or(space);
    let behind = read(root, &format!("sys/block/{name}/backing_dev"));
    name.starts_with("zram") && !name.contains('/') && behind.is_none_or(|device| device == "none")
}

/// No machine in the room is older than this program.
const BUILT_AFTER: i64 = 1_790_000_000;

fn clock(root: &Path, now: Timestamp) -> RoomFact {
    const NAME: &str = "clock";
    let seconds = now.unix_seconds();
    if seconds < BUILT_AFTER {
        let text = format!("it says {}, before this program was made. Set it", now.to_minute());
        return fact(NAME, Verdict::Fail, text);
    }
    let hardware = read(root, "sys/class/rtc/rtc0/since_epoch").and_then(|t| t.parse::<i64>().ok());
    match hardware {
        Some(rtc) if (rtc - seconds).abs() > 180 => fact(
            NAME,
            Verdict::Warn,
            "the hardware clock and the system clock differ by more than 3 minutes",
        ),
        Some(_) => fact(NAME, Verdict::Pass, format!("it says {}", now.to_minute())),
        None => fact(
            NAME,
            Verdict::Unknown,
            format!("it says {}; there is no hardware clock to compare with", now.to_minute()),
        ),
    }
}

/// The soft limit of this name, of this process.
fn limit(root: &Path, name: &str) -> Option<String> {
    let table = read(root, "proc/self/limits")?;
    let values = table.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_whitespace().next().map(str::to_owned)
}

fn core_dumps(root: &Path) -> RoomFact {
    const NAME: &str = "core-dumps";
    match limit(root, "Max core file size").as_deref() {
        Some("0") => fact(NAME, Verdict::Pass, "this program leaves no core dumps"),
        Some(_) => fact(
            NAME,
            Verdict::Warn,
            "core dumps are possible: a crash could leave secrets on disk. Use: ulimit -c 0",
        ),
        None => fact(NAME, Verdict::Unknown, "the limit of core dumps cannot be read"),
    }
}

fn traced(root: &Path) -> RoomFact {
    const NAME: &str = "traced";
    let tracer = read(root, "proc/self/status").and_then(|table| {
        let line = table.lines().find(|line| line.starts_with("TracerPid:"))?;
        Some(line.split_whitespace().nth(1)? != "0")
    });
    match tracer {
        Some(false) => fact(NAME, Verdict::Pass, "no debugger is attached"),
        Some(true) => fact(NAME, Verdict::Fail, "a debugger is attached and can read secrets"),
        None => fact(NAME, Verdict::Unknown, "whether a debugger is attached cannot be read"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    pub(super) fn put(root: &Path, path: &str, text: &str) {
        let whole = root.join(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, text).unwrap();
    }

    /// A laptop as it should be.
    pub(super) fn laptop() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = root.path();
        put(at, "sys/class/net/lo/type", "772\n");
        put(at, "sys/class/net/lo/flags", "0x9\n");
        put(at, "sys/class/net/eth0/type", "1\n");
        put(at, "sys/class/net/eth0/flags", "0x1002\n");
        put(at, "proc/net/route", "Iface\tDestination\tGateway\n");
        put(at, "proc/swaps", "Filename\tType\tSize\n");
        put(at, "sys/class/rtc/rtc0/since_epoch", &now().unix_seconds().to_string());
        put(
            at,
            "proc/self/limits",
            "Max core file size        0      0     bytes\nMax locked memory  8388608 8388608 bytes\n",
        );
        put(at, "proc/sys/kernel/yama/ptrace_scope", "1\n");
        put(at, "proc/sys/kernel/tainted", "0\n");
        put(at, "proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu lm\n");
        put(at, "proc/mounts", "rootfs / rootfs rw 0 0\noverlay / overlay rw 0 0\n");
        put(at, "sys/class/rfkill/rfkill0/hard", "1\n");
        put(at, "sys/power/state", "freeze mem disk\n");
        put(at, "sys/power/resume", "0:0\n");
        let efi = |name: &str| {
            format!("sys/firmware/efi/efivars/{name}-8be4df61-93ca-11d2-aa0d-00e098032b8c")
        };
        put(at, &efi("SecureBoot"), "\u{6}\0\0\0\u{1}");
        put(at, &efi("SetupMode"), "\u{6}\0\0\0\0");
        put(at, "sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
        put(at, "proc/self/status", "Name:\tx\nTracerPid:\t0\n");
        root
    }

    fn verdict(root: &Path, name: &str) -> Verdict {
        check(root, now()).into_iter().find(|fact| fact.name == name).unwrap().verdict
    }

    #[test]
    fn a_laptop_as_it_should_be_passes() {
        let root = laptop();
        let mut facts = check(root.path(), now());
        assert_eq!(facts.len(), 6, "{facts:?}");
        facts.extend(machine(root.path()));
        assert!(facts.iter().all(|fact| fact.verdict == Verdict::Pass), "{facts:?}");
    }

    #[test]
    fn each_fault_of_the_room_is_seen() {
        for (name, path, text) in [
            ("network-interface", "sys/class/net/eth0/flags", "0x1003"),
            ("default-route", "proc/net/route", "Iface\teth0\neth0\t00000000\t0101A8C0\n"),
            (
                "default-route",
                "proc/net/ipv6_route",
                "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n",
            ),
            ("swap", "proc/swaps", "Filename\tType\n/dev/sda2 partition\n"),
            ("swap", "proc/swaps", "Filename\tType\n/dev/zram0 partition\n/swap file\n"),
            ("traced", "proc/self/status", "TracerPid:\t77\n"),
        ] {
            let root = laptop();
            put(root.path(), path, text);
            assert_eq!(verdict(root.path(), name), Verdict::Fail, "{name}");
        }
    }

    #[test]
    fn swap_in_memory_is_a_warning_unless_a_disk_stands_behind_it() {
        let root = laptop();
        put(root.path(), "proc/swaps", "Filename\tType\n/dev/zram0 partition 8 0 100\n");
        assert_eq!(verdict(root.path(), "swap"), Verdict::Warn);
        put(root.path(), "sys/block/zram0/backing_dev", "none\n");
        assert_eq!(verdict(root.path(), "swap"), Verdict::Warn);
        put(root.path(), "sys/block/zram0/backing_dev", "/dev/sda3\n");
        assert_eq!(verdict(root.path(), "swap"), Verdict::Fail);
    }

    #[test]
    fn what_people_should_know_of_the_machine_is_told_in_a_ceremony() {
        let root = laptop();
        put(root.path(), "proc/cpuinfo", "flags\t\t: fpu hypervisor\n");
        assert_eq!(verdict(root.path(), "hypervisor"), Verdict::Warn);
    }

    #[test]
    fn core_dumps_that_are_possible_and_clocks_that_differ_are_warnings() {
        let root = laptop();
        put(root.path(), "proc/self/limits", "Max core file size  unlimited unlimited bytes\n");
        assert_eq!(verdict(root.path(), "core-dumps"), Verdict::Warn);
        put(root.path(), "sys/class/rtc/rtc0/since_epoch", "1790000000");
        assert_eq!(verdict(root.path(), "clock"), Verdict::Warn);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_never_a_pass() {
        let root = tempfile::tempdir().unwrap();
        for fact in check(root.path(), now()) {
            assert_eq!(fact.verdict, Verdict::Unknown, "{}", fact.name);
        }
    }

    #[test]
    fn a_clock_in_1970_fails() {
        let root = laptop();
        let facts = check(root.path(), Timestamp::from_unix_seconds(100).unwrap());
        assert!(facts.iter().any(|f| f.name == "clock" && f.verdict == Verdict::Fail));
    }
}
