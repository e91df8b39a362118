"""What a board is told when it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast, get_args

from taskora.callables import check_takes
from taskora.config import check_flag, check_instance
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.keys import check_text
from taskora.quoting import quoted

from .access.login import AuthCallable, SessionLogin

Theme: TypeAlias = Literal["auto", "light", "dark"]
Formatter: TypeAlias = Callable[[object, str], object]
"""Takes a payload or a result, and the task's name; returns what is shown in its place."""

THEMES: Final[tuple[str, ...]] = get_args(Theme)
_LEAST_REFRESH_S = 0.25
_LONGEST_TITLE = 200
_PATH = re.compile(r"(?:/[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]{0,199})*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSettings:
    """See ``create_board``."""

    base_path: str = "/board"
    auth: SessionLogin | AuthCallable | None = None
    read_only: bool = False
    title: str = "taskora"
    logo: str | None = None
    favicon: str | None = None
    theme: Theme = "auto"
    refresh_interval: Duration = 2
    redact: Sequence[str] = ()
    cors: Sequence[str] = ()
    formatters: Mapping[str, Formatter] | None = None

    def __post_init__(self) -> None:
        path = check_instance(self.base_path, str, "base_path")
        if not _PATH.fullmatch(path):
            raise ConfigError(f"base_path: expected a path such as '/board', or ''; got {quoted(path)}")
        if self.auth is not None and not isinstance(self.auth, SessionLogin):
            check_takes(self.auth, ("the request",), "auth")
        check_flag(self.read_only, "read_only")
        check_text(self.title, "title", most=_LONGEST_TITLE)
        for name in ("logo", "favicon"):
            if getattr(self, name) is not None:
                check_text(getattr(self, name), name)
        if self.theme not in THEMES:
            raise ConfigError(f"theme: expected one of {', '.join(THEMES)}; got {quoted(self.theme)}")
        if to_seconds(self.refresh_interval, "refresh_interval") < _LEAST_REFRESH_S:
            raise ConfigError(f"refresh_interval: at least {_LEAST_REFRESH_S} s; got {quoted(self.refresh_interval)}")
        for name in ("redact", "cors"):
            given: object = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Sequence):
                raise ConfigError(f"{name}: expected a list of texts; got {quoted(given)}")
        self._check_formatters()

    def _check_formatters(self) -> None:
        given = cast("object", self.formatters)
        if given is None:
            return
        if not isinstance(given, Mapping):
            raise ConfigError(f"formatters: expected a dictionary of functions; got {quoted(given)}")
        for kind, formatter in cast("Mapping[object, object]", given).items():
            if kind not in ("data", "result"):
                raise ConfigError(f"formatters: there are 'data' and 'result'; got {quoted(kind)}")
            check_takes(formatter, ("the value", "the task's name"), f"formatters[{kind!r}]", waits=False)

    @property
    def refresh_s(self) -> float:
        """Seconds between two looks at the counts."""
        return to_seconds(self.refresh_interval)

    @property
    def can_log_out(self) -> bool:
        """Whether people sign in on the board itself."""
        return isinstance(self.auth, SessionLogin)
