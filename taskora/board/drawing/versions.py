"""How many jobs of a task have which payload version, as one bar."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from markupsafe import Markup

_SIZE: Final = (160, 14)
_LEAST: Final = 4.0  # one old job among a million is what somebody looks for


def version_bar(counts: Mapping[int, int], written: int) -> Markup:
    """Draw a bar of parts, the oldest version first; nothing when there is no job.

    Args:
        counts: Number of jobs by version.
        written: The version that is written now. Others are coloured as what is old, or, if they are newer, as what
            other code wrote.
    """
    shown = {version: count for version, count in sorted(counts.items()) if count > 0}
    if not shown:
        return Markup("")
    widths = _widths(list(shown.values()))
    parts = Markup("").join(
        Markup('<rect class="version-{}" x="{}" y="0" width="{}" height="{}"><title>v{}: {:,}</title></rect>').format(
            _age(version, written), round(x, 1), round(width, 1), _SIZE[1], version, count
        )
        for (version, count), width, x in zip(shown.items(), widths, accumulate(widths, initial=0.0), strict=False)
    )
    told = ", ".join(f"{count:,} of v{version}" for version, count in shown.items())
    return Markup(
        '<svg class="versions" width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(*_SIZE, *_SIZE, told, parts)


def _widths(counts: list[int]) -> list[float]:
    """Share the width out, so that the smallest part is still seen."""
    total = sum(counts)
    raised = [max(_SIZE[0] * count / total, _LEAST) for count in counts]
    return [width * _SIZE[0] / sum(raised) for width in raised]


def _age(version: int, written: int) -> str:
    if version == written:
        return "written"
    return "old" if version < written else "new"
