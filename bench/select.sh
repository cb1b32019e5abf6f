#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The whole process of `select`, out of the shipped matrices, beside a start of Python that does nothing. It must stay under
# 20 ms without a GPU.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
machines=$(realpath ../tests/machines)
cd /

measure "select on this machine, NVML looked for" "$torchlathe" select --quiet
here=$median
measure "select on a recorded machine" "$torchlathe" select --quiet --from "$machines/rtx5090-zen5.json"
measure "select on a machine made up from names" "$torchlathe" select --quiet --gpu "RTX 5090" --cpu "Core i9-14900K"
measure "detect" "$torchlathe" detect --format json
measure "python3 -I -c pass" python3 -I -c pass
ratio "select / python3 -c pass" "$here" "$median"
