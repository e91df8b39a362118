import pytest

from integration.engine.kit import Engine
from taskora import Taskora


@pytest.fixture(params=["server", "memory"])
def any_app(request: pytest.FixtureRequest, engine: Engine) -> Taskora:
    """An application on a server, and one without: they promise the same."""
    if request.param == "server":
        return engine.app()
    return Taskora("memory://")
