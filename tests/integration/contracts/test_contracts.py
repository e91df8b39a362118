"""Producers and workers that share contracts and nothing else."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.engine.kit import Engine, error_of, open_app, working
from support import Spawn
from taskora import (
    Collect,
    CollectContract,
    Context,
    JobFailedError,
    Retry,
    TaskContract,
    Taskora,
    chain,
    chord,
    define_task,
    static_contract,
)


@dataclass
class Page:
    url: str


@dataclass
class Text:
    words: list[str]


FETCH = define_task("fetch", input=Page, output=Text, retry=Retry(attempts=2, delay=0.01))
COUNT = define_task("count", input=Text, output=int)
TOTAL = define_task("total", input=list[int], output=int)


async def fetch(data: Page) -> Text:
    return Text(data.url.split("/"))


def count(data: Text) -> int:
    return len(data.words)


def total(data: list[int]) -> int:
    return sum(data)


async def test_a_producer_without_handlers_dispatches_and_reads_typed_results(engine: Engine, app: Taskora) -> None:
    producer = engine.app()
    app.implement(FETCH, fetch, concurrency=3)
    task = producer.register(FETCH)
    async with open_app(producer), working(app):
        handle = await task.dispatch(Page("a/b"))
        assert await handle.result_async(10) == Text(["a", "b"])
        handles = await task.dispatch_many([Page("a"), Page("b/c/d")])
        assert [await each.result_async(10) for each in handles] == [Text(["a"]), Text(["b", "c", "d"])]
        assert (await handle.info_async()).state == "completed"


async def test_jobs_carry_what_the_contract_says_of_attempts(engine: Engine, app: Taskora) -> None:
    seen: list[int] = []

    @app.implement(FETCH)
    async def broken(data: Page, ctx: Context) -> Text:
        seen.append(ctx.max_attempts)
        raise OSError(data.url)

    producer = engine.app()
    async with open_app(producer), working(app):
        error = await error_of(await producer.register(FETCH).dispatch(Page("gone")))
        assert isinstance(error, JobFailedError)
        assert seen == [2, 2]


async def test_a_later_implement_makes_what_was_registered_run_here(app: Taskora) -> None:
    task = app.register(FETCH)
    app.implement(FETCH, fetch)
    async with working(app):
        assert await (await task.dispatch(Page("a/b"))).result_async(10) == Text(["a", "b"])


async def test_one_workflow_crosses_applications_that_implement_different_contracts(engine: Engine) -> None:
    first, second, producer = engine.app(), engine.app(), engine.app()
    first.implement(FETCH, fetch)
    second.implement(COUNT, count)
    second.implement(TOTAL, total)
    get, size, add = producer.register(FETCH), producer.register(COUNT), producer.register(TOTAL)
    async with open_app(producer), working(first), working(second):
        flow = chord([chain(get.s(Page(url)), size.s()) for url in ("a", "a/b", "a/b/c")], add.s())
        assert await (await flow.dispatch()).result_async(15) == 6


@pytest.mark.parametrize("typed", [True, False], ids=["types at run time", "types for checkers alone"])
async def test_the_worker_validates_what_a_static_contract_lets_through(
    engine: Engine, app: Taskora, typed: bool
) -> None:
    contract: TaskContract[Any, Any] = (
        static_contract("fetch", input=Page, output=Text) if typed else static_contract("fetch")
    )
    app.implement(contract, fetch)
    producer = engine.app()
    task = producer.register(contract)
    async with open_app(producer), working(app):
        good = await task.dispatch({"url": "a/b"})
        assert await good.result_async(10) == (Text(["a", "b"]) if typed else {"words": ["a", "b"]})
        error = await error_of(await task.dispatch({"url": 5}))
        assert isinstance(error, JobFailedError)
        assert error.error_type == "ValidationError"
        assert "input of task 'fetch'" in str(error)


BATCH = define_task(
    "batch", input=Page, output=int, collect=Collect("all", "50ms"), retry=Retry(attempts=2, delay=0.01)
)


async def test_a_producer_of_items_gets_the_results_of_batches(engine: Engine, app: Taskora) -> None:
    batches: list[list[str]] = []

    @app.implement(BATCH, concurrency=2)
    async def count_pages(pages: list[Page], ctx: Context) -> int:
        if ctx.attempt == 1:
            raise OSError("later")
        batches.append([page.url for page in pages])
        return len(pages)

    producer = engine.app()
    task = producer.register(BATCH)
    async with open_app(producer), working(app):
        handles = await task.dispatch_many([Page("a"), Page("b"), Page("c")])
        assert [await handle.result_async(10) for handle in handles] == [3, 3, 3]
        assert await task.peek_collect_async("all") == []
    assert batches == [["a", "b", "c"]], "the contract says how often a batch is tried"


async def test_items_of_an_older_contract_are_brought_up_one_by_one_and_not_mixed(engine: Engine, app: Taskora) -> None:
    older = define_task("batch", input=str, output=int, collect=Collect("all", "50ms"))
    newer = define_task("batch", input=Page, output=int, collect=Collect("all", "50ms"), version=2)
    batches: list[list[Page]] = []

    @app.implement(newer, migrate={1: lambda url: {"url": url}})
    async def count_pages(pages: list[Page]) -> int:
        batches.append(pages)
        return len(pages)

    first, second = engine.app(), engine.app()
    async with open_app(first), open_app(second):
        old = await first.register(older).dispatch_many(["a", "b"])
        new = await second.register(newer).dispatch(Page("c"))
        async with working(app):
            assert [await handle.result_async(10) for handle in (*old, new)] == [2, 2, 1]
    assert sorted(batches, key=len) == [[Page("c")], [Page("a"), Page("b")]]


async def test_the_worker_validates_each_item_that_a_static_contract_lets_through(engine: Engine, app: Taskora) -> None:
    contract: CollectContract[Any, int] = static_contract("batch", collect=Collect[Any]("all", "50ms"))

    @app.implement(contract)
    def count_pages(pages: list[Page]) -> int:
        return len(pages)

    producer = engine.app()
    task = producer.register(contract)
    async with open_app(producer), working(app):
        assert await (await task.dispatch({"url": "a"})).result_async(10) == 1
        handles = await task.dispatch_many([{"url": "a"}, {"url": 5}])
        error = await error_of(handles[0])
        assert isinstance(error, JobFailedError)
        assert error.error_type == "ValidationError"
        assert "[1].url" in str(error)


SHARED = """
from taskora import define_task

