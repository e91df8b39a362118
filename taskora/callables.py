"""Whether a function that was passed can be called with what it will get."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from taskora.errors import ConfigError
from taskora.quoting import quoted


def check_takes(given: object, arguments: tuple[str, ...], name: str, *, waits: bool = True) -> Callable[..., Any]:
    """Return a function, or say why it cannot be called. One whose signature cannot be read is let pass.

    Args:
        given: What was passed.
        arguments: What it is called with, by position.
        name: The option, for the message.
        waits: Whether it may be async.

    Raises:
        ConfigError: It is no function, does not take the arguments, is a generator, or is async and must not be.
    """
    wanted = f"a function of {' and '.join(arguments)}"
    if not callable(given):
        raise ConfigError(f"{name}: expected {wanted}, got {quoted(given)}")
    if inspect.isgeneratorfunction(given) or inspect.isasyncgenfunction(given):
        raise ConfigError(f"{name}: expected {wanted}; {quoted(given)} is a generator, whose body calling does not run")
    if not waits and inspect.iscoroutinefunction(given):
        raise ConfigError(f"{name}: expected {wanted}; {quoted(given)} is async, and nobody would await it")
    try:
        signature = inspect.signature(given)
    except (TypeError, ValueError):  # a builtin without one
        return given
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise ConfigError(f"{name}: expected {wanted}; {quoted(given)} cannot be called so: {error}") from None
    return given
