"""Every test that the page of guarantees names exists, and no guarantee stands without one."""

import re
from pathlib import Path

from architecture.test_complaints import functions_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = re.compile(r"`(tests/[a-z_0-9/]+\.py)::(test_[a-z_0-9]+)`")


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) == PAGE.count("::")
    missing = [f"{path}::{name}" for path, name in named if name not in functions_of(ROOT / path)]
    assert not missing


def test_every_promise_names_a_test() -> None:
    promised = PAGE[: PAGE.index("## What is not promised")]
    _, *promises = re.split(r"^(?=\*\*)", promised, flags=re.MULTILINE)
    assert len(promises) >= 10
    bare = [promise.splitlines()[0] for promise in promises if not NAMED.search(promise)]
    assert not bare
