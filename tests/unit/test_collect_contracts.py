"""Contracts of tasks that collect: both sides know how, and each checks what it is given."""

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from taskora import (
    Collect,
    CollectContract,
    CollectTask,
    ConfigError,
    Defaults,
    Retry,
    Taskora,
    ValidationError,
    define_task,
    into,
    static_contract,
)

UNTYPED_DEFINE: Callable[..., Any] = define_task


@dataclass
class Row:
    table: str
    n: int = 0


def table_of(row: Row) -> str:
    return row.table


def insert(rows: list[Row]) -> int:
    return len(rows)


INSERT = define_task("insert", input=Row, output=int, collect=Collect(table_of, "1h"), retry=Retry(attempts=3))


def app(**options: Any) -> Taskora:
    return Taskora("memory://", defaults=Defaults(retry=Retry(attempts=7), timeout=9), **options)


def test_it_is_a_frozen_value_that_travels() -> None:
    assert isinstance(INSERT, CollectContract)
    assert pickle.loads(pickle.dumps(INSERT)) == INSERT
    assert len({INSERT, pickle.loads(pickle.dumps(INSERT))}) == 1


def test_what_is_registered_takes_items_and_knows_the_type_of_a_batch() -> None:
    taskora = app()
    task = taskora.register(INSERT)
    assert taskora.register(INSERT) is task
    assert isinstance(task, CollectTask)
    assert (task.item_type, task.input_type, task.output_type) == (Row, list[Row], int)
    task.dispatch(Row("a", 1))
    task.dispatch_many([Row("a", 2), Row("b", 3)])
    assert task.peek_collect("a") == [Row("a", 1), Row("a", 2)]
    info = task.inspect_collect("b")
    assert info is not None
    assert info.count == 1


def test_a_later_implement_makes_it_run_here_with_the_same_buffer() -> None:
    taskora = app()
    task = taskora.register(INSERT)
    running = taskora.implement(INSERT, insert, concurrency=4)
    assert isinstance(running, CollectTask)
    assert taskora.register(INSERT) is task
    assert (task.options, task.collect, task.item_type) == (running.options, INSERT.collect, Row)
    running.dispatch(Row("a", 1))
    assert task.peek_collect("a") == [Row("a", 1)]
    assert running([Row("a")]) == 1


@pytest.mark.parametrize("form", ["a handler", "a handler and options", "a decorator"])
def test_each_form_of_implement_takes_a_handler_of_a_list(form: str) -> None:
    taskora = app()
    if form == "a handler":
        options = taskora.implement(INSERT, insert).options
        assert (options.retry, options.timeout_s) == (Retry(attempts=3), 9)
    elif form == "a handler and options":
        options = taskora.implement(INSERT, insert, retry=Retry(attempts=5), timeout=4).options
        assert (options.retry, options.timeout_s) == (Retry(attempts=5), 4)
    else:

        @taskora.implement(INSERT, concurrency=2)
        def handler(rows: list[Row]) -> int:
            return len(rows)

        assert (handler.options.concurrency, handler.options.retry) == (2, Retry(attempts=3))
    assert isinstance(taskora.tasks["insert"], CollectTask)


def test_an_item_is_checked_where_it_is_dispatched_unless_the_contract_is_static() -> None:
    task = app().register(INSERT)
    with pytest.raises(ValidationError, match="item of task 'insert'"):
        task.dispatch({"table": 5})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
    static: Any = app().register(static_contract("static", input=Row, output=int, collect=Collect("all", "1h")))
    contract: CollectContract[Any, Any] = static_contract("untyped", collect=Collect[Any]("all", "1h"))
    untyped: Any = app().register(contract)
    for each in (static, untyped):
        each.dispatch({"table": 5})
        each.dispatch(Row("a"), skip_validation=False) if each is static else each.dispatch("anything")
        assert each.inspect_collect("all").count == 2


def test_migrations_of_the_worker_are_of_items() -> None:
    versioned = define_task("insert", input=Row, output=int, collect=Collect(table_of, "1h"), version=1)
    taskora = app()

    def renamed(item: Any) -> Row:
        return Row(item["name"], 7)

    running = taskora.implement(INSERT, insert, migrate=[into(Row, renamed)])
    assert running.options.version == 2
    batch = running.decode_input(b'[{"name":"a"},{"name":"b"}]', 1, "7")
    assert batch == [Row("a", 7), Row("b", 7)]
    with pytest.raises(ValidationError, match="input of task 'insert'") as caught:
        running.decode_input(b'[{"table":"a"},{"table":5}]', 2, "7")
    assert [issue.path for issue in caught.value.issues] == [(1, "table")]
    assert app().register(versioned).options.version == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UNTYPED_DEFINE("a", input=int, output=int, collect=5), "collect: expected Collect(...), got 5"),
        (
            lambda: UNTYPED_DEFINE("a", input=int, output=int, collect=Collect("k", 1), ttl=5),
            "ttl: it excludes collect",
        ),
        (lambda: UNTYPED_DEFINE("a", input=complex, output=int, collect=Collect("k", 1)), "no converter"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused_where_it_is_declared(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()


def test_a_handler_of_single_items_or_another_collect_is_refused() -> None:
    taskora = app()

    def one(row: Row) -> int:
        return row.n

    with pytest.raises(ConfigError, match=re.escape("one takes Row, the contract's are given list[")):
        taskora.implement(INSERT, one)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue] - what the test is about
    with pytest.raises(ConfigError, match=r"collect: contract 'insert' says it.*define_task"):
        taskora.implement(INSERT, insert, collect=Collect(table_of, 1))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - the same


def test_a_task_and_its_contract_both_collect_or_neither_does() -> None:
    plain = define_task("insert", input=list[Row], output=int)
    for contract, collect in ((INSERT, None), (plain, Collect[Row](table_of, "1h"))):
        options: dict[str, Any] = {} if collect is None else {"collect": collect}
        registered, defined = app(), app()
        registered.register(contract)
        with pytest.raises(ConfigError, match="collect: of task 'insert' and its contract, the"):
            registered.task("insert", insert, **options)
        assert not registered.tasks
        defined.task("insert", insert, **options)
        with pytest.raises(ConfigError, match="collect: of task 'insert' and its contract, the"):
            defined.register(contract)
    taskora = app()
    taskora.register(INSERT)
    with pytest.raises(ConfigError, match="different input, retry, collect"):
        taskora.register(plain)


def test_the_type_that_is_given_for_a_task_that_collects_is_of_an_item() -> None:
    def untyped(rows: Any) -> Any:
        return rows

    task: CollectTask[Any, Any] = app().task("insert", untyped, input=Row, collect=Collect[Any]("all", "1h"))
    assert (task.item_type, task.input_type) == (Row, list[Row])


@pytest.mark.parametrize("method", ["peek_collect", "inspect_collect"])
async def test_looking_into_a_buffer_of_what_does_not_collect_says_what_to_do(method: str) -> None:
    taskora = app()
    plain = taskora.task("plain", table_of)
    elsewhere: Any = taskora.find_task("elsewhere")
    for task in (plain, elsewhere):
        with pytest.raises(ConfigError, match=rf"^{method}: task '{task.name}' does not collect.*collect=Collect"):
            getattr(task, method)("all")
        with pytest.raises(ConfigError, match=rf"^{method}_async: task '{task.name}' does not collect"):
            await getattr(task, f"{method}_async")("all")
