"""A serializer of the user's is honoured wherever payloads and results are written and read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypedDict

import pytest

from integration.engine.kit import Engine, error_of, open_app, working
from support import wait_until_async
from taskora import JobFailedError, JsonSerializer, Schedule, Serializer, Task, Taskora, chain, chord, group
from taskora.errors import SerializationError, ValidationError
from taskora.ids import new_id
from taskora.payloads import load
from taskora.workflow_model import Plan, PlanNode

DOCS = Path(__file__).resolve().parents[3] / "docs" / "serializers.md"
VALUES: list[object] = [
    0,
    91,
    -1,
    "",
    "ä€😀",
    "[",
    '["a"]',
    None,
    True,
    1.5,
    [1, [2]],
    {"a": {"b": []}},
    "x" * 70_000,
    list(range(256)),
]


class Example(TypedDict):
    MessagePack: Callable[[], Serializer]
    SortedJson: Callable[[], Serializer]


def example() -> Example:
    """The documentation's own code, without its application."""
    blocks = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    code = "\n".join(blocks).replace('Taskora("redis://localhost:6379", serializer=serializer)', "None")
    names: dict[str, Any] = {}
    exec(compile(code, str(DOCS), "exec"), names)
    return {"MessagePack": names["MessagePack"], "SortedJson": names["SortedJson"]}


@dataclass
class Order:
    number: int
    due: date


@dataclass
class Receipt:
    order: Order


class Steps:
    """Tasks of one application."""

    def __init__(self, app: Taskora) -> None:
        async def same(value: object) -> object:
            return value

        async def ship(order: Order) -> Receipt:
            return Receipt(order)

        async def wrap(value: object) -> list[object]:
            return ["got", value]

        async def nothing(value: object) -> object:
            return None

        self.same: Task[object, object] = app.task("same", same, concurrency=20)
        self.ship = app.task("ship", ship)
        self.wrap: Task[object, list[object]] = app.task("wrap", wrap, concurrency=5)
        self.nothing: Task[object, object] = app.task("nothing", nothing)


@pytest.fixture(params=["msgpack", "json-of-their-own", "msgpack-in-memory"])
def packed(request: pytest.FixtureRequest, engine: Engine) -> Taskora:
    made = example()["SortedJson" if "json" in request.param else "MessagePack"]()
    return engine.app("memory://" if "memory" in request.param else None, serializer=made)


async def test_payloads_and_results_of_every_kind_come_back_equal(packed: Taskora) -> None:
    steps = Steps(packed)
    async with working(packed):
        handles = await steps.same.dispatch_many(VALUES)
        assert [await handle.result_async(10) for handle in handles] == VALUES
        order = Order(7, date(2026, 2, 3))
        handle = await steps.ship.dispatch(order)
        assert await handle.result_async(10) == Receipt(order)
        assert await steps.nothing.dispatch(1).result_async(10) is None


async def test_what_is_stored_is_what_the_serializer_wrote(engine: Engine) -> None:
    packed = engine.app(serializer=example()["MessagePack"]())
    steps = Steps(packed)
    async with open_app(packed):
        handle = await steps.same.dispatch({"a": 91})
    (stored,) = {engine.raw.hstrlen(engine.key("same", handle.id), "data")}
    assert stored == len(b"\x81\xa1a\x5b")


async def test_a_look_at_jobs_shows_their_values(packed: Taskora) -> None:
    steps = Steps(packed)
    async with working(packed):
        handle = await steps.same.dispatch({"n": 91})
        await handle.result_async(10)
        found = await packed.inspect().find_async("same", handle.id)
        (listed,) = await packed.inspect().completed_async("same")
        (of_all,) = await packed.inspect().completed_async()
        for info in (await handle.info_async(), found, await packed.inspect().find_async(handle.id), listed, of_all):
            assert info is not None
            assert (info.data, info.result) == ({"n": 91}, {"n": 91})


