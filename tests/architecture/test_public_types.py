"""Whoever holds something of ours can name its type: what public signatures speak of can be imported."""

import ast
import builtins
import collections.abc
import dataclasses
import inspect
import typing
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType, ModuleType

# Where programs import from.
PUBLIC_MODULES = (
    "taskora",
    "taskora.testing",
    "taskora.board",
    "taskora.adapters.memory",
    "taskora.adapters.redis",
    "taskora.adapters.protocol",
)

_CALLED = "called, or used as a decorator, where it stands"
UNNAMED: dict[str, str] = {
    **dict.fromkeys(("TaskDefiner", "Implement", "OnApp", "OnTask"), _CALLED),
    **dict.fromkeys(("TaskDecorator", "CollectDecorator", "Implementer", "CollectImplementer"), _CALLED),
    **dict.fromkeys(("Listens", "ListensForNothing"), _CALLED),
    "Default": "what a contract leaves to the application",
    "Named": "a task, of any kind",
}

# What they speak of is for those who write adapters: it is in taskora.adapters.protocol.
NOT_LOOKED_INTO = {"Adapter", "MemoryAdapter", "RedisAdapter", "Clock"}

# Public members through which the rooms of the library talk to each other. No program calls them.
BETWEEN_ROOMS = {
    "Taskora.service", "Taskora.housekeeper",
    "Task.engine", "Task.wait", "Task.read", "Task.read_outcome", "Task.read_progress", "Task.read_logs",
    "Task.follow_job", "Task.cancel_job", "FunctionTask.moved_to",
    "Contract.bound_to", "Contract.schemas", "TaskContract.bound_to", "CollectContract.bound_to",
    "CollectContract.item_schema",
    "Inspector.task_names", "Schedules.declare",
    "Debounce.rule", "Throttle.rule", "Deduplicate.rule", "Collect.rule_for",
}  # fmt: skip

# Made by programs; what is handed out has a constructor that is the library's own business.
MADE_BY_PROGRAMS = {"Taskora", "JsonSerializer"}
_NOT_OURS: dict[str, object] = {**vars(typing), **vars(collections.abc), **vars(builtins)}


def exported(module: str) -> dict[str, object]:
    found = import_module(module)
    names: list[str] = getattr(found, "__all__", [name for name in vars(found) if not name.startswith("_")])
    return {name: getattr(found, name) for name in names}


def is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "taskora"


def has_fields(kind: type) -> bool:
    return typing.is_typeddict(kind) or dataclasses.is_dataclass(kind)


def functions_of(value: object) -> list[FunctionType]:
    """The functions that a member consists of, overloads included."""
    function: object = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    if not isinstance(function, FunctionType):
        return []
    return [function, *typing.cast("list[FunctionType]", typing.get_overloads(function))]


def members_of(owner: type) -> Iterator[tuple[str, object]]:
    for name, value in vars(owner).items():
        made = name == "__init__" and owner.__name__ in MADE_BY_PROGRAMS
        if made or name == "__call__" or not name.startswith("_"):
            yield name, value


def annotations_of(subject: object) -> Iterator[tuple[str, object, ModuleType]]:
    """Each annotation of something exported, with where it stands and the module to read it in."""
    if isinstance(subject, FunctionType):
        for function in functions_of(subject):
            for annotation in function.__annotations__.values():
                yield subject.__name__, annotation, import_module(subject.__module__)
    if not isinstance(subject, type) or subject.__name__ in NOT_LOOKED_INTO:
        return
    for owner in (each for each in subject.__mro__ if is_ours(each)):
        module = import_module(owner.__module__)
        for name, value in members_of(owner):
            place = f"{owner.__name__}.{name}"
            if place not in BETWEEN_ROOMS:
                for function in functions_of(value):
                    for annotation in function.__annotations__.values():
                        yield place, annotation, module
        if has_fields(owner):
            for name, annotation in inspect.get_annotations(owner).items():
                yield f"{owner.__name__}.{name}", annotation, module


def names_in(annotation: object, module: ModuleType) -> Iterator[tuple[str, object]]:
    """What an annotation names that is ours; of an alias, the classes that it stands for."""
    text: object = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        text = getattr(annotation, "__name__", "None")
    for node in ast.walk(ast.parse(str(text), mode="eval")):
        if isinstance(node, ast.Name) and node.id not in _NOT_OURS:
            for kind in classes_in(getattr(module, node.id, None)):
                yield kind.__name__, kind


def classes_in(value: object) -> Iterator[type]:
    origin = typing.get_origin(value)
    for kind in (value, origin):
        if isinstance(kind, type) and is_ours(kind):
            yield kind
    for part in typing.get_args(value):
        for each in typing.cast("list[object]", part) if isinstance(part, list) else (part,):
            yield from classes_in(each)


def spoken_of() -> dict[str, set[str]]:
    """Every class of ours that can be reached from what is exported, with where it was met."""
    met: dict[str, set[str]] = {}
    todo, seen = list(exported("taskora").values()), set[int]()
    while todo:
        subject = todo.pop()
        if id(subject) in seen:
            continue
        seen.add(id(subject))
        for place, annotation, module in annotations_of(subject):
            for name, kind in names_in(annotation, module):
                met.setdefault(name, set()).add(place)
                todo.append(kind)
    return met


def test_every_type_that_a_public_signature_names_can_be_imported() -> None:
    importable = {name for module in PUBLIC_MODULES for name in exported(module)} | UNNAMED.keys()
    hidden = {name: sorted(places) for name, places in spoken_of().items() if name not in importable}
    assert not hidden, "export them from taskora:\n" + "\n".join(f"{name}: {places}" for name, places in hidden.items())


def test_no_exception_is_left_that_nothing_needs() -> None:
    assert UNNAMED.keys() - spoken_of().keys() == set()
    owners = {owner for kind in exported("taskora").values() if isinstance(kind, type) for owner in kind.__mro__}
    members = {f"{owner.__name__}.{name}" for owner in owners for name in vars(owner)}
    assert BETWEEN_ROOMS - members == set()
