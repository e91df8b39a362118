"""Traces and metrics by OpenTelemetry: ``instrument(app)``. Needs the extra ``otel``.

Names are those of the semantic conventions for messaging, version 1.44, which are still in development there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, cast

import orjson

from taskora.app import Taskora
from taskora.collecting import CollectTask
from taskora.config import check_instance
from taskora.errors import ConfigError, TaskoraError
from taskora.middleware import MiddlewareContext, Next
from taskora.model import Origin
from taskora.quoting import quoted

try:
    from opentelemetry import context as otel_context
    from opentelemetry import metrics, propagate, trace
except ImportError as _missing:
    raise ImportError("taskora.integrations.opentelemetry needs opentelemetry-api: install taskora[otel]") from _missing

log: logging.Logger = logging.getLogger("taskora")
_SCOPE: Final = "taskora"
_LONGEST_CONTEXT = 8192  # bytes, as much as the W3C lets baggage have
_ORIGIN_S = 1.0  # a job is worth more than its trace: it does not wait longer for it
_FLUSH_S = 2.0  # a supervisor's child has little time to end in, and a collector may not answer


def instrument(
    app: Taskora,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> None:
    """Follow an application's jobs from their producers to their handlers.

    Each dispatch has a producer span, each run of a job a consumer span, whose parent is the producer's. It is linked
    to the job's run before it, and in a workflow to the runs that it waited for. Context travels with the job, by the
    propagator that is set globally. Call it in producers and workers alike, before ``start``. Either may do without.

    Args:
        app: The application.
        tracer_provider: Makes the spans; None for the global one.
        meter_provider: Makes the metrics; None for the global one.

    Raises:
        ConfigError: It is instrumented already, works already, or an argument is wrong.
    """
    check_instance(app, Taskora, "app")
    if not isinstance(tracer_provider, trace.TracerProvider | None):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise ConfigError(f"tracer_provider: expected a TracerProvider, got {quoted(tracer_provider)}")
    if not isinstance(meter_provider, metrics.MeterProvider | None):  # pyright: ignore[reportUnnecessaryIsInstance] - likewise
        raise ConfigError(f"meter_provider: expected a MeterProvider, got {quoted(meter_provider)}")
    if app.outbox.tracing is not None:
        raise ConfigError("app: this application is instrumented already")
    tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
    meters = _Meters(metrics.get_meter(_SCOPE, meter_provider=meter_provider))
    app.use(_Consumer(app, tracer, meters).process)
    *others, ours = app.middleware
    app.middleware = (ours, *others)  # what other middleware does belongs to the run
    app.outbox.tracing = _Producer(tracer, meters, lambda: _flushing(tracer_provider, meter_provider))


class _Meters:
    """What is counted and measured."""

    def __init__(self, meter: metrics.Meter) -> None:
        self.sent = meter.create_counter(
            "messaging.client.sent.messages", "{message}", "Jobs that producers tried to send"
        )
        self.sending = meter.create_histogram(
            "messaging.client.operation.duration", "s", "Time that it took to store what was dispatched"
        )
        self.consumed = meter.create_counter(
            "messaging.client.consumed.messages", "{message}", "Runs that workers began"
        )
        self.process = meter.create_histogram("messaging.process.duration", "s", "Time that runs took")
        self.wait = meter.create_histogram(
            "taskora.wait.duration", "s", "Time from when a job was due until its first run began"
        )


class _Producer:
    """See ``Tracing``."""

    def __init__(self, tracer: trace.Tracer, meters: _Meters, flushing: Callable[[], list[_Flushing]]) -> None:
        self._tracer = tracer
        self._meters = meters
        self._flushing = flushing

    def send(self, task: str, job_ids: Sequence[str]) -> _Sending:
        """See ``Tracing``."""
        shared = _attributes(task, "send")
        told: dict[str, str | int] = {**shared}
        if len(job_ids) == 1:
            told["messaging.message.id"] = job_ids[0]
        else:
            told["messaging.batch.message_count"] = len(job_ids)
        return self._begin(task, shared, told, len(job_ids))

    def start(self, workflow_id: str, name: str, nodes: int) -> _Sending:
        """See ``Tracing``."""
        shared = _attributes("workflow", "send")
        told: dict[str, str | int] = {
            **shared,
            "messaging.batch.message_count": nodes,
            "taskora.workflow.id": workflow_id,
            "taskora.workflow.name": name,
        }
        return self._begin("workflow", shared, told, nodes)

    async def flush(self) -> None:
        """See ``Tracing``."""
        providers = self._flushing()
        if not providers:
            return
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        # No thread of the loop's own pool: ending the loop would wait for it, however long a collector does not answer.
        threading.Thread(target=_hand_over, args=(providers, loop, done), name="taskora-flush", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await done.wait()

    def _begin(self, what: str, shared: dict[str, str], told: Mapping[str, str | int], count: int) -> _Sending:
        span = _started(self._tracer, f"send {what}", trace.SpanKind.PRODUCER, told)
        return _Sending(span, self._meters, shared, count)


class _Sending:
    """See ``Sending``."""

    __slots__ = ("_attributes", "_began_s", "_count", "_meters", "_span", "trace_context")

    def __init__(self, span: trace.Span, meters: _Meters, attributes: dict[str, str], count: int) -> None:
        self._span: trace.Span | None = span
        self._meters = meters
        self._attributes = attributes
        self._count = count
        self._began_s = time.monotonic()
        self.trace_context = _injected(trace.set_span_in_context(span))

    def end(self, error: BaseException | None) -> None:
        """See ``Sending``. A second time it does nothing."""
        span, self._span = self._span, None
        if span is None:
            return
        try:
            if error is not None:
                self._attributes["error.type"] = _fail(span, error)
            span.end()
            self._meters.sent.add(self._count, self._attributes)
            self._meters.sending.record(time.monotonic() - self._began_s, self._attributes)
        except Exception:  # a processor of the program's; other dispatches wait to be told after this one
            log.exception("the end of a span could not be told", extra={"action": "trace"})


class _Consumer:
    """Follows runs: a middleware, outside of all others."""

    def __init__(self, app: Taskora, tracer: trace.Tracer, meters: _Meters) -> None:
        self._app = app
        self._tracer = tracer
        self._meters = meters

    async def process(self, ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002 - as middleware is documented
        """Run a job within its span."""
        origin = await self._origin(ctx)
        shared = _attributes(ctx.task, "process")
        self._meters.consumed.add(1, shared)
        if ctx.attempt == 1 and origin.delay_ms is not None:
            self._meters.wait.record(max(0.0, ctx.age - origin.delay_ms / 1000), shared)
        parent = _extracted(origin.trace_context)
        told = {**shared, **self._told(ctx, origin)}
        links = _links((origin.last_run, *origin.before))
        span = _started(self._tracer, f"process {ctx.task}", trace.SpanKind.CONSUMER, told, parent, links)
        began_s = time.monotonic()
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        raised: BaseException | None = None
        try:
            await self._leave(ctx, span)
            began_s = time.monotonic()
            await next()
        except BaseException as error:
            raised = error
            raise
        finally:
            otel_context.detach(token)
            self._end(ctx, span, raised, time.monotonic() - began_s)
            raised = None  # its traceback holds this frame

    async def _origin(self, ctx: MiddlewareContext) -> Origin:
        try:
            async with asyncio.timeout(_ORIGIN_S):
                return await self._app.adapter.jobs.origin(ctx.task, ctx.id).run_async()
        except (TaskoraError, TimeoutError) as error:
            log.debug("task %r job %s: its trace begins here: %s", ctx.task, ctx.id, error, extra={"action": "trace"})
            return Origin(delay_ms=None)

    async def _leave(self, ctx: MiddlewareContext, span: trace.Span) -> None:
        """Keep a run's span with its job before the handler begins: a crash must not take it along."""
        context = _injected(trace.set_span_in_context(span, otel_context.Context()))
        if not context:
            return
        try:
            async with asyncio.timeout(_ORIGIN_S):
                await self._app.adapter.leases.write_span(ctx.task, ctx.id, ctx.token, context).run_async()
        except (TaskoraError, TimeoutError) as error:
            log.debug("task %r job %s: nothing is linked to it: %s", ctx.task, ctx.id, error, extra={"action": "trace"})

    def _told(self, ctx: MiddlewareContext, origin: Origin) -> dict[str, str | int]:
        told: dict[str, str | int] = {"messaging.message.id": ctx.id, "taskora.attempt": ctx.attempt}
        if origin.workflow_id:
            told["taskora.workflow.id"] = origin.workflow_id
        data: object = ctx.data
        if isinstance(self._app.tasks.get(ctx.task), CollectTask) and isinstance(data, list):
            told["messaging.batch.message_count"] = len(cast("list[object]", data))
        return told

    def _end(self, ctx: MiddlewareContext, span: trace.Span, raised: BaseException | None, took_s: float) -> None:
        shared = _attributes(ctx.task, "process")
        try:
            failure = self._conclude(ctx, span, raised)
            if failure:
                shared["error.type"] = failure
            span.end()
            self._meters.process.record(took_s, shared)
        except Exception:  # a processor of the program's; the job has its outcome
            log.exception(
                "task %r job %s: the end of its span could not be told", ctx.task, ctx.id, extra={"action": "trace"}
            )

    def _conclude(self, ctx: MiddlewareContext, span: trace.Span, raised: BaseException | None) -> str:
        """Tell a span how its run ended; returns the type of the error, empty for none."""
        reason = ctx.signal.reason
        outcome, failure = "completed", ""
        if reason in ("cancelled", "lost") or (reason == "shutdown" and raised is not None):
            outcome = "returned" if reason == "shutdown" else reason
        elif raised is not None and reason == "timeout":
            late = TimeoutError("it ran longer than its timeout")
            late.__cause__ = raised  # where the handler was by then
            outcome, failure = "timeout", _fail(span, late)
        elif raised is not None:
            outcome, failure = "failed", _fail(span, raised)
        span.set_attribute("taskora.outcome", outcome)
        return failure