async def test_chains_groups_and_chords_join_part_by_part(packed: Taskora) -> None:
    steps = Steps(packed)
    async with working(packed):
        one = chain(steps.same.s("ä"), steps.wrap.s(), steps.wrap.s())
        assert await (await one.dispatch()).result_async(10) == ["got", ["got", "ä"]]
        together = group([steps.same.s(value) for value in VALUES])
        assert await (await together.dispatch()).result_async(10) == VALUES
        joined = chord([steps.same.s(value) for value in VALUES], steps.wrap.s())
        assert await (await joined.dispatch()).result_async(10) == ["got", VALUES]
        single = chord([steps.same.s(91)], steps.wrap.s())
        assert await (await single.dispatch()).result_async(10) == ["got", [91]]
        empty = chord([], steps.wrap.s())
        assert await (await empty.dispatch()).result_async(10) == ["got", []]
        void = chord([steps.nothing.s(1), steps.nothing.s(2)], steps.wrap.s())
        assert await (await void.dispatch()).result_async(10) == ["got", [None, None]]
        assert await (await steps.same.map(VALUES)).result_async(10) == VALUES


async def test_a_workflow_that_is_known_by_its_id_alone_is_read_by_the_serializer(packed: Taskora) -> None:
    steps = Steps(packed)
    async with working(packed):
        several: tuple[list[object], ...] = (VALUES, ["ä"])
        for values in several:
            handle = await group([steps.same.s(value) for value in values]).dispatch()
            await handle.result_async(10)
            assert await packed.workflow(handle.workflow_id).result_async(10) == values
            record = await packed.inspect().workflow_async(handle.workflow_id)
            assert record is not None
            assert [load(node.data or b"", packed.serializer) for node in record.nodes] == values
        alone = await chain(steps.same.s(1), steps.same.s("ä")).dispatch()
        await alone.result_async(10)
        assert await packed.workflow(alone.workflow_id).result_async(10) == "ä"


async def test_a_lost_root_is_enqueued_again_with_its_binary_payload(engine: Engine) -> None:
    packed = engine.app(serializer=example()["MessagePack"]())
    steps = Steps(packed)
    async with open_app(packed):
        await packed.connect_async()
        payload = packed.serializer.dumps(VALUES)
        plan = Plan(new_id(), "lost", (PlanNode("same", new_id(), (), payload),), (0,), writes_json=False)
        await packed.adapter.workflows.create_workflow(plan).run_async()
        job_id = plan.nodes[0].job_id
        engine.raw.delete(engine.key("same", job_id))
        engine.raw.lrem(engine.key("same", "wait"), 0, job_id)
        repairs = packed.adapter.repairs
        broken = await repairs.broken_nodes(plan.workflow_id).run_async()
        assert await repairs.mend_nodes(plan.workflow_id, broken).run_async() == 1
        info = await steps.same.handle(job_id).info_async()
        assert info.data == VALUES


async def test_a_schedule_dispatches_with_the_serializer(engine: Engine) -> None:
    packed, got = engine.app(serializer=example()["MessagePack"]()), list[object]()

    @packed.task("tick", schedule=Schedule(every="100ms", data={"ä": 91}))
    async def tick(data: object) -> None:
        got.append(data)

    async def ticked() -> bool:
        return bool(got)

    async with working(packed):
        await wait_until_async(ticked, 10)
    assert got[0] == {"ä": 91}


async def test_what_another_serializer_wrote_fails_and_says_so(engine: Engine) -> None:
    app = engine.app()
    steps = Steps(app)
    packed = engine.app(serializer=example()["MessagePack"]())
    Steps(packed)
    async with open_app(app):
        handle = await steps.same.dispatch({"written": "as JSON"})
        async with working(packed):
            error = await error_of(handle)
    assert isinstance(error, JobFailedError)
    assert error.error_type == "SerializationError"
    assert "MessagePack cannot read it" in str(error)


def test_errors_of_a_serializer_are_serialization_errors(engine: Engine) -> None:
    class Broken(JsonSerializer):
        def dumps(self, value: object, /) -> bytes:
            raise KeyError("lost")

    class Textual(JsonSerializer):
        def dumps(self, value: object, /) -> bytes:
            return "text"  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - what the test is about

    for serializer, message in (
        (Broken(), "Broken cannot write int: KeyError: 'lost'"),
        (Textual(), "has to give bytes"),
    ):
        steps = Steps(engine.app(serializer=serializer))
        with pytest.raises(SerializationError, match=message):
            steps.same.dispatch(1)


def test_types_are_checked_with_every_serializer(packed: Taskora) -> None:
    with pytest.raises(ValidationError):
        Steps(packed).ship.dispatch({"number": "seven", "due": "2026-02-03"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
