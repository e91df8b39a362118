"""A payload and a result keep their types on the way through a worker."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from integration.engine.kit import Engine, error_of, working
from taskora import Context, JobFailedError, Taskora, ValidationError


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    tags: list[str]
    colour: Colour = Colour.RED


class Movie(TypedDict):
    title: str
    year: int


class Model(pydantic.BaseModel):
    name: str
    count: int = pydantic.Field(default=1, alias="howMany")


class Struct(msgspec.Struct):
    id: int
    when: datetime


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VALUES: list[tuple[object, object]] = [
    (int, 7),
    (float, 1.5),
    (str, "漢字 \x00"),
    (bool, True),
    (int | None, None),
    (list[int], [1, 2, 3]),
    (dict[str, list[float]], {"a": [1.0]}),
    (tuple[int, str], (1, "a")),
    (datetime, NOW),
    (UUID, UUID(int=5)),
    (Colour, Colour.RED),
    (Point, Point(1, ["a"])),
    (list[Point], [Point(1, []), Point(2, ["b"])]),
    (Movie, {"title": "M", "year": 1931}),
    (Model, Model(name="n", howMany=3)),
    (Struct, Struct(1, NOW)),
    (Any, {"any": [1, None, {"thing": True}]}),
]
NAMES = [getattr(kind, "__name__", str(kind)) for kind, _ in VALUES]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=NAMES)
async def test_a_value_arrives_and_returns_as_what_it_was(app: Taskora, kind: object, value: object) -> None:
    arrived: list[object] = []

    @app.task("round", input=kind, output=kind)
    async def round_trip(data: Any) -> Any:
        arrived.append(data)
        return data

    async with working(app):
        result: object = await round_trip.dispatch(value).result_async(5)
    assert arrived == [value]
    assert type(arrived[0]) is type(value)
    assert result == value
    assert type(result) is type(value)


async def test_the_wire_has_plain_json(engine: Engine, app: Taskora) -> None:
    @app.task("model")
    async def model(data: Model) -> Model:
        return data

    async with working(app):
        handle = await model.dispatch(Model(name="n", howMany=3))
        await handle.result_async(5)
    stored = engine.hash("model", handle.id)
    assert stored["data"] == '{"name":"n","howMany":3}'
    assert stored["result"] == '{"name":"n","howMany":3}'


async def test_plain_json_is_accepted_in_place_of_the_type(app: Taskora) -> None:
    @app.task("point")
    async def point(data: Point) -> int:
        return data.x

    async with working(app):
        assert await point.dispatch({"x": 4, "tags": []}).result_async(5) == 4  # type: ignore[arg-type]  # plain JSON


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_handlers_of_no_one_and_two_parameters_run(app: Taskora, sync: bool) -> None:
    def none() -> str:
        return "none"

    def one(n: int) -> str:
        return f"one {n}"

    def two(n: int, ctx: Context) -> str:
        return f"two {n} {ctx.attempt}"

    async def none_async() -> str:
        return none()

    async def one_async(n: int) -> str:
        return one(n)

    async def two_async(n: int, ctx: Context) -> str:
        return two(n, ctx)

    nothing = app.task("none", none if sync else none_async)
    single = app.task("one", one if sync else one_async)
    double = app.task("two", two if sync else two_async)
    async with working(app):
        handles = [nothing.dispatch(), single.dispatch(1), double.dispatch(2)]
        assert [await handle.result_async(5) for handle in handles] == ["none", "one 1", "two 2 1"]


async def test_a_wrong_payload_is_refused_at_the_call_unless_validation_is_skipped(app: Taskora) -> None:
    @app.task("point")
    async def point(data: Point) -> None: ...

    async with working(app):
        with pytest.raises(ValidationError) as raised:
            point.dispatch({"x": "one", "tags": [2]})  # type: ignore[arg-type]  # on purpose
        assert [issue.path for issue in raised.value.issues] == [("x",), ("tags", 0)]
        error = await error_of(point.dispatch({"x": "one"}, skip_validation=True))  # type: ignore[arg-type]  # on purpose
        assert isinstance(error, JobFailedError)
        assert error.error_type == "ValidationError"


async def test_validation_can_be_left_to_the_worker(engine: Engine) -> None:
    app = engine.app(validate_on_dispatch=False)

    @app.task("count")
    async def count(n: int) -> int:
        return n

    async with working(app):
        error = await error_of(count.dispatch("one"))  # type: ignore[arg-type]  # on purpose
        assert isinstance(error, JobFailedError)
        assert error.error_type == "ValidationError"
