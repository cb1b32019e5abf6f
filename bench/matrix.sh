#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The matrix: listing 44, streaming a million, generating ten thousand; beside `cp` of the same bytes.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# AXES PYTHONS RELEASES: a synthetic matrix of 20 GPUs-and-toolkits x 5 instruction sets x PYTHONS x RELEASES.
synthetic() {
  python3 - "$1" "$2" <<'PY'
import sys
pythons, releases = int(sys.argv[1]), int(sys.argv[2])
print('[matrix]\nname = "synthetic"\n[nixpkgs.main]\nrev = "6a030d535719c5190187c4cec156f335e95e3211"')
for i in range(releases):
    print(f'[pytorch."9.{i}.0"]\nhash = ""')
print("[[build]]\npytorch =", [f"9.{i}.0" for i in range(releases)])
print("python =", [f"3.{i}" for i in range(10, 10 + pythons)])
print('cuda = ["12.9", "13.0"]')
print('gpus = ["8.0", "8.6", "8.9", "9.0", "9.0a", "10.0", "10.3", "12.0", "12.0a", "12.1"]')
print('isas = ["avx2", "avx512", "avx512vnni", "avx512bf16", "armv9"]')
print('name = "{package}{pytorch}-python{python}-cuda{cuda}-{gpu}-{isa}"')
PY
}
synthetic 100 100 > million.toml
synthetic 10 10 > ten_thousand.toml
synthetic 20 50 > hundred_thousand.toml

"$torchlathe" list -m cuda-13_0 > list.txt
measure "list of the 44" "$torchlathe" list -m cuda-13_0
list=$median
measure "cp of the same text" cp list.txt list2.txt
ratio "list / cp" "$list" "$median"

"$torchlathe" list -m million.toml -f json > million.json
printf '%-52s %10d variants, %d bytes\n' "the million" "$("$torchlathe" list -m million.toml --names | wc -l)" "$(stat -c %s million.json)"
measure "1,000,000 variants as JSON, to a file" bash -c "'$torchlathe' list -m million.toml -f json > out.json"
million=$median
measure "cp of the same JSON" cp million.json out.json
ratio "list of a million / cp" "$million" "$median"

# Constant memory, in every format: the last column. The names that were seen are 16 bytes each, 16 MiB of a million.
for format in text csv md github hydra; do
  measure "1,000,000 variants as $format" "$torchlathe" list -m million.toml -f $format
done

mkdir none
measure "plan of 10,000 variants" bash -c "'$torchlathe' plan none -m ten_thousand.toml > out.txt || true"
plan=$median
measure "plan of 100,000 variants" bash -c "'$torchlathe' plan none -m hundred_thousand.toml > out.txt || true"
ratio "plan of 100,000 / of 10,000 (10 is linear)" "$median" "$plan"

measure "10,000 recipes" bash -c "rm -rf out; '$torchlathe' generate -m ten_thousand.toml --output out"
recipes=$median
measure "cp -r of the same recipes" bash -c "rm -rf copy; cp -r out copy"
ratio "generate / cp -r" "$recipes" "$median"
