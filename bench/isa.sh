#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# isa: the CPU code of PyTorch's largest library beside `objdump -d | grep` on the same file; before that, each of its
# instructions beside what Zydis says. The wheel comes as in inspect.sh.
set -euo pipefail
source ./measure.sh
wheels=$(realpath -m ../build/wheels)
mkdir -p "$wheels"
compgen -G "$wheels/torch-2.11.0-*.whl" >/dev/null ||
  python3 -m pip download -q --no-deps -d "$wheels" --only-binary=:all: --python-version 3.12 --implementation cp \
    --abi cp312 --platform manylinux_2_28_x86_64 torch==2.11.0 ||
  { echo "skipped: torch==2.11.0 cannot be had from the Python index"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m zipfile -e "$(compgen -G "$wheels/torch-2.11.0-*.whl" | head -n 1)" "$work" 2>/dev/null
library=$work/torch/lib/libtorch_cpu.so
"$1/bench/isa_zydis" "$library" "$work/torch/lib/libtorch_python.so"
cat "$library" >/dev/null

"$1/bench/isa_scan" "$library" | tee "$work/scan"
scan=$(sed -n 's/^CPU scan of .* \([0-9.]*\) s .*$/\1/p' "$work/scan")
start=$(date +%s%N)
objdump -d --no-show-raw-insn "$library" | grep -c '%[yz]mm' >"$work/count" || true
median=$(awk "BEGIN { print ($(date +%s%N) - $start) / 1e9 }")
printf '%-52s %10.4f s\n' "objdump -d | grep of the same, once" "$median"
ratio "objdump / CPU scan" "$median" "$scan"
measure "inspect of the library, whole process" "$1/torchlathe" inspect "$library"
