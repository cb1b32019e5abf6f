#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/demo.sh TORCHLATHE: the main jobs in five steps, each command as anybody would type it. At most 60 lines of 80
# columns (tests/cli/demo.test).
set -euo pipefail
torchlathe=$(realpath "$1")
tests=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PATH="$(dirname "$torchlathe"):$PATH" COLUMNS=80
bold=$'\033[1m' plain=$'\033[0m'
[[ -t 1 && -z ${NO_COLOR:-} ]] || bold='' plain=''

step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() { # COMMAND: printed, then run; findings are what it is to show
  printf '$ %s\n' "$1"
  bash -c "$1" 2>&1 | fold -s -w 80 || true
}

# A stand-in for a wheel: a library for four GPUs, one kernel of which lacks the oldest.
mkdir -p torch/lib
python3 "$tests/fat_library.py" torch/lib/libtorch_cuda.so sm_75=400000,sm_80=500000,sm_90=600000,sm_120=700000 \
  sm_80=500000,sm_90=600000,sm_120=600000 --list "sm_75 sm_80 sm_90 sm_120"

step "1. Does this PyTorch run on my GPU? Its bytes know, its list of GPUs does not"
run 'torchlathe inspect torch --gpu H100'
run 'torchlathe inspect torch --gpu T4'

step "2. Cut it down to one GPU: the same software, less of it"
run 'torchlathe carve torch --gpu H100 --in-place | tail -n 1'

step "3. Which build is best for a machine, and how to get it"
run 'torchlathe select --gpu "RTX 5090" --cpu "Core i9-14900K" | head -n 4'

step "4. One matrix file, 44 builds: a recipe for each"
run 'torchlathe list -m cuda-13_0 | tail -n 1'
run 'torchlathe generate -m cuda-13_0 --output recipes'

step "5. Recipes are judged by what Nix evaluates them to. One is changed by hand:"
run "sed -i 's/\"9.0\"/\"8.9\"/g' recipes/pytorch-python313-cuda13_0-sm90-avx2.nix"
run 'torchlathe audit recipes -m cuda-13_0 | grep -A 2 -m 1 sm90-avx2'

step "What next"
cat <<'NEXT'
torchlathe doctor         this machine, its PyTorch, the one command that fits
torchlathe help inspect   every command has a page with examples
README.md                 for pip, for recipes in Nix, for images
NEXT
