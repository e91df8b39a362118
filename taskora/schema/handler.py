"""What a handler takes and gives: its payload type, its result type, and where the context goes."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Literal, get_args, get_origin

from taskora.errors import ConfigError
from taskora.quoting import quoted

from . import hints

Role = Literal["data", "context"]
Handler = Callable[..., object]

_NO_NAMES: Mapping[str, object] = {}
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_CONTEXT_NAMES = ("ctx", "context")
_NOT_GIVEN: object = Parameter.empty


@dataclass(frozen=True, slots=True)
class HandlerTypes:
    """How a handler is called, and with what.

    Attributes:
        input: Type of the payload; ``object`` when it is not annotated, None when the handler takes no payload.
        output: Type of the result (of what is awaited, for an async handler); ``object`` when it is not annotated.
        order: What the positional parameters are for.
        context_keyword: Name of a keyword-only parameter that takes the context.
    """

    input: object
    output: object
    order: tuple[Role, ...]
    context_keyword: str | None = None

    @property
    def takes_data(self) -> bool:
        """Whether the handler looks at its payload."""
        return "data" in self.order

    @property
    def takes_context(self) -> bool:
        """Whether the handler wants the context."""
        return "context" in self.order or self.context_keyword is not None

    def adapt(self, handler: Handler) -> Callable[[object, object], object]:
        """Give a callable of ``(data, context)`` that calls the handler with what it takes."""
        keyword = self.context_keyword
        if keyword is not None:
            if self.takes_data:
                return lambda data, context: handler(data, **{keyword: context})
            return lambda _, context: handler(**{keyword: context})
        match self.order:
            case ("data",):
                return lambda data, _: handler(data)
            case ("data", "context"):
                return handler
            case ("context", "data"):
                return lambda data, context: handler(context, data)
            case ("context",):
                return lambda _, context: handler(context)
            case _:
                return lambda _data, _context: handler()


def handler_types(
    handler: Handler,
    context_type: type,
    *,
    input: object = _NOT_GIVEN,  # noqa: A002  # the option's name
    output: object = _NOT_GIVEN,
    names: Mapping[str, object] = _NO_NAMES,
) -> HandlerTypes:
    """Read a handler's signature.

    A parameter annotated as the context takes the context, wherever it stands; otherwise the first parameter takes the
    payload and the second the context. A parameter with a default is left alone unless it is the first, is annotated as
    the context, or is an unannotated ``ctx`` or ``context``. A bare ``*args`` takes both.

    Args:
        handler: A function, bound method, ``functools.partial`` or callable object; plain or async.
        context_type: The class of the context.
        input: Payload type, where it is given; the annotation is then not looked at.
        output: Result type, likewise.
        names: Local names of the place where the handler is defined, for annotations that are text.

    Raises:
        ConfigError: The handler needs other parameters than these, is a generator, or has an annotation that cannot be
            resolved.
    """
    reading = _Reading(handler, context_type, names)
    roles = reading.roles()
    data = next((parameter for role, parameter in roles if role == "data"), None)
    if input is _NOT_GIVEN and data is not None:
        input = reading.resolved(data.annotation, f"parameter {data.name!r}", "input=")  # noqa: A001  # the option's name
    elif input is _NOT_GIVEN:
        input = None  # noqa: A001  # the same
    if output is _NOT_GIVEN:
        output = reading.result()
    keyword = next((parameter.name for _, parameter in roles if parameter.kind is Parameter.KEYWORD_ONLY), None)
    order: tuple[Role, ...] = tuple(role for role, given in roles if given.kind is not Parameter.KEYWORD_ONLY)
    return HandlerTypes(input, output, order, keyword)


class _Reading:
    """One look at one handler."""

    def __init__(self, handler: Handler, context_type: type, names: Mapping[str, object]) -> None:
        if not callable(handler):  # pyright: ignore[reportUnnecessaryComparison] - callers without a type checker
            raise ConfigError(f"handler: expected a function, got {quoted(handler)}")
        self._function = _underlying(handler)
        self._label = f"handler {getattr(self._function, '__qualname__', None) or quoted(handler)}"
        self._context_type = context_type
        self._names = names
        if inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(self._function):
            raise ConfigError(f"{self._label}: a generator has no result; return a value instead of yielding")
        try:
            self._signature = inspect.signature(handler)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{self._label}: has no signature to read; wrap it in a function") from error

    def roles(self) -> list[tuple[Role, Parameter]]:
        """Give each parameter that is filled its role, in order."""
        parameters = list(self._signature.parameters.values())
        if [parameter.kind for parameter in parameters][:1] == [Parameter.VAR_POSITIONAL]:
            everything = parameters[0].replace(annotation=Parameter.empty)
            return [("data", everything), ("context", everything)]
        annotated = [parameter for parameter in parameters if self._is_context(parameter.annotation)]
        if len(annotated) > 1:
            raise self._wrong("two parameters are annotated as the context")
        roles = self._positional([parameter for parameter in parameters if parameter.kind in _POSITIONAL], annotated)
        roles.extend(("context", parameter) for parameter in annotated if parameter.kind is Parameter.KEYWORD_ONLY)
        filled = {parameter.name for _, parameter in roles}
        for parameter in parameters:
            if parameter.name not in filled and _is_required(parameter):
                raise self._wrong(f"nothing is passed for its parameter {parameter.name!r}")
        return roles

    def resolved(self, annotation: object, place: str, option: str) -> object:
        """Resolve an annotation that has to be known."""
        if annotation is Parameter.empty:
            return object
        try:
            return hints.resolve(annotation, self._function, self._names)
        except NameError as error:
            raise ConfigError(
                f"{self._label}: {place} is annotated {annotation!r}, and the name {error.name!r} is unknown there; "
                f"import or define it in the module, outside of TYPE_CHECKING, or give the type with {option}"
            ) from error

    def result(self) -> object:
        """Give the type of the result: of a plain function that returns an awaitable, what is awaited."""
        declared = self.resolved(self._signature.return_annotation, "its result", "output=")
        if inspect.iscoroutinefunction(self._function):
            return declared
        if get_origin(declared) in (Awaitable, Coroutine):
            return get_args(declared)[-1]
        return declared

    def _positional(self, parameters: list[Parameter], annotated: list[Parameter]) -> list[tuple[Role, Parameter]]:
        roles: list[tuple[Role, Parameter]] = []
        free: list[Role] = ["data"] if annotated else ["data", "context"]
        for parameter in parameters:
            if parameter in annotated:
                roles.append(("context", parameter))
            elif free and self._takes(free[0], parameter):
                roles.append((free.pop(0), parameter))
            elif any(later in annotated or _is_required(later) for later in parameters[parameters.index(parameter) :]):
                # A positional place cannot be skipped over.
                raise self._wrong(f"nothing is passed for its parameter {parameter.name!r}")
        return roles

    def _takes(self, role: Role, parameter: Parameter) -> bool:
        if role == "data":
            return True
        if not _is_required(parameter):
            return parameter.annotation is Parameter.empty and parameter.name in _CONTEXT_NAMES
        if self._could_be_context(parameter.annotation):
            return True
        raise self._wrong(
            f"its second parameter {parameter.name!r} would take the context, but is annotated {parameter.annotation!r}"
        )

    def _is_context(self, annotation: object) -> bool:
        """Tell an annotation of the context: itself, optional, parametrised, or a name for type checkers only."""
        resolved = self._attempt(annotation)
        if isinstance(resolved, str):
            own = self._context_type.__name__
            return own in [part.strip().rpartition(".")[2] for part in resolved.split("|")]
        if get_origin(resolved) is typing.Annotated:
            resolved = get_args(resolved)[0]
        if get_origin(resolved) in (typing.Union, types.UnionType):
            return any(self._is_context(member) for member in get_args(resolved))
        kind = get_origin(resolved) or resolved
        return isinstance(kind, type) and issubclass(kind, self._context_type)

    def _could_be_context(self, annotation: object) -> bool:
        """Tell an annotation that the context satisfies, or that says nothing against it."""
        resolved = self._attempt(annotation)
        kind = get_origin(resolved) or resolved
        if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
            return not (kind is None or get_origin(resolved) is not None)
        return kind is Parameter.empty or issubclass(self._context_type, kind)

    def _attempt(self, annotation: object) -> object:
        if annotation is Parameter.empty:
            return annotation
        try:
            return hints.resolve(annotation, self._function, self._names)
        except NameError:
            return annotation

    def _wrong(self, problem: str) -> ConfigError:
        return ConfigError(f"{self._label}: {problem}; a handler takes (data), (data, ctx), (ctx) or nothing")


def _is_required(parameter: Parameter) -> bool:
    variable = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return parameter.default is Parameter.empty and not variable


def _underlying(handler: Handler) -> Handler:
    """Give the function that carries the annotations."""
    while True:
        if isinstance(handler, functools.partial):
            handler = handler.func
        elif inspect.ismethod(handler):
            handler = handler.__func__
        elif inspect.isfunction(handler):
            wrapped: Handler | None = getattr(handler, "__wrapped__", None)
            if wrapped is None:
                return handler
            handler = wrapped
        elif inspect.isroutine(handler) or isinstance(handler, type):
            return handler
        else:
            call = type(handler).__call__
            if not inspect.isfunction(call):
                return handler
            handler = call
