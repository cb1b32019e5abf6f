#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is the judge of tests/gpu right about made outcomes? Programs that are the same must never be called different, others must be."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpu"))
from judge import ALARM, chance, judge  # noqa: E402


def with_favourite(rng, outcomes, repeats, favourite=0.9):
    """As the gradient of grid_sample in bfloat16: a fresh process begins with the same outcome nearly always, then any of nine."""
    first = 0 if rng.random() < favourite else rng.randrange(outcomes)
    return [first] + [rng.randrange(outcomes) for _ in range(repeats - 1)]


def sides(make, rng, processes):
    return [make(rng) for _ in range(processes)], [make(rng) for _ in range(processes)]


def verdicts(make, other=None, processes=12, trials=300):
    rng = random.Random(1)
    found = {}
    for _ in range(trials):
        original = [make(rng) for _ in range(processes)]
        carved = [(other or make)(rng) for _ in range(processes)]
        verdict = judge(original, carved)
        found[verdict] = found.get(verdict, 0) + 1
    return found


def expect(what, condition, seen):
    if not condition:
        sys.exit(f"{what}: {seen}")
    print(f"{what}: {seen}")


def main():
    steady = lambda rng: ["a"] * 3
    expect("one outcome on both sides", (v := verdicts(steady)) == {"equal": 300}, v)
    few = lambda rng: with_favourite(rng, 9, 5)
    expect("nine outcomes and a favourite", not (v := verdicts(few)).get("different") and v.get("within", 0) > 200, v)
    rare = lambda rng: ["a"] * 9 + (["b"] if rng.random() < 0.1 else [])
    expect("an outcome that one process in ten shows", not (v := verdicts(rare, trials=3000)).get("different"), v)
    endless = lambda rng: [rng.random() for _ in range(10)]
    expect("never the same twice", (v := verdicts(endless)) == {"open": 300}, v)
    # processes that stay with what they began with: ten runs in one of them are not ten witnesses
    stubborn = lambda rng: [rng.randrange(40)] * 10
    expect("a process that repeats itself", not (v := verdicts(stubborn, trials=3000)).get("different"), v)

    other = lambda rng: ["b"] * 3
    expect("another outcome always", (v := verdicts(steady, other)) == {"different": 300}, v)
    tenth = lambda rng: with_favourite(rng, 9, 5) + ["tenth"]
    expect("one more outcome in every process", (v := verdicts(few, tenth)) == {"different": 300}, v)
    at_times = lambda rng: with_favourite(rng, 9, 5) + (["tenth"] if rng.random() < 0.4 else [])
    early, late = verdicts(few, at_times, processes=4), verdicts(few, at_times, processes=60)
    expect("one more outcome in four of ten processes, of four", not early.get("different"), early)
    expect("the same, of sixty", late.get("different", 0) > 290, late)
    crash = lambda rng: ["a", "crash"]
    expect("a crash in every process", (v := verdicts(steady, crash)) == {"different": 300}, v)

    expect("nothing ran", judge([], [["a"]]) == judge([["a"]], []) == judge([[]], [["a"]]) == "open", "open")
    expect("chances of one process", chance(1, 1, 1) == 0.5 and chance(12, 12, 12) < ALARM < chance(12, 12, 4), chance(12, 12, 12))


if __name__ == "__main__":
    main()
