"""Waiting in plain code."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import pytest

from taskora.adapters.memory import memory_adapter
from taskora.errors import AdapterError
from taskora.model import EnqueueSpec, NewJob
from taskora.waiting import Waiting


def test_a_wait_that_begins_while_another_thread_closes_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = memory_adapter()
    adapter.jobs.enqueue("mail", EnqueueSpec(), [NewJob("job-1", b"1")]).run()
    waiting = Waiting(adapter)
    closing = threading.Thread(target=waiting.close)
    submit: Callable[..., Future[Any]] = asyncio.run_coroutine_threadsafe

    def submit_late(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Future[Any]:
        if threading.current_thread() is threading.main_thread():
            closing.start()
            closing.join(0.05)  # as far as it comes
        return submit(coroutine, loop)

    # The thread is there already when the other one closes.
    assert waiting.run(lambda waiter: waiter.job("mail", "nobody"), 5) is None
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", submit_late)
    with pytest.raises(AdapterError, match="closed"):
        waiting.run(lambda waiter: waiter.job("mail", "job-1"), 5)
    closing.join(5)
    assert not closing.is_alive()
