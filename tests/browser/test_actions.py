"""What people do on a board: each thing is asked for in a dialog that says what it touches, and is seen when done."""

from collections.abc import Mapping
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from browser.viewing import PATIENCE_MS, Window, window
from integration.board.town import Town
from integration.engine.kit import ended
from taskora import Bound, Taskora

expect.set_options(timeout=PATIENCE_MS)
DIALOG = "dialog[open]"


def opener(page: Page, label: str, row: str = "main") -> Locator:
    """What opens a dialog."""
    return page.locator(row).get_by_role("button", name=label, exact=True)


async def fill(dialog: Locator, fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        await dialog.locator(f"[name={name}]").fill(value)


async def act(opening: Locator, title: str, notice: str, **fields: str) -> None:
    """Ask for something, confirm it in the dialog, and see that it was done."""
    page = opening.page
    await opening.click()
    dialog = page.locator(DIALOG)
    await expect(dialog.locator("h1")).to_have_text(title)
    await fill(dialog, fields)
    await dialog.locator("button[type=submit]").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".notice").last).to_have_text(notice)


async def refused(opening: Locator, reason: str, **fields: str) -> None:
    """Confirm something that cannot be done: the dialog says why, and keeps what was typed."""
    page = opening.page
    await opening.click()
    dialog = page.locator(DIALOG)
    await fill(dialog, fields)
    await dialog.locator("button[type=submit]").click()
    await expect(dialog.locator("[data-error]")).to_contain_text(reason)
    for name, value in fields.items():
        assert await dialog.locator(f"[name={name}]").input_value() == value
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


@pytest_asyncio.fixture
async def failures(town: Town) -> int:
    """How many jobs of mail.fail failed."""
    task = town.app.find_task("mail.fail")
    for _ in range(2):
        assert await ended(await task.dispatch({"user_id": 8})) == "failed"
    return (await town.app.inspect().stats_async("mail.fail")).failed


async def test_a_dialog_says_how_many_and_is_left_without_a_trace(
    browser: Browser, base: str, app: Taskora, failures: int
) -> None:
    async with window(browser, base) as shown:
        page = await shown.open("dead-letters")
        opening = opener(page, f"Retry all {failures}")
        dialog = page.locator(DIALOG)
        await opening.click()
        await expect(dialog.locator("h1")).to_have_text(f"Retry {failures} failed jobs")
        assert await page.evaluate("document.activeElement.closest('dialog') !== null")
        assert await shown.axe() == []
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(opening).to_be_focused()
        for key in ("Enter", "Space"):  # it is called a button, so it is pressed as one
            await page.keyboard.press(key)
            await dialog.get_by_role("link", name="Back").click()
            await expect(dialog).to_have_count(0)
            await expect(opening).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(dialog).to_have_count(1)
        await page.keyboard.press("3")  # no way to a page while it is open
        await page.keyboard.press("Escape")
        assert page.url == f"{base}/dead-letters"
        assert await app.inspect().audit_async() == []
        assert (await app.inspect().stats_async("mail.fail")).failed == failures


async def test_all_that_failed_is_queued_anew(browser: Browser, base: str, failures: int) -> None:
    async with window(browser, base) as shown:
        page = await shown.open("dead-letters")
        title, notice = f"Retry {failures} failed jobs", f"{failures} jobs are queued again"
        await act(opener(page, f"Retry all {failures}"), title, notice)


async def test_one_of_the_dead_letters_is_queued_anew(
    browser: Browser, base: str, app: Taskora, town: Town, failures: int
) -> None:
    await app.inspect().pause_async("mail.fail")
    job_id = town.jobs["failed"][1]
    async with window(browser, base) as shown:
        page = await shown.open("dead-letters")
        await expect(page.locator(f"#job-{job_id}")).to_contain_text("it rained")
        await act(opener(page, "Retry", f"#job-{job_id}"), f"Retry job {job_id}", f"Job {job_id} is queued again")
        await expect(page.locator(f"#job-{job_id}")).to_have_count(0)
        counted = page.get_by_role("group", name="Groups").locator("tbody td").first
        await expect(counted).to_have_text(str(failures - 1))
    assert (await app.inspect().stats_async("mail.fail")).failed == failures - 1


