//! The room as this machine can see it: network, swap, clock, core dumps, tracing.
//!
//! Every reader has three answers: yes, no, cannot tell. Files come from below a root, so that tests can make a room.

use std::fs;
use std::path::Path;

use crate::ceremony::event::RoomFact;
use crate::ceremony::scene::Verdict;
use crate::tuf::time::Timestamp;

/// Checks the room: `/proc` and `/sys` are read below `root`.
pub fn check(root: &Path, now: Timestamp) -> Vec<RoomFact> {
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
    match read(root, "proc/swaps") {
        None => fact(NAME, Verdict::Unknown, "the list of swap spaces cannot be read"),
        Some(table) if table.lines().count() > 1 => fact(
            NAME,
            Verdict::Fail,
            "swap is on: secrets could reach a disk. Switch it off: swapoff -a",
        ),
        Some(_) => fact(NAME, Verdict::Pass, "swap is off"),
    }
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

fn core_dumps(root: &Path) -> RoomFact {
    const NAME: &str = "core-dumps";
    let limit = read(root, "proc/self/limits").and_then(|table| {
        let line = table.lines().find(|line| line.starts_with("Max core file size"))?;
        Some(line.split_whitespace().nth(4)? == "0")
    });
    match limit {
        Some(true) => fact(NAME, Verdict::Pass, "this program leaves no core dumps"),
        Some(false) => fact(
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

    fn put(root: &Path, path: &str, text: &str) {
        let whole = root.join(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, text).unwrap();
    }

    /// A laptop as it should be.
    fn laptop() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = root.path();
        put(at, "sys/class/net/lo/type", "772\n");
        put(at, "sys/class/net/lo/flags", "0x9\n");
        put(at, "sys/class/net/eth0/type", "1\n");
        put(at, "sys/class/net/eth0/flags", "0x1002\n");
        put(at, "proc/net/route", "Iface\tDestination\tGateway\n");
        put(at, "proc/swaps", "Filename\tType\tSize\n");
        put(at, "sys/class/rtc/rtc0/since_epoch", &now().unix_seconds().to_string());
        put(at, "proc/self/limits", "Max core file size        0      0     bytes\n");
        put(at, "proc/self/status", "Name:\tx\nTracerPid:\t0\n");
        root
    }

    fn verdict(root: &Path, name: &str) -> Verdict {
        check(root, now()).into_iter().find(|fact| fact.name == name).unwrap().verdict
    }

    #[test]
    fn a_laptop_as_it_should_be_passes() {
        let root = laptop();
        let facts = check(root.path(), now());
        assert!(facts.iter().all(|fact| fact.verdict == Verdict::Pass), "{facts:?}");
    }

    #[test]
    fn each_fault_of_the_room_is_seen() {
        for (name, path, text) in [
            ("network-interface", "sys/class/net/eth0/flags", "0x1003"),
            ("default-route", "proc/net/route", "Iface\teth0\neth0\t00000000\t0101A8C0\n"),
            ("swap", "proc/swaps", "Filename\tType\n/dev/sda2 partition\n"),
            ("traced", "proc/self/status", "TracerPid:\t77\n"),
        ] {
            let root = laptop();
            put(root.path(), path, text);
            assert_eq!(verdict(root.path(), name), Verdict::Fail, "{name}");
        }
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
