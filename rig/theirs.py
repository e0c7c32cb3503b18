"""The peer's side of the comparison: the same jobs, by the public functions of python-tuf."""

import hashlib
import os
import sys
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, SuccinctRoles, TargetFile, Targets,
)
from tuf.api.serialization.json import JSONSerializer


def signer(name):
    seed = hashlib.sha256(name.encode()).digest()
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed))


COMPACT = JSONSerializer(compact=True)


def update(repository, target):
    from tuf.ngclient import Updater, UpdaterConfig
    from tuf.ngclient.fetcher import FetcherInterface
    from tuf.api.exceptions import DownloadHTTPError

    class Folder(FetcherInterface):
        def _fetch(self, url):
            try:
                with open(url.removeprefix("file://"), "rb") as file:
                    while chunk := file.read(1 << 16):
                        yield chunk
            except FileNotFoundError as why:
                raise DownloadHTTPError(str(why), 404) from why

    config = UpdaterConfig(targets_max_length=256 << 20)
    with open(f"{repository}/1.root.json", "rb") as file:
        first = file.read()
    with TemporaryDirectory() as folder:
        url = "file://" + os.path.abspath(repository) + "/"
        updater = Updater(folder, url, fetcher=Folder(), config=config, bootstrap=first)
        updater.refresh()
        print(f"{target}: {updater.get_targetinfo(target).length} bytes")


def verify_targets(repository):
    root = Metadata[Root].from_file(f"{repository}/1.root.json")
    targets = Metadata[Targets].from_file(f"{repository}/1.targets.json")
    root.signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    print(len(targets.signed.targets), "targets")


def sign_targets(repository, to):
    targets = Metadata[Targets].from_file(f"{repository}/1.targets.json")
    targets.signed.version += 1
    targets.sign(signer("targets"))
    targets.to_file(to, serializer=COMPACT)


def edit_roots(source, to):
    os.makedirs(to, exist_ok=True)
    old = signer("root-3").public_key.keyid
    new = signer("root-4").public_key
    signers = [signer("root-1"), signer("root-2")]
    for name in os.listdir(source):
        root = Metadata[Root].from_file(f"{source}/{name}")
        root.signed.version += 1
        root.signed.revoke_key(old, "root")
        root.signed.add_key(new, "root")
        root.signatures.clear()
        for each in signers:
            root.sign(each, append=True)
        root.to_file(f"{to}/{name}", serializer=COMPACT)


def sign_bins(to):
    os.makedirs(to, exist_ok=True)
    key = signer("bins")
    roles = SuccinctRoles([key.public_key.keyid], 1, 14, "bin")
    from datetime import datetime, timezone
    expires = datetime(2036, 1, 1, tzinfo=timezone.utc)
    bins = {name: {} for name in roles.get_roles()}
    for nth in range(100_000):
        path = f"project-{nth % 1000:03}/releases/linux/file-{nth:07}.tar.gz"
        digest = hashlib.sha256(nth.to_bytes(4, "big")).hexdigest()
        info = TargetFile(nth * 7 + 1000, {"sha256": digest}, path)
        bins[roles.get_role_for_target(path)][path] = info
    for name, targets in bins.items():
        metadata = Metadata(Targets(1, "1.0.0", expires, targets))
        metadata.sign(key)
        metadata.to_file(f"{to}/1.{name}.json", serializer=COMPACT)


def verify_bins(repository):
    targets = Metadata[Targets].from_file(f"{repository}/1.targets.json").signed
    count = 0
    for name in targets.delegations.succinct_roles.get_roles():
        read = Metadata[Targets].from_file(f"{repository}/1.{name}.json")
        targets.verify_delegate(name, read.signed_bytes, read.signatures)
        count += len(read.signed.targets)
    print(count, "targets")


def chain(folder, first):
    root = Metadata[Root].from_file(f"{folder}/{first}.root.json")
    root.signed.verify_delegate("root", root.signed_bytes, root.signatures)
    while os.path.exists(path := f"{folder}/{root.signed.version + 1}.root.json"):
        following = Metadata[Root].from_file(path)
        root.signed.verify_delegate("root", following.signed_bytes, following.signatures)
        following.signed.verify_delegate("root", following.signed_bytes, following.signatures)
        root = following
    print("root", root.signed.version)


globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
