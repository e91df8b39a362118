"""What our figures are held against: what a run shows beside them, and what the check demands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from taskora.benchmarking.figures import Bar

_BARE: Final = "bare"

BARS: Final[Mapping[str, Bar]] = {
    "enqueue-1": Bar(1.35, _BARE),
    "enqueue-50": Bar(1.1, _BARE),
    "enqueue-500": Bar(1.0, _BARE),
    "dispatch-unawaited": Bar(100_000),
    "process-1": Bar(1.0, _BARE),
    "process-10": Bar(0.9, _BARE),
    "process-100": Bar(0.75, _BARE),
    "process-1-uvloop": Bar(1.15, _BARE),
    "fleet-2": Bar(0.6, _BARE),
    "latency-p50": Bar(0.20),
    "latency-p99": Bar(0.60),
    "round-trip-p50": Bar(0.40),
    "chain-10": Bar(40_000),
    "chord-100": Bar(30_000),
    "waiting-bytes": Bar(304),
}
"""By figure."""

DEMANDED: Final[Mapping[str, Bar]] = {"process-1": Bar(0.65, _BARE), "process-100": Bar(0.6, _BARE)}
"""What the check demands, by scenario and figure: less than the bars, because machines that check are busy."""

ATTEMPTS: Final = 3
"""How often the check tries; the best counts."""
