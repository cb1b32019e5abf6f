#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The hardware tables: a start that unpacks all of them beside one that reads nothing.
set -euo pipefail
torchlathe=$1/torchlathe
source ./measure.sh
measure "torchlathe --version: nothing read" "$torchlathe" --version
nothing=$median
measure "torchlathe catalog cuda: all tables" "$torchlathe" catalog cuda
ratio "all tables / nothing" "$median" "$nothing"
