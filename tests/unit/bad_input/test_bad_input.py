"""Each parameter of each public function refuses what it cannot take, by a message that says so, and writes nothing."""

from collections.abc import Iterator

import pytest

from taskora import TaskoraError
from unit.bad_input.case import Case, names_it
from unit.bad_input.exempt import EXEMPT, reason_for
from unit.bad_input.surface import classes, members, returned_classes
from unit.bad_input.table import TABLE
from unit.bad_input.world import World

MEMBERS = members()
CASES = [
    pytest.param(
        [Case(MEMBERS[target], parameter, value, wrong) for wrong in wrongs for value in wrong.values],
        id=f"{target}({parameter})",
    )
    for target, parameters in TABLE.items()
    for parameter, wrongs in parameters.items()
]
LONGEST_MESSAGE = 1000


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.mark.parametrize("cases", CASES)
def test_a_wrong_argument_is_refused_by_name_and_nothing_is_written(cases: list[Case], world: World) -> None:
    accepted = [
        f"{case}: {problem}"
        for case in cases
        for twin in ([False, True] if case.member.paired else [False])
        if (problem := _problem(case, world, twin=twin)) is not None
    ]
    assert not accepted, "\n".join(accepted)


def _problem(case: Case, world: World, *, twin: bool) -> str | None:
    """Say what is wrong with how a wrong value is met."""
    options = case.options(world)
    try:
        world.call(case.member, options, twin=twin)
    except (TaskoraError, TypeError) as error:
        kind, message = type(error), str(error)
    except Exception as error:  # noqa: BLE001 - whatever comes is shown
        return f"raised {type(error).__name__}: {error}"
    else:
        return "was accepted"
    missing = [word for word in case.wrong.says or (case.parameter,) if word not in message]
    if not issubclass(kind, case.wrong.error):
        return f"raised {kind.__name__}: {message}"
    if missing or (case.wrong.named and not names_it(message, options.get(case.parameter, case.value))):
        return f"the message does not name {missing or 'the value'}: {message}"
    if len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message)} characters"
    return "something was written" if world.stored() else None


def test_every_parameter_of_every_public_function_is_in_the_table_or_exempt_with_a_reason() -> None:
    missing = [
        f"{member.name}({parameter})"
        for member in MEMBERS.values()
        for parameter in member.parameters
        if parameter not in TABLE.get(member.name, {}) and reason_for(member.name, parameter) is None
    ]
    assert not missing, "public parameters without a bad input in the table:\n" + "\n".join(missing)


def test_the_table_and_the_exemptions_name_only_what_exists() -> None:
    known = {f"{member.name}.{parameter}" for member in MEMBERS.values() for parameter in member.parameters}
    known |= MEMBERS.keys() | classes().keys()
    tabled = {f"{target}.{parameter}" for target, parameters in TABLE.items() for parameter in parameters}
    assert sorted(tabled - known) == []
    assert sorted(EXEMPT.keys() - known) == []
    assert sorted(tabled & EXEMPT.keys()) == []


def test_every_class_that_a_public_function_returns_is_looked_at_or_exempt_with_a_reason() -> None:
    assert sorted(name for name in returned_classes() - classes().keys() if name not in EXEMPT_CLASSES) == []


# Returned by what is public, and not themselves to be called with arguments by anybody.
EXEMPT_CLASSES: dict[str, str] = {
    **dict.fromkeys(
        (
            "ServerFacts",
            "Throughput",
            "KeyFacts",
            "WorkflowSummary",
            "WorkflowRecord",
            "WorkflowOutcome",
            "Outcome",
            "SupervisorInfo",
            "ChildInfo",
        ),
        "a record that was read",
    ),
    **dict.fromkeys(
        ("ThrottleRule", "DeduplicateRule", "DebounceRule", "CollectRule", "Verdict", "NewJob", "TaskOptions"),
        "passed between the engine and adapters, made of what was checked",
    ),
    **dict.fromkeys(("Call", "Confirmation", "WorkflowEngine", "Schema"), "a protocol of the engine"),
    **dict.fromkeys(("Service", "Housekeeper", "Drawing"), "a part of the engine, for supervisors"),
    "Session": "a cookie that was read",
    "TaskSettings": "a TypedDict; its keys are parameters of Taskora.task",
}
