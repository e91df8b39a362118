"""Payloads of several versions meet workers of several versions."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from integration.engine.kit import Engine, error_of, open_app, working
from support import wait_until_async
from taskora import ConfigError, JobFailedError, Retry, Task, Taskora, WorkflowFailedError, chain, into
from taskora.worker import execution


@dataclass
class Mail:
    to: str
    sender: str
    urgent: bool = False


async def mail(data: Mail) -> Mail:
    return data


def rename(data: dict[str, Any]) -> dict[str, Any]:
    data["sender"] = data.pop("from")
    return data


def of_version(engine: Engine, version: int) -> tuple[Taskora, Task[object, object]]:
    """An application that produces a version of the task, and the task as it sees it."""

    async def never(data: object) -> object:
        raise AssertionError("a producer runs nothing")

    app = engine.app()
    return app, app.task("mail", never, version=version)


@pytest.fixture(params=["by version", "list", "list with into"])
def current(request: pytest.FixtureRequest, app: Taskora) -> Task[Mail, Mail]:
    def mark(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"urgent": True}

    def send(data: dict[str, Any]) -> Mail:
        return Mail(data["to"], data["from"], urgent=True)

    if request.param == "by version":
        return app.task("mail", mail, version=3, migrate={2: mark, 1: rename})
    if request.param == "list":
        return app.task("mail", mail, migrate=[rename, mark])
    return app.task("mail", mail, version=3, migrate=[into(Mail, send), mark])


async def test_older_payloads_are_migrated_before_they_are_validated(
    engine: Engine, app: Taskora, current: Task[Mail, Mail]
) -> None:
    assert current.options.version == 3
    (old, first), (older_app, second) = of_version(engine, 1), of_version(engine, 2)
    async with open_app(old), open_app(older_app), working(app):
        oldest = current.handle((await first.dispatch({"to": "a", "from": "b"})).id)
        older = current.handle((await second.dispatch({"to": "a", "sender": "b"})).id)
        assert await oldest.result_async(10) == Mail("a", "b", urgent=True)
        assert await older.result_async(10) == Mail("a", "b", urgent=True)
        assert await (await current.dispatch(Mail("a", "b"))).result_async(10) == Mail("a", "b")
        info = await oldest.info_async()
        assert (info.version, info.data) == (1, {"to": "a", "from": "b"}), "the stored job is left as it is"


async def test_a_migrated_payload_is_validated(engine: Engine, app: Taskora, current: Task[Mail, Mail]) -> None:
    producing, producer = of_version(engine, 2)
    async with open_app(producing), working(app):
        error = await error_of(current.handle((await producer.dispatch({"to": 5, "sender": "b"})).id))
    assert isinstance(error, JobFailedError)
    assert error.error_type == "ValidationError"
    assert "input of task 'mail'" in str(error)


async def test_an_error_in_a_migration_fails_that_job_alone_and_is_not_retried(
    engine: Engine, app: Taskora, caplog: pytest.LogCaptureFixture
) -> None:
    current = app.task("mail", mail, version=2, migrate={1: rename}, retry=Retry(attempts=5, delay=0.01))
    producing, producer = of_version(engine, 1)
    caplog.set_level(logging.CRITICAL, "taskora.worker")
    async with open_app(producing), working(app):
        broken = current.handle((await producer.dispatch({"to": "a"})).id)
        error = await error_of(broken)
        assert isinstance(error, JobFailedError)
        assert error.error_type == "MigrationError"
        for part in (broken.id, "task 'mail'", "from 1 to 2", "rename", "KeyError: 'from'"):
            assert part in str(error)
        assert (await broken.info_async()).attempt == 1
        assert await (await current.dispatch(Mail("a", "b"))).result_async(10) == Mail("a", "b")


async def test_a_newer_job_waits_for_a_newer_worker_without_a_hot_loop_w15(
    engine: Engine, app: Taskora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_DEFER_MS", 2500)
    older = app.task("mail", mail)
    producing, producer = of_version(engine, 2)
    async with open_app(producing):
        handle = await producer.dispatch({"to": "a", "sender": "b"})
        async with working(app):

            async def deferred() -> bool:
                return await handle.state_async() == "delayed"

            await wait_until_async(deferred)
            others = await older.dispatch_many([Mail("a", "b")] * 300)
            await asyncio.gather(*(other.result_async(10) for other in others))
            turn = engine.events("mail", handle.id)
            assert turn == ["waiting", "active", "delayed"], "one turn is two entries, and no other comes for a while"
        newer = engine.app()
        newer.task("mail", mail, version=2)
        async with working(newer):
            # It becomes due a while after it was deferred.
            assert await newer.find_task("mail").handle(handle.id).result_async(15) == Mail("a", "b")
        events = engine.events("mail", handle.id)
        assert events.count("active") <= 3
        assert (await handle.info_async()).attempt == 1, "deferring is not charged"


async def test_a_job_older_than_since_fails_clearly_and_its_workflow_hears_of_it_w20(
    engine: Engine, app: Taskora
) -> None:
    app.task("mail", mail, version=3, since=2)

    @app.task("after")
    async def after(data: Any) -> Any:
        return data

    producing, producer = of_version(engine, 1)
    async with open_app(producing), working(app):
        flow = await chain(producer.s({}), producer.s()).dispatch()
        with pytest.raises(WorkflowFailedError, match="a payload of version 1; this worker reads 2 to 3") as caught:
            await flow.result_async(10)
        assert (caught.value.node, caught.value.task, caught.value.error_type) == (0, "mail", "ValidationError")


async def test_an_inspector_tells_which_versions_are_queued(engine: Engine) -> None:
    (old, first), (new, third) = of_version(engine, 1), of_version(engine, 3)
    app = engine.app()
    app.task("mail", mail, version=3)
    async with open_app(app), open_app(old), open_app(new):
        inspector = app.inspect()
        assert (await inspector.migrations_async("mail")).can_bump_since == 3
        await third.dispatch_many(range(1200))
        await third.dispatch(1, priority=5)
        await third.dispatch(1, delay=60)
        await first.dispatch(1, delay=60)
        status = await inspector.migrations_async("mail")
        assert (status.task, status.version, status.since) == ("mail", 3, 1)
        assert (status.waiting, status.active, status.delayed) == ({3: 1201}, {}, {1: 1, 3: 1})
        assert (status.complete, status.oldest, status.can_bump_since) == (True, 1, 1)


async def test_the_count_of_versions_is_bounded_and_says_so(engine: Engine) -> None:
    producing, producer = of_version(engine, 2)
    async with open_app(producing):
        await producer.dispatch_many(range(30))
        await producer.dispatch(1, priority=5)
        vitals = producing.adapter.vitals
        assert await vitals.versions("mail", 10).run_async() == ({2: 10}, {}, {}, False)
        assert await vitals.versions("mail", 31).run_async() == ({2: 31}, {}, {}, True)


async def test_versions_are_counted_in_memory_too() -> None:
    app = Taskora("memory://")
    task = app.task("mail", mail, version=4, since=2)
    async with open_app(app):
        await task.dispatch(Mail("a", "b"))
        await task.dispatch(Mail("a", "b"), delay=60)
        status = await app.inspect().migrations_async("mail")
        assert (status.waiting, status.delayed, status.can_bump_since) == ({4: 1}, {4: 1}, 4)


async def test_versions_of_a_task_of_other_processes_come_from_what_they_published(engine: Engine) -> None:
    worker = engine.app()
    worker.task("mail", mail, version=3, since=2)
    async with working(worker):
        pass
    onlooker = engine.app()
    async with open_app(onlooker):
        status = await onlooker.inspect().migrations_async("mail")
        assert (status.version, status.since, status.can_bump_since) == (3, 2, 3)
        with pytest.raises(ConfigError, match="no worker ever published a task 'mial'"):
            await onlooker.inspect().migrations_async("mial")
