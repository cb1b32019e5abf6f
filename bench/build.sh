#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# build: the processor seconds of the whole matrix by each strategy, beside the lower bound; each carved variant beside its rebuilt
# twin. All 36 GPU variants for x86 of the shipped cuda-13_0 matrix, from nix/mini with each CUDA file twice (its few files weigh
# little beside starting a build; PyTorch has hundreds). Half an hour on two cores; LATHE_BUILD_GPUS="9.0,8.6" and
# LATHE_BUILD_ISAS="avx2,avx512" choose a slice, LATHE_BUILD_COPIES another number.
set -euo pipefail
gpus=${LATHE_BUILD_GPUS:-12.1,12.0,11.0,10.3,10.0,9.0,8.9,8.6,8.0}
isas=${LATHE_BUILD_ISAS:-avx2,avx512,avx512bf16,avx512vnni}
export TORCHLATHE_MINI_COPIES=${LATHE_BUILD_COPIES:-2}
status=0
python3 ../tests/strategies.py "$1/torchlathe" --gpus "$gpus" --isas "$isas" --bound || status=$?
((status != 77)) || { echo "skipped: needs Nix, nvcc, ninja and ccache"; exit 0; }
exit "$status"
