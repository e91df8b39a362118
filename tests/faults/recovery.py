"""How fast work goes on after a fault is healed."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from faults.ledger import Run
from faults.plan import Fault

_BUCKET_NS = 500_000_000
_BEFORE = 10  # buckets
_ENOUGH = 0.95


@dataclass(frozen=True, slots=True)
class Recovery:
    """After a fault.

    Attributes:
        usual: Runs per second before it, the median.
        after_s: How long after it was healed as many came to their end again; None when they never did.
    """

    fault: Fault
    usual: float
    after_s: float | None


def recoveries(runs: Sequence[Run], faults: Sequence[tuple[Fault, int, int]]) -> list[Recovery]:
    """For each fault, with its begin and its end."""
    ends = sorted(run.end_ns for run in runs if run.end_ns is not None)
    found: list[Recovery] = []
    for fault, begin_ns, end_ns in faults:
        before = [_count(ends, begin_ns - (n + 1) * _BUCKET_NS, begin_ns - n * _BUCKET_NS) for n in range(_BEFORE)]
        usual = median(before)
        after_s = None
        # The windows overlap by four fifths, so that the answer is not rounded to whole ones.
        for step in range(300):
            first_ns = end_ns + step * _BUCKET_NS // 5
            if first_ns > (ends[-1] if ends else 0):
                break
            if _count(ends, first_ns, first_ns + _BUCKET_NS) >= _ENOUGH * usual:
                after_s = step * _BUCKET_NS / 5e9
                break
        found.append(Recovery(fault, usual * 1e9 / _BUCKET_NS, after_s))
    return found


def _count(ends: Sequence[int], begin_ns: int, end_ns: int) -> int:
    return bisect_left(ends, end_ns) - bisect_left(ends, begin_ns)
