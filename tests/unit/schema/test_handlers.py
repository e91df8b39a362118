"""Which parameter is the payload, which the context, and what their types are."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from taskora.errors import ConfigError
from taskora.schema import HandlerTypes, handler_types

if TYPE_CHECKING:
    from decimal import Decimal as Hidden


class Context:
    log: object = None


class Logs(Protocol):
    log: object


@dataclass
class Email:
    to: str


Handler = Callable[..., object]


def read(handler: Handler, **options: Any) -> HandlerTypes:
    return handler_types(handler, Context, **options)


# Without annotations, as many people write them; made from text, because no type checker takes them.
untyped: Handler = eval("lambda data, ctx: (data, ctx)")
unannotated_context: Handler = eval("lambda data, ctx=None: (data, ctx)")
untyped_data: Handler = eval("lambda data: data")


def nothing() -> None: ...
def data_only(data: Email) -> int: ...  # type: ignore[empty-body]
def both(data: Email, ctx: Context) -> str: ...  # type: ignore[empty-body]
def swapped(ctx: Context, data: Email) -> str: ...  # type: ignore[empty-body]
def context_only(ctx: Context) -> None: ...
def optional_context(data: Email, ctx: Context | None = None) -> None: ...
def own_default(data: Email, retries: int = 3) -> None: ...
def default_data(data: Email | None = None) -> None: ...
def keyword_context(data: Email, *, ctx: Context) -> None: ...
def keyword_default(data: Email, *, fast: bool = False) -> None: ...
def anything(*args: object, **kwargs: object) -> None: ...
def extra(data: Email, *args: object, **kwargs: object) -> None: ...
def protocol_context(data: Email, ctx: Logs) -> None: ...
async def asynchronous(data: Email, ctx: Context) -> list[Email]: ...  # type: ignore[empty-body]
def returns_awaitable(data: Email) -> Awaitable[Email]: ...  # type: ignore[empty-body]


@functools.wraps(both)
def wrapper(*args: Any, **kwargs: Any) -> object: ...


class Service:
    def handle(self, data: Email, ctx: Context) -> int: ...  # type: ignore[empty-body]

    async def __call__(self, data: Email) -> int: ...  # type: ignore[empty-body]


SIGNATURES: list[tuple[Handler, tuple[str, ...], object, object]] = [
    (nothing, (), None, type(None)),
    (data_only, ("data",), Email, int),
    (untyped, ("data", "context"), object, object),
    (both, ("data", "context"), Email, str),
    (swapped, ("context", "data"), Email, str),
    (context_only, ("context",), None, type(None)),
    (optional_context, ("data", "context"), Email, type(None)),
    (unannotated_context, ("data", "context"), object, object),
    (own_default, ("data",), Email, type(None)),
    (default_data, ("data",), Email | None, type(None)),
    (keyword_default, ("data",), Email, type(None)),
    (anything, ("data", "context"), object, type(None)),
    (extra, ("data",), Email, type(None)),
    (protocol_context, ("data", "context"), Email, type(None)),
    (asynchronous, ("data", "context"), Email, list[Email]),
    (returns_awaitable, ("data",), Email, Email),
    (wrapper, ("data", "context"), Email, str),
    (Service().handle, ("data", "context"), Email, int),
    (Service(), ("data",), Email, int),
    (functools.partial(both, Email("x")), ("context",), None, str),
    (functools.partial(own_default, retries=1), ("data",), Email, type(None)),
    (untyped_data, ("data",), object, object),
    (lambda: 1, (), None, object),
]


@pytest.mark.parametrize(("handler", "order", "input_type", "output_type"), SIGNATURES)
def test_a_signature_tells_what_is_passed(
    handler: Handler, order: tuple[str, ...], input_type: object, output_type: object
) -> None:
    found = read(handler)
    assert found.order == order
    assert found.input == input_type
    assert found.output == output_type
    assert (found.takes_data, found.takes_context) == ("data" in order, "context" in order)


def test_an_adapted_handler_is_called_with_what_it_takes() -> None:
    def keyword_only(*, ctx: Context) -> object:
        return ctx

    def keyword(data: int, *, ctx: Context) -> object:
        return data, ctx

    def reverse(ctx: Context, data: int) -> object:
        return data, ctx

    context = Context()
    cases: list[tuple[Handler, object]] = [
        (lambda: "none", "none"),
        (untyped_data, 1),
        (untyped, (1, context)),
        (reverse, (1, context)),
        (keyword, (1, context)),
        (keyword_only, context),
    ]
    for handler, expected in cases:
        assert read(handler, names=locals()).adapt(handler)(1, context) == expected


def test_a_context_that_only_type_checkers_import_is_still_recognised() -> None:
    def handler(ctx: Context, data: int) -> None: ...

    handler.__annotations__["ctx"] = "taskora.Context | None"
    assert read(handler).order == ("context", "data")


def three(data: Email, ctx: Context, more: int) -> None: ...
def two_contexts(a: Context, b: Context) -> None: ...
def no_context(data: Email, count: int) -> None: ...
def needs_keyword(data: Email, *, fast: bool) -> None: ...
def generator(data: Email) -> object:
    yield data


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (three, "'more'"),
        (two_contexts, "two parameters"),
        (no_context, "'count' would take the context"),
        (needs_keyword, "'fast'"),
        (generator, "generator"),
    ],
)
def test_a_handler_that_cannot_be_called_is_refused_when_declared(handler: Handler, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"{handler.__name__}.*{message}"):
        read(handler)


def hidden_input(data: Hidden) -> None: ...
def hidden_output(data: int) -> Hidden: ...  # type: ignore[empty-body]


def test_a_name_that_cannot_be_resolved_is_named_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"'data' is annotated 'Hidden'.*'Hidden' is unknown.*input="):
        read(hidden_input)
    with pytest.raises(ConfigError, match=r"result.*'Hidden' is unknown.*output="):
        read(hidden_output)
    assert read(hidden_input, input=int).input is int
    assert read(hidden_output, output=int).output is int
    assert read(nothing, input=Email).input is Email, "a contract's payload type stands, also where it is ignored"


def test_local_types_are_found_in_the_closure_or_in_the_names_that_are_given() -> None:
    @dataclass
    class Local:
        size: int

    def captures(data: Local) -> Local:
        return Local(data.size)

    def captures_not(data: Local) -> None: ...

    assert read(captures).input is Local
    assert read(captures_not, names=locals()).input is Local
    with pytest.raises(ConfigError, match="'Local' is unknown"):
        read(captures_not)
