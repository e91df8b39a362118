"""Importing the client library ahead of the first connection."""

from __future__ import annotations


def load_client_library() -> None:
    """Import what connections are made with; nothing is connected.

    Forked processes share it then. It is some 15 MB, more where it finds what it can report to.
    """
    import redis.asyncio
    import redis.asyncio.sentinel
    import redis.sentinel  # noqa: F401
