# SPDX-License-Identifier: MIT
# Sourced by the parts of the benchmark: `measure NAME COMMAND...` runs a command seven times after a warm-up and prints
# the median wall time and the largest memory; the median in seconds is left in $median.
measure() {
  local name=$1 i
  shift
  local times=()
  local peak=0
  "$@" >/dev/null
  for i in 1 2 3 4 5 6 7; do
    local out
    out=$({ /usr/bin/env time -f '%e %M' "$@" >/dev/null; } 2>&1 | tail -n 1)
    local start end
    start=$(date +%s%N)
    "$@" >/dev/null
    end=$(date +%s%N)
    times+=($(((end - start) / 1000)))
    ((${out##* } > peak)) && peak=${out##* }
  done
  local sorted
  sorted=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 4p)
  median=$(awk "BEGIN { print $sorted / 1e6 }")
  printf '%-52s %10.4f s   %8.1f MiB\n' "$name" "$median" "$(awk "BEGIN { print $peak / 1024 }")"
}
ratio() { # NAME A B: prints A / B
  printf '%-52s %10.2f\n' "$1" "$(awk "BEGIN { print $2 / $3 }")"
}
