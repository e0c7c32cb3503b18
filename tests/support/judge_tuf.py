"""Asks python-tuf's client for targets of many repositories, and says what it thought of each.

usage: judge_tuf.py CASES-DIR

CASES-DIR/CASE/PHASE/ holds a repository as a file server would have it, and `asks`, one target a line. The client knows
CASES-DIR/CASE/root.json and goes through the phases in order. Prints one JSON object: for each case the list of its
phases, each with the verdicts (`yes SHA256` or `no REASON`) and the versions of what the client trusts afterwards.
"""

import hashlib
import json
import pathlib
import sys
import tempfile

from ngclient import FolderFetcher
from tuf.ngclient import Updater


def ask(updater, name):
    info = updater.get_targetinfo(name)
    if info is None:
        return "no target"
    content = pathlib.Path(updater.download_target(info)).read_bytes()
    return "yes " + hashlib.sha256(content).hexdigest()


def guarded(work, *args):
    # Whatever the client raises is a refusal.
    try:
        return work(*args)
    except Exception as error:
        return f"no {type(error).__name__}"


def phase(folder, cache, out, root):
    asks = (folder / "asks").read_text().splitlines()
    verdicts = []
    updater = Updater(
        str(cache), folder.as_uri(), str(out), folder.as_uri(), FolderFetcher(), bootstrap=root
    )
    refused = guarded(updater.refresh)
    for name in asks:
        verdicts.append(refused or guarded(ask, updater, name))
    versions = []
    for role in ["root", "timestamp", "snapshot", "targets"]:
        path = cache / f"{role}.json"
        versions.append(json.loads(path.read_bytes())["signed"]["version"] if path.exists() else 0)
    return {"verdicts": verdicts, "versions": versions}


def case(folder):
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as out:
        root = (folder / "root.json").read_bytes()
        phases = []
        for path in sorted(path for path in folder.iterdir() if path.is_dir()):
            phases.append(phase(path, pathlib.Path(cache), pathlib.Path(out), root))
            root = None
        return phases


if __name__ == "__main__":
    folders = pathlib.Path(sys.argv[1]).resolve().iterdir()
    print(json.dumps({folder.name: case(folder) for folder in folders}))
