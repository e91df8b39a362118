"""The code in the documentation runs as it stands, in the order of its page, and what it asserts holds."""

import ast
import asyncio
import inspect
import re
import sys
import types
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from taskora import Taskora
from taskora.testing import create_test_runner

DOCS = Path(__file__).resolve().parents[2] / "docs"
APP = "# app.py\n"
# They start the worker themselves; the others leave that to a fleet.
WORKING = {"events.md", "middleware.md", "running.md"}


def blocks(page: str) -> list[tuple[int, str]]:
    """The page's Python, each with the line on which it begins."""
    text = (DOCS / page).read_text()
    found = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, block.start(1)), block[1]) for block in found]


def run(code: str, page: str, line: int, names: dict[str, Any]) -> None:
    """Runs a block, on an event loop when it awaits; a traceback names the page and its line."""
    tree = compile("\n" * line + code, str(DOCS / page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if tree.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(tree, names))
    else:
        exec(tree, names)


def application(page: str, code: str, line: int, monkeypatch: pytest.MonkeyPatch) -> Taskora:
    module = types.ModuleType("app")
    monkeypatch.setitem(sys.modules, "app", module)
    run(code, page, line, module.__dict__)
    taskora = module.taskora
    assert isinstance(taskora, Taskora)
    return taskora


@pytest.mark.parametrize("page", sorted({*WORKING, "flow-control.md", "inspecting.md", "tasks.md", "workflows.md"}))
def test_the_examples_of_a_page_run(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (line, app), *rest = blocks(page)
    assert app.startswith(APP)
    assert rest
    taskora = application(page, app.replace("redis://localhost:6379", "memory://"), line, monkeypatch)
    fleet: AbstractContextManager[object] = nullcontext() if page in WORKING else create_test_runner(from_app=taskora)
    with fleet:
        for line, code in rest:
            run(code, page, line, {"__name__": "example"})
    taskora.close()


def call(test: Callable[..., object], names: dict[str, Any]) -> None:
    """Calls an example of a test, with the runner that it asks for."""
    own = create_test_runner() if "taskora_runner" in inspect.signature(test).parameters else None
    with own or create_test_runner(from_app=names["taskora"]) as runner:
        pending = test(runner)
        if inspect.iscoroutine(pending):
            asyncio.run(pending)


def test_the_examples_of_the_page_about_testing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    first, (line, app), last = blocks("testing.md")
    application("testing.md", app, line, monkeypatch)
    called: list[str] = []
    for line, code in (first, last):
        names: dict[str, Any] = {"__name__": "example"}
        run(code, "testing.md", line, names)
        for name in [name for name in names if name.startswith("test_")]:
            call(names[name], names)
            called.append(name)
    assert len(called) == 6


def test_links_between_pages_lead_somewhere() -> None:
    for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
