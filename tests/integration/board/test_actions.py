"""What can be done on the board: asked first, done once, noted, and refused to those who may not."""

from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from integration.board.town import Town, settled
from integration.board.visitor import JSON, ORIGIN, Visitor, visiting
from integration.engine.kit import PATIENCE_S, Engine
from support import wait_until_async
from taskora import Taskora
from taskora.board import Role, User

# Where it is asked for; what the title says; the form; what is noted: the action, its target and count.
ACTIONS: dict[str, tuple[str, dict[str, str], str, dict[str, object], int]] = {
    "task/pause?task=mail.send": ("Pause mail.send", {}, "task.pause", {"task": "mail.send"}, 1),
    "task/resume?task=mail.send": ("Resume mail.send", {}, "task.resume", {"task": "mail.send"}, 0),
    "task/retry-all?task=mail.fail": ("Retry 2 failed jobs", {}, "task.retry_all", {"task": "mail.fail"}, 2),
    "task/clean?task=mail.fail&state=failed": (
        "Remove failed jobs", {"older": "0s"}, "task.clean", {"task": "mail.fail", "state": "failed"}, 2,
    ),
    "task/dispatch?task=mail.send": ("Dispatch mail.send", {"data": "{}"}, "task.dispatch", {"task": "mail.send"}, 1),
    "job/retry?{failed}": ("Retry job", {}, "job.retry", {"task": "mail.fail"}, 1),
    "job/cancel?{delayed}": ("Cancel job", {"reason": "too late"}, "job.cancel", {"task": "mail.send"}, 1),
    "job/again?{completed}": (
        "Dispatch mail.send again", {"data": "{}"}, "job.dispatch_again", {"task": "mail.send"}, 1,
    ),
    "schedule/pause?name=nightly": ("Pause nightly", {}, "schedule.pause", {"name": "nightly"}, 1),
    "schedule/resume?name=nightly": ("Resume nightly", {}, "schedule.resume", {"name": "nightly"}, 1),
    "schedule/trigger?name=nightly": ("Trigger nightly", {}, "schedule.trigger", {"name": "nightly"}, 1),
    "schedule/edit?name=nightly": ("Edit nightly", {"every": "2h"}, "schedule.edit", {"name": "nightly"}, 1),
    "schedule/delete?name=nightly": ("Delete nightly", {}, "schedule.delete", {"name": "nightly"}, 1),
    "dead-letters/retry-all": ("Retry 2 failed jobs", {}, "dead_letters.retry_all", {}, 2),
}  # fmt: skip


def address(town: Town, path: str) -> str:
    return path.format_map({kind: town.job(kind) for kind in town.jobs})


async def noted(visitor: Visitor) -> list[str]:
    """What the page of the account lists."""
    page = await visitor.page("audit")
    return [each.text for each in page.all("tr") if (each.attributes.get("id") or "").startswith("entry-")]


@pytest.mark.parametrize("path", ACTIONS)
async def test_an_action_is_asked_for_before_it_is_done_and_noted(town: Town, path: str) -> None:
    title, form, name, target, count = ACTIONS[path]
    at = address(town, path)
    async with visiting(town.app, auth=as_user("ada", Role.ADMIN)) as visitor:
        before = await everything(town)
        page = await visitor.page(at)
        (heading,) = page.all("h1", id="dialog-title")
        assert heading.text.startswith(title)
        (confirmation,) = page.all("form", method="post")
        assert "data-confirm" in confirmation.attributes
        assert await everything(town) == before, "asking did something"
        assert await town.app.inspect().audit_async() == []

        answer = await visitor.send(at, 303, **form)
        assert answer.headers["location"].startswith("/board/")
        (entry,) = await town.app.inspect().audit_async()
        assert (entry.who, entry.role, entry.action, entry.outcome) == ("ada", "admin", name, "done")
        assert target.items() <= entry.target.items()
        assert entry.count == count
        (row,) = await noted(visitor)
        assert all(text in row for text in ("ada", "admin", name, "done"))


def as_user(name: str, role: Role) -> Any:
    def auth(request: Request) -> User:
        return User(name, role)

    return auth


async def everything(town: Town) -> object:
    inspector = town.app.inspect()
    stats = await inspector.stats_by_task_async()
    return stats, await inspector.paused_async(), await town.app.schedules.list_async()


@pytest.mark.parametrize("path", ACTIONS)
async def test_an_action_is_refused_to_those_who_may_only_look_and_that_is_noted(town: Town, path: str) -> None:
    at = address(town, path)
    async with visiting(town.app, auth=as_user("eve", Role.READ)) as visitor:
        before = await everything(town)
        await visitor.page(at, 403)
        page = await visitor.send(at, 403, **ACTIONS[path][1])
        assert "needs the role" in page.text
        assert await everything(town) == before
        (entry,) = await town.app.inspect().audit_async()
        assert (entry.who, entry.role, entry.action) == ("eve", "read", ACTIONS[path][2])
        assert (entry.outcome, entry.count) == ("refused", 0)


