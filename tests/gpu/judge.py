# SPDX-License-Identifier: MIT
"""Do two programs compute the same when each gives several outcomes by itself? Judged by what they gave, process by process.

Sums without a fixed order have few or many outcomes, and a fresh process has a favourite. So runs within a process prove little: an
outcome counts once for each process that showed it. Both sides run by the same rules; were they the same program, any process might have been
any side's. Knows nothing of GPUs and of what an outcome is.
"""
from math import comb

# Of 10,000 comparisons of a program with itself fewer than one may end as different.
ALARM = 1e-4


def chance(processes, others, shown):
    """That all `shown` processes with an outcome are among `processes`, and none among the `others`, by chance."""
    return comb(processes + others - shown, others) / comb(processes + others, others)


def new_outcomes(original, carved):
    """{outcome: chance} of those that no process of the original showed. Each side: a list of processes, each a list of outcomes."""
    known = set().union(*map(set, original))
    shown = [set(process) for process in carved]
    every = set().union(*shown) | known
    return {outcome: min(1.0, len(every) * chance(len(carved), len(original), sum(outcome in process for process in shown)))
            for outcome in set().union(*shown) - known}


def judge(original, carved):
    """equal: one outcome, the same; within: each of the carved one's is the original's too; different: it has one that the original cannot
    have; open: it has one that the original did not show, and more processes may tell."""
    outcomes = [set().union(*map(set, side)) for side in (original, carved)]
    if not original or not carved or not outcomes[0] or not outcomes[1]:
        return "open"
    if outcomes[0] == outcomes[1] and len(outcomes[0]) == 1:
        return "equal"
    new = new_outcomes(original, carved)
    if not new:
        return "within"
    return "different" if min(new.values()) < ALARM else "open"
