"""Requests that no page of the board makes: they change nothing, confuse nothing, and are told what is wrong."""

import threading
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from integration.board.town import Town
from integration.board.visitor import ORIGIN, looking_at, visiting
from taskora.board import SessionLogin, create_board


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND", "post"])
async def test_only_post_does_what_a_page_asks_about(town: Town, method: str) -> None:
    async with visiting(town.app) as visitor:
        transport = visitor.client
        answer = await transport.request(method, "/board/task/pause?task=mail.send", headers={"Origin": ORIGIN})
    if method != "post":  # which httpx writes in capitals
        assert answer.status_code == 405
        assert await town.app.inspect().paused_async() == {}


@pytest.mark.parametrize(
    "path", ["task/pause?task=mail.send&name=mail.fail", "api/tasks/mail.send/pause?name=mail.fail"]
)
async def test_a_second_name_of_a_task_changes_nothing(town: Town, path: str) -> None:
    async with visiting(town.app) as visitor:
        await visitor.ask("POST", path, 200 if path.startswith("api/") else 303)
    assert list(await town.app.inspect().paused_async()) == ["mail.send"]


async def test_a_confirmation_has_no_inputs_but_what_its_action_goes_by(town: Town) -> None:
    async with visiting(town.app) as visitor:
        page = await visitor.page("task/pause?task=mail.send&action=//evil.test/&querySelector=x&method=get")
    names = {each.attributes.get("name") for each in page.all("input", type="hidden")}
    assert names == {"task"}


@pytest.mark.parametrize(
    "path",
    [
        "task?name=mail.send&path=x&self=y",
        "schedules?path=x&self=y",
        "workflow?id={workflow}&open=" + "9" * 5000,
        "workflow?id={workflow}&open=" + "1," * 5000,
        "workflow?id={workflow}&path=x",
    ],
)
async def test_values_that_no_page_knows_are_not_looked_at(town: Town, path: str) -> None:
    async with visiting(town.app) as visitor:
        await visitor.page(path.format(workflow=town.workflow))


@pytest.mark.parametrize("every", ["²", "9" * 5000, "-1", "x", "0"])
async def test_a_period_that_is_none_is_refused(town: Town, every: str) -> None:
    async with visiting(town.app) as visitor:
        await visitor.call("PUT", "schedules/nightly", 400, every=every)


async def test_what_a_path_is_mounted_at_goes_no_further_than_the_path(town: Town) -> None:
    board = Starlette(routes=[Mount("/{place}", create_board(town.app).app)])
    async with looking_at(board, "/a%0d%0ab;%20c") as visitor:
        page = await visitor.page("")
        assert all(link.startswith("/a%0D%0Ab%3B%20c/") for link in page.links() if not link.startswith("#"))
        answer = await visitor.client.post(f"{visitor.prefix}/task/pause?task=mail.send", headers={"Origin": ORIGIN})
    told: Mapping[str, Any] = answer.headers
    assert answer.status_code == 303
    assert told["location"] == "/a%0D%0Ab%3B%20c/"
    assert "; Path=/a%0D%0Ab%3B%20c/;" in told["set-cookie"]


@pytest.mark.parametrize("path", ["dead-letters", "api/dlq"])
async def test_a_list_of_all_tasks_is_not_read_far_down(town: Town, path: str) -> None:
    async with visiting(town.app) as visitor:
        await visitor.get(f"{path}?offset=1000")
        await visitor.get(f"{path}?offset=1000000000", 400)
        await visitor.get(f"{path}?offset=1000000000&task=mail.fail")


async def test_large_payloads_do_not_keep_other_pages_waiting(town: Town) -> None:
    places: set[bool] = set()

    def shown(value: object, task: str) -> object:
        places.add(threading.current_thread() is threading.main_thread())
        return value

    job = town.job("completed")
    pages = ("task?name=mail.send&state=completed", f"job?{job}", f"job/raw?{job}")
    reads = (f"jobs/{town.jobs['completed'][1]}", "tasks/mail.send/jobs?state=completed", "dlq")
    async with visiting(town.app, formatters={"data": shown, "result": shown}) as visitor:
        for path in (*pages, *(f"api/{read}" for read in reads)):
            places.clear()
            await visitor.get(path)
            assert places == {False}, path


async def test_a_notice_waits_for_the_page_that_shows_it(town: Town) -> None:
    async with visiting(town.app) as visitor:
        await visitor.send("task/pause?task=mail.send")
        part = await visitor.get("workers", X_Taskora_Part="main")  # another page that is open brings itself up to date
        assert "set-cookie" not in part.headers
        assert "mail.send is paused" in (await visitor.get("workers")).text
        assert "mail.send is paused" not in (await visitor.get("workers")).text


WITHOUT_SESSION = (
    "/board/api/overview", "/board//api/overview", "/board/api//overview", "/board/api/overview/",
    "/board/API/overview", "/board/static/../api/overview", "/board/static/%2e%2e/api/overview",
    "/board/static/..%2fapi/overview", "/board/%61pi/overview", "/board/login/../api/overview",
    "/board/login/api/overview", "/board/login;/../api/overview", "/board/auth/login/../../metrics",
    "/board/metrics", "/board//metrics//", "/board/live?watch=time", "/board/api/events", "/board/api/config",
    "/board/job/raw", "/board/board/api/overview", "/board/static/api/overview", "/board/", "/board",
    "/board//", "/board/.", "/board/%00",
)  # fmt: skip


@pytest.mark.parametrize("root_path", ["", "/board", "/outer"])
@pytest.mark.parametrize("base_path", ["/board", ""])
async def test_no_way_of_writing_a_path_leads_past_the_login(town: Town, root_path: str, base_path: str) -> None:
    login = SessionLogin("k" * 32, lambda name, password: None)
    board = create_board(town.app, auth=login, base_path=base_path).app
    async with looking_at(board, root_path=root_path) as visitor:
        for path in WITHOUT_SESSION:
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                for more in ({}, {"Accept": "application/json"}, {"X-HTTP-Method-Override": "GET"}):
                    raw = httpx.URL(f"{ORIGIN}{root_path}").copy_with(raw_path=f"{root_path}{path}".encode())
                    answer = await visitor.client.request(method, raw, headers={"Origin": ORIGIN, **more})
                    assert answer.status_code in (303, 307, 401, 404, 405), (method, path, more)
                    assert "mail.send" not in answer.text
                    assert answer.headers.get("location", "/").startswith("/")
                    assert not answer.headers.get("location", "/").startswith(("//", "/\\"))


@pytest.mark.parametrize("depth", [300, 2_000, 100_000])
async def test_a_payload_that_is_too_deep_is_refused(town: Town, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    headers = {"Content-Type": "application/json"}
    async with visiting(town.app) as visitor:
        await visitor.send("task/dispatch?task=mail.send", 400, data=deep)
        await visitor.send("schedule/edit?name=nightly", 400, data=deep)
        for name in ("data", "every"):
            body = f'{{"{name}": {deep}}}'
            await visitor.ask("PUT", "api/schedules/nightly", 400, content=body, headers=headers)
