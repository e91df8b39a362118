"""Lengths of time, sizes and counts, as people read them."""

from __future__ import annotations

import math


def span(seconds: float) -> str:
    """Say how long something takes in one figure, such as ``2.1 d``: what fits a narrow column."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return ""


def span_in_parts(seconds: float) -> str:
    """Say how long something takes in one or two units, such as ``2 d 2 h``; not for less than nothing."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 or seconds == 0 else f"{seconds * 1000:.2f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = int(seconds)
    for big, unit, small, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= big:
            rest = whole % big // small
            return f"{whole // big} {unit} {rest} {part}" if rest and whole < 10 * big else f"{whole // big} {unit}"
    return "0 s"


def size(count: float, whole_from: float = math.inf) -> str:
    """Say a number of bytes, such as ``190.7 MiB``.

    Args:
        count: It.
        whole_from: From which figure on it is told without its decimal.
    """
    unit, amount = "B", count
    for bigger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        unit, amount = bigger, amount / 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= whole_from else f"{amount:.1f} {unit}"


def counted(count: int, one: str, many: str) -> str:
    """Say how many of something, such as ``1 job is`` and ``2 jobs are``."""
    return f"{count:,} {one if count == 1 else many}"
