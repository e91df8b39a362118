"""How pages are laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from taskora import amounts
from taskora.quoting import shown

from .settings import THEMES, BoardSettings

if TYPE_CHECKING:
    from .static_files import StaticFile
    from .visit import Visit

PART_HEADER = "x-taskora-part"
THEME_COOKIE = "taskora_theme"
NOTICE_COOKIE = "taskora_notice"
MOST_SHOWN = 65_536
_SHORT: Final = 120


class Place(NamedTuple):
    """An entry of the navigation."""

    path: str
    label: str
    icon: str


PLACES: Final = (
    Place("", "Overview", "◫"),
    Place("workflows", "Workflows", "⇝"),
    Place("schedules", "Schedules", "◷"),
    Place("dead-letters", "Dead letters", "⚠"),
    Place("workers", "Workers", "⚙"),
    Place("flow", "Flow control", "⇉"),
    Place("migrations", "Migrations", "⇪"),
    Place("search", "Search", "⌕"),
    Place("audit", "Audit", "≡"),
)


class Unfinished(Response):
    """A page that is still to be laid out: that takes a while where payloads are large, and belongs into a thread.

    Args:
        lay_out: Does it.
    """

    def __init__(self, lay_out: Callable[[], Response]) -> None:
        super().__init__()
        self.lay_out = lay_out


class Screens:
    """Lays pages out.

    Args:
        settings: Of the board.
        static: The files that pages refer to, by name.
    """

    def __init__(self, settings: BoardSettings, static: Mapping[str, StaticFile]) -> None:
        self._settings = settings
        self._static = static
        self._environment = Environment(
            loader=PackageLoader("taskora.board", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            ago=ago, clock=clock, number=number, duration=duration, size=size, json=as_json, brief=brief
        )

    def page(
        self, visit: Visit, template: str, title: str, status: int, watch: str, values: Mapping[str, object]
    ) -> Response:
        """Answer with a page, or with its main part; it is laid out later."""
        partial = visit.request.headers.get(PART_HEADER) == "main"
        context = {
            **values,
            "visit": visit,
            "user": visit.user,
            "title": title,
            "watch": watch,
            "layout": "part.html" if partial else "base.html",
            "place": visit.path,
        }
        cookies = dict(visit.request.cookies)
        return Unfinished(lambda: self._answer(visit.prefix, cookies, template, status, context))

    def plain(
        self, prefix: str, cookies: Mapping[str, str], template: str, title: str, status: int, **values: object
    ) -> Response:
        """Answer with a page for somebody who was not let in."""
        return self._answer(prefix, cookies, template, status, {**values, "title": title})

    def _answer(
        self, prefix: str, cookies: Mapping[str, str], template: str, status: int, context: Mapping[str, object]
    ) -> Response:
        chosen = cookies.get(THEME_COOKIE, "")
        notice = unquote(cookies.get(NOTICE_COOKIE, ""))
        text = self._environment.get_template(template).render(
            {
                "PLACES": PLACES,
                "styles": sorted(name for name in self._static if name.endswith(".css")),
                "settings": self._settings,
                "prefix": prefix,
                "theme": chosen if chosen in THEMES else self._settings.theme,
                "notice": notice,
                "asset": partial(self._asset, prefix),
                **context,
            }
        )
        # What others stored may hold halves of characters.
        response = HTMLResponse(text.encode("utf-8", "replace"), status)
        if notice and context.get("layout") == "base.html":  # where it stands
            response.delete_cookie(NOTICE_COOKIE, path=f"{prefix}/")
        return response

    def _asset(self, prefix: str, name: str) -> str:
        return f"{prefix}/static/{name}?v={self._static[name].version}"


# Filters. What they return is shown to people; programs have the JSON.


def ago(at: datetime | None, missing: str = "–") -> Markup:
    """Show a time as the distance from now, with the time itself on hover."""
    if at is None:
        return Markup('<span class="dim">{}</span>').format(missing)
    at = at.astimezone(UTC)
    seconds = (datetime.now(UTC) - at).total_seconds()
    distance = amounts.span_in_parts(abs(seconds))
    text = "now" if abs(seconds) < 1 else f"{distance} ago" if seconds > 0 else f"in {distance}"
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        at.isoformat(timespec="milliseconds"), f"{at:%Y-%m-%d %H:%M:%S} UTC", text
    )


def clock(at: datetime | None) -> Markup:
    """Show a time in full, in UTC."""
    if at is None:
        return Markup('<span class="dim">–</span>')
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds"), f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC"
    )


def number(value: float | None) -> str:
    """Show a number with its thousands apart."""
    return "–" if value is None else f"{value:,.0f}" if isinstance(value, int) else f"{value:,.1f}"


def duration(seconds: float | None) -> str:
    """Show a length of time."""
    return "–" if seconds is None else amounts.span_in_parts(seconds)


def size(count: int | None) -> str:
    """Show a number of bytes."""
    return "–" if count is None else amounts.size(count, whole_from=100)


def as_json(value: object) -> str:
    """Show a value as indented JSON, cut where it gets long."""
    text = to_json(value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "\n…"


def to_json(value: object) -> str:
    """Write a value as indented JSON; what JSON does not know, as its representation."""
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return shown(repr(value))


def brief(value: object, most: int = _SHORT) -> Markup:
    """Show a value in one line of a table."""
    text = value if isinstance(value, str) else to_json_line(value)
    line = " ".join(text[: most * 4].split())
    return escape(line if len(line) <= most else line[: most - 1] + "…")


def to_json_line(value: object) -> str:
    """Write a value as JSON in one line."""
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return shown(repr(value))
