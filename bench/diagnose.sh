#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# diagnose: 1 GB of a build's log, with the cause near its end, beside grep (and ripgrep, where there is one) looking for the
# same causes. The log is made here: lines of a real build of torchlathe's kind, over and over.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$work" <<'PY'
import sys
work = sys.argv[1]
flags = " ".join(f"-I/build/source/third_party/lib{i}/include -DUSE_FEATURE_{i}=1" for i in range(25))
lines = []
for i in range(4000):
    lines.append(f"[{i}/6543] Building CXX object caffe2/CMakeFiles/torch_cpu.dir/__/aten/src/ATen/native/Operator{i}.cpp.o\n")
    if i % 4 == 0:
        lines.append(f"/nix/store/yr0bbh4ahqnfkjhyqz6zjkfvfzh9w1dj-gcc-wrapper-14.3.0/bin/g++ {flags} -O3 -c Operator{i}.cpp\n")
    if i % 7 == 0:
        lines.append(f"/build/source/aten/src/ATen/Operator{i}.cpp:{i}:12: warning: comparison of integer expressions of different signedness\n"
                     "  123 |   for (int64_t i = 0; i < sizes.size(); ++i) {\n      |                       ~~^~~~~~~~~~~~~~\n")
block = "".join(lines).encode()
with open(work + "/log", "wb") as log:
    written = 0
    while written < 1_000_000_000:
        written += log.write(block)
    log.write(b"nvcc fatal   : Unsupported gpu architecture 'compute_70'\n" + block[:100000])
PY
sed -n 's/^find = "\(.*\)"/\1/p' ../src/diagnose/rules.toml | sort -u >"$work/literals"
size=$(stat -c %s "$work/log")
cat "$work/log" >/dev/null
# Seconds on a machine that others use too say little: processor time, and the ratio of what ran in turn, do.
processor_time() { # NAME COMMAND...
  local name=$1 used
  shift
  used=$(python3 -c '
import os, statistics, subprocess, sys
used = []
for run in range(5):
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    usage = os.wait4(child.pid, 0)[2]
    used.append(usage.ru_utime + usage.ru_stime)
print(statistics.median(used))' "$@")
  printf '%-52s %10.4f s of a processor, %.0f MB/s\n' "$name" "$used" "$(awk "BEGIN { print $size / $used / 1e6 }")"
}
processor_time "diagnose" "$torchlathe" diagnose "$work/log"
processor_time "grep -F of one literal" env LC_ALL=C grep -cF "Unsupported gpu architecture" "$work/log"
measure "diagnose of $((size / 1000000)) MB" "$torchlathe" diagnose "$work/log"
own=$median
echo "$(awk "BEGIN { printf \"%.0f MB/s\", $size / $own / 1e6 }")"
measure "grep -cFf of the same $(wc -l <"$work/literals") literals" env LC_ALL=C grep -cFf "$work/literals" "$work/log"
ratio "diagnose / grep -F" "$own" "$median"
if command -v rg >/dev/null; then
  measure "ripgrep -cFf of the same" rg -j1 -cFf "$work/literals" "$work/log"
  ratio "diagnose / ripgrep" "$own" "$median"
fi
