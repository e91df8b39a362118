"""A task's versions and the steps between them are checked where it is defined."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from taskora import ConfigError, MigrationError, MigrationStatus, Taskora, ValidationError, into
from taskora.migration import migrations_of


def step(data: Any) -> Any:
    return [*data, len(data) + 1]


async def waits(data: Any) -> Any:
    return data


def test_steps_run_in_order_from_the_version_of_the_payload() -> None:
    by_version = migrations_of({3: step, 2: step, 1: step}, 4, 1)
    listed = migrations_of([step, step, step], None, 1)
    for migrations in (by_version, listed):
        assert (migrations.version, migrations.since) == (4, 1)
        assert migrations.apply([], 1, "job") == [1, 2, 3]
        assert migrations.apply([], 3, "job") == [1]
        assert migrations.apply([], 4, "job") == []


def test_the_first_step_of_a_list_takes_since() -> None:
    migrations = migrations_of([step], None, 5)
    assert (migrations.version, migrations.since) == (6, 5)
    assert migrations.apply([], 5, "job") == [1]
    assert migrations_of([step], 6, 5) == migrations


def test_without_steps_an_older_payload_is_left_to_the_type_and_its_defaults() -> None:
    assert migrations_of(None, 3, 1).apply({"a": 1}, 1, "job") == {"a": 1}


@pytest.mark.parametrize(
    ("migrate", "version", "since", "message"),
    [
        ({1: step, 3: step}, 4, 1, "there is no step from version 2 to 3; with since=1 and version=4"),
        ({}, 2, 1, "there is no step from version 1 to 2"),
        ({1: step, 2: step}, 3, 2, "the step of key 1 would never run"),
        ({1: step, 2: step}, 2, 1, "the step of key 2 would never run"),
        ({"1": step, 1: step}, 2, 1, "the step of key '1' would never run"),
        ({1: step}, None, 1, "a dict of migrations needs version="),
        ([step], 3, 1, "1 migrations from version 1 on make 2, got 3"),
        ([step, None], None, 1, "the step from version 2 to 3: expected a function of the payload, got None"),
        ({1: waits}, 2, 1, "the step from version 1 to 2, waits, is async"),
        (step, None, 1, "expected a dict of steps by version or a list of steps"),
        (None, 1, 2, "since: expected a whole number, from 1 to 1; got 2"),
        (None, 0, 1, "version: expected a whole number"),
        ([step], None, 0, "since: expected a whole number"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_definition(
    migrate: Any, version: int | None, since: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        migrations_of(migrate, version, since)
    settings: dict[str, Any] = {"since": since} | ({} if migrate is None else {"migrate": migrate})
    if version is not None:
        settings["version"] = version
    with pytest.raises(ConfigError, match=re.escape(message)):
        Taskora("memory://").task("mail", step, **settings)


def test_a_step_that_raises_is_named_with_the_job_and_the_task() -> None:
    def lose(data: dict[str, str]) -> object:
        return data["sender"]

    migrations = migrations_of([step, lose], None, 1)
    with pytest.raises(MigrationError) as caught:
        migrations.apply({}, 2, "job 7 of task 'mail'")
    assert str(caught.value) == (
        "job 7 of task 'mail': its payload of version 2 could not be brought to version 3: the migration from 2 to 3, "
        "lose, raised KeyError: 'sender'"
    )
    assert isinstance(caught.value.__cause__, KeyError)


@dataclass
class Mail:
    to: str
    urgent: bool = False


def as_model(data: dict[str, Any]) -> Any:
    return Mail(data["to"])


def as_plain_value(data: dict[str, Any]) -> Any:
    return {"to": data["to"]}


@pytest.mark.parametrize("make", [as_model, as_plain_value])
def test_into_checks_what_a_step_returns_and_passes_on_a_plain_value(make: Callable[[Any], Mail]) -> None:
    migrate = into(Mail, make)
    assert migrate({"to": "a"}) == {"to": "a", "urgent": False}
    with pytest.raises(ValidationError, match="result of migration"):
        migrate({"to": 5})


def test_since_can_be_raised_to_the_oldest_version_that_was_seen() -> None:
    def status(*versions: int, complete: bool = True) -> MigrationStatus:
        return MigrationStatus("mail", 4, 2, {}, dict.fromkeys(versions, 1), {}, complete)

    assert (status(3, 4).oldest, status(3, 4).can_bump_since) == (3, 3)
    assert (status().oldest, status().can_bump_since) == (None, 4)
    assert status(9).can_bump_since == 4
    assert status(1).can_bump_since == 2
    assert status(3, 4, complete=False).can_bump_since == 2
