#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""what_was_lacking.py LOG SAID: reads ctest's LastTest.log and what it said; prints one line, what this machine lacked and how many
tests were skipped for it."""
import re
import sys
from collections import Counter
from pathlib import Path


def reasons(text):
    """A list of the reason of each skipped test, and how many tests there were."""
    skipped, total = [], 0
    for block in re.split(r"^\d+/\d+ Testing: ", text, flags=re.M)[1:]:
        total += 1
        # By SKIP_RETURN_CODE ctest writes "Test Passed." here; its own list of the skipped says otherwise.
        if not re.search(r"^(skipped: needs .+|Skip regular expression found in output\..*|Test Skipped\.)$", block, re.M):
            continue
        output = block.split("Output:\n", 1)[-1].split("<end of output>")[0]
        skipped.append(reason(output))
    return skipped, total


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
    skipped, total = reasons(Path(sys.argv[1]).read_text(errors="replace"))
    counted = len(re.findall(r"^\s*\d+ - .* \(Skipped\)$", Path(sys.argv[2]).read_text(errors="replace"), re.M))
    skipped += ["what was not said"] * (counted - len(skipped))
    if not skipped:
        print(f"Nothing was lacking here: none of {total} tests was skipped.")
        return
    counts = ", ".join(f"{what} ({count})" for what, count in Counter(skipped).most_common())
    print(f"Lacking here, so that {len(skipped)} of {total} tests were skipped: {counts}.")


if __name__ == "__main__":
    main()
