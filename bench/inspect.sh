#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# inspect: device code of a large library beside cuobjdump, a whole wheel beside decompressing it once.
# The wheels (torch 2.11.0, and triton for its cuobjdump) come through pip into build/wheels, 800 MB, once.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
wheel triton 'triton-*.whl'
triton=$wheel
torch_wheel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$wheel" "$triton" "$work" <<'PY'
import os, sys, zipfile
for wheel, name in ((sys.argv[1], "torch/lib/libtorch_cuda.so"), (sys.argv[2], "triton/backends/nvidia/bin/cuobjdump")):
    with zipfile.ZipFile(wheel) as z:
        path = os.path.join(sys.argv[3], os.path.basename(name))
        open(path, "wb").write(z.read(name))
        os.chmod(path, 0o755)
PY
library=$work/libtorch_cuda.so
cat "$library" >/dev/null

once() { # NAME COMMAND...: one run
  local name=$1 start end
  shift
  start=$(date +%s%N)
  "$@" >/dev/null
  end=$(date +%s%N)
  median=$(awk "BEGIN { print ($end - $start) / 1e9 }")
  printf '%-52s %10.4f s\n' "$name" "$median"
}

"$1/bench/gpu_inventory" "$library" | tee "$work/inventory"
inventory=$(sed -n 's/^GPU inventory .* \([0-9.]*\) ms$/\1/p' "$work/inventory")
once "cuobjdump --list-elf of the same" "$work/cuobjdump" --list-elf "$library"
ratio "cuobjdump / GPU inventory" "$median" "$(awk "BEGIN { print $inventory / 1000 }")"

"$1/bench/code_marks" "$library"
data=$(sed -n 's/^device code as data .* \([0-9.]*\) ms$/\1/p' "$work/inventory")
once "grep for one magic in the same (reads all of it)" env LC_ALL=C grep -c -a -F $'\x50\xed\x55\xba' "$library"
ratio "grep / device code as data" "$median" "$(awk "BEGIN { print $data / 1000 }")"

cat "$wheel" >/dev/null
once "inspect of the torch wheel" "$torchlathe" inspect "$wheel"
whole=$median
once "python3 -m zipfile -t of the same (decompresses once)" python3 -m zipfile -t "$wheel"
ratio "inspect / decompressing once" "$whole" "$median"