async def test_failed_jobs_of_a_paused_task_wait_until_it_is_resumed(
    browser: Browser, base: str, town: Town, failures: int
) -> None:
    async with window(browser, base) as shown:
        page = await shown.open("task?name=mail.fail&state=failed")
        await act(opener(page, "Pause"), "Pause mail.fail", "mail.fail is paused")
        await expect(page.locator("h1 .state")).to_have_text("paused")

        job_id = town.jobs["failed"][1]
        page = await shown.open(f"job?{town.job('failed')}")
        await act(opener(page, "Retry"), f"Retry job {job_id}", f"Job {job_id} is queued again")
        await expect(page.locator("h1 .state")).to_have_text("waiting")

        page = await shown.open("dead-letters?task=mail.fail")
        title, notice = f"Retry {failures - 1} failed jobs", f"{failures - 1} jobs are queued again"
        await act(opener(page, "Retry group"), title, notice)
        await expect(page.locator("h1 .count")).to_have_text("0")

        page = await shown.open("task?name=mail.fail&state=failed")
        await act(opener(page, "Resume"), "Resume mail.fail", "mail.fail goes on")
        await expect(opener(page, "Pause")).to_be_visible()
        await expect(page.locator(".tabs [aria-current] .count")).to_have_text(str(failures))

        await act(opener(page, "Pause"), "Pause mail.fail", "mail.fail is paused")
        title, notice = f"Retry {failures} failed jobs", f"{failures} jobs are queued again"
        await act(opener(page, "Retry all failed"), title, notice)
        await expect(page.locator(".tabs a").first).to_have_text(f"waiting {failures}")
    done = [entry.action for entry in await town.app.inspect().audit_async()]
    assert done[::-1] == [
        "task.pause", "job.retry", "dead_letters.retry_group", "task.resume", "task.pause", "task.retry_all",
    ]  # fmt: skip


async def test_a_job_is_cancelled_for_a_reason(browser: Browser, base: str, town: Town) -> None:
    job_id = town.jobs["delayed"][1]
    async with window(browser, base) as shown:
        page = await shown.open(f"job?{town.job('delayed')}")
        title, notice = f"Cancel job {job_id}", f"Job {job_id} is cancelled"
        await act(opener(page, "Cancel…"), title, notice, reason="sent by hand")
        await expect(page.locator("h1 .state")).to_have_text("cancelled")
        await expect(page.locator(".facts")).to_contain_text("sent by hand")
        await expect(opener(page, "Cancel…")).to_have_count(0)


async def test_a_job_is_dispatched_again_with_what_was_edited_and_nothing_else(
    browser: Browser, base: str, town: Town, app: Taskora
) -> None:
    before = (await app.inspect().stats_async("mail.send")).completed
    async with window(browser, base) as shown:
        page = await shown.open(f"job?{town.job('completed')}")
        opening = opener(page, "Dispatch again…")
        await refused(opening, "The payload is no JSON", data='{"note": ')
        await refused(opening, "task 'mail.send'", data="[1, 2]")
        await refused(opening, "delay", delay="soon")
        shown.complaints.clear()  # of the answers with status 400
        assert (await app.inspect().stats_async("mail.send")).completed == before
        assert await app.inspect().audit_async() == []

        await opening.click()
        data = page.locator(f"{DIALOG} [name=data]")
        assert "hunter2" not in await data.input_value()
        await data.fill('{"user_id": 9, "note": "edited"}')
        await page.locator(f"{DIALOG} button[type=submit]").click()
        await expect(page.locator("[aria-labelledby=data]")).to_contain_text("edited")
        assert town.jobs["completed"][1] not in page.url
        await expect(page.locator("h1 .state")).to_have_text("completed")


async def test_a_job_is_dispatched_with_a_payload_that_the_task_takes_and_with_no_other(
    browser: Browser, base: str, app: Taskora
) -> None:
    before = (await app.inspect().stats_async("mail.send")).completed
    async with window(browser, base) as shown:
        page = await shown.open("task?name=mail.send&state=completed")
        opening = opener(page, "Dispatch…")
        await refused(opening, "The payload is no JSON", data='{"note": ')
        shape = "input of task 'mail.send' does not have its declared shape: expected dict[str, Any], got list"
        await refused(opening, shape, data="[1, 2]")
        await refused(opening, "priority", priority="901")
        shown.complaints.clear()  # of the answers with status 400
        assert (await app.inspect().stats_async("mail.send")).completed == before
        assert await app.inspect().audit_async() == []

        await opening.click()
        dialog = page.locator(DIALOG)
        await expect(dialog.locator("h1")).to_have_text("Dispatch mail.send")
        await expect(dialog).to_contain_text("The payload is checked against the task's type")
        await fill(dialog, {"data": '{"user_id": 9, "note": "by hand"}', "priority": "5"})
        await dialog.locator("button[type=submit]").click()
        await page.wait_for_url(f"{base}/job?**")
        await expect(page.locator("[aria-labelledby=data]")).to_contain_text("by hand")
        await expect(page.locator("h1 .state")).to_have_text("completed")
    (entry,) = await app.inspect().audit_async()
    assert (entry.action, entry.target["task"]) == ("task.dispatch", "mail.send")


