"""One request, as the pages see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from taskora.app import Taskora
from taskora.errors import ConfigError
from taskora.inspector import Inspector

from .access.roles import Role, User
from .desk import Desk

if TYPE_CHECKING:
    from .screens import Screens

PAGE_SIZE = 25


class NotFoundError(Exception):
    """There is no such thing (any more); the message says what."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who was let in.

    Attributes:
        desk: What all requests share.
        screens: Lays pages out.
        request: The request.
        user: Whose it is.
        prefix: Path of the board as the browser writes it, without a slash at its end.
        path: Path of this page below the board, without a slash at its begin.
        values: Those of the form, over those of the address.
    """

    desk: Desk
    screens: Screens
    request: Request
    user: User
    prefix: str
    path: str
    values: Mapping[str, str]

    @property
    def app(self) -> Taskora:
        """The application whose jobs are shown."""
        return self.desk.app

    @property
    def inspector(self) -> Inspector:
        """Looks at what is stored."""
        return self.desk.inspector

    @property
    def ends_ms(self) -> int | None:
        """Until when whoever asks is let in, in milliseconds since the epoch; None if no end of it is known."""
        ends_ms: int | None = self.request.scope.get("taskora.ends_ms")
        return ends_ms

    def url(self, path: str = "", /, **values: object) -> str:
        """Return the address of a page of the board; what is None or empty is left out."""
        given = [(name, str(value)) for name, value in values.items() if value is not None and value != ""]
        return f"{self.prefix}/{path}" + (f"?{urlencode(given)}" if given else "")

    def here(self, /, **changes: object) -> str:
        """Return this page's address with some of its values changed; None takes one out."""
        return self.url(self.path, **{**self.request.query_params, **changes})

    def value(self, name: str, default: str = "") -> str:
        """Return a value of the form or the address."""
        return self.values.get(name, default)

    def need(self, name: str) -> str:
        """Return a value without which there is nothing to do.

        Raises:
            ConfigError: It is missing.
        """
        value = self.values.get(name, "")
        if not value:
            raise ConfigError(f"{name}: this address needs it, as in ?{name}=…")
        return value

    def number(self, name: str, default: int, most: int = 1_000_000_000) -> int:
        """Return a whole number from 0 on.

        Raises:
            ConfigError: It is none.
        """
        text = self.values.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) <= most):
            raise ConfigError(f"{name}: expected a whole number from 0 to {most}")
        return int(text)

    def may(self, role: Role | str) -> bool:
        """Tell whether whoever asks may do what needs this role; on a board that is read only, only reading."""
        needed = Role(role)
        return self.user.role.allows(needed) and (needed is Role.READ or not self.desk.settings.read_only)

    @property
    def wants_json(self) -> bool:
        """Whether a program asks, or our own script."""
        return "application/json" in self.request.headers.get("accept", "")

    def page(self, template: str, title: str, *, status: int = 200, watch: str = "", **values: object) -> Response:
        """Answer with a page; our own script gets its main part alone.

        Args:
            template: Its file, such as ``job.html``.
            title: What the browser's tab says.
            status: Of HTTP.
            watch: What changes it: the name of a task, ``*`` for any task, or ``time`` for a page that shows what
                changes without jobs. Empty for a page that stays as it is.
            values: What the template speaks of.
        """
        return self.screens.page(self, template, title, status, watch, values)
