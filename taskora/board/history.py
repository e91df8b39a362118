"""Charts of what was done today."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from taskora.amounts import span_in_parts
from taskora.inspector import Throughput
from taskora.latency import Latency

from .drawing.charts import Series, chart
from .screens import number


def throughput_chart(found: Sequence[Throughput] | None) -> Markup:
    """Draw how many jobs ended, by how; None while that is added up."""
    return chart(
        "Jobs per 15 minutes, 24 h",
        [one.at for one in found or ()],
        (
            Series("completed", "completed", [one.completed for one in found or ()]),
            Series("failed", "failed", [one.failed for one in found or ()]),
            Series("cancelled", "cancelled", [one.cancelled for one in found or ()]),
            Series("expired", "expired", [one.expired for one in found or ()]),
        ),
        kind="bars",
        written=lambda value: number(round(value)),
        empty="Being added up…" if found is None else "No job ended in the last 24 hours.",
    )


def latency_chart(found: Sequence[Latency]) -> Markup:
    """Draw how long jobs waited and ran."""
    return chart(
        "Latency, 24 h",
        [one.at for one in found],
        (
            Series("run p95", "run-high", [one.run_p95 for one in found]),
            Series("run p50", "run", [one.run_p50 for one in found]),
            Series("wait p95", "wait-high", [one.wait_p95 for one in found]),
            Series("wait p50", "wait", [one.wait_p50 for one in found]),
        ),
        kind="lines",
        written=span_in_parts,
        empty="No worker of this library has run a job in the last 24 hours.",
    )
