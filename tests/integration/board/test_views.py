"""Each page shows what it is about, to people, to scripts, and to those who ask for what is not there."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from integration.board.town import Town
from integration.board.visitor import JSON, Visitor, visiting, visiting_alone
from integration.engine.kit import ended
from support import Server, wait_until_async
from taskora import Retry, State, Taskora

SECONDS_TO_COME_BACK = 30.0

SHOWS: dict[str, tuple[str, ...]] = {
    "": ("Overview", "mail.send", "mail.fail", "Server", "Memory"),
    "workflows": ("nightly", "failed"),
    "schedules": ("nightly", "every 1 h", "mail.send"),
    "dead-letters": ("RuntimeError", "it rained", "mail.fail"),
    "workers": ("Workers",),
    "migrations": ("mail.send", "mail.gate"),
    "search": ("user_id", "mail.send"),
    "audit": ("Nobody did anything yet",),
    "task?name=mail.send": ("mail.send", "completed", "Options", "user_id"),
    "task?name=mail.fail&state=failed": ("it rained",),
    "task?name=mail.send&where=user_id&is=7": ("completed", "delayed", "found"),
}


@pytest.mark.parametrize("path", SHOWS)
async def test_a_page_shows_what_it_is_about(town: Town, path: str) -> None:
    async with visiting(town.app) as visitor:
        page = await visitor.page(path)
    missing = [text for text in SHOWS[path] if text not in page.text]
    assert not missing, page.text
    (main,) = page.all("main")
    assert main.attributes["data-title"]


async def test_the_overview_marks_tasks_that_nobody_works(app: Taskora) -> None:
    for name in ("mail.lost", "mail.none"):
        app.task(name, handler=_nothing)
    await app.find_task("mail.lost").dispatch(None)
    async with visiting(app) as visitor:
        page = await visitor.page()
    rows = {name: row.text for name in ("mail.lost", "mail.none") for row in page.all("tr", id=f"task-{name}")}
    assert "no worker" in rows["mail.lost"]
    assert "no worker" not in rows.get("mail.none", "")


async def test_the_page_of_a_job_shows_all_that_is_known_of_it(town: Town) -> None:
    async with visiting(town.app) as visitor:
        for kind, texts in {
            "completed": ("completed", "it rained", "hello", "Timeline", "step"),
            "failed": ("failed", "RuntimeError", "it rained", "Traceback", "raise RuntimeError"),
            "active": ("active", "50", "Lock held by"),
            "delayed": ("delayed", "hello"),
            "cancelled": ("cancelled", "it rained"),
        }.items():
            text = (await visitor.page(f"job?{town.job(kind)}")).text
            assert [each for each in texts if each not in text] == [], kind


async def test_the_page_of_a_job_says_that_it_tells_of_the_newest_attempts_alone(app: Taskora) -> None:
    @app.task("mail.fail", retry=Retry(attempts=25, backoff="fixed", delay=0.001))
    async def fail(data: None) -> None:
        raise RuntimeError("it rained")

    await app.start()
    try:
        failed = await fail.dispatch(None)
        assert await ended(failed) == "failed"
        async with visiting(app) as visitor:
            text = (await visitor.page(f"job?task=mail.fail&id={failed.id}")).text
    finally:
        await app.close_async(5)
    assert "Attempts that did not succeed 20" in text
    assert "Only the newest 20 are kept" in text


async def test_the_page_of_a_workflow_shows_its_nodes_and_leads_to_their_jobs(town: Town) -> None:
    async with visiting(town.app) as visitor:
        page = await visitor.page(f"workflow?id={town.workflow}")
        assert {"nightly", "it rained", "completed", "failed"} <= set(
            re.findall(r"nightly|it rained|[a-z]+ed", page.text)
        )
        jobs = [link for link in page.links() if "/job?" in link]
        assert len(jobs) >= 2
        await visitor.page(jobs[0])


async def test_the_page_of_migrations_draws_how_many_jobs_have_which_version(town: Town) -> None:
    async with visiting(town.app) as visitor:
        page = await visitor.page("migrations")
    assert [bar.attributes["aria-label"] for bar in page.all("svg")] == ["1 of v1", "1 of v1", "1 of v1"]


async def test_payloads_results_and_graphs_can_be_saved_as_files(town: Town) -> None:
    async with visiting(town.app) as visitor:
        payload = await visitor.get(f"job/raw?{town.job('completed')}")
        assert payload.json() == {"user_id": 7, "note": "hello"}
        assert payload.headers["content-disposition"] == 'attachment; filename="payload.json"'
        result = await visitor.get(f"job/raw?{town.job('completed')}&part=result")
        assert result.json()["sent"] == "it rained"
        assert "mail.send" in (await visitor.get(f"workflow/graph?id={town.workflow}")).json()["nodes"][0]["task"]
        assert "mail.send" in (await visitor.get(f"workflow/graph?id={town.workflow}&format=mermaid")).text


async def test_a_search_by_id_leads_to_the_job_the_workflow_or_the_task(town: Town) -> None:
    async with visiting(town.app) as visitor:
        job_id = town.jobs["completed"][1]
        for wanted, target in {
            job_id: f"/board/job?task=mail.send&id={job_id}",
            town.workflow: f"/board/workflow?id={town.workflow}",
            "mail.send": "/board/task?name=mail.send",
        }.items():
            assert (await visitor.get(f"search?id={wanted}", 303)).headers["location"] == target
        assert "never existed" in (await visitor.page("search?id=nobody", 404)).text
        await visitor.page("search?id=%7Bno%20id%7D", 404)


async def test_a_script_gets_the_main_part_of_each_page_alone(town: Town) -> None:
    async with visiting(town.app) as visitor:
        for path in [each for each in town.pages() if "raw" not in each and "graph" not in each]:
            text = (await visitor.get(path, X_Taskora_Part="main")).text.strip()
            assert text.startswith('<main id="main"'), path
            assert text.endswith("</main>"), path


async def test_every_page_can_be_asked_for_its_head(town: Town) -> None:
    async with visiting(town.app) as visitor:
        for path in town.pages():
            await visitor.ask("HEAD", path, 200)
        await visitor.ask("HEAD", "api/overview", 200)
        await visitor.ask("HEAD", "static/board.css", 200)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("nowhere", 404, "no page"),
        ("task?name=nobody", 404, "nobody"),
        ("job?task=mail.send&id=nobody", 404, "nobody"),
        ("job?id=nobody", 404, "nobody"),
        ("workflow?id=nobody", 404, "nobody"),
        ("task", 400, "task: this address needs it"),
        ("job", 400, "id"),
        ("task?name=%7Bx%7D", 400, "x"),
        ("job?task=mail.send&id=a%3Ab", 400, "id"),
        ("task?name=mail.send&state=asleep", 400, "state"),
        ("task?name=mail.send&offset=-1", 400, "offset"),
        ("task?name=mail.send&offset=%C2%B3", 400, "offset"),
        ("task?name=mail.send&where=user_id&is=7&cursor=x", 400, "cursor"),
        ("task?name=mail.send&where=age&is=7", 400, "age"),
        ("workflows?state=asleep", 400, "state"),
        ("audit?before=x", 400, "before"),
        ("schedule/pause?name=nobody", 404, "nobody"),
        ("job/retry?task=mail.send&id=nobody", 404, "nobody"),
    ],
)
async def test_what_is_not_there_is_told_on_a_page_and_to_programs(
    town: Town, path: str, status: int, says: str
) -> None:
    async with visiting(town.app) as visitor:
        page = await visitor.page(path, status)
        assert says in page.all("p", role="alert")[0].text
        told = (await visitor.get(path, status, **JSON)).json()
        assert told["ok"] is False
        assert says in told["error"]


async def test_a_page_can_only_be_looked_at(town: Town) -> None:
    async with visiting(town.app) as visitor:
        for path in ("", "audit", f"job?{town.job('completed')}"):
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                await visitor.ask(method, path, 405, headers={"Origin": "http://board.test"})


async def test_the_board_says_that_the_server_is_gone_and_goes_on_when_it_is_back(app: Taskora, server: Server) -> None:
    async with visiting_alone(app) as visitor:
        await visitor.page()
        server.stop()
        page = await visitor.page("workers", 503)
        assert "cannot be reached" in page.text
        told = (await visitor.get("api/dlq", 503)).json()
        assert told["error"]
        server.start()
        await wait_until_async(
            lambda: _answers(visitor), SECONDS_TO_COME_BACK, "the board did not see the server come back"
        )


async def _answers(visitor: Visitor) -> bool:
    return (await visitor.client.get("/board/")).status_code == 200


async def test_the_password_of_a_server_that_is_gone_is_not_told() -> None:
    app = Taskora("redis://ada:very-private@127.0.0.1:1/0", prefix="t")
    async with visiting_alone(app) as visitor:
        answers = await asyncio.gather(*(visitor.get(path, 503) for path in ("workers", "", "api/overview")))
        for answer in answers:
            assert "127.0.0.1:1" in answer.text
            assert "very-private" not in answer.text


async def test_lists_are_paged(app: Taskora) -> None:
    task = app.task("many", _nothing)
    async with visiting_alone(app) as visitor:
        await task.dispatch_many([None] * 60)
        first = await visitor.page("task?name=many")
        (following,) = first.all("a", rel="next")
        second = await visitor.page(following.attributes["href"] or "")
        third = await visitor.page(second.all("a", rel="next")[0].attributes["href"] or "")
        assert not third.all("a", rel="next")
        jobs = [
            {each.attributes["id"] for each in page.all("tr") if "id" in each.attributes}
            for page in (first, second, third)
        ]
        assert [len(each) for each in jobs] == [25, 25, 10]
        assert len(jobs[0] | jobs[1] | jobs[2]) == 60
        back = await visitor.page(third.all("a", rel="prev")[0].attributes["href"] or "")
        assert back.all("tr")[1].attributes == second.all("tr")[1].attributes


async def _nothing(data: None) -> None: ...


async def test_the_page_of_schedules_says_what_became_of_the_last_job(app: Taskora) -> None:
    @app.task("mail.fail")
    async def fail(data: None) -> None:
        raise RuntimeError("it rained")

    app.schedule("often", task=fail, every=1)
    app.schedule("never", task=fail, every=3600)
    await app.start()
    try:
        async with visiting(app) as visitor:
            assert await wait_until_async(lambda: _has_run(app, "often"), timeout=30)
            await app.schedules.pause_async("often")
            assert await wait_until_async(lambda: _all_failed(app, "mail.fail"), timeout=30)
            assert "failed" in await _row(visitor, "often")
            assert "gone" not in await _row(visitor, "often")
            assert "failed" not in await _row(visitor, "never")
            await app.inspect().clean_async("mail.fail", State.FAILED, datetime.now(UTC) + timedelta(minutes=1), 100)
            assert "gone" in await _row(visitor, "often")
            assert "failed" not in await _row(visitor, "often")
    finally:
        await app.close_async(5)


async def _has_run(app: Taskora, name: str) -> bool:
    return any(one.last_job_id for one in await app.schedules.list_async() if one.name == name)


async def _all_failed(app: Taskora, task: str) -> bool:
    stats = await app.inspect().stats_async(task)
    return stats.failed > 0 and not stats.waiting and not stats.active


async def _row(visitor: Visitor, schedule: str) -> str:
    (row,) = (await visitor.page("schedules")).all("tr", id=f"schedule-{schedule}")
    return row.text.replace("mail.fail", "")
