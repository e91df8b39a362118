"""A secret that went into a job comes out nowhere on the board: on no page, in no file, answer, event or note."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import unquote

import pytest

from integration.board.listening import PATIENCE_S, listening
from integration.board.test_mounting import crawl
from integration.board.town import Town, settled
from integration.board.visitor import Visitor, read_page, visiting
from support import wait_until_async
from taskora import Collect, Debounce, Deduplicate, Taskora, Throttle, chain, group
from taskora.board import create_board
from taskora.board.secrets_in_text import MASK

SECRET = "correcthorsebattery"  # without numbers, which groups of errors leave out
TEXT = f"cannot sign in: password={SECRET} at redis://ada:{SECRET}@db/0"
VALUE: dict[str, Any] = {
    "password": SECRET,
    "apiKey": SECRET,
    "ssn": SECRET,
    "nested": [{"Authorization": f"Bearer {SECRET}"}, {"deep": {"TOKEN": {"is": SECRET}}}],
    "text": f'{{"secret": "{SECRET}"}}',
    "note": f"token: {SECRET}",
}


@contextlib.asynccontextmanager
async def keyed(app: Taskora, key: str) -> AsyncGenerator[Town]:
    """Have jobs limited, collected, debounced, throttled and deduplicated by a key."""
    release = asyncio.Event()

    @app.task("mail.shelf", collect=Collect(lambda row: str(row["shelf"]), delay=3600))
    async def put(rows: list[dict[str, Any]]) -> None: ...

    @app.task("mail.hold", concurrency=2)
    async def hold(data: None) -> None:
        await release.wait()

    async def is_limited() -> bool:
        return bool((await app.inspect().flow_async("mail.hold")).limited)

    async with settled(app, "fine", {}) as town:
        send = app.find_task("mail.send")
        try:
            for _ in range(2):
                await hold.dispatch(None, concurrency_key=key, concurrency_limit=1)
            await send.dispatch({"user_id": 7}, debounce=Debounce(key, 3600))
            await send.dispatch({"user_id": 7}, throttle=Throttle(key, 9, 3600))
            await send.dispatch({"user_id": 7}, deduplicate=Deduplicate(key), delay=3600)
            await app.find_task("mail.shelf").dispatch({"shelf": key})
            await wait_until_async(is_limited, PATIENCE_S)
            yield town
        finally:
            release.set()


async def leaks(visitor: Visitor, town: Town) -> list[str]:
    """The addresses whose answers have the secret in them, or that have it themselves."""
    addresses = set(await crawl(visitor)) | {visitor.url(path) for path in town.pages()}
    addresses |= {visitor.url(f"api/{path}") for path in town.reads()}
    found = [f"the address {unquote(address)}" for address in addresses if SECRET in unquote(address)]
    for address in addresses:
        answer = await visitor.client.get(address)
        told = answer.text + str(answer.headers)
        if SECRET in told or "horse" in told:
            found.append(address)
    return sorted(found)


async def test_a_secret_is_shown_nowhere(app: Taskora) -> None:
    async with settled(app, TEXT, VALUE) as town, visiting(town.app, redact=["ssn"]) as visitor:
        assert await leaks(visitor, town) == []


def hidden(value: object, task: str) -> object:
    return None if value is None else f"hidden by {task}"


@pytest.mark.parametrize(
    ("key", "options"),
    [
        (SECRET, {"redact": ["shelf"]}),
        (SECRET, {"formatters": {"data": hidden}}),
        (f"token={SECRET}", {"formatters": {"data": hidden}}),
    ],
)
async def test_a_secret_of_which_a_key_is_made_is_shown_nowhere(
    app: Taskora, key: str, options: dict[str, Any]
) -> None:
    async with keyed(app, key) as town, visiting(town.app, **options) as visitor:
        for task, kinds in (("hold", ["limited"]), ("send", ["debounced", "throttled", "deduplicated"])):
            page = await visitor.page(f"flow?task=mail.{task}")
            assert [kind for kind in kinds if not page.all("h2", id=kind)] == []
            assert MASK in page.text
        page = await visitor.page("flow?task=mail.shelf")
        (flush,) = [each.attributes["href"] or "" for each in page.all("a", role="button") if each.text == "Flush"]
        assert await leaks(visitor, town) == []
        assert (await visitor.do(flush))["count"] == 1
        assert await leaks(visitor, town) == []


async def test_what_formatters_leave_out_is_shown_nowhere(app: Taskora) -> None:
    @app.task("mail.note")
    async def note(data: dict[str, str]) -> dict[str, str]:
        return data

    data = {"note": SECRET}
    app.schedule("noting", task=note, every=3600, data=data)
    formatters = {"data": hidden, "result": hidden}
    async with settled(app, "fine", {}) as town, visiting(town.app, formatters=formatters) as visitor:
        flow = await chain(note.s(data), note.s()).dispatch()
        together = await group([note.s(data), note.s(data)]).dispatch()
        assert await flow.result_async(PATIENCE_S) == data
        assert await together.result_async(PATIENCE_S) == [data, data]
        assert await leaks(visitor, town) == []
        told = await visitor.json(f"workflows/{flow.workflow_id}")
        assert [told["result"], told["graph"]["nodes"][0]["data"]] == ['"hidden by mail.note"'] * 2
        assert [node["result"] for node in told["nodes"]] == ['"hidden by mail.note"'] * 2
        assert (await visitor.json(f"workflows/{together.workflow_id}"))["result"].count("hidden by mail.note") == 2
        assert "hidden by mail.note" in (await visitor.page(f"workflow?id={flow.workflow_id}")).text
        (schedule,) = [one for one in await visitor.json("schedules") if one["name"] == "noting"]
        assert schedule["config"]["data"] == "hidden by mail.note"
        await visitor.do("schedule/edit?name=noting", every="2h")
        (stored,) = [one for one in await town.app.schedules.list_async() if one.name == "noting"]
        assert (stored.every, stored.data) == (7200, data)


async def test_keys_are_shown_where_no_payload_is_hidden(app: Taskora) -> None:
    async with keyed(app, "ada") as town, visiting(town.app) as visitor:
        for task in ("hold", "send", "shelf"):
            assert "ada" in [
                each.text for each in (await visitor.page(f"flow?task=mail.{task}")).all("th", scope="row")
            ]


async def test_events_carry_no_key_that_may_be_made_of_a_secret(app: Taskora) -> None:
    async with keyed(app, "ada") as town:
        board = create_board(town.app, redact=["shelf"])
        async with listening(board.app, "/board/api/events?tasks=mail.shelf") as events:
            await events.next("stats:update")
            await town.app.find_task("mail.shelf").dispatch({"shelf": SECRET})
            assert json.loads((await events.next("job:collect")).data)["key"] == MASK


async def test_what_was_done_with_a_secret_is_noted_without_it(app: Taskora) -> None:
    async with settled(app, TEXT, VALUE) as town, visiting(town.app, redact=["ssn"]) as visitor:
        payload = f'{{"user_id": 7, "password": "{SECRET}"}}'
        told = [
            await visitor.do(f"job/again?{town.job('completed')}", data=payload),
            await visitor.do(f"job/cancel?{town.job('delayed')}", reason=TEXT),
            await visitor.do("task/dispatch?task=mail.send", 400, data=f'{{"password": "{SECRET}"'),
            await visitor.do("schedule/edit?name=nightly", data=payload),
            await visitor.do("schedule/edit?name=nightly", 400, cron=f"password={SECRET}"),
            await visitor.do("schedule/trigger?name=nightly"),
        ]
        assert SECRET not in str(told)
        assert SECRET not in str(await town.app.inspect().audit_async())
        assert await leaks(visitor, town) == []


async def test_events_carry_no_secret(app: Taskora) -> None:
    async with settled(app, TEXT, VALUE) as town:
        board = create_board(town.app, redact=["ssn"])
        async with listening(board.app, "/board/api/events") as events:
            await events.next("stats:update")
            for name, end in (("mail.send", "completed"), ("mail.fail", "failed")):
                await town.app.find_task(name).dispatch({"user_id": 1, **VALUE})
                seen = ""
                while seen != f"job:{end}":
                    event = await events.next()
                    seen = event.name
                    assert SECRET not in event.data


async def test_a_secret_that_an_error_page_would_quote_is_masked(app: Taskora) -> None:
    async with settled(app, "fine", {}) as town, visiting(town.app) as visitor:
        for path in (
            f"task?name=password%3D{SECRET}", f"workflows?state=token%3D{SECRET}", f"job?id=secret%3D{SECRET}",
            f"password={SECRET}",
        ):  # fmt: skip
            answer = await visitor.client.get(visitor.url(path))
            assert answer.status_code in (400, 404)
            (alert,) = [each.text for each in read_page(answer.text).all("p", role="alert")]
            assert SECRET not in alert
