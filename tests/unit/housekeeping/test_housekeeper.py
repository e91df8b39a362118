"""What the housekeeper does about errors that nobody expected."""

import pytest

from support import wait_until_async
from taskora import SchedulerConfig, memory_adapter
from taskora.call import Call
from taskora.housekeeping import Housekeeper


async def test_an_error_of_ours_does_not_leave_the_fleet_without_a_leader(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = memory_adapter()
    lead, calls = adapter.house.lead, list[str]()

    def breaks_once(token: str, ttl_ms: int) -> Call[bool]:
        calls.append(token)
        if len(calls) == 1:
            raise ZeroDivisionError("a bug")
        return lead(token, ttl_ms)

    monkeypatch.setattr(adapter.house, "lead", breaks_once)
    housekeeper = Housekeeper(adapter, {}, config=SchedulerConfig(poll_interval=0.1))
    await housekeeper.start()
    try:
        await wait_until_async(lambda: housekeeper.is_leader)
    finally:
        await housekeeper.stop()
    assert "housekeeping failed" in caplog.text
