"""Jobs are followed from their producers to their handlers, over processes and all that becomes of them."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context as SpanScope
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from integration.engine.kit import PATIENCE_S, Engine, ended, error_of, open_app, working
from integration.tracing.kit import Recorder, id_of, parent_of, told, trace_of
from support import forever, wait_until_async
from taskora import (
    AdapterError,
    Collect,
    ConfigError,
    Context,
    Deduplicate,
    JobFailedError,
    Retry,
    Task,
    Taskora,
    chain,
    group,
)
from taskora.adapters.redis.jobs import told_options
from taskora.call import Call
from taskora.integrations.opentelemetry import instrument
from taskora.model import NewJob, Origin
from taskora.testing import create_test_runner

STORED = {"data": "2", "ts": "1", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "waiting"}


async def _seen(recorder: Recorder, name: str, count: int = 1) -> None:
    async def enough() -> bool:
        return len(recorder.spans(name)) >= count

    await wait_until_async(enough, PATIENCE_S, f"there were never {count} spans {name!r}")


def double(n: int) -> int:
    return 2 * n


def count(items: list[int]) -> int:
    return len(items)


async def test_a_run_is_the_child_of_its_dispatch_in_another_process(engine: Engine) -> None:
    here, there = Recorder(), Recorder()
    producer, worker = here.watch(engine.app()), there.watch(engine.app())
    worker.task("double", double)
    async with working(worker), open_app(producer):
        with here.tracer.start_as_current_span("request") as request:
            handle = await producer.find_task("double").dispatch(2)
        assert await handle.result_async(PATIENCE_S) == 4
    sent, run = here.span("send double"), there.span("process double")
    assert parent_of(sent) == request.get_span_context().span_id
    assert parent_of(run) == id_of(sent)
    assert trace_of(run) == trace_of(sent) == request.get_span_context().trace_id
    assert (sent.kind, run.kind) == (trace.SpanKind.PRODUCER, trace.SpanKind.CONSUMER)
    shared = {"messaging.system": "taskora", "messaging.destination.name": "double", "messaging.message.id": handle.id}
    assert told(sent) == {**shared, "messaging.operation.name": "send", "messaging.operation.type": "send"}
    assert told(run) == {
        **shared, "messaging.operation.name": "process", "messaging.operation.type": "process", "taskora.attempt": 1,
        "taskora.outcome": "completed",
    }  # fmt: skip


PRODUCER = """
import sys
from opentelemetry.sdk.trace import TracerProvider
from taskora import Taskora
from taskora.integrations.opentelemetry import instrument

url, prefix = sys.argv[1:]
app = Taskora(url, prefix=prefix)
tracers = TracerProvider(shutdown_on_exit=False)
instrument(app, tracer_provider=tracers)
with tracers.get_tracer("test").start_as_current_span("request") as span:
    handle = app.find_task("double").dispatch(2)