async def test_who_is_refused_again_and_again_pushes_nothing_out_of_what_was_done(town: Town, engine: Engine) -> None:
    at = "task/pause?task=mail.send"
    async with visiting(town.app) as visitor:
        await visitor.send(at)
    async with visiting(town.app, auth=as_user("eve", Role.READ)) as visitor:
        for _ in range(3):
            await visitor.send(at, 403)
    keys = town.app.adapter.keys
    assert [engine.raw.xlen(keys.own(name)) for name in ("audit", "audit:refused")] == [1, 3]
    assert [entry.outcome for entry in await town.app.inspect().audit_async()] == [*["refused"] * 3, "done"]


@pytest.mark.parametrize("path", ACTIONS)
async def test_nobody_does_anything_on_a_board_that_is_read_only(town: Town, path: str) -> None:
    at = address(town, path)
    async with visiting(town.app, read_only=True) as visitor:
        before = await everything(town)
        await visitor.page(at, 403)
        assert (await visitor.do(at, 403, **ACTIONS[path][1]))["error"] == "Board is in read-only mode"
        assert await everything(town) == before


async def test_a_board_that_is_read_only_offers_nothing_to_do(town: Town) -> None:
    async with visiting(town.app, read_only=True) as reading, visiting(town.app) as writing:
        for path in town.pages():
            if "raw" in path or "graph" in path:
                continue
            assert not (await reading.page(path)).all("a", role="button"), path
        assert (await writing.page(f"job?{town.job('failed')}")).all("a", role="button")


