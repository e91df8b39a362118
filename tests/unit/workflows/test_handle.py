"""What a handle gives: results in the form of the composition, errors, and each method in both forms."""

from collections.abc import Callable
from typing import cast

import pytest

from taskora.errors import (
    AdapterError,
    CancelledError,
    ConfigError,
    JobFailedError,
    JobNotFoundError,
    SerializationError,
    TimeoutError,
    WorkflowFailedError,
)
from taskora.workflow_model import WorkflowOutcome
from taskora.workflows import Bound, WorkflowHandle, chain, chord, chunk_items, group, map_items
from unit.workflows.fakes import NO_BOUND, NO_SIGNATURES, FakeEngine, FakeTask, read_back


class Tagging(FakeTask):
    """A task whose results are seen to be read by it."""

    def decode_result(self, raw: bytes, /) -> object:
        return f"{self.name}:{super().decode_result(raw)}"


@pytest.fixture
def t(engine: FakeEngine) -> FakeTask:
    return Tagging("t", engine)


@pytest.fixture
def u(engine: FakeEngine) -> FakeTask:
    return Tagging("u", engine)


any_group = cast("Callable[..., Bound[object]]", group)  # beyond ten members it is not typed
Flow = Callable[[FakeTask, FakeTask], Bound[object]]

RESULTS: list[tuple[str, Flow, list[object], object]] = [
    ("step", lambda t, u: t.bound(0), [1], "t:1"),
    ("nothing", lambda t, u: t.bound(0), [None], "t:None"),
    ("chain", lambda t, u: t.bound(0) | u.s(), [1, 2], "u:2"),
    ("chord", lambda t, u: chord([t.bound(0), t.bound(0)], u.s()), [1, 2, 3], "u:3"),
    ("group", lambda t, u: group(t.bound(0), u.bound(0)), [1, 2], ("t:1", "u:2")),
    ("group of many", lambda t, u: any_group(*[t.bound(0)] * 12), [0] * 12, ("t:0",) * 12),
    ("list", lambda t, u: group([t.bound(0), u.bound(0)]), [1, 2], ["t:1", "u:2"]),
    ("group of one", lambda t, u: group(t.bound(0)), [1], ["t:1"]),
    ("list of one", lambda t, u: group([t.bound(0)]), [1], ["t:1"]),
    ("map", lambda t, u: map_items(t, [0, 0]), [1, 2], ["t:1", "t:2"]),
    ("map of one", lambda t, u: map_items(t, [0]), [1], ["t:1"]),
    ("chunk", lambda t, u: chunk_items(t, range(5), 2), [1, 2, 3, 4, 5], ["t:1", "t:2", "t:3", "t:4", "t:5"]),
    (
        "nested",
        lambda t, u: group(t.bound(0), group(u.bound(0), map_items(t, [0, 0])), chain(u.bound(0), u.s())),
        [1, 2, 3, 4, 5, 6],
        ("t:1", ("u:2", ["t:3", "t:4"]), "u:6"),
    ),
    ("empty map", lambda t, u: map_items(t, []), [], []),
    ("empty member", lambda t, u: group(t.bound(0), map_items(u, [])), [1], ("t:1", [])),
    ("empty end", lambda t, u: chain(t.bound(0), group(NO_SIGNATURES)), [1], []),
]


@pytest.mark.parametrize(("flow", "results", "expected"), [row[1:] for row in RESULTS], ids=[row[0] for row in RESULTS])
def test_a_result_has_the_form_of_its_composition(
    engine: FakeEngine, t: FakeTask, u: FakeTask, flow: Flow, results: list[object], expected: object
) -> None:
    handle = flow(t, u).dispatch()
    engine.complete(handle.workflow_id, *results)
    assert handle.result() == expected


async def test_a_result_on_a_loop_is_the_same(engine: FakeEngine, t: FakeTask, u: FakeTask) -> None:
    handle = await group(t.bound(0), u.bound(0)).dispatch()
    engine.complete(handle.workflow_id, 1, 2)
    assert await handle.result_async() == ("t:1", "u:2")
    single = await t.bound(0).dispatch()
    engine.complete(single.workflow_id, 3)
    assert await single.result_async() == "t:3"


def test_a_group_of_one_is_a_list_even_if_another_worker_stored_it_bare(engine: FakeEngine, t: FakeTask) -> None:
    handle = group([t.bound(0)]).dispatch()
    engine.complete(handle.workflow_id, 1, joined=b"1")
    assert handle.result() == ["t:1"]


