"""A run is linked to the run before it and to those that it waited for, in whichever processes they ran."""

import asyncio
import json
import signal
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from integration.engine.kit import PATIENCE_S, Engine, gated, open_app, state_is, working
from integration.tracing.kit import Recorder, id_of, parent_of, told, trace_of
from support import wait_until_async
from taskora import Context, JobFailedError, Retry, Task, Taskora, chain, chord
from taskora.call import Call
from taskora.errors import AdapterError
from taskora.testing import create_test_runner


def links_of(span: ReadableSpan) -> list[int]:
    return [link.context.span_id for link in span.links]


def double(n: int) -> int:
    return 2 * n


def add_up(items: list[int]) -> int:
    return sum(items)


async def test_a_retry_is_linked_to_an_attempt_in_another_process(engine: Engine) -> None:
    first, second = Recorder(), Recorder()
    one, other = first.watch(engine.app()), second.watch(engine.app())

    async def fail(n: int) -> int:
        raise ValueError("not here")

    failing = one.task("double", fail, retry=Retry(attempts=2, delay=1.0))
    other.task("double", double, retry=Retry(attempts=2))
    async with open_app(other):
        async with working(one):
            handle = await failing.dispatch(2)
            await state_is(handle, "retrying", PATIENCE_S)
        async with working(other):
            assert await other.tasks["double"].handle(handle.id).result_async(PATIENCE_S) == 4
    before, run = first.span("process double"), second.span("process double")
    assert told(run)["taskora.attempt"] == 2
    assert links_of(run) == [id_of(before)]
    assert run.links[0].context.trace_id == trace_of(before) == trace_of(run)
    assert parent_of(run) == parent_of(before)


