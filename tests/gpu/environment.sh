#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# environment.sh TORCHLATHE OUT [MINUTES]: all that lies beside the installed torch carved for this GPU with NVIDIA's libraries; operator
# samples before and after, every library that changed through the driver; then torch with its images unpacked. Leaves what it said in OUT.
set -uo pipefail
torchlathe=$1 out=$2 minutes=${3:-3} here=$(cd "$(dirname "$0")" && pwd) work=$(mktemp -d)
mkdir -p "$out"
read -r site gpu <<<"$(python3 -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)), "%d.%d" % torch.cuda.get_device_capability())')"
export CUDA_CACHE_DISABLE=1
status=0

python3 "$here/compare.py" --torchlathe "$torchlathe" --out "$work/compare" --work "$work/environment" --environment --jobs 5 \
  --limit "${LIMIT:-3}" --minutes "$minutes" 2>&1 | tee "$out/environment.txt" | cut -c1-300 || status=1
cp "$work/compare/report.json" "$out/environment.json"
du -sk --apparent-size "$site" "$work/environment/site"

changed() { # FOLDER FOLDER: libraries with wrappers that are not the same
  (cd "$2" && find . -type f -name '*.so*' -size +64k) | while read -r path; do
    cmp -s "$1/$path" "$2/$path" || { readelf -SW "$2/$path" 2>/dev/null | grep -q nvFatBinSegment && echo "$path"; }
  done
}
load() { # NAME FOLDER FOLDER
  changed "$2" "$3" | xargs -P 8 -I{} sh -c \
    'said=$(timeout 100 python3 "$0" "$1/$3" "$2/$3" 2>&1); echo "$? $3: $(echo "$said" | tail -n 1)"' "$here/load_all.py" "$2" "$3" {} |
    tee "$out/load-$1.txt" | cut -c1-200
  ! grep -qv '^0 ' "$out/load-$1.txt"
}
load environment "$site" "$work/environment/site" || status=1

time "$torchlathe" carve "$site/torch" --gpu "$gpu" --compress none --output "$work/unpacked" | tail -n 30
load unpacked "$site/torch" "$work/unpacked" || status=1
rm -rf "$work/unpacked" "$work/environment"
python3 "$here/compare.py" --torchlathe "$torchlathe" --out "$work/compare" --jobs 5 --limit 1 --minutes 1 --carve=--compress --carve=none 2>&1 |
  tee "$out/unpacked.txt" | cut -c1-300 || status=1
exit $status
