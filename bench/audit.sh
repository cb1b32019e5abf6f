#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The audit of 44, 240 and 2,000 recipes, each with the evaluation of all of them; beside `nix-instantiate --parse` of the 240,
# one by one, which is the least that looking at a recipe with Nix costs.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
nix-instantiate --version >/dev/null 2>&1 || { echo "skipped: there is no Nix here"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# NAME GPUS RELEASES: a matrix of GPUS x 5 instruction sets x 4 Pythons x RELEASES.
synthetic() {
  python3 - "$2" "$3" > "$1.toml" <<'PY'
import sys
gpus = ["8.0", "8.6", "8.9", "9.0", "9.0a", "10.0", "10.3", "12.0", "12.0a", "7.5"][: int(sys.argv[1])]
releases = int(sys.argv[2])
print('[matrix]\nname = "synthetic"\n[nixpkgs.main]\nrev = "6a030d535719c5190187c4cec156f335e95e3211"')
for i in range(releases):
    print(f'[pytorch."2.1{i}.0"]\nhash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="')
print("[[build]]\npytorch =", [f"2.1{i}.0" for i in range(releases)])
print('python = ["3.11", "3.12", "3.13", "3.14"]\ncuda = ["13.0"]\ngpus =', gpus)
print('isas = ["avx2", "avx512", "avx512vnni", "avx512bf16", "avx"]')
print('name = "{package}{pytorch}-python{python}-cuda{cuda}-{gpu}-{isa}"')
PY
  "$torchlathe" generate -m "$1.toml" --output "$1"
}
"$torchlathe" generate -m cuda-13_0 --output shipped
synthetic small 6 2
synthetic large 10 10

measure "audit of the 44" "$torchlathe" audit shipped -m cuda-13_0
measure "audit of 240" "$torchlathe" audit small -m small.toml
small=$median
measure "nix-instantiate --parse of the 240, one by one" bash -c 'for f in small/*.nix; do nix-instantiate --parse "$f"; done'
ratio "audit of 240 / parse of 240" "$small" "$median"
measure "audit of 2,000" "$torchlathe" audit large -m large.toml
ratio "audit of 2,000 / audit of 240" "$median" "$small"
