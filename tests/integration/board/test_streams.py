"""What browsers and programs that stay connected are told."""

import asyncio
import json
from typing import Any

import pytest

from integration.board.listening import PATIENCE_S, Stream, listening
from integration.board.town import Town
from integration.board.visitor import looking_at, visiting, visiting_alone
from integration.engine.kit import echo_of, gated, open_app, working
from support import Server, wait_until_async
from taskora import Taskora
from taskora.board import SessionLogin, User, create_board
from taskora.board.application import Application
from taskora.board.desk import Desk
from taskora.board.live import stream
from taskora.board.live.ticker import Ticker
from taskora.board.settings import BoardSettings

KEPT = 500


def reading_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("taskora-board")]


async def test_programs_are_told_what_happens_to_jobs_in_texts(app: Taskora) -> None:
    task = echo_of(app, "told")
    async with working(app), listening(create_board(app).app, "/board/api/events?tasks=told") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        assert events.headers["x-accel-buffering"] == "no"
        await events.next("stats:update")  # listens by now
        handle = await task.dispatch({"n": 1, "password": "hunter2"})
        completed = json.loads((await events.next("job:completed")).data)
        assert (completed["id"], completed["task"], completed["event"]) == (handle.id, "told", "completed")
        assert completed["jobId"] == handle.id
        assert all(isinstance(value, str) for value in completed.values())
        assert "hunter2" not in json.dumps(completed)


async def test_programs_are_told_counts(app: Taskora) -> None:
    task = echo_of(app, "told")
    async with (
        open_app(app),
        listening(create_board(app, refresh_interval=0.25).app, "/board/api/events?tasks=told") as events,
    ):
        await task.dispatch(1)

        async def is_counted() -> bool:
            update = json.loads((await events.next("stats:update")).data)
            assert update["task"] == "told"
            assert {"waiting", "active", "delayed", "completed", "failed", "expired", "cancelled"} <= update[
                "stats"
            ].keys()
            return bool(update["stats"]["waiting"] == 1)

        await wait_until_async(is_counted, PATIENCE_S)


