#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# isa: the CPU code of PyTorch's largest library beside `objdump -d | grep` on the same file; before that, each of its
# instructions beside what Zydis says. The wheel comes as in inspect.sh. Last, the stated least CPUs beside runs (isa_wheels.py).
set -euo pipefail
source ./measure.sh
torch_wheel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m zipfile -e "$wheel" "$work" 2>/dev/null
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

# What is stated against what runs; installs three dozen wheels (9 GB) into build/isa-wheels, once.
python3 isa_wheels.py "$1/torchlathe" ../build/isa-wheels || [[ $? == 77 ]]
