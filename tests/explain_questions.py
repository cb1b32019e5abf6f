#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks `torchlathe explain` what people would type (tests/explain/*.txt) and holds the first answer against the topics that may
answer. A file's first line that starts with "# at least" says how many must be right; those that are not are printed."""
import json
import re
import subprocess
import sys
from pathlib import Path


def answer(program, question):
    run = subprocess.run([program, "explain", "--format", "json", "--", question], capture_output=True, text=True)
    assert run.returncode in (0, 1), (question, run.stderr)
    said = json.loads(run.stdout)
    assert (run.returncode == 0) == bool(said["explanations"]), question
    if not said["explanations"]:
        assert len(said["nearest"]) == 3, question
        return "none"
    first = said["explanations"][0]
    if first["kind"] == "hardware":
        return "cpu:" if re.search(r"x86_64|aarch64|instruction|/proc/cpuinfo|Compiled with", first["question"] + first["answer"]) else "gpu:"
    return first["name"]


def main():
    program, status = sys.argv[1], 0
    for path in sorted((Path(__file__).parent / "explain").glob("*.txt")):
        text = path.read_text()
        least = int(re.search(r"^# at least (\d+)", text, re.M)[1])
        asked = [line.rsplit(" -> ", 1) for line in text.splitlines() if " -> " in line and not line.startswith("#")]
        wrong = []
        for question, topics in asked:
            got = answer(program, question)
            if got not in topics.split():
                wrong.append(f"  {question}: {got}, not {topics}")
        right = len(asked) - len(wrong)
        print(f"{path.name}: {right} of {len(asked)} right, at least {least}")
        if wrong:
            print("\n".join(wrong))
        if right < least:
            status = 1
    return status


sys.exit(main())