async def test_a_stream_shows_that_it_lives(app: Taskora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    async with open_app(app), listening(create_board(app).app, "/board/api/events") as events:
        assert (await events.next("heartbeat")).data == ""


async def test_only_the_tasks_that_were_asked_for_are_told_of(app: Taskora) -> None:
    one, other = echo_of(app, "one"), echo_of(app, "other")
    async with working(app), listening(create_board(app).app, "/board/api/events?tasks=one") as events:
        await events.next("stats:update")
        await other.dispatch(1)
        handle = await one.dispatch(1)
        while (event := await events.next()).name != "job:completed":
            assert json.loads(event.data)["task"] == "one"
        assert json.loads(event.data)["id"] == handle.id


async def test_an_open_page_is_told_when_a_job_has_begun_or_ended(app: Taskora) -> None:
    task, gate, runs = gated(app)
    async with working(app):
        await task.dispatch(0)
        await wait_until_async(lambda: runs, PATIENCE_S)
        board = create_board(app, refresh_interval=0.25)
        async with listening(board.app, "/board/live?watch=task:gated") as page:
            await page.next("changed")  # says at first that it does not know
            gate.set()
            await page.next("changed")


async def test_a_page_that_shows_times_is_told_every_time(app: Taskora) -> None:
    async with open_app(app), listening(create_board(app, refresh_interval=0.25).app, "/board/live?watch=time") as page:
        for _ in range(3):
            await page.next("changed")


async def test_a_page_on_which_nothing_happens_is_told_nothing(app: Taskora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskora.board.live.ticker._AT_LEAST_EVERY_S", 1e9)
    task = echo_of(app, "still")
    async with open_app(app):
        await task.dispatch(1)
        board = create_board(app, refresh_interval=0.25)
        async with (
            listening(board.app, "/board/live?watch=*") as page,
            listening(board.app, "/board/live?watch=time") as clock,
        ):
            await page.next("changed")
            for _ in range(3):
                await clock.next("changed")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(page.next("changed"), 0.05)


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
async def test_nothing_is_left_when_all_have_gone(app: Taskora, server: Server, spec: str) -> None:
    echo_of(app, "told")
    board = create_board(app, refresh_interval=0.25)
    async with visiting_alone(app) as visitor:
        await visitor.get("api/overview")
        for _ in range(3):
            async with (
                listening(board.app, "/board/live?watch=*", spec=spec) as page,
                listening(board.app, "/board/live?watch=time", spec=spec),
                listening(board.app, "/board/api/events?tasks=told", spec=spec) as events,
            ):
                await page.next("changed")
                await events.next("stats:update")
                assert len(reading_tasks()) >= 2
            await wait_until_async(lambda: not reading_tasks(), PATIENCE_S, "something reads on for nobody")
        before = server.client_count()
        for _ in range(20):
            async with listening(board.app, "/board/api/events?tasks=told", spec=spec) as events:
                await events.next("stats:update")
        await wait_until_async(lambda: not reading_tasks(), PATIENCE_S)
        await wait_until_async(lambda: server.client_count() <= before, PATIENCE_S, "connections are left")


async def test_one_reader_serves_all(app: Taskora, server: Server) -> None:
    echo_of(app, "told")
    board = create_board(app, refresh_interval=0.25)
    async with open_app(app), listening(board.app, "/board/api/events?tasks=told") as first:
        await first.next("stats:update")
        before = server.client_count()
        async with (
            listening(board.app, "/board/api/events?tasks=told") as second,
            listening(board.app, "/board/api/events?tasks=told") as third,
        ):
            await second.next("stats:update")
            await third.next("stats:update")
            assert server.client_count() == before
            assert sorted(reading_tasks()).count("taskora-board-events") == 1


async def test_whoever_is_slow_keeps_the_newest_and_holds_up_nobody(app: Taskora) -> None:
    task = echo_of(app, "told")
    count = KEPT * 3
    async with open_app(app):
        board = create_board(app, refresh_interval="1h")
        async with (
            listening(board.app, "/board/api/events?tasks=told", room=1) as slow,
            listening(board.app, "/board/api/events?tasks=told") as quick,
        ):
            await quick.next("stats:update")
            await slow.next("stats:update")
            for at in range(0, count, KEPT):
                await task.dispatch_many(list(range(at, at + KEPT)))
                ids = [json.loads((await quick.next("job:waiting")).data)["id"] for _ in range(KEPT)]
                assert len(set(ids)) == KEPT
            await task.dispatch(count, job_id="last")
            await quick.next("job:waiting")
            seen = 0
            while json.loads((await slow.next("job:waiting")).data)["id"] != "last":
                seen += 1
            assert KEPT <= seen < count - KEPT / 2, "the slow one was told of everything, or of too little"


async def test_streams_go_on_when_the_server_is_back(app: Taskora, server: Server) -> None:
    task = echo_of(app, "told")
    async with open_app(app):
        board = create_board(app, refresh_interval=0.25)
        async with (
            listening(board.app, "/board/api/events?tasks=told") as events,
            listening(board.app, "/board/live?watch=*") as page,
        ):
            await events.next("stats:update")
            await page.next("changed")
            server.restart()

            async def is_told() -> bool:
                await task.dispatch(1)
                return bool(await asyncio.wait_for(events.next("job:waiting"), 2))

            await wait_until_async(lambda: _tried(is_told), 2 * PATIENCE_S, "no event came after the restart")
            await page.next("changed")


async def _tried(act: Any) -> bool:
    try:
        return bool(await act())
    except Exception:  # noqa: BLE001 - the server comes back in its own time
        return False


@pytest.mark.parametrize("path", ["live?watch=*", "api/events?tasks=told"])
async def test_a_stream_ends_with_the_session_of_whoever_opened_it(app: Taskora, path: str) -> None:
    login = SessionLogin("k" * 32, lambda name, password: User(name), ttl=1)
    board = create_board(app, auth=login, refresh_interval="1h").app
    async with open_app(app), looking_at(board) as visitor:
        await visitor.send("auth/login", username="ada", password="right")
        cookie = f"{login.cookie_name}={visitor.client.cookies[login.cookie_name]}"
        async with listening(board, f"/board/{path}", cookie=cookie) as events:
            assert events.status == 200
            await events.end()
        again = Stream(board, f"/board/{path}", cookie=cookie)
        await again.open()
        assert again.status in (303, 401)
        await again.close()
    await wait_until_async(lambda: not reading_tasks(), PATIENCE_S)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("live", 400), ("live?watch=", 400), ("live?watch=everything", 400), ("live?watch=task:", 400),
        ("live?watch=task:a%20b", 400), ("api/events?tasks=a%20b", 400),
    ],
)  # fmt: skip
async def test_what_cannot_be_watched_is_refused(town: Town, path: str, status: int) -> None:
    async with visiting(town.app) as visitor:
        await visitor.get(path, status, Accept="application/json")


async def test_a_stream_can_only_be_listened_to(town: Town) -> None:
    async with visiting(town.app) as visitor:
        for method in ("HEAD", "POST", "DELETE"):
            for path in ("live?watch=*", "api/events"):
                await visitor.ask(method, path, 405, headers={"Origin": "http://board.test"})


async def test_one_browser_cannot_open_streams_without_end(app: Taskora) -> None:
    streams = stream.Streams(most=3, most_from_one=2)
    endpoint = stream.live(Ticker(Desk(app, BoardSettings())), streams)
    board = Application(Desk(app, BoardSettings()), (), (), {"live": endpoint})
    address = "/board/live?watch=time"
    async with open_app(app), listening(board, address):
        async with listening(board, address):
            refused = Stream(board, address)
            await refused.open()
            assert refused.status == 429
            assert "retry-after" in refused.headers
            await refused.close()
        async with listening(board, address) as again:
            assert again.status == 200
    await wait_until_async(lambda: not reading_tasks(), PATIENCE_S)


async def test_a_program_cannot_ask_for_the_events_of_tasks_without_end(app: Taskora) -> None:
    async with open_app(app), visiting(app) as visitor:
        await visitor.get(f"api/events?tasks={','.join(f't{number}' for number in range(1_001))}", 400)


async def test_open_pages_outlive_a_look_that_failed(
    app: Taskora, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = 0
    look = Desk.stats

    async def once_wrong(desk: Desk) -> Any:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("nobody thought of this")
        return await look(desk)

    monkeypatch.setattr(Desk, "stats", once_wrong)
    async with (
        open_app(app),
        listening(create_board(app, refresh_interval=0.25).app, "/board/live?watch=*") as live,
    ):
        await wait_until_async(lambda: looks > 2, PATIENCE_S)
        await live.next("changed")
    assert "nobody thought of this" in caplog.text