VICTIM = """
import asyncio, os, signal, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span
from taskora import Taskora
from taskora.integrations.opentelemetry import instrument

app = Taskora(sys.argv[1], prefix=sys.argv[2])
instrument(app, tracer_provider=TracerProvider(shutdown_on_exit=False))

@app.task("double")
def double(n: int) -> int:
    print(get_current_span().get_span_context().span_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0

async def main() -> None:
    await app.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_run_is_linked_to_the_one_whose_process_died(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("double", double)
    async with open_app(app):
        handle = await task.dispatch(2)
        command = [sys.executable, "-c", VICTIM, engine.url, engine.prefix]
        died = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr
        worker = engine.raw.get(engine.key("double", f"{handle.id}:lock")).rsplit(".", 2)[0]
        recover = app.adapter.leases.recover(worker, {"double": 0}, cause="signal:9", charged=True, max_crashes=3)
        assert await recover.run_async() == 1
        async with working(app):
            assert await handle.result_async(PATIENCE_S) == 4
    assert links_of(recorder.span("process double")) == [int(died.stdout)]


async def test_a_step_is_linked_to_the_one_before(engine: Engine) -> None:
    here, one, two = Recorder(), Recorder(), Recorder()
    producer, doubles, adds = here.watch(engine.app()), one.watch(engine.app()), two.watch(engine.app())

    def add(n: int) -> int:
        return n + 1

    doubles.task("double", double)
    adds.task("add", add)
    double_task, add_task = producer.task("double", double), producer.task("add", add)
    async with working(doubles), working(adds), open_app(producer):
        flow: Any = chain(double_task.s(1), add_task.s())
        assert await flow.dispatch().result_async(PATIENCE_S) == 3
    first, then = one.span("process double"), two.span("process add")
    assert links_of(first) == []
    assert links_of(then) == [id_of(first)]
    assert parent_of(then) == id_of(here.span("send workflow"))


async def test_a_callback_is_linked_to_its_headers_32_at_most(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("double", double, concurrency=8)
    total = app.task("total", add_up)
    async with working(app):
        small: Any = chord([task.s(n) for n in range(3)], total.s())
        assert await small.dispatch().result_async(PATIENCE_S) == 6
        large: Any = chord([task.s(n) for n in range(40)], total.s())
        assert await large.dispatch().result_async(PATIENCE_S) == 1560
    runs = recorder.spans("process double")
    callback, wide = recorder.spans("process total")
    assert set(links_of(callback)) == {id_of(run) for run in runs[:3]}
    assert len(set(links_of(wide))) == 32
    assert set(links_of(wide)) <= {id_of(run) for run in runs[3:]}


async def test_a_step_that_is_tried_again_is_linked_to_both(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())

    async def fail_once(n: int, ctx: Context) -> int:
        if ctx.attempt == 1:
            raise ValueError("not yet")
        return n

    task = app.task("double", double)
    failing = app.task("fail", fail_once, retry=Retry(attempts=2, delay=0.01))
    async with working(app):
        flow: Any = chain(task.s(1), failing.s())
        assert await flow.dispatch().result_async(PATIENCE_S) == 2
    first, second = recorder.spans("process fail")
    step = id_of(recorder.span("process double"))
    assert links_of(first) == [step]
    assert links_of(second) == [id_of(first), step]


async def test_what_is_retried_from_the_dead_letters_is_linked_to_its_last_run(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    broken = True

    async def fail(n: int) -> int:
        if broken:
            raise ValueError("still broken")
        return n

    task = app.task("fail", fail)
    async with working(app):
        handle = await task.dispatch(1)
        with pytest.raises(JobFailedError):
            await handle.result_async(PATIENCE_S)
        broken = False
        assert await app.dead_letters.retry_async("fail", handle.id)
        assert await task.handle(handle.id).result_async(PATIENCE_S) == 1
    first, second = recorder.spans("process fail")
    assert links_of(second) == [id_of(first)]


async def test_a_span_is_with_its_job_while_it_runs(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task, gate, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: bool(runs), PATIENCE_S, "it never began")
        kept = json.loads(engine.hash("gated", handle.id)["spanContext"])
        gate.set()
        await handle.result_async(PATIENCE_S)
    assert int(kept["traceparent"].split("-")[2], 16) == id_of(recorder.span("process gated"))


async def test_no_job_is_made_of_one_that_somebody_removed_while_it_ran(engine: Engine) -> None:
    app = engine.app()
    engine.raw.set(engine.key("double", "gone:lock"), "w1.a1.1", px=60_000)
    async with open_app(app):
        assert not await app.adapter.leases.write_span("double", "gone", "w1.a1.1", "{}").run_async()
    assert engine.hash("double", "gone") == {}


@pytest.mark.parametrize("followed", [False, True])
async def test_who_is_not_instrumented_keeps_nothing_of_a_run(engine: Engine, followed: bool) -> None:
    app = engine.app()
    if followed:
        Recorder().watch(app)
    task = app.task("double", double)
    async with working(app):
        flow: Any = chain(task.s(1), task.s())
        handle = flow.dispatch()
        assert await handle.result_async(PATIENCE_S) == 4
    stored = engine.raw.hgetall(f"taskora:{engine.prefix}:wf:{{{handle.workflow_id}}}")
    job_id = json.loads(stored["t:0"])["id"]
    assert ("spanContext" in engine.hash("double", job_id)) is followed
    assert ("b:1" in stored) is followed
    assert "b:0" not in stored


GARBAGE = ["", "no JSON", "[]", "1", '{"traceparent": 1}', "\x00\xff", '{"traceparent": "' + "a" * 1_000_000 + '"}']


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_others_wrote_as_a_span_fails_nothing(engine: Engine, garbage: str) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("double", double)
    stored = {"data": "2", "ts": "1", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "waiting"}
    async with working(app):
        job_id = engine.put_raw("double", {**stored, "spanContext": garbage})
        assert await task.handle(job_id).result_async(PATIENCE_S) == 4
    assert links_of(recorder.span("process double")) == []


@pytest.mark.parametrize(
    "garbage", ["", "no JSON", "1", "{}", "[1]", '["ab"]', '[["a"]]', '[["a", "b", "c"]]', '[["nothing", "there"]]']
)
async def test_what_others_wrote_as_predecessors_fails_nothing(engine: Engine, garbage: str) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    gated_task, gate, runs = gated(app)
    task: Task[int, int] = gated_task
    async with working(app):
        flow: Any = chain(task.s(1), task.s())
        handle = flow.dispatch()
        await wait_until_async(lambda: bool(runs), PATIENCE_S, "it never began")
        engine.raw.hset(f"taskora:{engine.prefix}:wf:{{{handle.workflow_id}}}", "b:1", garbage)
        gate.set()
        assert await handle.result_async(PATIENCE_S) == 1
    first, second = recorder.spans("process gated")
    assert links_of(second) == []
    assert parent_of(second) == parent_of(first)


class _Failing:
    def run(self) -> bool:
        raise AdapterError("it is gone")

    async def run_async(self) -> bool:
        raise AdapterError("it is gone")


async def test_a_span_that_cannot_be_kept_keeps_no_job_from_its_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())

    def write(task: str, job_id: str, token: str, context: str) -> Call[bool]:
        return _Failing()

    monkeypatch.setattr(app.adapter.leases, "write_span", write)
    task = app.task("double", double)
    async with working(app):
        assert await (await task.dispatch(2)).result_async(PATIENCE_S) == 4
    assert told(recorder.span("process double"))["taskora.outcome"] == "completed"


def test_a_test_runner_links_runs_as_well() -> None:
    recorder = Recorder()
    app = recorder.watch(Taskora("memory://"))
    task = app.task("double", double)
    with create_test_runner(from_app=app) as runner:
        flow: Any = chain(task.s(1), task.s())
        flow.dispatch()
        runner.process_all()
    first, second = recorder.spans("process double")
    assert links_of(second) == [id_of(first)]
