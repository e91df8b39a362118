"""What a handler is told when it should stop."""

import asyncio

import pytest

from taskora import CancelledError, RetryError, TaskoraError, TimeoutError
from taskora.context import AbortReason, Context, Signal
from taskora.model import Claimed

JOB = Claimed("mail", "job-1", b"1", 2, 1, 1_700_000_000_000, "token", 0, "")


def a_signal() -> Signal:
    return Signal(JOB, asyncio.get_running_loop())


async def test_the_first_reason_stays_and_wakes_all_who_wait() -> None:
    signal = a_signal()
    signal.raise_if_aborted()
    waits = [asyncio.ensure_future(signal.wait()) for _ in range(3)]
    cancelled = asyncio.ensure_future(signal.wait())
    await asyncio.sleep(0)
    cancelled.cancel()
    signal.fire("timeout")
    signal.fire("cancelled")
    await asyncio.gather(*waits)
    await signal.wait()
    assert signal.aborted
    assert signal.reason == "timeout"


@pytest.mark.parametrize(
    ("reason", "error"),
    [("cancelled", CancelledError), ("timeout", TimeoutError), ("shutdown", TaskoraError), ("lost", TaskoraError)],
)
async def test_raise_if_aborted_names_the_job(reason: AbortReason, error: type[Exception]) -> None:
    signal = a_signal()
    signal.fire(reason)
    with pytest.raises(error, match="job-1 of task 'mail'"):
        signal.raise_if_aborted()


async def test_retry_makes_the_error_to_raise() -> None:
    context = Context(JOB, 5, a_signal(), None)  # type: ignore[arg-type]  # nothing is reported
    error = context.retry(delay="5s", reason="busy")
    assert isinstance(error, RetryError)
    assert (error.delay, error.reason, error.retry) == ("5s", "busy", True)
    assert (context.attempt, context.max_attempts) == (2, 5)
    assert context.timestamp.timestamp() == 1_700_000_000
    assert context.timestamp.tzinfo is not None