app.close()
print(handle.id, span.get_span_context().trace_id)
"""


async def test_a_trace_goes_on_from_a_process_that_has_ended(engine: Engine) -> None:
    command = [sys.executable, "-c", PRODUCER, engine.url, engine.prefix]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=True)
    job_id, trace_id = ran.stdout.split()
    there = Recorder()
    worker = there.watch(engine.app())
    task = worker.task("double", double)
    async with working(worker):
        assert await task.handle(job_id).result_async(PATIENCE_S) == 4
    run = there.span("process double")
    assert trace_of(run) == int(trace_id)
    assert parent_of(run) is not None


def test_plain_code_is_followed_like_event_loops(engine: Engine) -> None:
    here = Recorder()
    producer = here.watch(engine.app())
    handle = producer.find_task("double").dispatch(2)
    stored = json.loads(engine.hash("double", handle.id)["traceContext"])
    span_id = format(id_of(here.span("send double")), "016x")
    assert stored["traceparent"].split("-")[2] == span_id


async def test_jobs_that_are_dispatched_together_share_one_span(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("double", double, concurrency=3)
    async with working(app):
        for handle in await task.dispatch_many([1, 2, 3]):
            await handle.result_async(PATIENCE_S)
    sent = recorder.span("send double")
    assert told(sent)["messaging.batch.message_count"] == 3
    assert [parent_of(run) for run in recorder.spans("process double")] == [id_of(sent)] * 3


@pytest.mark.parametrize("sync", [False, True])
async def test_what_a_handler_dispatches_is_a_child_of_its_run(engine: Engine, sync: bool) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    inner = app.task("inner", double)

    async def outer(n: int) -> str:
        return (await inner.dispatch(n)).id

    def outer_in_thread(n: int) -> str:
        return inner.dispatch(n).id

    task: Task[int, str] = app.task("outer", outer_in_thread) if sync else app.task("outer", outer)
    async with working(app):
        job_id = await task.dispatch(3).result_async(PATIENCE_S)
        assert await inner.handle(job_id).result_async(PATIENCE_S) == 6
    run, sent = recorder.span("process outer"), recorder.span("send inner")
    assert parent_of(sent) == id_of(run)
    assert parent_of(recorder.span("process inner")) == id_of(sent)


async def test_every_attempt_has_a_span_that_is_linked_to_the_one_before(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())

    async def fail(n: int, ctx: Context) -> int:
        if ctx.attempt < 3:
            raise ValueError("not yet")
        return ctx.attempt

    task = app.task("fail", fail, retry=Retry(attempts=3, delay=0.01))
    async with working(app):
        await task.dispatch(1).result_async(PATIENCE_S)
    first, second, third = recorder.spans("process fail")
    sent = recorder.span("send fail")
    assert {parent_of(run) for run in (first, second, third)} == {id_of(sent)}
    assert [told(run)["taskora.attempt"] for run in (first, second, third)] == [1, 2, 3]
    assert [link.context.span_id for link in second.links] == [id_of(first)]
    assert [link.context.span_id for link in third.links] == [id_of(second)]
    assert told(first)["error.type"] == "ValueError"
    assert first.status.status_code is trace.StatusCode.ERROR
    assert first.status.description == "not yet"
    assert [event.name for event in first.events] == ["exception"]
    assert third.status.status_code is not trace.StatusCode.ERROR


async def test_a_cancelled_run_is_no_error_and_a_timeout_is_one(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    begun = asyncio.Event()

    async def sleep(n: int) -> None:
        begun.set()
        await forever()

    slow, late = app.task("slow", sleep), app.task("late", sleep, timeout=0.1)
    async with working(app):
        handle = await slow.dispatch(1)
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        await handle.cancel_async()
        assert await ended(handle) == "cancelled"
        await error_of(await late.dispatch(1))
    cancelled, over = recorder.span("process slow"), recorder.span("process late")
    assert told(cancelled)["taskora.outcome"] == "cancelled"
    assert not cancelled.events
    assert "error.type" not in told(cancelled)
    assert cancelled.status.status_code is not trace.StatusCode.ERROR
    assert told(over)["taskora.outcome"] == "timeout"
    assert told(over)["error.type"] == "TimeoutError"
    (event,) = over.events
    assert event.attributes is not None
    assert "in sleep" in str(event.attributes["exception.stacktrace"])
    assert over.status.status_code is trace.StatusCode.ERROR


async def test_all_jobs_of_a_workflow_belong_to_its_trace(engine: Engine) -> None:
    here, there = Recorder(), Recorder()
    producer, worker = here.watch(engine.app()), there.watch(engine.app())
    for app in (producer, worker):
        app.task("double", double, concurrency=2)
        app.task("total", sum, input=list[int], output=int)
    double_task, total = producer.tasks["double"], producer.tasks["total"]
    async with working(worker), open_app(producer):
        flow: Any = chain(double_task.s(1), group(double_task.s(2), double_task.s(3)), total.s())
        handle = flow.dispatch(name="sum")
        assert await handle.result_async(PATIENCE_S) == 10
    sent = here.span("send workflow")
    assert told(sent)["taskora.workflow.name"] == "sum"
    assert told(sent)["messaging.batch.message_count"] == 4
    runs = [*there.spans("process double"), *there.spans("process total")]
    assert len(runs) == 4
    assert {trace_of(run) for run in runs} == {trace_of(sent)}
    assert {parent_of(run) for run in runs} == {id_of(sent)}
    assert {told(run)["taskora.workflow.id"] for run in runs} == {handle.workflow_id}


async def test_dispatches_of_which_keys_decide_are_followed_too(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("double", double)
    async with working(app):
        handle = await task.dispatch(2, deduplicate=Deduplicate("key"), delay=0.05)
        refused = await task.dispatch(2, deduplicate=Deduplicate("key"))
        assert (handle.enqueued, refused.enqueued) == (True, False)
        await handle.result_async(PATIENCE_S)
    first, _ = recorder.spans("send double")
    assert parent_of(recorder.span("process double")) == id_of(first)


async def test_a_batch_says_how_many_items_it_has(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("batch", count, collect=Collect(key="k", delay=10, max_size=3))
    async with working(app):
        for handle in await task.dispatch_many([1, 2, 3]):
            assert await handle.result_async(PATIENCE_S) == 3
    run = recorder.span("process batch")
    assert told(run)["messaging.batch.message_count"] == 3
    assert parent_of(run) is None


async def test_an_instrumented_producer_and_a_worker_that_is_not(engine: Engine) -> None:
    here = Recorder()
    producer, worker = here.watch(engine.app()), engine.app()
    worker.task("double", double)
    async with working(worker), open_app(producer):
        assert await producer.find_task("double").dispatch(2).result_async(PATIENCE_S) == 4
    assert len(here.spans("send double")) == 1


async def test_an_instrumented_worker_and_a_producer_that_is_not(engine: Engine) -> None:
    there = Recorder()
    producer, worker = engine.app(), there.watch(engine.app())
    worker.task("double", double)
    async with working(worker), open_app(producer):
        assert await producer.find_task("double").dispatch(2).result_async(PATIENCE_S) == 4
    assert parent_of(there.span("process double")) is None


@pytest.mark.parametrize(
    "garbage",
    [
        "", "no JSON", "[]", "1", '{"traceparent": 1}', '{"traceparent": "00-zz-zz-zz"}', "[" * 100_000, "\x00\xff",
        '{"traceparent": "00-00000000000000000000000000000000-0000000000000000-01"}', '{"baggage": "=;=,,%"}',
        '{"traceparent": "' + "a" * 1_000_000 + '"}',
    ],
)  # fmt: skip
async def test_what_others_wrote_as_a_trace_fails_nothing(engine: Engine, garbage: str) -> None:
    there = Recorder()
    worker = there.watch(engine.app())
    task = worker.task("double", double)
    async with working(worker):
        job_id = engine.put_raw("double", {**STORED, "traceContext": garbage, "delay": "x", "_wf": "no"})
        assert await task.handle(job_id).result_async(PATIENCE_S) == 4
    assert parent_of(there.span("process double")) is None


async def test_a_workflow_of_another_type_fails_nothing(engine: Engine) -> None:
    there = Recorder()
    worker = there.watch(engine.app())
    worker.task("double", double)
    engine.raw.set(f"taskora:{engine.prefix}:wf:damaged", "text")
    async with working(worker):
        engine.put_raw("double", {**STORED, "_wf": "damaged"})
        await _seen(there, "process double")
    assert parent_of(there.span("process double")) is None


@pytest.mark.parametrize("followed", [False, True])
async def test_who_is_not_instrumented_stores_and_asks_for_nothing_of_it(
    engine: Engine, followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = engine.app()
    if followed:
        Recorder().watch(app)
    asked: list[str] = []
    read = app.adapter.jobs.origin

    def origin(task: str, job_id: str) -> Call[Origin]:
        asked.append(job_id)
        return read(task, job_id)

    monkeypatch.setattr(app.adapter.jobs, "origin", origin)
    task = app.task("double", double)
    async with working(app):
        handle = await task.dispatch(1)
        await handle.result_async(PATIENCE_S)
    assert asked == ([handle.id] if followed else [])
    assert ("traceContext" in engine.hash("double", handle.id)) is followed


def test_an_application_that_is_not_instrumented_sends_what_it_always_did() -> None:
    job = NewJob("id", b"1", 5, 3, 7, indexed=("a:1",))
    assert told_options(job) == '5,3,7,0;ix 7:["a:1"]'
    assert told_options(job._replace(trace_context="ä")) == '5,3,7,0;ix 7:["a:1"];traceContext 2:ä'


async def test_what_is_counted_and_measured(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())

    def fail_odd(n: int) -> None:
        if n % 2:
            raise KeyError(n)

    task = app.task("odd", fail_odd)
    async with working(app):
        for handle in await task.dispatch_many([0, 1, 2]):
            await ended(handle)
    shared = {"messaging.system": "taskora", "messaging.destination.name": "odd"}
    (sent,) = recorder.points("messaging.client.sent.messages")
    assert sent.value == 3
    assert sent.attributes.items() >= shared.items()
    (consumed,) = recorder.points("messaging.client.consumed.messages")
    assert consumed.value == 3
    ended_as = {
        point.attributes.get("error.type"): point.count for point in recorder.points("messaging.process.duration")
    }
    assert ended_as == {None: 2, "KeyError": 1}
    (waited,) = recorder.points("taskora.wait.duration")
    assert waited.count == 3
    assert 0 <= waited.sum < 60


async def test_the_time_for_which_a_job_was_put_off_is_no_wait(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    task = app.task("double", double)
    async with working(app):
        await task.dispatch(1, delay=1.0).result_async(PATIENCE_S)
    (waited,) = recorder.points("taskora.wait.duration")
    assert waited.sum < 1.0


async def test_closing_an_application_hands_over_what_a_batch_still_keeps(engine: Engine) -> None:
    recorder, kept = Recorder(), InMemorySpanExporter()
    recorder.tracers.add_span_processor(BatchSpanProcessor(kept, schedule_delay_millis=3_600_000))
    app = recorder.watch(engine.app())
    task = app.task("double", double)
    try:
        async with working(app):
            await task.dispatch(2).result_async(PATIENCE_S)
        assert {span.name for span in kept.get_finished_spans()} == {"send double", "process double"}
    finally:
        recorder.tracers.shutdown()


class _Silent(InMemorySpanExporter):
    """A collector that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.released = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        self.released.wait(60)
        return SpanExportResult.FAILURE


