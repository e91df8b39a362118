"""Requests to supervisors: they wait a minute, are answered once, and what is none harms nothing."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from conformance.kit import Kit
from taskora import ConfigError, Taskora
from taskora.adapters.request_store import REQUEST_KEPT_MS, SupervisorRequest, told_request
from taskora.errors import SupervisorNotFoundError
from taskora.ids import new_id
from taskora.model import WorkerRecord

HERE = "host:5:00112233445566aa"


def steward(name: str = "s", **extra: object) -> WorkerRecord:
    told = {"supervisor": 5, "id": HERE, "remoteControl": True, "procs": 2, "slots": [{"slot": 0, "pid": 9}], **extra}
    now = datetime(2030, 1, 1, tzinfo=UTC)
    return WorkerRecord(name, "steward", "host", 7, (), 0, 0, 0, 1, now, now, "1.0", False, told)


def request(supervisor: str = HERE, **options: Any) -> SupervisorRequest:
    return SupervisorRequest(new_id(), supervisor, options.pop("action", "recycle"), **options)


async def test_a_request_is_read_by_its_supervisor_in_order_until_it_is_done(kit: Kit) -> None:
    store = kit.adapter.requests
    before_ms = await kit.now_ms()
    asked = [request(slot=1), request(action="scale", procs=3), request(action="drain")]
    for one in asked:
        await store.ask(one).run_async()
    assert await store.waiting("host:5:other", 9).run_async() == []
    found = await store.waiting(HERE, 9).run_async()
    assert [one.late for one in found] == [False] * 3
    read = [one.request for one in found]
    assert all(one is not None and one.asked_at is not None for one in read)
    assert [one and replace(one, asked_at=None) for one in read] == asked
    first = read[0]
    assert first is not None
    assert first.asked_at is not None
    assert before_ms <= first.asked_at.timestamp() * 1000 <= await kit.now_ms()

    await store.done(HERE, found[0].raw).run_async()
    await store.done(HERE, b"nothing that waits").run_async()
    assert [one.raw for one in await store.waiting(HERE, 1).run_async()] == [found[1].raw]


async def test_an_answer_is_seen_by_who_asked_and_by_who_takes_over(kit: Kit) -> None:
    store, asked = kit.adapter.requests, request()
    assert await store.outcome(asked.id).run_async() is None
    await store.ask(asked).run_async()
    (waiting,) = await store.waiting(HERE, 9).run_async()
    assert waiting.request is not None
    assert await store.outcome(asked.id).run_async() == waiting.request
    answered = replace(waiting.request, state="refused", reason="no")
    await store.answer(answered).run_async()
    assert await store.outcome(asked.id).run_async() == answered
    assert [one.request for one in await store.waiting(HERE, 9).run_async()] == [answered]


async def test_one_that_is_asked_again_keeps_its_answer(kit: Kit) -> None:
    store, asked = kit.adapter.requests, request()
    await store.ask(asked).run_async()
    (first,) = await store.waiting(HERE, 9).run_async()
    assert first.request is not None
    await store.answer(replace(first.request, state="accepted")).run_async()
    await store.done(HERE, first.raw).run_async()
    await store.ask(asked).run_async()
    (again,) = await store.waiting(HERE, 9).run_async()
    assert again.request is not None
    assert (again.request.id, again.request.state) == (asked.id, "accepted")


async def test_one_that_nobody_took_for_a_minute_is_late(kit: Kit) -> None:
    store = kit.adapter.requests
    old_ms = await kit.now_ms() - REQUEST_KEPT_MS - 1000
    old = replace(request(), asked_at=datetime.fromtimestamp(old_ms / 1000, UTC))
    await store.ask(old).run_async()
    await store.ask(request()).run_async()
    assert [one.late for one in await store.waiting(HERE, 9).run_async()] == [True, False]


async def test_asking_needs_a_supervisor_that_listens_and_has_the_worker(app: Taskora) -> None:
    house, supervisors = app.adapter.house, app.supervisors
    with pytest.raises(SupervisorNotFoundError, match=r"'nobody'.*stored are now: none"):
        await supervisors.drain_async("nobody")
    await house.register(steward(), 60_000).run_async()
    await house.register(steward("deaf", id="host:6:00", remoteControl=False), 60_000).run_async()
    await house.register(steward("old", id=None), 60_000).run_async()
    with pytest.raises(SupervisorNotFoundError, match=HERE) as caught:
        await supervisors.recycle_async("host:5:ffff")
    assert caught.value.supervisor_id == "host:5:ffff"
    for deaf in ("host:6:00", "old"):
        with pytest.raises(ConfigError, match="no-remote-control"):
            await supervisors.scale_async(deaf, 2)
    with pytest.raises(ConfigError, match=r"slot: 3 .*there are: 0"):
        await supervisors.recycle_async(HERE, 3)
    assert await app.adapter.requests.waiting(HERE, 9).run_async() == []

    asked = [
        await supervisors.recycle_async(HERE, 0),
        await supervisors.recycle_async(HERE),
        await supervisors.scale_async(HERE, 1024),
        await supervisors.drain_async(HERE),
    ]
    found = [one.request for one in await app.adapter.requests.waiting(HERE, 9).run_async()]
    assert [one and (one.id, one.action, one.slot, one.procs) for one in found] == [
        (asked[0], "recycle", 0, None),
        (asked[1], "recycle", None, None),
        (asked[2], "scale", None, 1024),
        (asked[3], "drain", None, None),
    ]
    await app.close_async()


async def test_an_outcome_can_be_waited_for(app: Taskora) -> None:
    await app.adapter.house.register(steward(), 60_000).run_async()
    asked = await app.supervisors.drain_async(HERE)
    found = await app.supervisors.outcome_async(asked)
    assert found is not None
    assert found.state == "asked"
    waiting = asyncio.create_task(app.supervisors.outcome_async(asked, timeout="30s"))
    await asyncio.sleep(0)
    await app.adapter.requests.answer(replace(found, state="accepted")).run_async()
    answer = await waiting
    assert answer is not None
    assert answer.state == "accepted"
    assert await app.supervisors.outcome_async(new_id(), timeout="30s") is None
    await app.close_async()


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"{}", b"null", b"x" * 10_000])
async def test_what_is_no_request_is_told_apart(kit: Kit, raw: bytes) -> None:
    if type(kit.adapter).__name__ == "MemoryAdapter":
        pytest.skip("nobody else writes there")
    link = cast("Any", kit.adapter)._link
    key = f"{kit.adapter.keys.own('supervisor')}:{HERE}"
    good = told_request(request(), await kit.now_ms())

    def steps(_: object) -> Any:
        yield [("RPUSH", key, raw), ("RPUSH", key, good)]

    await link.call(steps).run_async()
    bad, fine = await kit.adapter.requests.waiting(HERE, 9).run_async()
    assert (bad.raw, bad.request, bad.late) == (raw, None, False)
    assert fine.request is not None
    await kit.adapter.requests.done(HERE, raw).run_async()
    assert [one.raw for one in await kit.adapter.requests.waiting(HERE, 9).run_async()] == [good]
