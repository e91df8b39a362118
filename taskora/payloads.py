"""Payloads and results as they are stored: one value each, or several values that a script joined."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import cast

import orjson

from taskora.errors import ConfigError, SerializationError, TaskoraError
from taskora.model import JobInfo
from taskora.quoting import quoted
from taskora.serializer import JsonSerializer, Serializer

# Space that JSON ignores and no serializer writes, then the array: a reader can tell it from a value of its own.
_JOINED = b" \t\n["
_ESCAPED = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')


def dump(value: object, serializer: Serializer) -> bytes:
    """Write one value.

    Raises:
        SerializationError: It cannot be written, or the serializer gave no bytes.
    """
    if type(serializer) is JsonSerializer:
        return serializer.dumps(value)
    try:
        raw = cast("object", serializer.dumps(value))
    except TaskoraError:
        raise
    except Exception as error:
        raise SerializationError(
            f"{type(serializer).__name__} cannot write {type(value).__name__}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(raw, bytes):
        raise SerializationError(
            f"{type(serializer).__name__}: dumps() has to give bytes, it gave {type(raw).__name__}; encode the text"
        )
    return raw


def load(raw: bytes, serializer: Serializer) -> object:
    """Read one value, or the list of several that a script joined; nothing is None.

    Raises:
        SerializationError: It was not written by this serializer, nor joined of such parts.
    """
    if type(serializer) is JsonSerializer:
        return serializer.loads(raw)
    if raw.startswith(_JOINED) and not writes_json(serializer):
        return [_load_one(part, serializer) for part in _parts(raw)]
    return _load_one(raw, serializer)


def check_serializer(value: object) -> Serializer:
    """Return a serializer, or say what it lacks.

    Raises:
        ConfigError: It has no methods ``dumps`` and ``loads``, or is a class that has to be made an object of.
    """
    if isinstance(value, type) or not all(callable(getattr(value, name, None)) for name in ("dumps", "loads")):
        raise ConfigError(f"serializer: expected an object with dumps(value) and loads(data), got {quoted(value)}")
    return cast("Serializer", value)


def writes_json(serializer: Serializer) -> bool:
    """Tell whether a serializer's bytes are JSON text: it says so with a true attribute ``writes_json``."""
    return getattr(serializer, "writes_json", False) is True


def join(parts: Sequence[bytes]) -> bytes:
    """Join values that are not JSON, byte for byte as the scripts do: strings, of one character for each byte."""
    return _JOINED + b",".join(b'"%s"' % _ESCAPED.sub(_escape, part) for part in parts) + b"]"


def shown(serializer: Serializer) -> Callable[[JobInfo], JobInfo]:
    """Give what makes a job that was read by an adapter show its payload and result as this serializer reads them."""
    if type(serializer) is JsonSerializer:
        return lambda info: info

    def show(raw: bytes) -> object:
        try:
            return load(raw, serializer)
        except SerializationError:
            return raw.decode(errors="replace")

    return lambda info: info.loaded(show)


def _load_one(raw: bytes, serializer: Serializer) -> object:
    if not raw:
        return None
    try:
        return serializer.loads(raw)
    except TaskoraError:
        raise
    except Exception as error:
        raise SerializationError(
            f"{type(serializer).__name__} cannot read it: {type(error).__name__}: {error}; starts with {raw[:60]!r}"
        ) from error


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % found[0][0]


def _parts(raw: bytes) -> list[bytes]:
    try:
        return [part.encode("latin-1") for part in cast("list[str]", orjson.loads(raw))]
    except (orjson.JSONDecodeError, AttributeError, UnicodeEncodeError) as error:
        raise SerializationError(f"not joined parts: {error}; starts with {raw[:60]!r}") from error
