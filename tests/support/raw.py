"""A client of redis-py without types, of which it has few."""

from typing import Any

import redis


def raw_client(**options: Any) -> Any:
    """A blocking client; a context manager too."""
    return redis.Redis(**options)


def raw_sentinel(kind: Any, ports: list[tuple[str, int]], **options: Any) -> Any:
    """What asks sentinels, redis-py's ``Sentinel`` of either kind."""
    return kind(ports, **options)
