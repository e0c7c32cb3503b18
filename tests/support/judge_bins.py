"""What python-tuf says of hash bins: judge_bins.py TARGETS FOLDER PATH

Prints the name of the bin that PATH is in, and verifies FOLDER/BIN.json, the bin's document, by the delegations of TARGETS.
"""

import pathlib
import sys

from tuf.api.metadata import Metadata

targets, folder, path = sys.argv[1:]
targets = Metadata.from_file(targets).signed
roles = targets.delegations.succinct_roles
name = roles.get_role_for_target(path)
document = Metadata.from_file(str(pathlib.Path(folder) / f"{name}.json"))
targets.verify_delegate(name, document.signed_bytes, document.signatures)
print(name, roles.bit_length, path in document.signed.targets)
