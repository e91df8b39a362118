"""The adapter that an application is given, or that its URL names."""

from __future__ import annotations

import os

from taskora.adapters.protocol import Adapter
from taskora.adapters.redis import redis_adapter
from taskora.errors import ConfigError
from taskora.quoting import quoted


def open_adapter(given: str | Adapter | None, prefix: str | None) -> Adapter:
    """Return an adapter. Nothing is connected yet.

    Args:
        given: It, or a URL; None takes ``$TASKORA_URL``, else the embedded server.
        prefix: For the keys; None for none, or for what the given adapter has.

    Raises:
        ConfigError: The URL cannot be used, this is no adapter, or an adapter was given together with a prefix.
    """
    if given is None:
        given = os.environ.get("TASKORA_URL") or "embedded://"
    if not isinstance(given, str):
        if not all(hasattr(given, part) for part in ("jobs", "leases", "connect", "describe")):
            raise ConfigError(
                f"adapter: expected a URL or an adapter, such as redis_adapter(client) makes, got {quoted(given)}"
            )
        if prefix is not None:
            raise ConfigError(f"prefix: an adapter has its own; give {quoted(prefix)} there")
        return given
    prefix = "" if prefix is None else prefix
    if not given.startswith("memory:"):
        return redis_adapter(given, prefix=prefix)
    if given != "memory://":
        raise ConfigError(
            f"adapter: {quoted(given)} names a memory, but each application has its own: write memory://, or give "
            "the same memory_adapter() to those that are to share one"
        )
    from taskora.adapters.memory import memory_adapter  # thirty modules that other adapters do without

    return memory_adapter(prefix=prefix)
