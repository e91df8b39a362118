"""An application on a real server, for the folders that do not say otherwise."""

from collections.abc import Iterator

import pytest

from integration.engine.kit import Engine
from support import Server
from taskora import Taskora


@pytest.fixture
def engine(server: Server, url: str, prefix: str) -> Iterator[Engine]:
    engine = Engine(url, prefix)
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def app(engine: Engine) -> Taskora:
    return engine.app()
