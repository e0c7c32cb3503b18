"""The online side of a TUF repository: signs the next snapshot and timestamp with python-tuf, over what is there.

usage: sign_online.py METADATA-DIR KEY-FILE     KEY-FILE is a private key, PEM
"""

import datetime
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile


def newest(folder, role):
    return max(Metadata.from_file(str(path)).signed.version for path in folder.glob(f"*.{role}.json"))


def main(folder, key):
    folder = pathlib.Path(folder)
    signer = CryptoSigner(load_pem_private_key(pathlib.Path(key).read_bytes(), None))
    expires = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=7)
    snapshot = Metadata.from_file(str(folder / f"{newest(folder, 'snapshot')}.snapshot.json"))
    timestamp = Metadata.from_file(str(folder / "timestamp.json"))
    for document in (snapshot, timestamp):
        document.signed.version += 1
        document.signed.expires = expires
    for file in snapshot.signed.meta:
        snapshot.signed.meta[file] = MetaFile(newest(folder, file.removesuffix(".json")))
    timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
    # Its id as the root lists it.
    root = Metadata.from_file(str(folder / f"{newest(folder, 'root')}.root.json")).signed
    listed = root.roles["timestamp"].keyids[0]
    assert root.keys[listed].keyval == signer.public_key.keyval, "the root lists another key"
    signer.public_key.keyid = listed
    for document, name in ((snapshot, f"{snapshot.signed.version}.snapshot.json"), (timestamp, "timestamp.json")):
        document.sign(signer)
        document.to_file(str(folder / name))


if __name__ == "__main__":
    main(*sys.argv[1:])
