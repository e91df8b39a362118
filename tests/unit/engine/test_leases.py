"""A cancel that overtakes the reply which brings its job is remembered for a moment."""

from collections.abc import AsyncIterator
from typing import Any

from support import wait_until_async
from taskora.model import Claimed
from taskora.worker.leases import Leases
from taskora.worker.run import Run


class Watch:
    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        yield "mail", "early"

    async def close(self) -> None: ...


class Store:
    def watch_cancels(self, tasks: object) -> Watch:
        return Watch()


def run_of(job_id: str) -> Run:
    nothing: Any = None
    return Run(Claimed("mail", job_id, b"", 1, 1, 0, "token", 0, ""), nothing, nothing)


async def test_an_early_cancel_is_remembered_for_its_job_only() -> None:
    store: Any = Store()
    leases = Leases(store, {}, ["mail"], 30_000, lambda run, reason: None, lambda part: None)
    assert not leases.check_early(run_of("early"))
    leases.start()
    await wait_until_async(lambda: leases.check_early(run_of("early")))
    assert not leases.check_early(run_of("other"))
    await leases.stop()
