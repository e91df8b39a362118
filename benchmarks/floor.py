"""The quick check: fails when the engine has become much slower, beside the bare loop."""

from __future__ import annotations

from collections.abc import Callable

from bare.source import Bare
from bars import ATTEMPTS, DEMANDED

from taskora.benchmarking.catalog import chosen
from taskora.benchmarking.measure import Ours, measure
from taskora.benchmarking.stage import Stage

_ROUNDS = 3


def check(stage: Stage, tell: Callable[[str], None]) -> list[str]:
    """Measure what is demanded until it is reached, some times at most; returns a line for each that is not.

    Noise only ever makes a good figure bad, so the best attempt counts.
    """
    best: dict[str, float] = {}
    problems: dict[str, str] = {}
    for attempt in range(1, ATTEMPTS + 1):
        tell(f"attempt {attempt} of {ATTEMPTS}")
        open_yet = [key for key, bar in DEMANDED.items() if best.get(key, 0.0) < bar.value]
        findings = measure(chosen(open_yet), [Ours(), Bare()], stage, _ROUNDS, tell)
        problems.update(findings.gaps)
        for key in open_yet:
            measured = DEMANDED[key].measured(findings.samples[key])
            best[key] = max(best.get(key, 0.0), measured or 0.0)
        if all(best[key] >= bar.value for key, bar in DEMANDED.items()):
            return []
    slow = [
        f"{key}: {best[key]:.2f} of {bar.reference}, at least {bar.value} is demanded"
        for key, bar in DEMANDED.items()
        if best[key] < bar.value
    ]
    return [*slow, *(f"{name}: {reason}" for name, reason in problems.items())]
