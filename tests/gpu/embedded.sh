#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# embedded.sh TORCHLATHE OUT: NVIDIA's libraries of the installed torch, with device code as data, carved for this GPU of 9.0, then
# embedded.py over both. Leaves what it said in OUT.
set -uo pipefail
torchlathe=$1 out=$2 here=$(dirname "$0") work=$(mktemp -d)
mkdir -p "$work/before"
python3 - "$work/before" <<'PY'
import glob, os, shutil, sys, torch
site = os.path.dirname(os.path.dirname(torch.__file__))
for name in ("libnvJitLink.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcufft.so.12", "libcusparse.so.12", "libcudnn*.so.9"):
    for path in glob.glob(f"{site}/nvidia/**/{name}", recursive=True):
        shutil.copy(path, sys.argv[1])
PY
ls -l "$work/before"
time "$torchlathe" carve "$work/before" --gpu 9.0 --include-vendor --output "$work/after" 2>&1 | tee "$out/carve.txt" | cut -c1-160
du -sk "$work"/before/*.so* "$work"/after/*.so*
status=0
for name in libcublasLt.so.13 libcudnn_engines_precompiled.so.9 libcusparse.so.12 libcufft.so.12; do
  timeout 150 python3 "$here/embedded.py" load "$work/before/$name" "$work/after/$name" 2>&1 | tee -a "$out/load.txt" || status=1
done
timeout 420 python3 "$here/embedded.py" run "$work/before" "$work/after" fft matmul conv sparse 2>&1 | tee "$out/run.txt" || status=1
exit $status
