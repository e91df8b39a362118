"""Reaching a server that somebody else runs takes no thread: where processes are limited there may be none to spare."""

import threading

import pytest

from support import Server
from taskora import Taskora


async def test_connecting_and_calling_on_a_loop_starts_no_thread(
    server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    app = Taskora(server.url, prefix=prefix)
    task = app.task("idle", lambda: None)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    try:
        await app.connect_async()
        await task.dispatch()
        assert (await app.inspect().stats_async("idle")).waiting == 1
    finally:
        await app.close_async()
