#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/run.sh BUILD [PART...]: figures as ratios against named peers, measured in one run. Parts are the files bench/*.sh
# other than this one; all of them unless told.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"
parts=("$@")
((${#parts[@]})) || for file in *.sh; do [[ $file == run.sh || $file == measure.sh ]] || parts+=("${file%.sh}"); done
for part in "${parts[@]}"; do
  [[ -f $part.sh ]] || { echo "bench: there is no part $part; parts: $(ls | sed -n 's/\.sh$//p' | grep -v -e run -e measure | xargs)" >&2; exit 2; }
  echo "== $part"
  bash "$part.sh" "$build"
done
