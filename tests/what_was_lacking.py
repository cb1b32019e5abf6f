#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""what_was_lacking.py LOG SAID: reads ctest's LastTest.log and what it said; prints which unit tests failed or did not end, for ctest
knows their suites alone; and one line, what this machine lacked and how many tests were skipped for it."""
import re
import sys
from collections import Counter
from pathlib import Path


class Run:
    def __init__(self, text):
        self.by_ctest, self.by_googletest, self.total, self.failed = [], [], 0, []
        for block in re.split(r"^\d+/\d+ Testing: ", text, flags=re.M)[1:]:
            output = block.split("Output:\n", 1)[-1].split("<end of output>")[0]
            names = re.findall(r"^\[ RUN      \] (\S+)$", output, re.M)
            if names:
                self.suite(names, output)
            else:
                self.one(block, output)

    def suite(self, names, output):
        self.total += len(names)
        self.by_googletest += [reason(part) for part in re.split(r"^\[ RUN      \] ", output, flags=re.M)
                               if re.search(r"^\[  SKIPPED \] \S+ \(\d+ ms\)$", part, re.M)]
        ended = dict((name, how) for how, name in re.findall(r"^\[ +(OK|FAILED|SKIPPED) +\] ([^\s,]+).* \(\d+ ms\)$", output, re.M))
        self.failed += [f"{name}{'' if name in ended else ' (did not end)'}" for name in names if ended.get(name, "FAILED") == "FAILED"]

    def one(self, block, output):
        self.total += 1
        # By SKIP_RETURN_CODE ctest writes "Test Passed." here; its own list of the skipped says otherwise.
        if re.search(r"^(skipped: needs .+|Test Skipped\.)$", block, re.M):
            self.by_ctest.append(reason(output))


def reason(output):
    """By tests/needs.py "skipped: needs X", by GoogleTest the line below "FILE:LINE: Skipped"."""
    if (told := re.search(r"^skipped: needs (.+)$", output, re.M)):
        return ", ".join(plain(part) for part in told.group(1).split(", "))
    if (told := re.search(r": Skipped\n(.+)$", output, re.M)):
        return plain(told.group(1))
    return "what it did not say"


def plain(words):
    """"no nvcc on PATH", "nvcc --version" and "nvcc" are one thing."""
    words = re.sub(r"^(no|needs) | (here|on (this machine|PATH).*|is here)$", "", words.strip())
    return re.sub(r" --version$|^test -w (?=/)", "", words)


def main():
    run = Run(Path(sys.argv[1]).read_text(errors="replace"))
    for name in run.failed:
        print(f"failed: {name}")
    counted = len(re.findall(r"^\s*\d+ - .* \(Skipped\)$", Path(sys.argv[2]).read_text(errors="replace"), re.M))
    skipped = run.by_googletest + run.by_ctest + ["what was not said"] * (counted - len(run.by_ctest))
    if not skipped:
        print(f"Nothing was lacking here: none of {run.total} tests was skipped.")
        return
    counts = ", ".join(f"{what} ({count})" for what, count in Counter(skipped).most_common())
    print(f"Lacking here, so that {len(skipped)} of {run.total} tests were skipped: {counts}.")


if __name__ == "__main__":
    main()