async def test_an_application_closes_although_nobody_takes_its_spans(engine: Engine) -> None:
    recorder, silent = Recorder(), _Silent()
    recorder.tracers.add_span_processor(BatchSpanProcessor(silent, schedule_delay_millis=3_600_000))
    app = recorder.watch(engine.app())
    task = app.task("double", double)
    try:
        async with working(app):
            await task.dispatch(2).result_async(PATIENCE_S)
        assert silent.asked.is_set()
        assert not silent.released.is_set()
    finally:
        silent.released.set()
        recorder.tracers.shutdown()


class _Broken(SpanProcessor):
    def on_start(self, span: Span, parent_context: SpanScope | None = None) -> None:
        if "begin" in span.name:
            raise RuntimeError("it cannot be begun")

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("it cannot be ended")


@pytest.mark.parametrize("name", ["begin", "other"])
async def test_a_processor_that_fails_keeps_no_job_from_its_outcome(engine: Engine, name: str) -> None:
    recorder = Recorder()
    recorder.tracers.add_span_processor(_Broken())
    app = recorder.watch(engine.app())
    task = app.task(name, double)
    async with working(app):
        assert await (await task.dispatch(2)).result_async(PATIENCE_S) == 4


async def test_an_error_that_cannot_be_told_in_words_is_still_told(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())

    class WordlessError(Exception):
        def __str__(self) -> str:
            raise KeyError("no words")

    def fail(n: int) -> None:
        raise WordlessError

    task = app.task("fail", fail)
    async with working(app):
        error = await error_of(await task.dispatch(1))
    assert isinstance(error, JobFailedError)
    assert error.error_type == "WordlessError"
    run = recorder.span("process fail")
    assert run.status.description == "WordlessError"
    assert [event.name for event in run.events] == ["exception"]


