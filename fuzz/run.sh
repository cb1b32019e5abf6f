#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fuzz/run.sh BUILD [SECONDS [TARGET...]]: runs each libFuzzer target on its corpus; a finding is left in the build folder.
set -euo pipefail
build=$1 seconds=${2:-60}
shift; (($#)) && shift
targets=("$@")
((${#targets[@]})) || for file in fuzz/*_fuzz.cpp; do name=${file##*/}; targets+=("${name%_fuzz.cpp}"); done
for name in "${targets[@]}"; do
  echo "== $name, $seconds s"
  mkdir -p "$build/found/$name"
  "$build/fuzz/${name}_fuzz" "$build/found/$name" "fuzz/corpus/$name" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$build/found/$name-" 2>&1 |
    grep -E 'ERROR|SUMMARY|stat::number_of_executed|stat::new_units|Test unit written' || true
  if compgen -G "$build/found/$name-*" >/dev/null; then echo "fuzz: $name has findings in $build/found" >&2; exit 1; fi
done
