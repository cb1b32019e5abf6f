#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/demo.sh TORCHLATHE: the main job on the shipped matrix, with the real Nix.
set -euo pipefail
torchlathe=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || step() { printf '\n%s\n' "$*"; }

step "1. The 44 builds of PyTorch 2.10.0 for CUDA 13.0, and what the hardware catalogue says of each"
"$torchlathe" list -m cuda-13_0

step "2. One recipe each"
"$torchlathe" generate -m cuda-13_0 --out "$folder/recipes"

step "3. Nix parses each of them"
for file in "$folder"/recipes/*.nix; do nix-instantiate --parse "$file" >/dev/null 2>"$folder/parse.log" || { cat "$folder/parse.log"; exit 1; }; done
echo "$(find "$folder/recipes" -name '*.nix' | wc -l) recipes parsed by $(nix --version)"

step "4. Nix evaluates all of them in a recording package set, and each is compared with what its name promises"
"$torchlathe" audit "$folder/recipes" -m cuda-13_0