async def test_a_dispatch_that_fails_says_so(engine: Engine) -> None:
    recorder = Recorder()
    app = recorder.watch(engine.app())
    engine.raw.set(engine.key("double", "wait"), "no list")
    async with open_app(app):
        with pytest.raises(AdapterError, match="WRONGTYPE"):
            await app.find_task("double").dispatch(1)
    sent = recorder.span("send double")
    assert sent.status.status_code is trace.StatusCode.ERROR
    assert "AdapterError" in told(sent)["error.type"]


def test_a_test_runner_follows_jobs_as_well() -> None:
    recorder = Recorder()
    app = recorder.watch(Taskora("memory://"))
    task = app.task("double", double)
    with create_test_runner(from_app=app) as runner:
        task.dispatch(2)
        runner.process_all()
        flow: Any = chain(task.s(1), task.s())
        handle = flow.dispatch()
        runner.process_all()
        assert handle.result() == 4
    sent, started = recorder.span("send double"), recorder.span("send workflow")
    assert [parent_of(run) for run in recorder.spans("process double")] == [
        id_of(sent), id_of(started), id_of(started),
    ]  # fmt: skip


async def test_an_application_is_instrumented_once_before_it_works(engine: Engine) -> None:
    app = Recorder().watch(engine.app())
    with pytest.raises(ConfigError, match="already"):
        instrument(app)
    other = engine.app()
    other.task("double", double)
    async with working(other):
        with pytest.raises(ConfigError, match="before start"):
            instrument(other)
    with pytest.raises(ConfigError, match="app: expected Taskora"):
        instrument("app")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - what is tested
    with pytest.raises(ConfigError, match="tracer_provider"):
        instrument(engine.app(), tracer_provider="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - likewise
    with pytest.raises(ConfigError, match="meter_provider"):
        instrument(engine.app(), meter_provider="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - likewise
