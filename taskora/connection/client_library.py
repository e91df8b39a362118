"""Importing the client library ahead of the first connection."""

from __future__ import annotations

from importlib import import_module


def load_client_library() -> None:
    """Import what connections are made with; nothing is connected.

    Forked processes share it then. It is some 15 MB, more where it finds what it can report to.
    """
    import_module("redis.asyncio")
    import_module("redis.asyncio.sentinel")
    import_module("redis.sentinel")
