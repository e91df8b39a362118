"""Values in messages: what was given, in one line that can be printed, whatever it is."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 120


def quoted(value: object) -> str:
    """Write a value as ``repr`` does, cut to 120 characters with its type; what has no ``repr`` by its type alone."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a number of 5,000 digits, or somebody else's code; it must not hide the message
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}… ({type(value).__name__})"