async def test_ended_jobs_are_removed_by_age(browser: Browser, base: str, app: Taskora, town: Town) -> None:
    count = (await app.inspect().stats_async("mail.send")).completed
    async with window(browser, base) as shown:
        page = await shown.open("task?name=mail.send&state=completed")
        opening = opener(page, "Remove by age…")
        await refused(opening, "older", older="a while")
        shown.complaints.clear()  # of the answer with status 400
        title = "Remove completed jobs"
        await act(opening, title, "0 completed jobs are removed", older="1d")
        await act(opening, title, f"{count} completed jobs are removed", older="0s")
        await expect(page.locator("td.empty")).to_be_visible()
        await expect(opening).to_have_count(0)


async def test_a_schedule_is_paused_resumed_triggered_changed_and_deleted(
    browser: Browser, base: str, town: Town, app: Taskora
) -> None:
    name = town.schedule
    async with window(browser, base) as shown:
        page = await shown.open("schedules")
        row = f"#schedule-{name}"
        await act(opener(page, "Pause", row), f"Pause {name}", f"{name} is paused")
        await expect(page.locator(f"{row} .state")).to_have_text("paused")
        await act(opener(page, "Resume", row), f"Resume {name}", f"{name} fires again")
        await expect(page.locator(f"{row} .state")).to_have_count(0)

        await opener(page, "Trigger", row).click()
        await page.locator(f"{DIALOG} button[type=submit]").click()
        await expect(page.locator(".notice").last).to_contain_text("was dispatched")

        await refused(opener(page, "Edit…", row), "cron", every="", cron="every day")
        shown.complaints.clear()  # of the answer with status 400
        await act(opener(page, "Edit…", row), f"Edit {name}", f"{name} is changed", every="", cron="5 4 * * *")
        await expect(page.locator(row)).to_contain_text("5 4 * * * in UTC")
        assert [schedule.cron for schedule in await app.schedules.list_async()] == ["5 4 * * *"]

        await act(opener(page, "Delete", row), f"Delete {name}", f"{name} is deleted")
        await expect(page.locator(row)).to_have_count(0)


async def test_a_workflow_is_cancelled_with_its_jobs(browser: Browser, base: str, app: Taskora, town: Town) -> None:
    gate, send = (app.find_task(f"mail.{name}") for name in ("gate", "send"))
    first: Bound[Any] = gate.s({"user_id": 1})
    flow = await (first | send.s() | send.s()).dispatch(name="by night")
    async with window(browser, base) as shown:
        page = await shown.open(f"workflow?id={flow.workflow_id}")
        opening, dialog = opener(page, "Cancel…"), page.locator(DIALOG)
        await opening.click()
        await expect(dialog).to_contain_text("3 of its 3 nodes")
        await page.keyboard.press("Escape")
        title, notice = "Cancel workflow by night", "Workflow by night is cancelled"
        await act(opening, title, notice, reason="too late")
        await expect(page.locator("h1 .state")).to_have_text("cancelled")
        await expect(opening).to_have_count(0)


async def peeked(shown: Window) -> Page:
    page = await shown.open("flow?task=mail.batch")
    await page.get_by_role("link", name="Peek").click()
    await expect(page.locator("h3")).to_have_text("First items of all")
    return page


async def test_what_is_collected_is_looked_at_and_flushed(browser: Browser, base: str, town: Town) -> None:
    async with window(browser, base) as shown:
        page = await peeked(shown)
        await expect(page.locator("pre")).to_contain_text('"note": "hello"')
        await act(opener(page, "Flush"), "Flush 1 item", "1 item is a batch now")
        await expect(opener(page, "Flush")).to_have_count(0)
