"""The public functions, found by looking: what anybody can call, with what each parameter is called."""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import taskora
import taskora.board
import taskora.testing
from taskora.context import ContextLog, Signal
from taskora.dead_letters import DeadLetters
from taskora.defining import TaskDefiner
from taskora.handle import Handles
from taskora.implementing import Implement
from taskora.inspector import Inspector
from taskora.listening import OnApp, OnTask
from taskora.schedules import Schedules

# Reached by a method or a property of what `taskora` exports.
REACHED: tuple[type, ...] = (
    TaskDefiner, Inspector, DeadLetters, Schedules, OnApp, OnTask, Implement, Handles, ContextLog, Signal,
)  # fmt: skip
_UNPACKED = re.compile(r"Unpack\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Member:
    """A public function, method or constructor.

    Attributes:
        name: ``Task.dispatch``, ``chain``, ``Retry``.
        parameters: What can be passed, the keys of its ``**options`` included.
        required: Those that must be.
        paired: Whether it has an ``_async`` twin.
    """

    name: str
    parameters: tuple[str, ...]
    required: tuple[str, ...]
    paired: bool


def exported() -> dict[str, object]:
    """What ``taskora``, ``taskora.testing`` and ``taskora.board`` export."""
    modules = (taskora, taskora.testing, taskora.board)
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def classes() -> dict[str, type]:
    """The public classes by name."""
    found = {name: value for name, value in exported().items() if isinstance(value, type)}
    return found | {kind.__name__: kind for kind in REACHED}


def members() -> dict[str, Member]:
    """All public functions, constructors and methods by name; a method stands under the class that defines it."""
    found: dict[str, Member] = {}
    for name, value in exported().items():
        if inspect.isfunction(value):
            found[name] = _member(name, value, paired=False, bound=True)
    public = classes()
    for name, kind in public.items():
        if "__init__" in vars(kind):
            found[name] = _member(name, vars(kind)["__init__"], paired=False, bound=False)
        for method, function in _methods(kind, public):
            full = f"{name}.{method}"
            found[full] = _member(full, function, paired=hasattr(kind, f"{method}_async"), bound=False)
    return found


def _methods(kind: type, public: dict[str, type]) -> Iterator[tuple[str, Any]]:
    for base in kind.__mro__:
        foreign = not base.__module__.startswith("taskora")
        if foreign or (base is not kind and base in public.values()):
            continue
        for name, value in vars(base).items():
            function: Any = getattr(value, "__func__", value)
            hidden = name.startswith("_") and name not in ("__call__", "__or__")
            if inspect.isfunction(function) and not hidden and not name.endswith("_async"):
                yield name, function


def _member(name: str, function: Any, *, paired: bool, bound: bool) -> Member:
    parameters = list(inspect.signature(function).parameters.values())
    if not bound and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    names: list[str] = []
    required: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            match = _UNPACKED.search(str(parameter.annotation))
            names.extend(
                getattr(sys.modules[function.__module__], match[1]).__annotations__ if match else [parameter.name]
            )
        else:
            names.append(parameter.name)
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
                required.append(parameter.name)
    return Member(name, tuple(names), tuple(required), paired)


def returned_classes() -> set[str]:
    """Names of the library's classes with public methods that public functions are annotated to return."""
    known = classes()
    found: set[str] = set()
    for name, kind in known.items():
        module = importlib.import_module(kind.__module__)
        for _, value in inspect.getmembers(kind):
            function = value.fget if isinstance(value, property) else value
            annotation = str(getattr(function, "__annotations__", {}).get("return", ""))
            for word in re.findall(r"\w+", annotation):
                target = getattr(module, word, None)
                if isinstance(target, type) and target.__module__.startswith("taskora") and target.__name__ != name:
                    found.add(target.__name__)
    return found
