"""Whatever somebody puts into jobs stays text: it makes no element, no attribute and no address of its own."""

import re
from collections import Counter
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import pytest

from integration.board.test_mounting import crawl
from integration.board.town import Town, settled
from integration.board.visitor import Page, Visitor, read_page, visiting
from integration.engine.kit import echo_of, ended
from taskora import Retry, Taskora

MARK = "pwned"
_ONCE = Retry(attempts=1)
CORPUS = (
    f"<script>{MARK}()</script>",
    f'"><img src=x onerror={MARK}()>',
    f"'><svg/onload={MARK}()>",
    f'" autofocus onfocus={MARK}() x="',
    f"</title></textarea></pre></main></script><iframe srcdoc='<script>{MARK}()</script>'>",
    f'<a href="javascript:{MARK}()">x</a>',
    f"{{{{ {MARK} }}}}{{% include '{MARK}' %}}${{{MARK}()}}",
    f"<!--<{MARK}>--><![CDATA[<{MARK}>]]><?{MARK} ?>",
    f"&lt;{MARK}&gt;&#60;script&#62;{MARK}()",
    f"<style>*{{background:url(javascript:{MARK}())}}</style><base href=//{MARK}.test/>",
    f"<meta http-equiv=refresh content=0><{MARK}>",
    f"<form action=//{MARK}.test><button formaction=javascript:{MARK}()>x",
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={MARK}()&gt;">',
    f"\u2028\u2029\x00\x1b]0;{MARK}\x07\u202e<{MARK}>",
)
TEXT = "\n".join(CORPUS)
VALUE: dict[str, Any] = {"all": list(CORPUS), **{text: text for text in CORPUS}}
LINE = "".join(CORPUS[:4]) + "".join(each for each in CORPUS[6:7])
ID = re.sub(r"[\s:{}*?\[\]]", "", f"\"'><img/src=x/onerror={MARK}()>&lt;script&gt;")
# What our own templates are made of, and nothing else.
_OURS = """
html head meta title link script body a header form input kbd div span button nav main p dialog h1 h2 h3 dl dt dd
section table thead tbody tr th td code strong ol ul li pre details summary progress time small label select option
textarea br img svg g path rect line polyline polygon circle text tspan desc defs marker clippath use figure figcaption
"""
TAGS = frozenset(_OURS.split())


def wrongs(page: Page, known_scripts: int = 1) -> list[str]:
    """What no page of ours may have."""
    found = [f"<{each.tag}>" for each in page.elements if each.tag not in TAGS]
    for each in page.elements:
        for name, value in each.attributes.items():
            if name.startswith("on") or name in ("style", "srcdoc", "formaction", "http-equiv") or MARK in name:
                found.append(f"<{each.tag} {name}>")
            if name in ("href", "src", "action") and not re.match(r"[/#]|$", value or ""):
                found.append(f"<{each.tag} {name}={value!r}>")
    if len(page.all("script")) > known_scripts or any("src" not in each.attributes for each in page.all("script")):
        found.append("a script")
    return found


async def misled(visitor: Visitor) -> dict[str, list[str]]:
    """The pages that have what they may not."""
    found: dict[str, list[str]] = {}
    for address in await crawl(visitor):
        answer = await visitor.client.get(address)
        kind = answer.headers.get("content-type", "")
        assert answer.headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        if kind.startswith("text/html") and (wrong := wrongs(read_page(answer.text))):
            found[address] = wrong
        if MARK in answer.text and not kind.startswith("text/html"):
            assert "/static/" not in address
            assert answer.headers["content-disposition"].startswith("attachment")
    return found


async def test_what_jobs_bring_along_stays_text(app: Taskora) -> None:
    async with settled(app, TEXT, VALUE, name=LINE) as town, visiting(town.app) as visitor:
        assert await misled(visitor) == {}
        page = await visitor.page(f"job?{town.job('completed')}")
        assert CORPUS[0] in page.text, "the text itself is shown"
        for path in town.reads():
            assert (await visitor.get(f"api/{path}")).headers["content-type"] == "application/json"


async def test_ids_and_kinds_of_errors_stay_text(app: Taskora) -> None:
    kind = type(f"<img src=x onerror={MARK}()>", (Exception,), {})

    @app.task("fail", retry=_ONCE)
    async def fail(data: None) -> None:
        raise kind(TEXT)

    await app.start()
    try:
        assert await ended(await fail.dispatch(None, job_id=ID)) == "failed"
        async with visiting(app) as visitor:
            assert await misled(visitor) == {}
            assert ID in (await visitor.page(f"job?task=fail&id={quote(ID)}")).text
            for path in (f"search?id={quote(TEXT[:500])}", f"job?id={quote(ID)}", f"task?name={quote(CORPUS[0])}"):
                answer = await visitor.client.get(visitor.url(path))
                assert not answer.headers.get("content-type", "").startswith("text/html") or not wrongs(
                    read_page(answer.text)
                )
    finally:
        await app.close_async()


async def test_hostile_addresses_stay_text(app: Taskora) -> None:
    echo_of(app, "plain")
    try:
        async with visiting(app) as visitor:
            await app.find_task("plain").dispatch(1)
            names = (
                "name",
                "task",
                "id",
                "state",
                "where",
                "is",
                "cursor",
                "offset",
                "before",
                "back",
                "type",
                "nodes",
                "x",
            )
            for path in (
                "",
                "task",
                "job",
                "workflow",
                "workflows",
                "search",
                "audit",
                "dead-letters",
                "task/pause",
                "login",
            ):
                for text in CORPUS:
                    query = "&".join(f"{name}={quote(text)}" for name in names)
                    for given in (
                        query,
                        f"name=plain&x={quote(text)}",
                        f"task=plain&{quote(text)}=1&back={quote(text)}",
                    ):
                        answer = await visitor.client.get(f"{visitor.url(path)}?{given}")
                        assert answer.status_code < 500, answer.text
                        assert not wrongs(read_page(answer.text)), (path, given)
            for text in CORPUS:
                answer = await visitor.client.get(visitor.url(quote(text)))
                assert answer.status_code == 404
                assert not wrongs(read_page(answer.text))
    finally:
        await app.close_async()


async def test_what_others_wrote_beside_us_stays_text(town: Town, engine: Any) -> None:
    """Whoever reaches the server may write what no dispatch would take."""
    task, job_id = town.jobs["completed"]
    fields = dict.fromkeys(("progress", "logs", "state", "error", "data", "result", "_v", "owner", "tl"), TEXT)
    engine.raw.hset(engine.key(task, job_id), mapping=fields)
    async with visiting(town.app) as visitor:
        assert await misled(visitor) == {}


TEMPLATES = sorted(entry.name for entry in files("taskora.board").joinpath("templates").iterdir())


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_holds_a_style_or_a_script(name: str) -> None:
    text = files("taskora.board").joinpath("templates", name).read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=[\"']|javascript:|\|\s*safe\b|Markup|autoescape", text)
    assert not [tag for tag in re.findall(r"<script[^>]*>", text) if " src=" not in tag]


def test_the_script_makes_no_elements_of_texts() -> None:
    folder = files("taskora.board").joinpath("static")
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".js")]
    assert Counter(entry.name for entry in scripts)["board.js"] == 1
    for entry in scripts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", entry.read_text()
        )