@pytest.mark.parametrize("path", ACTIONS)
async def test_a_form_of_another_site_does_nothing(town: Town, path: str) -> None:
    at = address(town, path)
    async with visiting(town.app) as visitor:
        before = await everything(town)
        for headers in (
            {"Origin": "http://evil.test"}, {"Origin": "null"}, {"Referer": "http://evil.test/board/"},
            {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": "http://other.board.test"},
        ):  # fmt: skip
            await visitor.ask("POST", at, 403, data=ACTIONS[path][1], headers=headers)
        assert await everything(town) == before


async def test_those_who_operate_may_not_do_what_needs_an_administrator(town: Town) -> None:
    async with visiting(town.app, auth=as_user("bob", Role.OPERATE)) as visitor:
        for path in (
            "schedule/edit?name=nightly",
            "schedule/delete?name=nightly",
            "task/clean?task=mail.fail&state=failed",
        ):
            await visitor.send(path, 403, every="2h", older="0s")
        await visitor.send("schedule/pause?name=nightly")
        assert not (await visitor.page("schedules")).all(
            "a", href="/board/schedule/delete?back=%2Fboard%2Fschedules&name=nightly"
        )


async def test_a_notice_is_shown_once_after_a_form(town: Town) -> None:
    async with visiting(town.app) as visitor:
        back = "/board/task?name=mail.fail"
        answer = await visitor.send("task/retry-all?task=mail.fail", back=back)
        assert answer.headers["location"] == back
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "2 jobs are queued again" in (await visitor.page(back)).text
        assert "2 jobs are queued again" not in (await visitor.page(back)).text


async def test_a_notice_may_be_in_any_script(app: Taskora) -> None:
    async with settled(app, "it rained", {}, name="Übung ☀ <b>") as town, visiting(town.app) as visitor:
        await visitor.send("schedule/pause?" + urlencode({"name": town.schedule}))
        page = await visitor.page()
        assert page.all("p", **{"class": "notice"})[0].text == "Übung ☀ <b> is paused"
        assert not page.all("b")


async def test_a_script_is_told_what_was_done_as_json(town: Town) -> None:
    async with visiting(town.app) as visitor:
        told = await visitor.do(f"job/retry?{town.job('failed')}")
        assert (told["ok"], told["count"]) == (True, 1)
        told = await visitor.do(f"job/retry?{town.job('completed')}", 409)
        assert told["ok"] is False
        assert "completed" in told["error"]
        await visitor.page(f"job?{town.job('completed')}")
        assert "completed" in (await visitor.send(f"job/retry?{town.job('completed')}", 409)).text


@pytest.mark.parametrize(
    "back",
    [
        "http://evil.test/",
        "//evil.test/",
        "/other",
        "/boardx",
        "\\evil",
        "/board\\..",
        "javascript:alert(1)",
        "/board/\t",
    ],
)
async def test_an_action_leads_back_only_to_the_board(town: Town, back: str) -> None:
    async with visiting(town.app) as visitor:
        answer = await visitor.send("task/pause?task=mail.send", back=back)
        assert answer.headers["location"] == "/board/"
        page = await visitor.page("task/pause?task=mail.send&back=" + back.replace("\\", "%5C").replace("\t", "%09"))
        assert all(link.startswith(("/board/", "#")) for link in page.links() if link)


async def test_the_counts_of_confirmations_are_those_of_what_they_touch(town: Town) -> None:
    async with visiting(town.app) as visitor:
        assert "2 failed jobs" in (await visitor.page("dead-letters/retry-all?task=mail.fail")).text
        assert "0 failed jobs" in (await visitor.page("dead-letters/retry-all?task=mail.send")).text
        assert "has 2 failed jobs" in (await visitor.page("task/clean?task=mail.fail&state=failed")).text
        assert "0 of its 3 nodes" in (await visitor.page(f"workflow/cancel?id={town.workflow}")).text


async def test_a_group_of_failures_is_retried_by_what_they_have_in_common(town: Town) -> None:
    async with visiting(town.app) as visitor:
        page = await visitor.page("dead-letters")
        (link,) = [each for each in page.links() if "retry-group" in each]
        assert "rained" not in link, "messages may hold secrets, and addresses are logged"
        question = await visitor.page(link)
        assert "Retry 2 failed jobs" in question.text
        assert "it rained" in question.text
        assert (await visitor.do(link))["count"] == 2
        (entry,) = await town.app.inspect().audit_async()
        assert (entry.action, entry.count) == ("dead_letters.retry_group", 2)
        assert entry.target == {"task": "mail.fail", "type": "RuntimeError", "fingerprint": "it rained"}
        await visitor.do("dead-letters/retry-group?task=mail.fail&group=0123", 404)


async def test_a_workflow_that_has_ended_cannot_be_cancelled(town: Town) -> None:
    async with visiting(town.app) as visitor:
        told = await visitor.do(f"workflow/cancel?id={town.workflow}", 409)
        assert "ended already" in told["error"]


async def test_a_schedule_is_edited_as_a_whole(town: Town) -> None:
    async with visiting(town.app) as visitor:
        at = "schedule/edit?name=nightly"
        form = {
            "every": "",
            "cron": "0 4 * * *",
            "timezone": "Europe/Berlin",
            "on_missed": "catch-up",
            "overlap": "yes",
        }
        await visitor.send(at, 303, **form, data='{"user_id": 8}')
        (schedule,) = await town.app.schedules.list_async()
        assert (schedule.cron, schedule.every, schedule.timezone) == ("0 4 * * *", None, "Europe/Berlin")
        assert (schedule.on_missed, schedule.overlap, schedule.data) == ("catch-up", True, {"user_id": 8})
        for wrong in (
            {"cron": "every day"},
            {"timezone": "Mars"},
            {"on_missed": "never"},
            {"data": "{"},
            {"every": "x"},
        ):
            await visitor.send(at, 400, **wrong)
        assert [schedule] == await town.app.schedules.list_async()


async def test_a_task_that_is_paused_says_so_and_goes_on_when_it_is_resumed(town: Town) -> None:
    async with visiting(town.app) as visitor:
        await visitor.do("task/pause?task=mail.send")
        assert "paused" in (await visitor.page("task?name=mail.send")).all("h1")[0].text
        told = await visitor.do("task/dispatch?task=mail.send", data="{}")
        assert (await visitor.json(f"jobs/{told['jobId']}"))["state"] == "waiting"
        await visitor.do("task/resume?task=mail.send")

        async def is_completed() -> bool:
            return bool((await visitor.json(f"jobs/{told['jobId']}"))["state"] == "completed")

        await wait_until_async(is_completed, PATIENCE_S)


async def test_a_body_that_is_no_form_is_refused(town: Town) -> None:
    async with visiting(town.app) as visitor:
        at, headers = "task/pause?task=mail.send", {"Origin": ORIGIN, **JSON}
        for content, kind, status in (
            (b"{", "application/json", 400), (b"[1]", "application/json", 415), (b"a=%ff", "text/plain", 415),
            (b"a=%ff", "application/x-www-form-urlencoded", 400), (b"a" * 4_200_000, "application/json", 413),
            (b"&".join(b"a=1" for _ in range(200)), "application/x-www-form-urlencoded", 400),
        ):  # fmt: skip
            await visitor.ask("POST", at, status, content=content, headers={**headers, "Content-Type": kind})
        assert await town.app.inspect().paused_async() == {}
