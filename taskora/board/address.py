"""Where a board stands: mounted below a path of another application, behind a proxy, or on its own."""

from __future__ import annotations

from typing import NamedTuple

from starlette.types import Scope


class Address(NamedTuple):
    """What a request asks for.

    Attributes:
        prefix: Path of the board as the browser sees it, without a slash at its end.
        path: Path below it, without a slash at its begin.
    """

    prefix: str
    path: str


def find_address(scope: Scope, base_path: str) -> Address | None:
    """Tell what is asked for; None when it is not for the board.

    Servers and frameworks differ in whether the path of a mounted application still begins with what it is mounted
    at, and proxies in whether they take it away. All of these lead to the same page.
    """
    root = str(scope.get("root_path", "")).rstrip("/")
    path = str(scope["path"])
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :]
    if base_path and (path == base_path or path.startswith(f"{base_path}/")):
        return Address(root + base_path, path[len(base_path) :].strip("/"))
    if root or not base_path:
        return Address(root, path.strip("/"))
    return None
