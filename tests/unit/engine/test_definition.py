"""What can be made a task, and what is refused with the name of what is wrong."""

import asyncio
import functools
import inspect
from dataclasses import dataclass
from typing import Any, cast

import pytest

from taskora import ConfigError, Context, Defaults, FunctionTask, Job, Retention, Retry, Stall, Taskora, Ttl


@pytest.fixture
def app() -> Taskora:
    return Taskora("redis://127.0.0.1:1")


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("function", "name"),
    [("resize_image_task", "resize-image"), ("send_email", "send-email"), ("_private_task", "private"),
     ("task", "task"), ("a__b", "a--b")],
)  # fmt: skip
def test_a_name_is_taken_from_the_function(app: Taskora, function: str, name: str) -> None:
    def handler() -> None: ...

    handler.__name__ = function
    assert app.task(handler).name == name
    assert list(app.tasks) == [name]


def test_the_three_forms_make_the_same_task(app: Taskora) -> None:
    @app.task
    def first(n: int) -> int:
        return n

    @app.task("second", concurrency=2)
    def other(n: int) -> int:
        return n

    @app.task()
    def third(n: int) -> int:
        return n

    @app.task(concurrency=4)
    def fourth(n: int) -> int:
        return n

    app.task("fifth", lambda data: data, concurrency=5)
    assert {name: task.options.concurrency for name, task in app.tasks.items()} == {
        "first": 1, "second": 2, "third": 1, "fourth": 4, "fifth": 5,
    }  # fmt: skip
    assert other.input_type is int
    assert other.output_type is int


async def test_calling_a_task_runs_the_plain_function(app: Taskora) -> None:
    @app.task
    def plain(p: Point) -> int:
        """What it does."""
        return p.x

    @app.task
    async def looped(n: int) -> int:
        return n + 1

    assert plain(Point(3)) == 3
    assert await looped(1) == 2
    assert plain.__doc__ == "What it does."
    assert inspect.signature(plain).parameters.keys() == {"p"}


class Mailer:
    def __init__(self) -> None:
        self.sent: list[int] = []

    def send(self, n: int) -> int:
        self.sent.append(n)
        return n

    async def send_async(self, n: int, ctx: Context) -> int:
        return self.send(n)

    def __call__(self, n: int) -> int:
        return self.send(n)


class AsyncCallable:
    async def __call__(self, n: int) -> int:
        await asyncio.sleep(0)
        return n


async def nothing_async() -> None: ...


def anything(data): ...  # type: ignore[no-untyped-def]  # as it may be


def bound(first: int, data: int) -> None: ...


async def two(data: Point, ctx: Context) -> None: ...


def context_first(ctx: Context, data: Point) -> None: ...


def three(a: int, b: int, c: int) -> None: ...


def second(data: Point, context: object) -> None: ...


HANDLERS: list[tuple[Any, bool, bool, object]] = [
    (lambda: None, False, False, None),
    (nothing_async, True, False, None),
    (anything, False, False, Any),
    (two, True, True, Point),
    (context_first, False, True, Point),
    (second, False, True, Point),
    (Mailer().send, False, False, int),
    (Mailer().send_async, True, True, int),
    (Mailer(), False, False, int),
    (AsyncCallable(), True, False, int),
    (functools.partial(bound, 1), False, False, int),
]


@pytest.mark.parametrize(
    ("handler", "is_async", "wants_context", "input_type"),
    HANDLERS,
    ids=["none", "async-none", "any", "two", "context-first", "second", "method", "async-method", "object",
         "async-object", "partial"],
)  # fmt: skip
def test_handlers_of_every_kind_are_understood(
    app: Taskora, handler: Any, is_async: bool, wants_context: bool, input_type: object
) -> None:
    task = cast("FunctionTask[Any, Any, ..., Any]", app.task("any", handler))
    assert (task.is_async, task.wants_context) == (is_async, wants_context)
    if input_type is not Any:
        assert task.input_type is input_type


@pytest.mark.parametrize(
    "handler", [lambda: None, functools.partial(print), Mailer()], ids=["lambda", "partial", "object"]
)
def test_what_has_no_name_must_be_given_one(app: Taskora, handler: Any) -> None:
    with pytest.raises(ConfigError, match=r"^name:"):
        app.task(handler)


def test_a_name_is_used_once(app: Taskora) -> None:
    app.task("twice", lambda: None)
    with pytest.raises(ConfigError, match=r"^name: there is already a task 'twice'"):
        app.task("twice", lambda: None)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("colour", {"colour": 1}), ("concurrency", {"concurrency": 0}), ("concurrency", {"concurrency": True}),
    ("concurrency", {"concurrency": "4"}), ("timeout", {"timeout": 0}), ("timeout", {"timeout": "soon"}),
    ("timeout", {"timeout": -1}), ("retry", {"retry": 3}), ("retry", {"retry": None}), ("stall", {"stall": 30}),
    ("retention", {"retention": "1h"}), ("ttl", {"ttl": 0}), ("ttl", {"ttl": "x"}), ("version", {"version": 0}),
    ("since", {"since": 2}), ("schedule", {"schedule": "1m"}), ("on_cancel", {"on_cancel": 5}),
    ("on_cancel", {"on_cancel": None}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "settings"), WRONG, ids=repr)
def test_a_wrong_option_is_refused_and_named_first(app: Taskora, field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{field}"):
        app.task("wrong", lambda: None, **settings)
    assert not app.tasks


@pytest.mark.parametrize("name", ["", "a b", "a:b", "{a}", "-a", "x" * 201, 7])
def test_a_wrong_name_is_refused(app: Taskora, name: Any) -> None:
    with pytest.raises(ConfigError, match=r"^name:"):
        app.task(name, lambda: None)


def test_what_is_no_function_is_refused(app: Taskora) -> None:
    with pytest.raises(ConfigError, match=r"^handler:"):
        app.task("wrong", 5)  # type: ignore[call-overload]  # on purpose
    with pytest.raises(ConfigError):
        app.task("wrong", three)  # type: ignore[arg-type]  # on purpose


def test_what_a_task_leaves_out_is_taken_from_the_application() -> None:
    retry, stall, retention = Retry(attempts=4), Stall(interval=5), Retention()
    defaults = Defaults(retry=retry, timeout="5s", concurrency=7, stall=stall)
    app = Taskora("redis://127.0.0.1:1", defaults=defaults, retention=retention)
    plain = app.task("plain", lambda: None).options
    assert (plain.retry, plain.timeout_s, plain.concurrency, plain.stall, plain.retention) == (
        retry, 5.0, 7, stall, retention,
    )  # fmt: skip
    own = app.task("own", lambda: None, retry=Retry(delay=9), timeout=None, concurrency=1, ttl="1m").options
    assert (own.retry.attempts, own.timeout_s, own.concurrency, own.ttl) == (1, None, 1, Ttl("1m"))


@pytest.mark.parametrize(
    ("field", "options"), [("max_payload", {"max_payload": 0}), ("prefix", {"prefix": "a b"})], ids=str
)
def test_a_wrong_argument_of_the_application_is_named(field: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{field}"):
        Taskora("redis://127.0.0.1:1", **options)


def test_a_job_of_a_named_type_can_be_made() -> None:
    assert Job[int](3, delay=1).data == 3
