"""A secret that went into a job comes out nowhere on the board: on no page, in no file, answer, event or note."""

from typing import Any
from urllib.parse import unquote

from integration.board.listening import listening
from integration.board.test_mounting import crawl
from integration.board.town import Town, settled
from integration.board.visitor import Visitor, read_page, visiting
from taskora import Taskora
from taskora.board import create_board

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
