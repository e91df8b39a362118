"""Every page, as people see it: light and dark, on a telephone, with a screen reader, without JavaScript."""

import pytest
from playwright.async_api import Browser

from browser.viewing import window
from integration.board.town import Town

DOWNLOADS = ("job/raw", "workflow/graph")


def places(town: Town) -> list[str]:
    return [page for page in town.pages() if not page.startswith(DOWNLOADS)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_opens_without_a_complaint_and_axe_finds_nothing(
    browser: Browser, base: str, town: Town, scheme: str
) -> None:
    wrong: dict[str, list[str]] = {}
    async with window(browser, base, color_scheme=scheme) as shown:
        for path in places(town):
            await shown.open(path)
            if found := await shown.axe():
                wrong[path] = found
    assert wrong == {}


async def test_every_page_fits_a_telephone(browser: Browser, base: str, town: Town) -> None:
    wide: dict[str, int] = {}
    async with window(browser, base, viewport={"width": 360, "height": 740}) as shown:
        for path in places(town):
            page = await shown.open(path)
            width: int = await page.evaluate("document.documentElement.scrollWidth")
            if width > 360:
                wide[path] = width
    assert wide == {}


async def test_every_page_says_when_in_full_behind_how_long_ago(browser: Browser, base: str, town: Town) -> None:
    async with window(browser, base) as shown:
        page = await shown.open(f"job?{town.job('completed')}")
        times = await page.locator("time[data-ago]").all()
        assert times
        for one in times:
            assert "UTC" in (await one.get_attribute("title") or "")


async def test_a_theme_is_kept(browser: Browser, base: str) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    async with window(browser, base, color_scheme="light") as shown:
        page = await shown.open()
        bright = await page.evaluate(background)
        switch = page.locator("[data-theme-next]")
        await switch.click()
        assert await page.evaluate(background) == bright
        await switch.click()
        dark = await page.evaluate(background)
        assert dark != bright
        await page.reload()
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert await page.evaluate(background) == dark
        await switch.click()
        assert await page.evaluate(background) == bright
        assert await page.evaluate("document.documentElement.dataset.theme ?? 'auto'") == "auto"


async def test_nothing_moves_for_those_who_asked_for_that(browser: Browser, base: str, town: Town) -> None:
    moving = """() => [...document.querySelectorAll('*')].filter(one => {
        const style = getComputedStyle(one);
        return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
    }).length"""
    async with window(browser, base, reduced_motion="reduce") as shown:
        for path in ("", f"workflow?id={town.workflow}", "schedules"):
            page = await shown.open(path)
            assert await page.evaluate(moving) == 0


async def test_keys_lead_to_pages_but_not_while_somebody_types(browser: Browser, base: str) -> None:
    async with window(browser, base) as shown:
        page = await shown.open()
        for key, place in (("2", "workflows"), ("4", "dead-letters"), ("9", "audit"), ("1", "")):
            await page.keyboard.press(key)
            await page.wait_for_url(f"{base}/{place}")
        await page.keyboard.press("/")
        await page.keyboard.type("25")
        assert await page.locator("#find").input_value() == "25"
        assert page.url == f"{base}/"
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        assert await page.locator("[data-shortcuts]").is_visible()
        await page.keyboard.press("Escape")
        assert not await page.locator("[data-shortcuts]").is_visible()
        await page.keyboard.press("3")
        await page.wait_for_url(f"{base}/schedules")


async def test_an_id_is_found_wherever_it_is_typed(browser: Browser, base: str, town: Town) -> None:
    async with window(browser, base) as shown:
        page = await shown.open("schedules")
        await page.keyboard.press("/")
        await page.keyboard.type(town.jobs["failed"][1])
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{base}/job?*")
        assert town.jobs["failed"][1] in await page.locator("h1").inner_text()
        await page.keyboard.press("/")
        await page.keyboard.type(town.workflow)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{base}/workflow?*")


async def test_a_node_of_a_graph_leads_to_its_job(browser: Browser, base: str, town: Town) -> None:
    async with window(browser, base) as shown:
        page = await shown.open(f"workflow?id={town.workflow}")
        await page.locator("svg.graph a").first.click()
        await page.wait_for_url(f"{base}/job?*")


async def test_it_all_works_without_javascript(browser: Browser, base: str, town: Town) -> None:
    async with window(browser, base, java_script_enabled=False) as shown:
        page = await shown.open(f"job?{town.job('failed')}")
        await page.get_by_role("button", name="Retry").click()
        await page.wait_for_url(f"{base}/job/retry?*")
        await page.get_by_role("button", name="Retry").click()
        await page.wait_for_url(f"{base}/job?*")
        assert "is queued again" in await page.locator(".notice").inner_text()
