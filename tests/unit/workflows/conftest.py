import pytest

from unit.workflows.fakes import FakeEngine, FakeTask


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def a(engine: FakeEngine) -> FakeTask:
    return FakeTask("a", engine)


@pytest.fixture
def b(engine: FakeEngine) -> FakeTask:
    return FakeTask("b", engine)


@pytest.fixture
def c(engine: FakeEngine) -> FakeTask:
    return FakeTask("c", engine)
