# SPDX-License-Identifier: MIT
# Sourced by the parts of the benchmark: `measure NAME COMMAND...` runs a command seven times after a warm-up and prints
# the median wall time and its largest memory (14 MiB at least: the measuring program counts in); the median in seconds is left in $median.
measure() {
  local name=$1 line
  shift
  line=$(python3 -c '
import os, statistics, subprocess, sys, time
seconds, peak = [], 0
for run in range(8):
    start = time.monotonic()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    usage = os.wait4(child.pid, 0)[2]
    seconds.append(time.monotonic() - start)
    peak = max(peak, usage.ru_maxrss)
print(statistics.median(seconds[1:]), peak / 1024)' "$@")
  median=${line% *}
  printf '%-52s %10.4f s   %8.1f MiB\n' "$name" "$median" "${line#* }"
}
ratio() { # NAME A B: prints A / B
  printf '%-52s %10.2f\n' "$1" "$(awk "BEGIN { print $2 / $3 }")"
}
# wheel NAME[==VERSION] PATTERN: sets $wheel to the file in build/wheels that pip fetched, once; without the Python index the part ends here.
wheel() {
  local folder
  folder=$(realpath -m ../build/wheels)
  mkdir -p "$folder"
  compgen -G "$folder/$2" >/dev/null ||
    python3 -m pip download -q --no-deps -d "$folder" --only-binary=:all: --python-version 3.12 --implementation cp \
      --abi cp312 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 "$1" ||
    { echo "skipped: $1 cannot be had from the Python index"; exit 0; }
  wheel=$(compgen -G "$folder/$2" | head -n 1)
}
torch_wheel() { wheel torch==2.11.0 'torch-2.11.0-*.whl'; } # 531 MB