def test_an_empty_text_is_no_result(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    engine.outcomes[handle.workflow_id] = WorkflowOutcome("completed", b"")
    assert handle.result() is None


def test_a_very_deep_result_is_built(engine: FakeEngine, a: FakeTask) -> None:
    flow: Bound[object] = a.bound(0)
    for _ in range(5000):
        flow = group(flow)
    handle = flow.dispatch()
    engine.complete(handle.workflow_id, 1)
    value, depth = handle.result(), 0
    while isinstance(value, list):
        value, depth = cast("list[object]", value)[0], depth + 1
    assert (value, depth) == (1, 5000)


def test_a_handle_for_an_id_reads_plain_json(engine: FakeEngine, t: FakeTask) -> None:
    made = group(t.bound(0), t.bound(0)).dispatch()
    engine.complete(made.workflow_id, 1, {"x": 2})
    handle = WorkflowHandle[object](engine, made.workflow_id)
    assert handle.result() == [1, {"x": 2}]
    engine.outcomes[made.workflow_id] = WorkflowOutcome("completed", b"\x80abc")
    with pytest.raises(SerializationError):
        handle.result()


def test_a_failed_workflow_names_its_node(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    engine.outcomes[handle.workflow_id] = WorkflowOutcome("failed", None, "disk full", 3, "j3", "store", "OSError")
    with pytest.raises(WorkflowFailedError) as caught:
        handle.result()
    error = caught.value
    assert isinstance(error, JobFailedError)
    assert (error.workflow_id, error.node, error.task, error.job_id) == (handle.workflow_id, 3, "store", "j3")
    assert error.error_type == "OSError"
    assert str(error) == f"workflow {handle.workflow_id} failed at node 3, task 'store', job j3: disk full"


def test_a_failure_without_a_known_node_still_says_which_workflow(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    engine.outcomes[handle.workflow_id] = WorkflowOutcome("failed")
    with pytest.raises(WorkflowFailedError, match=f"^workflow {handle.workflow_id} failed: no message was stored$"):
        handle.result()


@pytest.mark.parametrize("reason", ["workflow timeout", "", None])
def test_a_cancelled_workflow_tells_the_reason(engine: FakeEngine, a: FakeTask, reason: str | None) -> None:
    handle = a.bound(0).dispatch()
    engine.outcomes[handle.workflow_id] = WorkflowOutcome("cancelled", error=reason)
    with pytest.raises(CancelledError, match=handle.workflow_id) as caught:
        handle.result()
    assert caught.value.reason == (reason or None)
    assert caught.value.job_id == handle.workflow_id


def test_a_wait_that_runs_out_leaves_the_workflow_alone(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    with pytest.raises(TimeoutError):
        handle.result(timeout="250ms")
    assert engine.waits == [0.25]
    assert (handle.state(), engine.cancelled) == ("running", [])
    with pytest.raises(ConfigError, match=r"^timeout: "):
        handle.result(timeout="later")


def test_state_and_cancel(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    assert handle.state() == "running"
    assert handle.cancel("no longer needed")
    engine.complete(handle.workflow_id, 1)
    assert handle.state() == "completed"
    assert not handle.cancel()
    assert engine.cancelled == [(handle.workflow_id, "no longer needed"), (handle.workflow_id, "")]


async def test_state_and_cancel_on_a_loop(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    assert await handle.state_async() == "running"
    assert await handle.cancel_async("why")
    assert engine.cancelled == [(handle.workflow_id, "why")]


def test_an_unknown_workflow_is_said_to_be_unknown(engine: FakeEngine) -> None:
    handle = WorkflowHandle[object](engine, "gone")
    for read in (handle.state, handle.graph, handle.to_json, handle.to_mermaid, handle.to_dot):
        with pytest.raises(JobNotFoundError, match=r"no workflow gone: .* retention"):
            read()


async def test_blocking_methods_name_their_awaitable_form_on_a_loop(engine: FakeEngine) -> None:
    handle = WorkflowHandle[object](engine, "w")
    names = ("result", "state", "cancel", "graph", "to_json", "to_mermaid", "to_dot")
    for name in names:
        with pytest.raises(RuntimeError, match=rf"use: await handle\.{name}_async\(\)"):
            getattr(handle, name)()
        assert callable(getattr(handle, f"{name}_async"))


async def test_dispatch_on_a_loop_is_stored_when_awaited(engine: FakeEngine, a: FakeTask) -> None:
    handle = a.bound(0).dispatch()
    assert not engine.records
    assert await handle is handle
    assert list(engine.records) == [handle.workflow_id]
    assert await handle is handle


async def test_what_reads_waits_until_the_workflow_is_stored(engine: FakeEngine, a: FakeTask) -> None:
    for name in ("state_async", "graph_async", "to_json_async", "to_mermaid_async", "to_dot_async", "cancel_async"):
        assert await getattr(a.bound(0).dispatch(), name)()


async def test_a_workflow_that_could_not_be_stored_fails_whoever_awaits_it(engine: FakeEngine, a: FakeTask) -> None:
    engine.store_error = AdapterError("the server is away")
    handle = a.bound(0).dispatch()
    with pytest.raises(AdapterError):
        _ = await handle
    with pytest.raises(AdapterError):
        await handle.result_async()


async def test_a_stored_graph_is_read_in_every_form(engine: FakeEngine, a: FakeTask) -> None:
    handle = await (a.bound(0) | a.s()).dispatch(name="ingest")
    engine.complete(handle.workflow_id, 1, 2)
    graph = await handle.graph_async()
    assert [graph.nodes[index]["job_id"] for index in graph] == [node.job_id for node in engine.plans[0].nodes]
    assert graph.graph["workflow_id"] == handle.workflow_id
    back = read_back(await handle.to_json_async())
    assert back.graph == graph.graph
    assert "n0 --> n1" in await handle.to_mermaid_async()
    assert "n0 -> n1" in await handle.to_dot_async()


def test_an_empty_group_without_an_application_is_over_at_once() -> None:
    handle = group(NO_BOUND).dispatch(name="nothing")
    assert handle.result() == []
    assert handle.state() == "completed"
    assert not handle.cancel()
    assert handle.graph().graph["name"] == "nothing"


async def test_an_empty_group_without_an_application_is_over_at_once_on_a_loop() -> None:
    handle = await group(NO_BOUND).dispatch()
    assert await handle.result_async() == []
