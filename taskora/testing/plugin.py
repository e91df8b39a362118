"""The pytest plugin: the fixture ``taskora_runner``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskora.testing.runner import TestRunner, create_test_runner


@pytest.fixture
def taskora_runner() -> Iterator[TestRunner]:
    """A runner with an application of its own, disposed of after the test."""
    with create_test_runner() as runner:
        yield runner
