"""Sizes as people write them."""

from __future__ import annotations

import re
from typing import Final

from taskora.errors import ConfigError

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def to_bytes(text: str, field: str = "size") -> int:
    """Turn `512MB`, `1.5GiB` or `1000000` into bytes; MB is 1,000,000 and MiB 1,048,576.

    Raises:
        ConfigError: the text is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f'{field}: {text!r} is not a size; write bytes, or "512MB", "1.5GiB"')
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _POWERS[match[2].lower()])
