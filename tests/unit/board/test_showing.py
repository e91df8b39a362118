"""What is told in place of what is stored is formatted first, then without secrets, wherever it is told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from taskora import Taskora
from taskora.board.secrets_in_text import MASK
from taskora.board.settings import BoardSettings
from taskora.board.showing import Showing
from taskora.workflow_model import WorkflowNodeRecord, WorkflowRecord


def wrapped(value: object, task: str) -> object:
    return {task: value, "token": "t"}


@pytest.fixture
def app() -> Iterator[Taskora]:
    made = Taskora("memory://")
    yield made
    made.close()


def showing(app: Taskora, **settings: Any) -> Showing:
    return Showing(app, BoardSettings(**settings))


def test_results_in_events_are_formatted_and_other_fields_only_masked(app: Taskora) -> None:
    shown = showing(app, formatters={"result": wrapped})
    told = shown.event("mail", {"result": "[1]", "attempt": "1", "error": "password=x", "key": "ada"})
    assert json.loads(told.pop("result")) == {"mail": [1], "token": MASK}
    assert told == {"attempt": "1", "error": f"password={MASK}", "key": "ada"}
    assert showing(app).event("mail", {"result": "[1]"}) == {"result": "[1]"}


@pytest.mark.parametrize(
    ("settings", "key"),
    [({}, "ada"), ({"formatters": {"result": wrapped}}, "ada"), ({"redact": ["ssn"]}, MASK),
     ({"formatters": {"data": wrapped}}, MASK)],
)  # fmt: skip
def test_keys_are_hidden_where_parts_of_payloads_are(app: Taskora, settings: dict[str, Any], key: str) -> None:
    assert showing(app, **settings).key("ada") == key
    assert showing(app, **settings).event("mail", {"key": "ada"})["key"] == key
    assert "hunter2" not in showing(app, **settings).key("token=hunter2")


def test_a_workflow_is_shown_by_the_formatters_of_its_nodes_and_ends(app: Taskora) -> None:
    nodes = tuple(
        WorkflowNodeRecord(number, task, task, (), "completed", b"1", b"2") for number, task in enumerate("abc")
    )
    record = WorkflowRecord("id", "flow", "completed", datetime.now(UTC), nodes, (1, 2), b"[3,4]")
    told = showing(app, formatters={"data": wrapped, "result": wrapped}).workflow(record)
    for node in told.nodes:
        assert json.loads(node.data or b"") == {node.task: 1, "token": MASK}
        assert json.loads(node.result or b"") == {node.task: 2, "token": MASK}
    assert json.loads(told.result or b"") == [{"b": 3, "token": MASK}, {"c": 4, "token": MASK}]
    assert showing(app).workflow(record) == record


def test_a_workflow_without_what_a_formatter_formats_stays_without_it(app: Taskora) -> None:
    nodes = (WorkflowNodeRecord(0, "a", "a", (), "pending"),)
    record = WorkflowRecord("id", "flow", "running", datetime.now(UTC), nodes, (0,))
    assert showing(app, formatters={"data": wrapped, "result": wrapped}).workflow(record) == record


def test_results_that_do_not_fit_the_ends_of_a_workflow_are_told_of_only(app: Taskora) -> None:
    nodes = tuple(WorkflowNodeRecord(number, task, task, (), "completed") for number, task in enumerate("ab"))
    record = WorkflowRecord("id", "flow", "completed", datetime.now(UTC), nodes, (0, 1), b'"bare"')
    assert b"bare" not in (showing(app, formatters={"result": wrapped}).workflow(record).result or b"")
