"""Makes a small TUF repository with python-tuf: one target, ed25519 and P-256 root keys, consistent snapshots.

usage: make_tuf.py DIR NAME CONTENT     writes DIR/metadata, DIR/targets and DIR/keys

DIR/keys has the private keys of root (root-1.pem, root-2.pem) and targets (targets-1.pem), and one key for what is signed
online (online.pem), PKCS#8 without a passphrase.
"""

import datetime
import hashlib
import pathlib
import sys

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp


def main(folder, name, content):
    folder = pathlib.Path(folder)
    expires = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
    online = CryptoSigner.generate_ed25519()
    signers = {"timestamp": [online], "snapshot": [online], "targets": [CryptoSigner.generate_ed25519()]}
    signers["root"] = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa()]
    root = Root(expires=expires, consistent_snapshot=True)
    for role, held in signers.items():
        for signer in held:
            root.add_key(signer.public_key, role)
    root.roles["root"].threshold = 2

    body = content.encode()
    targets = Targets(expires=expires)
    targets.targets[name] = TargetFile.from_data(name, body)
    snapshot = Snapshot(expires=expires, meta={"targets.json": MetaFile(1)})
    timestamp = Timestamp(expires=expires, snapshot_meta=MetaFile(1))

    (folder / "metadata").mkdir(parents=True)
    (folder / "targets").mkdir()
    digest = hashlib.sha256(body).hexdigest()
    (folder / "targets" / f"{digest}.{name}").write_bytes(body)
    for role, signed in (("root", root), ("targets", targets), ("snapshot", snapshot), ("timestamp", timestamp)):
        document = Metadata(signed)
        for signer in signers[role]:
            document.sign(signer, append=True)
        file = "timestamp.json" if role == "timestamp" else f"1.{role}.json"
        document.to_file(str(folder / "metadata" / file))

    (folder / "keys").mkdir(mode=0o700)
    for role in ("root", "targets"):
        for number, signer in enumerate(signers[role], 1):
            write(folder / "keys" / f"{role}-{number}.pem", signer)
    write(folder / "keys" / "online.pem", online)


def write(path, signer):
    path.touch(mode=0o600)
    path.write_bytes(signer.private_bytes)


if __name__ == "__main__":
    main(*sys.argv[1:])
