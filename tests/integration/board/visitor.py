"""A browser without eyes: asks for pages of a board in this process, and reads what they are made of."""

import contextlib
import html.parser
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from taskora import Taskora
from taskora.board import create_board

ORIGIN = "http://board.test"
JSON = {"Accept": "application/json"}
_VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})


@dataclass
class Element:
    """A tag with its attributes."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Page:
    """What a page consists of."""

    elements: list[Element] = field(default_factory=list[Element])
    text: str = ""

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            each
            for each in self.elements
            if each.tag == tag and all(each.attributes.get(name) == value for name, value in wanted.items())
        ]

    def links(self) -> Iterator[str]:
        """Every address that it refers to."""
        for each in self.elements:
            for name in ("href", "src"):
                if (address := each.attributes.get(name)) is not None:
                    yield address


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        assert len(element.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self.page.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.page.text += data
        for element in self._open:
            element.text += data


def read_page(text: str) -> Page:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.page


class Visitor:
    """Somebody who looks at a board.

    Args:
        client: Asks.
        prefix: Where the board is.
    """

    def __init__(self, client: httpx.AsyncClient, prefix: str = "/board") -> None:
        self.client = client
        self.prefix = prefix

    def url(self, path: str) -> str:
        return path if path.startswith(f"{self.prefix}/") else f"{self.prefix}/{path}"

    async def get(self, path: str = "", status: int = 200, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, status, headers={name.replace("_", "-"): headers[name] for name in headers})

    async def page(self, path: str = "", status: int = 200) -> Page:
        answer = await self.get(path, status)
        assert answer.headers["content-type"].startswith("text/html"), answer.text
        return read_page(answer.text)

    async def json(self, path: str, status: int = 200) -> Any:
        answer = await self.get(f"api/{path}", status)
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    async def send(self, path: str, status: int = 303, **form: str) -> httpx.Response:
        """Send a form, as the page's own button does."""
        return await self.ask("POST", path, status, data=form, headers={"Origin": ORIGIN})

    async def do(self, path: str, status: int = 200, **form: str) -> Any:
        """Send a form, as the page's own script does."""
        headers = {"Origin": ORIGIN, **JSON}
        return (await self.ask("POST", path, status, data=form, headers=headers)).json()

    async def call(self, method: str, path: str, status: int = 200, **body: object) -> Any:
        """Have something done through the REST API, with a JSON object."""
        return (await self.ask(method, f"api/{path}", status, json=body)).json()

    async def ask(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        answer = await self.client.request(method, self.url(path), **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code}\n{answer.text[-3000:]}"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer


@contextlib.asynccontextmanager
async def looking_at(
    asgi: Any, prefix: str = "/board", headers: Mapping[str, str] | None = None, root_path: str = ""
) -> AsyncGenerator[Visitor]:
    """Somebody who looks at an ASGI application in which a board is."""
    transport = httpx.ASGITransport(app=asgi, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, timeout=60) as client:
        yield Visitor(client, prefix)


@contextlib.asynccontextmanager
async def visiting(app: Taskora, headers: Mapping[str, str] | None = None, **options: Any) -> AsyncGenerator[Visitor]:
    """Somebody who looks at a board of an application that is closed by whoever works with it."""
    board = create_board(app, **options)
    async with looking_at(board.app, cast("str", options.get("base_path", "/board")), headers) as visitor:
        yield visitor


@contextlib.asynccontextmanager
async def visiting_alone(app: Taskora, **options: Any) -> AsyncGenerator[Visitor]:
    """The same, and what the board opened is closed at the end."""
    try:
        async with visiting(app, **options) as visitor:
            yield visitor
    finally:
        await app.close_async()