FETCH = define_task("fetch", input=str, output=list[str])
COUNT = define_task("count", input=list[str], output=int)
"""

WORKER = """
import sys
from shared import COUNT, FETCH
from taskora import Taskora

app = Taskora(sys.argv[1], prefix=sys.argv[2])
if sys.argv[3] == "fetch":
    @app.implement(FETCH)
    def fetch(url: str) -> list[str]:
        return url.split("/")
else:
    @app.implement(COUNT, concurrency=2)
    async def count(words: list[str]) -> int:
        return len(words)
app.run()
"""

PRODUCER = """
import sys
from shared import COUNT, FETCH
from taskora import ConfigError, Taskora, chain

app = Taskora(sys.argv[1], prefix=sys.argv[2])
fetch, count = app.register(FETCH), app.register(COUNT)
try:
    app.run()
except ConfigError as error:
    print(error)
print("counted", chain(fetch.s("a/b/c"), count.s()).dispatch().result(20))
app.close()
"""


def test_one_workflow_crosses_two_worker_processes(url: str, prefix: str, tmp_path: Path, spawn: Spawn) -> None:
    for name, source in (("shared", SHARED), ("worker", WORKER), ("producer", PRODUCER)):
        (tmp_path / f"{name}.py").write_text(source)
    workers = [spawn([sys.executable, "worker.py", url, prefix, task]) for task in ("fetch", "count")]
    producer = spawn([sys.executable, "producer.py", url, prefix])
    assert producer.wait() == 0, producer.log()
    assert "counted 3" in producer.log()
    assert "this process only registered contracts ('count', 'fetch')" in producer.log()
    for worker in workers:
        worker.terminate()
        assert worker.wait() == 0, worker.log()
