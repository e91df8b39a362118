"""The helpers that other tests lean on: waiting."""

import pytest

from support import wait_until, wait_until_async


def test_waiting_returns_the_first_true_value() -> None:
    values = iter([0, None, "ready"])
    assert wait_until(lambda: next(values)) == "ready"


def test_giving_up_names_the_last_value() -> None:
    with pytest.raises(AssertionError, match=r"no worker came \(waited 0.01 s, last value 0\)"):
        wait_until(lambda: 0, 0.01, "no worker came")


async def test_waiting_takes_plain_and_async_conditions() -> None:
    async def ready() -> int:
        return 7

    assert await wait_until_async(ready) == 7
    assert await wait_until_async(lambda: "x") == "x"
    with pytest.raises(AssertionError, match="last value 0"):
        await wait_until_async(lambda: 0, 0.01)
