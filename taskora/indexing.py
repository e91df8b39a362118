"""What of a payload jobs can be found by: values at paths that their task names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, cast
from uuid import UUID

from taskora.errors import ConfigError, SerializationError
from taskora.payloads import load
from taskora.quoting import quoted
from taskora.serializer import Serializer

LONGEST_VALUE: Final = 128  # bytes; a longer one is not indexed
MOST_VALUES: Final = 16  # of a list
_MOST_PATHS: Final = 8
_PATH = re.compile(r"(?=.{1,100}\Z)[^\s.:\x00-\x1f\x7f\ud800-\udfff]+(\.[^\s.:\x00-\x1f\x7f\ud800-\udfff]+)*")


def check_index(paths: object) -> tuple[str, ...]:
    """Return the paths that a task indexes, or say why they cannot be.

    Raises:
        ConfigError: They are no tuple of at most 8 different paths, or one of them is none.
    """
    if not isinstance(paths, tuple):
        raise ConfigError(f'index: expected a tuple of paths, such as ("user_id", "order.id"), got {quoted(paths)}')
    given = tuple(check_path(path, "index") for path in cast("tuple[object, ...]", paths))
    if len(given) > _MOST_PATHS or len(set(given)) < len(given):
        raise ConfigError(f"index: expected at most {_MOST_PATHS} paths, each once; got {quoted(given)}")
    return given


def check_path(path: object, name: str = "path") -> str:
    """Return a path into payloads, or say why it is none.

    Raises:
        ConfigError: It is no text of names with dots between them, or is longer than 100 characters.
    """
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        raise ConfigError(
            f"{name}: {quoted(path)} is no path into a payload; use names with dots between them, such as order.id, of "
            "at most 100 characters without spaces and colons"
        )
    return path


def entry_of(path: str, value: object, name: str = "value") -> str:
    """Return what jobs with a value at a path are listed under.

    Raises:
        ConfigError: It is no value that can be indexed: no text, number, boolean or UUID, empty, or too long.
    """
    text = _text(value)
    if text is None:
        raise ConfigError(
            f"{name}: expected a text, number, boolean or UUID of 1 to {LONGEST_VALUE} bytes, got {quoted(value)}"
        )
    return f"{path}:{text}"


def entries_of(paths: Sequence[str], raw: bytes, serializer: Serializer) -> tuple[str, ...]:
    """Return what a job with this payload, which is serialized, is listed under; each once."""
    if not paths:
        return ()
    try:
        payload = load(raw, serializer)
    except SerializationError:
        return ()  # its worker will say so
    texts = ((path, _text(value)) for path in paths for value in _values(payload, path.split(".")))
    return tuple(dict.fromkeys(f"{path}:{text}" for path, text in texts if text is not None))


def _values(payload: object, names: Sequence[str]) -> Iterator[object]:
    """Yield the values at a path: the first members of a list stand for it, wherever it is met."""
    found: list[object] = [payload]
    for name in names:
        members = (cast("dict[object, object]", each) for each in _spread(found) if isinstance(each, dict))
        found = [each[name] for each in members if name in each]
    yield from _spread(found)


def _spread(values: Sequence[object]) -> list[object]:
    spread: list[object] = []
    for value in values:
        spread += cast("list[object]", value)[:MOST_VALUES] if isinstance(value, list) else [value]
    return spread[:MOST_VALUES]


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float | UUID):
        return None
    try:
        text = str(value)
        return text if 0 < len(text.encode()) <= LONGEST_VALUE else None
    except ValueError:  # half a surrogate pair, or a number with more digits than Python writes
        return None
