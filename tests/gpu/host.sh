#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# host.sh TORCHLATHE OUT: detect, select, smoke and doctor on a machine with an NVIDIA GPU and a PyTorch with CUDA in python3.
# Leaves what they said in OUT; ends with 1 when one of them is not as it must be.
set -uo pipefail
torchlathe=$1 out=$2
mkdir -p "$out"
failed=0
must() { # NAME CONDITION...
  local name=$1
  shift
  if "$@"; then echo "ok      $name"; else echo "FAILED  $name"; failed=1; fi
}

"$torchlathe" detect | tee "$out/detect.txt"
"$torchlathe" detect --format json >"$out/machine.json"
"$torchlathe" detect --format variant >"$out/properties.txt"
"$torchlathe" select >"$out/select.txt"
"$torchlathe" select --format json >"$out/select.json"
best=$("$torchlathe" select --quiet) || best=
int8=$("$torchlathe" select --quiet --prefer int8) || int8=
echo "best: $best; for int8: $int8"
for _ in 1 2 3; do
  python3 - "$torchlathe" <<'PY'
import subprocess, sys, time
start = time.monotonic()
subprocess.run([sys.argv[1], "select", "--quiet"], stdout=subprocess.DEVNULL)
print(f"select: {(time.monotonic() - start) * 1000:.0f} ms")
PY
done

read -r torch version capability cuda <<<"$(python3 -c '
import os, torch
print(os.path.dirname(torch.__file__), "%d%d" % __import__("sys").version_info[:2], "%d%d" % torch.cuda.get_device_capability(0),
      torch.version.cuda.replace(".", "_"))')"
name=pytorch-python$version-cuda$cuda-sm$capability-avx2
python=$(python3 -c 'import sys; print(sys.executable)')
"$torchlathe" smoke "$name" "$torch" --interpreter "$python" | tee "$out/smoke.txt"
"$torchlathe" smoke "$name" "$torch" --interpreter "$python" --format json >"$out/smoke.json"
smoked=$?
"$torchlathe" smoke "${name/sm$capability/sm37}" "$torch" --interpreter "$python" >"$out/smoke-wrong-gpu.txt"
wrong=$?
CUDA_VISIBLE_DEVICES= "$torchlathe" smoke "$name" "$torch" --interpreter "$python" >"$out/smoke-no-gpu.txt"
blind=$?
"$torchlathe" doctor "$torch" | tee "$out/doctor.txt"

must "NVML answered" grep -q '"gpu_source": "nvml"' "$out/machine.json"
must "a variant starts" test -n "$best"
must "a recording of the machine gets the same variant" test "$("$torchlathe" select --quiet --from "$out/machine.json")" = "$best"
must "smoke of $name" test $smoked -eq 0
must "a name for another GPU is refused" test $wrong -eq 1
must "without a GPU it does not pass" test $blind -eq 1
exit $failed
