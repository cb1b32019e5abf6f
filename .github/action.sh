#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the GitHub action runs: LATHE_COMMAND on LATHE_PATH. Values come by the environment, so none is ever a part of a command line.
set -uo pipefail

program=${LATHE_PROGRAM:-torchlathe}
outputs=${GITHUB_OUTPUT:-/dev/null}
status=0

fail() {
  echo "::error title=torchlathe::$1"
  exit 2
}

case "${LATHE_COMMAND:-}" in
  audit)
    sarif=${LATHE_OUTPUT:-torchlathe.sarif}
    "$program" audit "$LATHE_PATH" --matrix "$LATHE_MATRIX" --format sarif >"$sarif" || status=$?
    if ((status < 2)); then
      echo "sarif=$sarif" >>"$outputs"
      "$program" audit "$LATHE_PATH" --matrix "$LATHE_MATRIX" # the same for the job's log
    fi
    ;;
  inspect)
    if [[ -z ${LATHE_GPU:-} ]]; then
      "$program" inspect "$LATHE_PATH" || status=$?
    else
      IFS=, read -ra gpus <<<"$LATHE_GPU"
      for gpu in "${gpus[@]}"; do
        one=0
        "$program" inspect "$LATHE_PATH" --gpu "$gpu" || one=$?
        ((one <= status)) || status=$one
      done
    fi
    ;;
  carve)
    [[ -n ${LATHE_GPU:-} ]] || fail "carve needs gpu: which GPUs is the result for?"
    [[ -n ${LATHE_OUTPUT:-} ]] || fail "carve needs output: where does the result go?"
    "$program" carve "$LATHE_PATH" --gpu "$LATHE_GPU" --output "$LATHE_OUTPUT" || status=$?
    ;;
  *) fail "command is audit, inspect or carve, not \"${LATHE_COMMAND:-}\"" ;;
esac
echo "status=$status" >>"$outputs"
exit "$status"
