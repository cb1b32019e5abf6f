# SPDX-License-Identifier: MIT
"""What a test needs of the machine. It names what is lacking and ends with 77, which ctest counts as skipped; what_was_lacking.py sums up."""
import os
import shutil
import sys

SKIPPED = 77
sshd = shutil.which("sshd") or "/usr/sbin/sshd"


def skip(lacking):
    print(f"skipped: needs {lacking}")
    sys.exit(SKIPPED)


def need(*programs, also={}):
    """`also`: {"what": whether it is here}."""
    lacking = [name for name in programs if not shutil.which(name)] + [name for name, here in also.items() if not here]
    if lacking:
        skip(", ".join(lacking))


def need_machines():
    """For machines on loopback, each with an sshd and a Nix store of its own."""
    need("nix-store", "ssh", "ssh-keygen", also={"sshd": os.path.exists(sshd), "root": os.geteuid() == 0,
                                                 "a writable Nix store": os.access("/nix/store", os.W_OK)})
