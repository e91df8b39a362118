"""What a board is told when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from taskora.config import check_instance
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.quoting import quoted

from .access.login import AuthCallable, SessionLogin

Theme: TypeAlias = Literal["auto", "light", "dark"]
Formatter: TypeAlias = Callable[[object, str], object]
"""Takes a payload or a result, and the task's name; returns what is shown in its place."""

THEMES: Final[tuple[str, ...]] = get_args(Theme)
_LEAST_REFRESH_S = 0.25


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
        if path and (not path.startswith("/") or path.endswith("/") or "//" in path or set(path) & set("?#\\ ")):
            raise ConfigError(f"base_path: expected a path such as '/board', or ''; got {quoted(path)}")
        auth = self.auth
        if auth is not None and not isinstance(auth, SessionLogin) and not callable(auth):
            raise ConfigError(f"auth: expected a SessionLogin, a function of the request, or None; got {quoted(auth)}")
        if self.theme not in THEMES:
            raise ConfigError(f"theme: expected one of {', '.join(THEMES)}; got {quoted(self.theme)}")
        if to_seconds(self.refresh_interval, "refresh_interval") < _LEAST_REFRESH_S:
            raise ConfigError(f"refresh_interval: at least {_LEAST_REFRESH_S} s; got {quoted(self.refresh_interval)}")
        for name in ("redact", "cors"):
            given: object = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Sequence):
                raise ConfigError(f"{name}: expected a list of texts; got {quoted(given)}")
        unknown = set(self.formatters or {}) - {"data", "result"}
        if unknown:
            raise ConfigError(f"formatters: there are 'data' and 'result'; got {quoted(min(unknown))}")

    @property
    def refresh_s(self) -> float:
        """Seconds between two looks at the counts."""
        return to_seconds(self.refresh_interval)

    @property
    def can_log_out(self) -> bool:
        """Whether people sign in on the board itself."""
        return isinstance(self.auth, SessionLogin)
