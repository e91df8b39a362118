"""Jobs are dispatched from the board with payloads that somebody typed, and only with such as their task takes."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from integration.board.visitor import Visitor, visiting_alone
from integration.engine.kit import echo_of, working
from taskora import Task, Taskora


@dataclass
class Order:
    customer: int
    note: str = ""


def orders(app: Taskora) -> Task[Order, Any]:
    @app.task("orders")
    async def order(data: Order) -> None: ...

    return order


async def again(visitor: Visitor, job_id: str, **form: str) -> Any:
    return await visitor.do(f"job/again?task=orders&id={job_id}", 200, **form)


async def test_a_job_is_dispatched_again_with_the_payload_as_it_was_edited(app: Taskora) -> None:
    task = orders(app)
    async with visiting_alone(app) as visitor:
        handle = await task.dispatch(Order(1, "first"), priority=3)
        page = await visitor.page(f"job/again?task=orders&id={handle.id}")
        (area,) = page.all("textarea", name="data")
        assert orjson.loads(area.text) == {"customer": 1, "note": "first"}
        assert page.all("input", name="priority")[0].attributes["value"] == "3"
        told = await again(visitor, handle.id, data='{"customer": 2, "note": "second"}', priority="5")
        job = await visitor.json(f"jobs/{told['jobId']}")
        assert (job["data"], job["priority"], job["state"]) == ({"customer": 2, "note": "second"}, 5, "waiting")
        assert told["back"] == f"/board/job?task=orders&id={told['jobId']}"
        assert (await visitor.json(f"jobs/{handle.id}"))["data"]["note"] == "first"


async def test_a_delay_is_taken_as_it_is_written(app: Taskora) -> None:
    task = orders(app)
    async with visiting_alone(app) as visitor:
        handle = await task.dispatch(Order(1))
        told = await again(visitor, handle.id, data='{"customer": 1}', delay="2h")
        job = await visitor.json(f"jobs/{told['jobId']}")
        assert job["state"] == "delayed"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"data": '{"customer": "many"}'}, "customer"),
        ({"data": "{}"}, "customer"),
        ({"data": "[]"}, "orders"),
        ({"data": '{"customer": 1'}, "JSON"),
        ({"data": ""}, "JSON"),
        ({"data": '{"customer": 1}', "priority": "high"}, "priority"),
        ({"data": '{"customer": 1}', "priority": "-1"}, "priority"),
        ({"data": '{"customer": 1}', "priority": "901"}, "priority"),
        ({"data": '{"customer": 1}', "delay": "soon"}, "soon"),
        ({"data": '{"customer": 1}', "delay": "-1s"}, "-1s"),
        ({"data": '{"customer": 1}', "delay": "99999999d"}, "delay"),
    ],
)
async def test_what_the_task_does_not_take_is_told_and_not_stored(
    app: Taskora, form: dict[str, str], says: str
) -> None:
    task = orders(app)
    async with visiting_alone(app) as visitor:
        handle = await task.dispatch(Order(1))
        before = await app.inspect().stats_async("orders")
        told = await visitor.do(f"job/again?task=orders&id={handle.id}", 400, **form)
        assert told["ok"] is False
        assert says in told["error"]
        page = await visitor.send(f"job/again?task=orders&id={handle.id}", 400, **form)
        assert "This cannot be done" in page.text
        assert await app.inspect().stats_async("orders") == before


async def test_masked_values_are_pointed_out_before_they_are_stored(app: Taskora) -> None:
    task = echo_of(app, "orders")
    async with visiting_alone(app) as visitor:
        handle = await task.dispatch({"customer": 1, "password": "hunter2"})
        page = await visitor.page(f"job/again?task=orders&id={handle.id}")
        assert "hunter2" not in page.text
        assert "type them anew" in page.text
        plain = await task.dispatch({"customer": 1})
        assert "type them anew" not in (await visitor.page(f"job/again?task=orders&id={plain.id}")).text


async def test_a_task_that_the_board_does_not_define_takes_any_payload(app: Taskora, engine: Any) -> None:
    worker = engine.app()
    echo_of(worker, "elsewhere")
    async with working(worker), visiting_alone(app) as visitor:
        page = await visitor.page("task/dispatch?task=elsewhere")
        assert "the worker checks the payload" in page.text
        told = await visitor.do("task/dispatch?task=elsewhere", data='{"any": ["thing"]}')
        assert (await visitor.json(f"jobs/{told['jobId']}"))["data"] == {"any": ["thing"]}
        await visitor.do("task/dispatch?task=elsewhere", 400, data="{")


async def test_nothing_is_stored_for_a_task_that_nobody_knows(app: Taskora) -> None:
    async with visiting_alone(app) as visitor:
        await visitor.do("task/dispatch?task=nobody", 404, data="1")
        await visitor.do("task/dispatch?" + urlencode({"task": "no body"}), 400, data="1")
        await visitor.do("job/again?task=nobody&id=x", 404, data="1")
        assert await app.inspect().tasks_async() == []
