"""What a supervisor can be asked for on the board: the question, the answer, the roles and the account."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.requests import Request

from integration.board.visitor import visiting_alone
from taskora import SupervisorRequest, Taskora
from taskora.board import Role, User
from taskora.model import WorkerRecord

HERE, DEAF = "host:5:00112233445566aa", "host:6:00112233445566aa"
PATHS = {
    "recycle": f"supervisor/recycle?id={HERE}&slot=1",
    "recycle all": f"supervisor/recycle?id={HERE}",
    "scale": f"supervisor/scale?id={HERE}",
    "drain": f"supervisor/drain?id={HERE}",
}


async def register(app: Taskora, supervisor: str, *, obeys: bool = True) -> None:
    slots = [
        {"slot": slot, "pid": 100 + slot, "generation": 1, "state": "ready", "worker": "", "active": 3, "restarts": 0}
        for slot in range(2)
    ]
    told: dict[str, object] = {"id": supervisor, "supervisor": 5, "procs": 2, "remoteControl": obeys, "slots": slots}
    now = datetime.now(UTC)
    await app.adapter.house.register(
        WorkerRecord(f"s{supervisor}", "steward", "host", 7, (), 0, 0, 0, 1, now, now, "1", False, told), 60_000
    ).run_async()


def yes(request: SupervisorRequest) -> SupervisorRequest:
    return replace(request, state="accepted")


def no(request: SupervisorRequest) -> SupervisorRequest:
    return replace(request, state="refused", reason="it is tired")


@contextlib.asynccontextmanager
async def steward(
    app: Taskora, answer: Callable[[SupervisorRequest], SupervisorRequest]
) -> AsyncGenerator[list[SupervisorRequest]]:
    """Somebody who answers as a steward does; gives the requests that it had."""
    had: list[SupervisorRequest] = []

    async def serve() -> None:
        while True:
            for waiting in await app.adapter.requests.waiting(HERE, 9).run_async():
                assert waiting.request is not None
                had.append(waiting.request)
                await app.adapter.requests.answer(answer(waiting.request)).run_async()
                await app.adapter.requests.done(HERE, waiting.raw).run_async()
            await asyncio.sleep(0.01)

    serving = asyncio.create_task(serve())
    try:
        yield had
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def as_user(role: Role) -> Any:
    def auth(request: Request) -> User:
        return User("ada", role)

    return auth


async def test_supervisors_are_shown_with_what_each_can_be_asked_for(app: Taskora) -> None:
    async with visiting_alone(app) as visitor:
        await register(app, HERE)
        await register(app, DEAF, obeys=False)
        page = await visitor.page("workers")
        assert "it takes no requests" in page.text
        assert "2 wanted" in page.text
        labels = [link.text for link in page.all("a", role="button")]
        assert sorted(labels) == ["Drain…", "Recycle", "Recycle", "Recycle all", "Scale…"]


@pytest.mark.parametrize(
    ("what", "title", "says"),
    [
        ("recycle", "Recycle the worker in slot 1", "3 running jobs"),
        ("recycle all", "Recycle 2 worker processes", "6 running jobs"),
        ("scale", "Scale host", "6 running jobs"),
        ("drain", "Drain host", "Kubernetes or whatever else started it may start it again"),
    ],
)
async def test_a_question_says_how_many_workers_and_jobs_it_touches(
    app: Taskora, what: str, title: str, says: str
) -> None:
    async with visiting_alone(app) as visitor:
        await register(app, HERE)
        page = await visitor.page(PATHS[what])
        assert page.all("h1", id="dialog-title")[0].text.startswith(title)
        assert says in page.text
        assert await app.adapter.requests.waiting(HERE, 9).run_async() == [], "asking did something"


@pytest.mark.parametrize(
    ("what", "form", "asked", "count"),
    [
        ("recycle", {}, ("recycle", 1, None), 1),
        ("recycle all", {}, ("recycle", None, None), 2),
        ("scale", {"procs": "5"}, ("scale", None, 5), 3),
        ("drain", {}, ("drain", None, None), 2),
    ],
)
async def test_what_is_confirmed_is_asked_for_and_noted(
    app: Taskora, what: str, form: dict[str, str], asked: tuple[object, ...], count: int
) -> None:
    async with visiting_alone(app, auth=as_user(Role.ADMIN)) as visitor, steward(app, yes) as had:
        await register(app, HERE)
        told = await visitor.do(PATHS[what], 200, **form)
        assert (told["ok"], told["state"], told["count"]) == (True, "accepted", count)
        assert [(one.action, one.slot, one.procs) for one in had] == [asked]
        (entry,) = await app.inspect().audit_async()
        assert (entry.who, entry.action, entry.outcome, entry.count) == ("ada", f"supervisor.{asked[0]}", "done", count)
        assert entry.target["id"] == HERE


async def test_what_the_supervisor_refuses_is_said_with_its_reason(app: Taskora) -> None:
    async with visiting_alone(app) as visitor, steward(app, no):
        await register(app, HERE)
        told = await visitor.do(PATHS["drain"], 409)
        assert (told["ok"], "it is tired" in told["error"]) == (False, True)


@pytest.mark.parametrize(
    "form", [{}, {"procs": ""}, {"procs": "x"}, {"procs": "0"}, {"procs": "1025"}, {"procs": "-1"}]
)
async def test_a_number_of_workers_that_cannot_be_is_refused(app: Taskora, form: dict[str, str]) -> None:
    async with visiting_alone(app) as visitor:
        await register(app, HERE)
        told = await visitor.do(PATHS["scale"], 400, **form)
        assert "procs" in told["error"]
        assert await app.adapter.requests.waiting(HERE, 9).run_async() == []


async def test_one_that_is_not_there_or_takes_no_requests_is_told_apart(app: Taskora) -> None:
    async with visiting_alone(app) as visitor:
        await register(app, DEAF, obeys=False)
        assert "no supervisor" in (await visitor.page(PATHS["drain"], 404)).text
        assert "takes no requests" in (await visitor.do(f"supervisor/drain?id={DEAF}", 400))["error"]
        await visitor.page("supervisor/drain", 400)
        await register(app, HERE)
        await visitor.page(f"supervisor/recycle?id={HERE}&slot=7", 404)
        await visitor.page(f"supervisor/recycle?id={HERE}&slot=x", 400)


async def test_recycling_is_for_those_who_operate_and_the_rest_for_administrators(app: Taskora) -> None:
    async with visiting_alone(app, auth=as_user(Role.OPERATE)) as visitor, steward(app, yes) as had:
        await register(app, HERE)
        for what in ("scale", "drain"):
            await visitor.page(PATHS[what], 403)
            await visitor.send(PATHS[what], 403, procs="3")
        labels = [link.text for link in (await visitor.page("workers")).all("a", role="button")]
        assert sorted(labels) == ["Recycle", "Recycle", "Recycle all"]
        assert had == []
        await visitor.send(PATHS["recycle"])
        assert [one.action for one in had] == ["recycle"]


async def test_a_board_that_is_read_only_asks_for_nothing(app: Taskora) -> None:
    async with visiting_alone(app, read_only=True) as visitor, steward(app, yes) as had:
        await register(app, HERE)
        for path in PATHS.values():
            await visitor.send(path, 403, procs="3")
        assert not (await visitor.page("workers")).all("a", role="button")
        assert had == []
