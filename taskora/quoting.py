"""Values in messages: what was given, in one line that can be printed, whatever it is."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 120
CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Characters that steer terminals and break lines, for a class of a pattern."""
_STEERING = re.compile(rf"\x1b\[[0-9;]*m|[{CONTROLS}\ud800-\udfff]")


def quoted(value: object) -> str:
    """Write a value as ``repr`` does, cut to 120 characters with its type; what has no ``repr`` by its type alone."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a number of 5,000 digits, or somebody else's code; it must not hide the message
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}… ({type(value).__name__})"


def shown(text: str, keep: str = "") -> str:
    """Write a text, parts of which anybody may have stored, so that it cannot steer a terminal or forge a line.

    Args:
        text: It. Colours are left alone.
        keep: Characters to be left alone too, such as a newline.
    """
    return _STEERING.sub(lambda found: _escaped(found[0], keep), text)


def _escaped(found: str, keep: str) -> str:
    return found if len(found) > 1 or found in keep else repr(found)[1:-1]
