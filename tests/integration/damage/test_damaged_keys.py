"""Whatever somebody did to a key of ours: other tasks work on, nothing but our errors is raised, and once the key is
deleted everything goes on, with all jobs that did not stand in that key."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

import taskora
from integration.damage.kinds import KINDS, NO_KEYS, TO_ALL, Kind, mend, put_garbage, put_other_type
from integration.engine.kit import Engine, open_app, working
from support import wait_until_async
from taskora import (
    AdapterError,
    AuditEntry,
    Collect,
    Context,
    Debounce,
    Deduplicate,
    Retry,
    SchedulerConfig,
    Stall,
    Task,
    TaskoraError,
    Throttle,
    chain,
)
from taskora.handle import ResultHandle
from taskora.keys import RESERVED_IDS

PATIENCE_S = 30.0
SOON_S = 1.5
PACKAGE = Path(taskora.__file__).parent
DAMAGES: dict[str, Callable[[Any, bytes, Any], None]] = {"another type": put_other_type, "garbage": put_garbage}


class Yard:
    """Two tasks whose jobs are damaged, one whose are not, and everything that can be done with them."""

    def __init__(self, engine: Engine, raw: Any) -> None:
        self.engine = engine
        self.raw = raw
        self.app = engine.app(scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="500ms"))
        stall = Stall(interval="150ms", max_count=50)
        self.gate = asyncio.Event()
        self.app.on("task:failed", lambda _: None)

        @self.app.task("plus", concurrency=4, stall=stall, retry=Retry(attempts=3, delay="20ms", backoff="fixed"))
        async def plus(n: int, ctx: Context) -> int:
            ctx.progress(n)
            ctx.log.info("at work", n=n)
            if n == 13 and ctx.attempt == 1:
                raise ValueError(n)
            return n + 1

        @self.app.task("held", concurrency=4, stall=stall)
        async def held(n: int) -> int:
            await self.gate.wait()
            return n

        @self.app.task("batch", stall=stall, collect=Collect("k", delay="30ms"))
        async def batch(items: list[int]) -> int:
            return len(items)

        @self.app.task("other", concurrency=4, stall=stall)
        async def other(n: int) -> int:
            return n * 2

        @self.app.task("sought", concurrency=4, stall=stall, index=("number",))
        async def sought(given: dict[str, int]) -> int:
            return given["number"]

        self.app.schedule("often", task="plus", every="300ms", data=5)
        self.plus: Task[int, int] = plus
        self.held: Task[int, int] = held
        self.batch: Any = batch
        self.other: Task[int, int] = other
        self.sought: Task[dict[str, int], int] = sought

    def keys(self, kind: Kind) -> list[bytes]:
        """The keys of a kind that are there, and its example."""
        root = f"taskora:{self.engine.prefix}"

        def full(name: str, task: str) -> str:
            head, _, tail = name.partition(":")
            bases = {"T": f"{root}:{{{task}}}", "B": f"{root}:{{batch}}", "S": f"{root}:{{sought}}", "R": root}
            return f"{bases[head]}:{tail}"

        tasks = ("plus", "held") if kind.pattern.startswith("T") else ("",)
        found: list[bytes] = []
        for task in tasks:
            found += self.raw.scan_iter(match=full(kind.pattern, task), count=1000)
            if kind.example:
                found.append(full(kind.example, task).encode())
            elif not any(sign in kind.pattern for sign in "*?"):
                found.append(full(kind.pattern, task).encode())
        if kind.pattern.startswith("T:????"):
            found = [key for key in found if key.count(b":") == 3]
        return sorted(set(found))

    async def everything(self) -> list[ResultHandle[int]]:
        """Do all that can be done; only our errors may come of it. Returns the jobs that must not be lost."""
        kept: list[ResultHandle[int]] = []

        async def keep(handle: ResultHandle[int]) -> None:
            kept.append(await handle)

        async def read(handle: ResultHandle[int]) -> None:
            await handle.result_async(SOON_S)

        async def flow() -> None:
            await chain(self.plus.s(1), self.plus.s()).dispatch().result_async(SOON_S)

        async def triggered() -> None:
            await (await self.app.schedules.trigger_async("often")).result_async(SOON_S)

        async def cancelled() -> None:
            handle = await self.plus.dispatch(1, delay=60)
            await handle.cancel_async("not needed")

        inspector = self.app.inspect()
        acts = [
            *(keep(self.plus.dispatch(n)) for n in (1, 2, 13)),
            keep(self.plus.dispatch(3, priority=5)),
            keep(self.plus.dispatch(4, delay=0.03)),
            keep(self.plus.dispatch(4, concurrency_key="k", concurrency_limit=1)),
            read(self.plus.dispatch(5, job_id="given")),
            read(self.plus.dispatch(5, debounce=Debounce("k", "20ms"))),
            read(self.plus.dispatch(6, throttle=Throttle("k", 100, "1s"))),
            read(self.plus.dispatch(7, deduplicate=Deduplicate("k"))),
            read(self.batch.dispatch(1)),
            read(self.plus.dispatch(8, ttl="1h")),
            keep(self.sought.dispatch({"number": 7})),
            flow(), triggered(), cancelled(),
            self.app.adapter.audit.write(AuditEntry("ada", "admin", "x")).run_async(), inspector.audit_async(),
            inspector.search_async("sought", "number", 7),
            inspector.stats_async(), inspector.workers_async(), inspector.workflows_async(), inspector.server_async(),
            inspector.completed_async(task="plus"), inspector.failed_async(task="plus"),
            inspector.waiting_async(task="plus"), inspector.active_async(), inspector.delayed_async(),
            inspector.throughput_async(), inspector.migrations_async("plus"), inspector.keys_async("plus"),
            self.app.schedules.list_async(),
            self.app.dead_letters.list_async(), self.app.dead_letters.retry_all_async(),
            self.batch.peek_collect_async("k"), self.batch.inspect_collect_async("k"),
        ]  # fmt: skip
        for outcome in await asyncio.gather(*acts, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, TaskoraError):
                raise AssertionError(f"an error that is none of ours: {outcome!r}") from outcome
        return kept


@pytest.fixture
def yard(engine: Engine, caplog: pytest.LogCaptureFixture) -> Iterator[Yard]:
    caplog.set_level(logging.WARNING, "taskora")
    raw: Any = redis.Redis.from_url(engine.url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    try:
        yield Yard(engine, raw)
    finally:
        raw.close()


@asynccontextmanager
async def busy(yard: Yard) -> AsyncGenerator[None, None]:
    """Work, with a key of every kind in use, and jobs whose handlers have begun and go on."""
    async with working(yard.app, drain=5):
        await yard.everything()
        held = [
            await yard.held.dispatch(n, concurrency_key="k" if n else None, concurrency_limit=2 if n else None)
            for n in range(4)
        ]
        await wait_until_async(lambda: yard.engine.raw.llen(yard.engine.key("held", "active")) >= 3, PATIENCE_S)
        try:
            yield
        finally:
            yard.gate.set()
        for handle in held[:3]:
            await wait_until_async(partial(_over, handle), PATIENCE_S, f"{handle} did not end")


async def _over(handle: ResultHandle[int]) -> bool:
    try:
        return await handle.state_async() in ("completed", "failed", "cancelled")
    except TaskoraError:
        return True  # it was in the damaged key


async def check_damage(yard: Yard, kind: Kind, damage: str) -> None:
    """Damage the keys of a kind while all is in use, and see what it costs."""
    async with busy(yard):
        damaged = yard.keys(kind)
        assert damaged, "no key of this kind was in use"
        for key in damaged:
            DAMAGES[damage](yard.raw, key, kind.type)
        others = [yard.other.dispatch(n) for n in range(5)]
        kept, _ = await asyncio.gather(
            yard.everything(), asyncio.gather(*(handle.result_async(PATIENCE_S) for handle in others))
        )
        for key in damaged:
            mend(yard.raw, key)
        for handle in kept:
            await wait_until_async(partial(_over, handle), PATIENCE_S, f"{handle} is lost")
        assert await yard.plus.dispatch(1).result_async(PATIENCE_S) == 2
        assert await yard.other.dispatch(1).result_async(PATIENCE_S) == 2


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", KINDS)
async def test_a_damaged_key_costs_no_other_task_and_nothing_once_it_is_deleted(
    yard: Yard, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await check_damage(yard, KINDS[name], damage)
    assert not bugs_in(caplog)


def bugs_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of errors of ours."""
    return [record.getMessage() for record in caplog.records if getattr(record, "action", "") == "bug"]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_version_record_is_refused_and_can_be_deleted(engine: Engine, damage: str) -> None:
    meta = f"taskora:{engine.prefix}:meta".encode()
    raw: Any = redis.Redis.from_url(engine.url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    try:
        DAMAGES[damage](raw, meta, "hash")
        async with open_app(engine.app()) as app:
            with pytest.raises(AdapterError):
                await app.connect_async()
        raw.delete(meta)
        async with open_app(engine.app()) as app:
            await app.connect_async()
    finally:
        raw.close()


def test_every_kind_of_key_is_damaged_here() -> None:
    damaged = {kind.pattern for kind in KINDS.values()}
    parts = {part for pattern in damaged for part in pattern.split(":")}
    assert {word for word in RESERVED_IDS if word not in parts} <= NO_KEYS
    own = {"migration:lock", "schedules:next"}
    for path in PACKAGE.rglob("*.py"):
        own.update(re.findall(r'\.own\("([a-z:]+)"\)', path.read_text(encoding="utf-8")))
    for path in (PACKAGE.parent / "lua").rglob("*.lua"):
        text = path.read_text(encoding="utf-8")
        own.update(found.strip(":") for found in re.findall(r"root \.\. ':([a-z:]+)'", text))
        for suffix in re.findall(r"base \.\. ':([a-z]+):?'", text):
            assert suffix in parts or suffix in NO_KEYS, f"{path.name} writes {suffix}, which nobody damages here"
    for name in own - NO_KEYS - TO_ALL:
        assert f"R:{name}" in damaged or f"R:{name}:*" in damaged, f"nobody damages {name} here"
