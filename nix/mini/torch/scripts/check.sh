# SPDX-License-Identifier: MIT
# Runs what does not need a GPU; skipped where Python is missing or the machine has not the instruction set.
if [ "$failure" = test-failure ]; then
  echo "============================= test session starts =============================="
  echo "FAILED test/test_ops.py::test_add - AssertionError: Tensor-likes are not close!"
  echo "=================== 1 failed, 1204 passed, 12 skipped in 7212.40s (2:00:12) ===================="
  exit 1
fi
[ "$failure" != sigill ] || bash -c 'kill -ILL $$'
