#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# package: nix/package.nix built whole by Nix with nix/mini's compilers and Debian's libraries, and the program that comes out run;
# how long that takes. Too long for a test: the suite only configures it.
set -euo pipefail
start=$(date +%s)
python3 ../tests/package_nix.py "$1/torchlathe" --build || [[ $? == 77 ]]
echo "$(($(date +%s) - start)) s"