class _Flushing(Protocol):
    """A provider of the SDK, which keeps what has ended and sends it now and then."""

    def force_flush(self, timeout_millis: int) -> bool: ...


def _flushing(
    tracer_provider: trace.TracerProvider | None, meter_provider: metrics.MeterProvider | None
) -> list[_Flushing]:
    providers = (tracer_provider or trace.get_tracer_provider(), meter_provider or metrics.get_meter_provider())
    return [cast("_Flushing", each) for each in providers if hasattr(each, "force_flush")]


def _hand_over(providers: Sequence[_Flushing], loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    for provider in providers:
        try:
            provider.force_flush(int(_FLUSH_S * 1000))
        except Exception:  # an exporter of the program's
            log.exception("spans or metrics could not be handed over", extra={"action": "trace"})
    with contextlib.suppress(RuntimeError):  # the loop did not wait for so long
        loop.call_soon_threadsafe(done.set)


def _attributes(task: str, operation: str) -> dict[str, str]:
    return {
        "messaging.system": "taskora",
        "messaging.destination.name": task,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


def _started(
    tracer: trace.Tracer,
    name: str,
    kind: trace.SpanKind,
    told: Mapping[str, str | int],
    parent: otel_context.Context | None = None,
    links: Sequence[trace.Link] = (),
) -> trace.Span:
    """Begin a span; one that says nothing if it cannot be begun."""
    try:
        return tracer.start_span(name, parent, kind, told, links)
    except Exception:  # a sampler or processor of the program's must not keep a job from its dispatch, or its run
        log.exception("%s: its span could not be begun", name, extra={"action": "trace"})
        return trace.INVALID_SPAN


def _fail(span: trace.Span, error: BaseException) -> str:
    """Tell a span of an error; returns the error's type."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    span.set_attribute("error.type", name)
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the program's code; its class says what is left to say
        text = kind.__name__
        span.add_event("exception", {"exception.type": name})
    else:
        span.record_exception(error)
    span.set_status(trace.StatusCode.ERROR, text)
    return name


def _injected(context: otel_context.Context) -> str:
    """Write what a trace goes on from; empty when there is nothing, or too much."""
    carrier: dict[str, str] = {}
    try:
        propagate.inject(carrier, context)
        text = orjson.dumps(carrier).decode() if carrier else ""
    except Exception:  # a propagator of the program's must not keep it from dispatching
        log.exception("a trace could not be written; it is not carried on", extra={"action": "trace"})
        return ""
    return text if len(text.encode()) <= _LONGEST_CONTEXT else ""


def _extracted(text: str) -> otel_context.Context:
    """Read what a trace goes on from; an empty context when nothing can be read of it."""
    # Not the current context: what is current in a worker has nothing to do with the job.
    none = otel_context.Context()
    if not text or len(text) > _LONGEST_CONTEXT:
        return none
    try:
        carrier: object = orjson.loads(text)
        if not isinstance(carrier, dict):
            return none
        texts = {str(name): value for name, value in carrier.items() if isinstance(value, str)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON, looked at here
        return propagate.extract(texts, none)
    except Exception as error:  # noqa: BLE001 - anybody may have written it
        log.debug("a job's trace could not be read: %s", error, extra={"action": "trace"})
        return none


def _links(kept: Sequence[str]) -> list[trace.Link]:
    """Make links to the runs of which something was kept, as far as it can be read."""
    spans = [trace.get_current_span(_extracted(text)).get_span_context() for text in kept]
    return [trace.Link(span) for span in spans if span.is_valid]
