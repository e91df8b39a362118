"""A coroutine that says when it has the interpreter: from each step's begin to its end, and not while it waits."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any

from taskora.worker.host import Host


@types.coroutine
def watched(
    handler: Coroutine[Any, Any, object], host: Host, job_id: str, deadline_ns: int
) -> Generator[Any, Any, object]:
    """Await a handler and tell the host of its steps, about a microsecond each."""
    value: object = None
    error: BaseException | None = None
    while True:
        host.hold(job_id, deadline_ns)
        try:
            awaited = handler.send(value) if error is None else handler.throw(error)
        except StopIteration as end:
            return end.value
        finally:
            host.let_go(job_id)
        value, error = None, None
        try:
            value = yield awaited
        except BaseException as raised:  # noqa: BLE001 - a cancel, or what was awaited; it is the handler's
            error = raised
