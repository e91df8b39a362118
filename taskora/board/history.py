"""Charts of what was done today."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from taskora.inspector import Throughput

from .drawing.charts import Series, chart
from .screens import number


def throughput_chart(found: Sequence[Throughput]) -> Markup:
    """Draw how many jobs completed and failed."""
    return chart(
        "Jobs per 15 minutes, 24 h",
        [one.at for one in found],
        (
            Series("completed", "completed", [one.completed for one in found]),
            Series("failed", "failed", [one.failed for one in found]),
        ),
        kind="bars",
        written=lambda value: number(round(value)),
        empty="No job ended in the last 24 hours.",
    )
