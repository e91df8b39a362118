"""Payload versions: bringing what older producers wrote to the form that the handler takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from taskora.callables import check_takes
from taskora.config import check_count
from taskora.errors import ConfigError, MigrationError
from taskora.quoting import quoted
from taskora.schema import schema_for

T = TypeVar("T")
# The parameter is whatever the payload once was: who writes the step annotates it as they like.
Migration: TypeAlias = Callable[[Any], object]
"""Takes a payload of one version, as the serializer reads it, and returns it as the next version's plain value."""


def into(model: type[T], step: Callable[[Any], T], /) -> Migration:
    """Make a migration whose result is checked against a type, at run time and by type checkers.

    Args:
        model: What the step returns: any type that a payload may have.
        step: Takes the payload as the serializer reads it, a dict as a rule. It returns the type, or the plain value
            that stands for it; what it leaves out and has a default is filled in.

    Returns:
        The migration; what it passes on is the plain value again.

    Raises:
        ConfigError: The type cannot be used for payloads.
    """
    check_takes(step, ("the payload",), "into", waits=False)
    name = _name_of(step)
    schema = schema_for(cast("object", model), f"into: result of migration {name}")

    def migrate(data: Any) -> object:
        return schema.encode(step(data))

    migrate.__name__ = migrate.__qualname__ = name
    return migrate


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Which payload versions the jobs of a task have that have not ended.

    Nodes of running workflows count from when their job is enqueued, dead letters only once they are retried.

    Attributes:
        task: Name of the task.
        version: What is written now.
        since: The oldest that is still read.
        waiting: Number of waiting jobs by version.
        active: Number of running jobs by version.
        delayed: Number of delayed and retrying jobs by version.
        complete: Whether all jobs were counted. If not, the numbers are of those that run next.
    """

    task: str
    version: int
    since: int
    waiting: Mapping[int, int]
    active: Mapping[int, int]
    delayed: Mapping[int, int]
    complete: bool

    @property
    def oldest(self) -> int | None:
        """The oldest version of a job that was counted; None when there is no job."""
        return min((*self.waiting, *self.active, *self.delayed), default=None)

    @property
    def can_bump_since(self) -> int:
        """To what ``since`` can be raised without failing a job; ``since`` itself when not all jobs were counted."""
        if not self.complete:
            return self.since
        oldest = self.version if self.oldest is None else self.oldest
        return max(self.since, min(oldest, self.version))


@dataclass(frozen=True, slots=True)
class Migrations:
    """The versions of a task's payload and the way from each to the next.

    Attributes:
        version: What is written, and what the handler takes.
        since: The oldest that is still read.
        steps: From ``since`` on, one for each older version; empty when the type's defaults fill in what is missing.
    """

    version: int
    since: int
    steps: tuple[Migration, ...]

    def apply(self, value: object, version: int, where: str) -> object:
        """Bring a payload to the current version.

        Args:
            value: It, as the serializer reads it.
            version: Its version, from ``since`` on.
            where: Whose it is, for messages: ``job 1 of task 'a'``.

        Raises:
            MigrationError: A step raised; the cause is its error.
        """
        for number in range(version, self.since + len(self.steps)):
            step = self.steps[number - self.since]
            try:
                value = step(value)
            except Exception as error:
                raise MigrationError(
                    f"{where}: its payload of version {version} could not be brought to version {self.version}: the "
                    f"migration from {number} to {number + 1}, {_name_of(step)}, raised {type(error).__name__}: {error}"
                ) from error
        return value


def migrations_of(
    migrate: Mapping[int, Migration] | Sequence[Migration] | None, version: int | None, since: int
) -> Migrations:
    """Check a task's ``migrate``, ``version`` and ``since`` against each other.

    Args:
        migrate: Steps by the version that each takes, or a list of them from ``since`` on.
        version: The current version; None: 1, or what a list makes of it.
        since: The oldest version that is read.

    Raises:
        ConfigError: A version is no whole number from 1 on, a step is missing, is not needed, or is no plain function.
    """
    check_count(since, "since")
    if migrate is None:
        version = 1 if version is None else version
        check_count(version, "version")
        check_count(since, "since", most=version)
        return Migrations(version, since, ())
    if isinstance(migrate, Mapping):
        steps = _steps_by_version(cast("Mapping[object, object]", migrate), version, since)
    elif isinstance(migrate, list | tuple):
        steps = tuple(cast("Sequence[object]", migrate))
    else:
        raise ConfigError(f"migrate: expected a dict of steps by version or a list of steps, got {quoted(migrate)}")
    reached = since + len(steps)
    if version is not None and version != reached:
        raise ConfigError(
            f"version: {len(steps)} migrations from version {since} on make {reached}, got {quoted(version)}; leave it "
            "out, or add the steps that are missing"
        )
    return Migrations(reached, since, tuple(_checked(step, since + at) for at, step in enumerate(steps)))


def _steps_by_version(migrate: Mapping[object, object], version: int | None, since: int) -> tuple[object, ...]:
    if version is None:
        raise ConfigError("version: a dict of migrations needs version=, the version that its last step makes")
    check_count(version, "version")
    check_count(since, "since", most=version)
    needed = range(since, version)
    missing = [number for number in needed if number not in migrate]
    if missing:
        raise ConfigError(
            f"migrate: there is no step from version {missing[0]} to {missing[0] + 1}; with since={since} and "
            f"version={version} it needs the keys {_listed(needed)}; a key is the version that its step takes"
        )
    needless = [key for key in migrate if key not in needed]
    if needless:
        raise ConfigError(
            f"migrate: the step of key {quoted(needless[0])} would never run: with since={since} and version={version} "
            f"the keys are {_listed(needed)}; a key is the version that its step takes"
        )
    return tuple(migrate[number] for number in needed)


def _checked(step: object, number: int) -> Migration:
    name = f"migrate: the step from version {number} to {number + 1}"
    function = check_takes(step, ("the payload",), name)
    if inspect.iscoroutinefunction(function):
        raise ConfigError(
            f"{name}, {_name_of(function)}, is async; a migration only rearranges what it is given: do what waits in "
            "the handler"
        )
    return function


def _listed(needed: range) -> str:
    return ", ".join(map(str, needed)) or "none"


def _name_of(step: Callable[..., object]) -> str:
    return getattr(step, "__name__", repr(step))
