"""A contract is a value; what contradicts it is refused where it is said."""

import pickle
import re
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest

from taskora import (
    ConfigError,
    Context,
    Defaults,
    Retry,
    SerializationError,
    TaskContract,
    Taskora,
    ValidationError,
    define_task,
    static_contract,
)


@dataclass
class Email:
    to: str


@dataclass
class Urgent(Email):
    level: int = 1


@dataclass
class Receipt:
    id: str


class Row(TypedDict):
    id: int


SEND = define_task("send-email", input=Email, output=Receipt, retry=Retry(attempts=3), timeout="30s")


def app() -> Taskora:
    return Taskora("memory://", defaults=Defaults(retry=Retry(attempts=7, delay=9), timeout=9, concurrency=2))


async def send(data: Email) -> Receipt:
    return Receipt(data.to)


def test_a_contract_is_a_frozen_value_that_travels() -> None:
    assert pickle.loads(pickle.dumps(SEND)) == SEND
    assert {SEND: 1}[define_task("send-email", input=Email, output=Receipt, retry=Retry(attempts=3), timeout="30s")]
    with pytest.raises(FrozenInstanceError):
        SEND.name = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - what the test is about


UNTYPED_DEFINE: Callable[..., Any] = define_task
UNTYPED_STATIC: Callable[..., Any] = static_contract


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UNTYPED_DEFINE("a:{b}", input=int, output=int), "a:{b}"),
        (
            lambda: UNTYPED_DEFINE("a", input=complex, output=int),
            "input of task 'a': no converter for <class 'complex'>",
        ),
        (lambda: UNTYPED_DEFINE("a", input=int, output=complex), "output of task 'a': no converter"),
        (lambda: UNTYPED_DEFINE("a", input=int, output=int, retry=3), "retry: expected Retry(...), got 3"),
        (lambda: UNTYPED_DEFINE("a", input=int, output=int, timeout=0), "timeout: must be more than 0"),
        (lambda: UNTYPED_DEFINE("a", input=int, output=int, since=2), "since: expected a whole number, from 1 to 1"),
        (lambda: UNTYPED_DEFINE("a", input=int, output=int, concurrency=2), "is an option of implement()"),
        (lambda: UNTYPED_STATIC("a", input=complex), "no converter"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused_where_it_is_declared(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()


def test_registering_twice_gives_the_same_task_and_implementing_upgrades_it() -> None:
    taskora = app()
    task = taskora.register(SEND)
    assert taskora.register(SEND) is task
    assert taskora.find_task("send-email") is task
    assert (task.options.retry, task.options.timeout_s) == (Retry(attempts=3), 30)
    assert not taskora.tasks
    running = taskora.implement(SEND, send, retry=Retry(attempts=5), version=4)
    assert taskora.tasks == {"send-email": running}
    assert taskora.register(SEND) is task
    assert task.options == running.options
    assert task.options.version == 4


def test_what_is_defined_in_line_or_implemented_first_is_what_register_gives() -> None:
    taskora = app()
    implemented = taskora.implement(SEND, send)

    @taskora.task("plus")
    def in_line(n: int) -> int:
        return n

    assert taskora.register(SEND) is implemented
    assert taskora.register(define_task("plus", input=int, output=int)) is in_line


def test_an_option_of_implement_counts_more_than_the_contract_and_that_more_than_the_application() -> None:
    plain = define_task("plain", input=Email, output=Receipt)
    endless = define_task("endless", input=Email, output=Receipt, timeout=None)
    taskora = app()
    options = taskora.implement(SEND, send, timeout=5, concurrency=4).options
    assert (options.retry, options.timeout_s, options.concurrency) == (Retry(attempts=3), 5, 4)
    assert options.retry.delay == 1, "a Retry replaces a whole outer one"
    options = taskora.implement(plain, send, retry=Retry(attempts=2)).options
    assert (options.retry, options.timeout_s, options.concurrency) == (Retry(attempts=2), 9, 2)
    assert taskora.implement(endless, send).options.timeout_s is None


def test_all_three_forms_implement_and_leave_the_function_callable() -> None:
    taskora = app()

    @taskora.implement(define_task("bare", input=Email, output=Receipt))
    def bare(data: Email) -> Receipt:
        return Receipt(data.to)

    @taskora.implement(define_task("options", input=Email, output=Receipt), concurrency=4)
    def options(data: Email, ctx: Context) -> Receipt:
        return Receipt(data.to)

    def called(data: Email) -> Receipt:
        return Receipt(data.to)

    call = taskora.implement(define_task("call", input=Email, output=Receipt), called, concurrency=5)
    assert [bare(Email("a")), call(Email("a"))] == [Receipt("a"), Receipt("a")]
    assert [task.options.concurrency for task in (bare, options, call)] == [2, 4, 5]
    assert list(taskora.tasks) == ["bare", "options", "call"]


def test_implementing_twice_is_an_error_and_so_is_a_different_contract_of_the_name() -> None:
    taskora = app()
    taskora.implement(SEND, send)
    with pytest.raises(ConfigError, match="implements it already"):
        taskora.implement(SEND, send)
    with pytest.raises(ConfigError, match="another one of that name, with different retry, timeout"):
        taskora.register(define_task("send-email", input=Email, output=Receipt))
    taskora.task("plus", lambda n: n)
    with pytest.raises(ConfigError, match="there is already a task 'plus'"):
        taskora.implement(define_task("plus", input=int, output=int), lambda n: n)
    with pytest.raises(ConfigError, match="expected one from define_task"):
        taskora.register(send)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - what the test is about
    with pytest.raises(ConfigError, match="input: contract 'other' says it"):
        taskora.implement(define_task("other", input=Email, output=Receipt), send, input=int)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - the same
    untyped: Any = taskora.implement
    with pytest.raises(ConfigError, match="collect: contract 'other' says it"):
        untyped(define_task("other", input=Email, output=Receipt), send, collect=1)


class Local(TypedDict):
    name: str


CONTRADICTIONS: list[tuple[object, object, bool]] = [
    (Email, Email, False),
    (Email, object, False),
    (Email, Any, False),
    (Urgent, Email, False),
    (Email, Urgent, True),
    (Email, Receipt, True),
    (Email, dict, True),
    (int, float, False),
    (float, int, True),
    (int, str, True),
    (None, int, True),
    (int, None, True),
    (None, None, False),
    (Row, dict, False),
    (Row, dict[str, Any], False),
    (Row, Local, False),
    (list[int], list[int], False),
    (list[int], list[str], True),
    (list[int], dict[str, int], True),
    (list, list[int], False),
    (int | None, int, False),
    (int, int | None, False),
    (Literal["a"], int, False),
    (Annotated[int, "x"], str, False),
]


@pytest.mark.parametrize(("given", "wanted", "contradicts"), CONTRADICTIONS, ids=str)
def test_a_handler_whose_annotations_contradict_the_contract_is_refused_where_it_can_be_told(
    given: Any, wanted: Any, contradicts: bool
) -> None:
    def takes(data: Any) -> Any:
        return data

    def gives() -> Any:
        return None

    takes.__annotations__["data"] = wanted
    gives.__annotations__["return"] = wanted
    taking: TaskContract[Any, Any] = define_task("taking", input=given, output=object)
    giving: TaskContract[Any, Any] = define_task("giving", input=None, output=wanted)
    gives.__annotations__["return"] = given
    taskora = app()
    for contract, handler, verb in ((taking, takes, "takes"), (giving, gives, "returns")):
        if contradicts:
            with pytest.raises(ConfigError, match=f"handler .*{verb} .*, the contract's"):
                taskora.implement(contract, handler)
        else:
            taskora.implement(contract, handler)


def test_annotations_that_are_text_may_name_what_is_local() -> None:
    @dataclass
    class Parcel:
        to: str

    taskora, contract = app(), define_task("pack", input=Parcel, output=Parcel)

    def wrong(data: "Parcel") -> "Email":
        return Email(data.to)

    with pytest.raises(ConfigError, match="returns Email, the contract's output is Parcel"):
        taskora.implement(contract, wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue] - what the test is about

    @taskora.implement(contract)
    def pack(data: "Parcel") -> "Parcel":
        return data

    assert taskora.tasks["pack"].input_type is Parcel


def test_a_handler_may_take_more_than_the_contract_has() -> None:
    def takes(data: Sequence[int]) -> int:
        return len(data)

    app().implement(define_task("taking", input=list[int], output=int), takes)


def test_an_async_handler_is_compared_by_what_it_awaits() -> None:
    async def wrong(data: Email) -> Email:
        return data

    with pytest.raises(ConfigError, match="returns Email, the contract's output is Receipt"):
        app().implement(SEND, wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue] - what the test is about


def test_a_producer_checks_payloads_unless_the_contract_is_static() -> None:
    taskora = app()
    with pytest.raises(ValidationError, match="input of task 'send-email'"):
        taskora.register(SEND).dispatch({"to": 5})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
    static = taskora.register(static_contract("static", input=Email, output=Receipt))
    untyped: Any = taskora.register(UNTYPED_STATIC("untyped"))
    for data in ({"to": 5}, {"anything": [None]}, 7):
        assert static.dispatch(data).info().data == data  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
        assert untyped.dispatch(data).info().data == data
    assert static.dispatch(Urgent("a")).info().data == {"to": "a"}
    assert static.output_type is Receipt
    with pytest.raises(SerializationError):
        untyped.dispatch(object())
    taskora.close()


def test_a_contract_without_a_payload_is_dispatched_without_one() -> None:
    taskora = app()
    tick = taskora.register(define_task("tick", input=None, output=int))
    assert tick.dispatch().info().data is None
    taskora.close()


async def test_starting_with_nothing_but_registered_contracts_says_what_is_missing() -> None:
    taskora = app()
    taskora.register(SEND)
    with pytest.raises(ConfigError, match=r"only registered contracts \('send-email'\).*implement\(\)"):
        await taskora.start()
    taskora.implement(SEND, send)
    await taskora.start()
    await taskora.close_async()
