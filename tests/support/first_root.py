"""Writes a Notary export with a first root and one tag, independently of the program under test.

usage: first_root.py OUT GUN TIMESTAMP-KEY SNAPSHOT-KEY [exact|pretty|changed]

The two key files are what the server answered. Writes OUT/NAME/ for the last part of GUN, and adds its lines to
OUT/publish/REPOSITORIES, BEFORE and UPLOADS and to OUT/accept/EXPECTED.
With `pretty` the targets file is valid but not in the form that the server re-creates.
NAME.pem beside OUT gets the private half of the root key, in PKCS#8.
With `changed` OUT-BEFORE gets that export, and OUT one of a change that follows it: root version 2 with another targets
key, and targets version 2 with the tag v2, both in one upload. OUT-OTHER gets another such change.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
CONTENT = b"a manifest"


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def b64(value):
    return base64.b64encode(value).decode()


def named(keytype, public):
    key = {"keytype": keytype, "keyval": {"private": None, "public": public}}
    return hashlib.sha256(compact(key)).hexdigest(), key


def certificate(key, gun):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gun)])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), NOW, NOW + datetime.timedelta(days=9000))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def envelope(signed, keyid, key):
    r, s = decode_dss_signature(key.sign(compact(signed), ec.ECDSA(hashes.SHA256())))
    signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    signatures = compact([{"keyid": keyid, "method": "ecdsa", "sig": signature}])
    return b'{"signed":' + compact(signed) + b',"signatures":' + signatures + b"}"


def main(out, gun, timestamp, snapshot, form="exact"):
    out = pathlib.Path(out)
    root_key = ec.generate_private_key(ec.SECP256R1())
    secret = out.with_name(gun.rsplit("/")[-1] + ".pem")
    secret.touch(mode=0o600)
    secret.write_bytes(root_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    root = named("ecdsa-x509", b64(certificate(root_key, gun)))
    if form == "changed":
        before = write(out.with_name(out.name + "-BEFORE"), gun, timestamp, snapshot, root_key, root, 1)
        for changed in (out, out.with_name(out.name + "-OTHER")):
            write(changed, gun, timestamp, snapshot, root_key, root, 2, before)
    else:
        write(out, gun, timestamp, snapshot, root_key, root, 1, {}, form)


def write(out, gun, timestamp, snapshot, root_key, root_named, version, before=None, form="exact"):
    targets_key = ec.generate_private_key(ec.SECP256R1())
    spki = targets_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    server = {role: json.loads(pathlib.Path(file).read_text()) for role, file in (("timestamp", timestamp), ("snapshot", snapshot))}
    keys = {
        "root": root_named,
        "targets": named("ecdsa", b64(spki)),
        "timestamp": named(server["timestamp"]["keytype"], server["timestamp"]["keyval"]["public"]),
        "snapshot": named(server["snapshot"]["keytype"], server["snapshot"]["keyval"]["public"]),
    }
    expires = (NOW + datetime.timedelta(days=300)).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = {"_type": "Root", "consistent_snapshot": False, "expires": expires, "keys": dict(keys.values()),
            "roles": {role: {"keyids": [keyid], "threshold": 1} for role, (keyid, _) in keys.items()}, "version": version}
    digest = hashlib.sha256(CONTENT)
    targets = {"_type": "Targets", "delegations": {"keys": {}, "roles": []}, "expires": expires,
               "targets": {f"v{version}": {"hashes": {"sha256": b64(digest.digest())}, "length": len(CONTENT)}}, "version": version}
    documents = {"root": envelope(root, keys["root"][0], root_key), "targets": envelope(targets, keys["targets"][0], targets_key)}
    if form == "pretty":
        documents["targets"] += b"\n"

    name = gun.rsplit("/")[-1]
    for folder in (name, "publish", "accept"):
        (out / folder).mkdir(parents=True, exist_ok=True)

    def add(table, *fields):
        with open(out / table, "a") as file:
            file.write("\t".join(fields) + "\n")

    for role, body in documents.items():
        (out / name / f"{role}.json").write_bytes(body)
        hashed = hashlib.sha256(body)
        add("publish/UPLOADS", gun, role, f"{name}/{role}.json", hashed.hexdigest(), b64(hashed.digest()))
    for role, body in (before or {}).items():
        add("publish/BEFORE", gun, role, hashlib.sha256(body).hexdigest())
    publics = [keys[role][1]["keyval"]["public"] for role in ("timestamp", "snapshot")]
    digest_of_root = hashlib.sha256(documents["root"]).hexdigest()
    add("publish/REPOSITORIES", gun, name, *publics, digest_of_root, *(publics if before else "--"))
    add("accept/EXPECTED", gun, f"v{version}", digest.hexdigest(), str(len(CONTENT)), "targets")
    return documents


if __name__ == "__main__":
    main(*sys.argv[1:])
