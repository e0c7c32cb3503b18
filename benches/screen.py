#!/usr/bin/env python3
"""Prints how long the first screen takes after the start, and the picture of a key after the key: wall time, 80x24.

Build first: cargo build --release. Each rehearsal begins in a folder of its own in memory, so that the figures are the
program's and not the disk's; name another folder to include it.

usage: benches/screen.py [FOLDER]
"""

import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "../target/release/anchorite")
PLAN = os.path.join(HERE, "../ceremonies/first-root-tuf1/plan.toml")


def start(folder):
    """The program on a pseudo-terminal of its own, and when it was started."""
    begun = time.perf_counter()
    pid, screen = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.environ["TERM"] = "linux"
        os.execv(PROGRAM, [PROGRAM, "rehearse", PLAN, "--out", folder])
    return pid, screen, begun


def until(screen, words, seconds=5):
    """Reads until the words were drawn, or else until nothing more comes; the time of the last byte that mattered."""
    seen, last = b"", None
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if not select.select([screen], [], [], 0.05)[0]:
            if last is not None and words is None:
                return last
            continue
        seen += os.read(screen, 65536)
        last = time.perf_counter()
        if words is not None and words in seen:
            return last
    sys.exit(f"expected {words or 'a picture'!r} on the screen, found {seen[-200:]!r}")


def main():
    if not os.access(PROGRAM, os.X_OK):
        sys.exit("build first: cargo build --release")
    shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else shm) as folder:
        first, keys = [], []
        for nth in range(11):
            out = os.path.join(folder, str(nth))
            os.mkdir(out)
            pid, screen, begun = start(out)
            first.append(until(screen, b"ROLL CALL") - begun)
            while select.select([screen], [], [], 0.1)[0]:
                os.read(screen, 65536)
            for key in [b"?", b"\x1b", b"l", b"\x1b"] * 3:
                time.sleep(0.2)  # a key right after a question is not taken
                pressed = time.perf_counter()
                os.write(screen, key)
                keys.append(until(screen, None) - pressed)
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(screen)
    for name, times in (("first screen after the start", first), ("a key to its picture", keys)):
        times.sort()
        median, slow = statistics.median(times), times[int(len(times) * 0.95)]
        print(f"{name:<30} median {median * 1000:6.1f} ms   95 of 100 within {slow * 1000:6.1f} ms")


main()
