"""The adapter that an application is given, or that its URL names."""

from __future__ import annotations

import os

from taskora.adapters.memory import memory_adapter
from taskora.adapters.protocol import Adapter
from taskora.adapters.redis import redis_adapter
from taskora.errors import ConfigError


def open_adapter(given: str | Adapter | None, prefix: str | None) -> Adapter:
    """Return an adapter. Nothing is connected yet.

    Args:
        given: It, or a URL; None takes ``$TASKORA_URL``, else the embedded server.
        prefix: For the keys; None for none, or for what the given adapter has.

    Raises:
        ConfigError: The URL cannot be used, or an adapter was given together with a prefix.
    """
    if given is None:
        given = os.environ.get("TASKORA_URL") or "embedded://"
    if not isinstance(given, str):
        if prefix is not None:
            raise ConfigError("prefix: an adapter has its own; give it there")
        return given
    if not given.startswith("memory:"):
        return redis_adapter(given, prefix=prefix or "")
    if given != "memory://":
        raise ConfigError(
            f"adapter: {given!r} names a memory, but each application has its own: write memory://, or give "
            "the same memory_adapter() to those that are to share one"
        )
    return memory_adapter(prefix=prefix or "")
