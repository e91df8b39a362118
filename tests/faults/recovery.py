"""How fast work goes on after a fault is healed."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from faults.ledger import Run
from faults.plan import Fault

_BUCKET_NS = 500_000_000
_BEFORE = 10  # buckets
_CALM_NS = 5_000_000_000  # after the last fault, before which all may still be behind
_LONGEST_NS = 60_000_000_000
_ENOUGH = 0.95

Healed = tuple[Fault, int, int]
"""A fault, when it began and when it was healed."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """After a fault.

    Attributes:
        usual: Runs per second when nothing is wrong.
        after_s: How long after it was healed as many came to their end again; None when they never did.
        alone: Whether no other fault was there meanwhile.
    """

    fault: Fault
    usual: float
    after_s: float | None
    alone: bool


def recoveries(runs: Sequence[Run], faults: Sequence[Healed]) -> list[Recovery]:
    """For each fault. What is usual is taken from the calm times, or from right before it when there were none."""
    ends = sorted(run.end_ns for run in runs if run.end_ns is not None)
    calm = [_count(ends, at_ns) for at_ns in _calm_buckets(faults)]
    found: list[Recovery] = []
    for fault, begin_ns, end_ns in faults:
        before = [_count(ends, begin_ns - (n + 1) * _BUCKET_NS) for n in range(_BEFORE)]
        usual = median(calm if len(calm) >= _BEFORE else before)
        again_ns = _reached(ends, end_ns, _ENOUGH * usual)
        until_ns = end_ns + _LONGEST_NS if again_ns is None else again_ns
        alone = not any(
            other is not fault and began_ns < until_ns and healed_ns > end_ns for other, began_ns, healed_ns in faults
        )
        after_s = None if again_ns is None else (again_ns - end_ns) / 1e9
        found.append(Recovery(fault, usual * 1e9 / _BUCKET_NS, after_s, alone))
    return found


def _calm_buckets(faults: Sequence[Healed]) -> Iterator[int]:
    """When the buckets begin that no fault and no time right after one touches."""
    quiet_ns: int | None = None
    for _, begin_ns, end_ns in sorted(faults, key=lambda each: each[1]):
        if quiet_ns is not None:
            yield from range(quiet_ns, begin_ns - _BUCKET_NS, _BUCKET_NS)
        quiet_ns = max(quiet_ns or 0, end_ns + _CALM_NS)


def _reached(ends: Sequence[int], begin_ns: int, enough: float) -> int | None:
    """When the first bucket with enough begins; they overlap by four fifths, so that the answer is not rounded."""
    last_ns = min(ends[-1] if ends else 0, begin_ns + _LONGEST_NS)
    for at_ns in range(begin_ns, last_ns + 1, _BUCKET_NS // 5):
        if _count(ends, at_ns) >= enough:
            return at_ns
    return None


def _count(ends: Sequence[int], at_ns: int) -> int:
    return bisect_left(ends, at_ns + _BUCKET_NS) - bisect_left(ends, at_ns)
