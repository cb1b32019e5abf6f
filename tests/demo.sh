#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/demo.sh TORCHLATHE: the main job on the shipped matrix, with the real Nix.
set -euo pipefail
torchlathe=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || step() { printf '\n%s\n' "$*"; }

step "1. The 44 builds of PyTorch 2.10.0 for CUDA 13.0, and what the hardware catalogue says of each"
"$torchlathe" list -m cuda-13_0

step "2. One recipe each"
"$torchlathe" generate -m cuda-13_0 --output "$folder/recipes"

step "3. Nix parses each of them"
for file in "$folder"/recipes/*.nix; do nix-instantiate --parse "$file" >/dev/null 2>"$folder/parse.log" || { cat "$folder/parse.log"; exit 1; }; done
echo "$(find "$folder/recipes" -name '*.nix' | wc -l) recipes parsed by $(nix --version)"

step "4. Nix evaluates all of them in a recording package set, and each is compared with what its name promises"
"$torchlathe" audit "$folder/recipes" -m cuda-13_0

# Without a toolkit nix/mini takes nvcc from the Python package index.
has_nvcc() { type -P nvcc >/dev/null || [[ -x ${CUDA_HOME:-/usr/local/cuda}/bin/nvcc ]] || /usr/bin/python3 -m pip --version >/dev/null 2>&1; }
if ! has_nvcc || ! command -v ninja >/dev/null || ! [[ -w /nix/store || -S /nix/var/nix/daemon-socket/socket ]]; then
  step "The rest needs nvcc (or pip, which fetches it), ninja and a Nix store to build in"
  exit 0
fi
mini=$(realpath "$(dirname "$0")/../nix/mini")
settings=(--nix-option sandbox=false --nix-option substitute=false)
[[ -S /nix/var/nix/daemon-socket/socket ]] || settings+=(--nix-option build-users-group=)

step "5. A slice is built by Nix on the small package set, and each result is looked into"
"$torchlathe" build -m cuda-13_0 --gpu 9.0 --isa avx2 --isa avx512 --nixpkgs "$mini" --state "$folder/state" "${settings[@]}"

step "6. One that lies: it was told to build without CUDA"
TORCHLATHE_MINI_FAIL="cpu-only .*sm89-avx2" \
  "$torchlathe" build -m cuda-13_0 --gpu 8.9 --isa avx2 --nixpkgs "$mini" --state "$folder/state" "${settings[@]}" || echo "exit $?"

step "7. A library for three GPUs, carved down to one"
sed -e 's/gpus = \["12.1", "12.0", "11.0".*/gpus = [["8.6", "9.0", "12.0"]]/' -e '/^\[\[build\]\] # Arm/,$d' "$(dirname "$0")/../matrices/cuda-13_0.toml" >"$folder/fat.toml"
"$torchlathe" build -m "$folder/fat.toml" --isa avx2 --nixpkgs "$mini" --state "$folder/state" "${settings[@]}"
"$torchlathe" carve "$folder"/state/results/*sm86_sm90_sm120-avx2-lib/lib --gpu 9.0 --output "$folder/carved"
"$torchlathe" verify pytorch-python313-cuda13_0-sm90-avx2 "$folder/carved"

step "8. What was built"
"$torchlathe" history --state "$folder/state"
