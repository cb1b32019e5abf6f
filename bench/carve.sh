#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# carve: a library beside cp of it, a folder of ten on one core and on all, a wheel beside unzip + carve + zip -6, and the
# sizes for each GPU. The wheel (torch 2.11.0, 531 MB) comes through pip into build/wheels, once.
# `bench/run.sh BUILD carve` does all; LATHE_CARVE_PARTS="library folder wheel sizes" chooses.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
parts=${LATHE_CARVE_PARTS:-library folder wheel sizes}
torch_wheel
work=$(mktemp -d -p "$(realpath ../build)")
trap 'rm -rf "$work"' EXIT
wanted() { [[ " $parts " == *" $1 "* ]]; }

# Pairs, one after the other, because the machine's speed drifts: prints both medians and the median of the ratios.
paired() { # NAME_A COMMAND_A NAME_B COMMAND_B; a command is one string for sh
  python3 - "$@" <<'PY'
import os, statistics, subprocess, sys, time
name_a, a, name_b, b = sys.argv[1:]
def run(command):
    start = time.monotonic()
    child = subprocess.Popen(["sh", "-ec", command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, command
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime
run(a), run(b)
pairs = [(run(a), run(b)) for _ in range(int(os.environ.get("PAIRS", 7)))]
for name, i in ((name_a, 0), (name_b, 1)):
    print(f"{name:52} {statistics.median(p[i][0] for p in pairs):10.4f} s   {statistics.median(p[i][1] for p in pairs):8.3f} s of CPU")
print(f"{'ratio of the two: wall, CPU':52} {statistics.median(p[0][0] / p[1][0] for p in pairs):10.2f}     {statistics.median(p[0][1] / p[1][1] for p in pairs):8.2f}")
PY
}

python3 -m zipfile -e "$wheel" "$work/tree"
library=$work/tree/torch/lib/libtorch_cuda.so
cat "$library" >/dev/null

if wanted library; then
  paired "carve libtorch_cuda.so (456 MB) for 9.0" "rm -f $work/out.so; $torchlathe carve $library --gpu 9.0 -o $work/out.so" \
    "cp of the same" "rm -f $work/cp.so; cp $library $work/cp.so"
  rm -f "$work/out.so" "$work/cp.so"
  # Private memory: RLIMIT_DATA counts what a process may write and nobody else sees, thread stacks included.
  prlimit --data=67108864 "$torchlathe" carve "$library" --gpu 9.0 -o "$work/out.so" >/dev/null &&
    echo "the same in at most 64 MiB of private memory              yes"
  rm -f "$work/out.so"
fi

if wanted folder; then
  mkdir "$work/ten"
  for i in 0 1 2 3 4 5 6 7 8 9; do cp "$work/tree/torch/lib/libtorch_cuda_linalg.so" "$work/ten/$i.so"; done
  paired "ten libraries of 54 MB, all cores" "rm -rf $work/out; $torchlathe carve $work/ten --gpu 9.0 -o $work/out" \
    "the same on one core" "rm -rf $work/out; taskset -c 0 $torchlathe carve $work/ten --gpu 9.0 -o $work/out"
  rm -rf "$work/ten" "$work/out"
fi

if wanted wheel; then
  mkdir "$work/wheels"
  PAIRS=3 paired "wheel to wheel for 9.0" "rm -f $work/wheels/*; $torchlathe carve $wheel --gpu 9.0 -o $work/wheels" \
    "unzip, carve in place, zip -6" "rm -rf $work/by-hand $work/by-hand.whl; unzip -q $wheel -d $work/by-hand; $torchlathe carve $work/by-hand --gpu 9.0 --in-place; cd $work/by-hand; zip -6 -q -r $work/by-hand.whl ."
  ls -l "$work/wheels/"*.whl "$work/by-hand.whl" | awk '{ printf "%-52s %10.1f MB\n", $NF, $5 / 1e6 }' | sed "s|$work/||"
  rm -rf "$work/by-hand" "$work/by-hand.whl" "$work/wheels"
fi

if wanted sizes; then
  printf '%-12s %14s %14s %14s %20s\n' GPU libtorch_cuda linalg 'whole torch' 'and --strip-symbols'
  for gpu in 7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 11.0 12.0 12.1 7.5,8.0,8.6,8.7,8.8,8.9,9.0,10.0,10.3,11.0,12.0,12.1; do
    for strip in "" --strip-symbols; do
      "$torchlathe" carve "$work/tree/torch" --gpu "$gpu" --dry-run $strip --format json 2>&1 || true
    done | python3 -c '
import json, sys
decoder, text = json.JSONDecoder(), sys.stdin.read()
name = sys.argv[1] if "," not in sys.argv[1] else "all served"
if not text.startswith("{"): sys.exit(print(f"{name:12} {text.splitlines()[0].split(chr(58))[-1].strip()}"))
plain, end = decoder.raw_decode(text)
stripped, _ = decoder.raw_decode(text[end:].lstrip())
size = {f["path"]: f["size_after"] for f in plain["files"]}
mega = lambda b: f"{b / 1e6:.1f} MB"
cuda, linalg = size["lib/libtorch_cuda.so"], size["lib/libtorch_cuda_linalg.so"]
whole, bare = plain["size_after"], stripped["size_after"]
print(f"{name:12} {mega(cuda):>14} {mega(linalg):>14} {mega(whole):>14} {mega(bare):>20}")' "$gpu"
  done
fi
