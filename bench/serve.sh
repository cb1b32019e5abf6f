#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# serve: pages, first and second requests of a large wheel, 32 clients at once. WHEEL=FILE: that wheel instead of one that is made.
set -euo pipefail
python3 serve.py "$1/torchlathe" ${WHEEL:+"$WHEEL"}
