"""What an import costs: every program that dispatches pays it at its start."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = "import taskora"
APPLICATION: Final = "from taskora import Taskora; Taskora('redis://127.0.0.1:1')"
EVERYTHING: Final = "import taskora; [getattr(taskora, name) for name in taskora.__all__]"

# Of other packages; what else is needed comes when something needs it.
ALLOWED: Final[Mapping[str, set[str]]] = {
    PACKAGE: set(),
    APPLICATION: {"orjson", "hiredis"},
    EVERYTHING: {"orjson", "hiredis"},
}
LIMIT_MS: Final = 150.0
ATTEMPTS: Final = 8
# A busy machine makes every import slower, so the limit grows with what this takes at the same moment.
REFERENCE: Final = "import asyncio"
REFERENCE_MS: Final = 30.0  # on a quiet machine

_PROBE: Final = """
import json, sys, time
before = set(sys.modules)
start_s = time.process_time()
{code}
took_ms = (time.process_time() - start_s) * 1000
loaded = set(sys.modules) - before
foreign = {{name.partition(".")[0] for name in loaded}} - set(sys.stdlib_module_names) - {{"taskora"}}
here = {{name for name in foreign if "site-packages" in (getattr(sys.modules.get(name), "__file__", None) or "")}}
print(json.dumps([took_ms, sorted(here), sorted(loaded)]))
"""


class Fresh:
    """Runs code in fresh interpreters that find their modules compiled."""

    def __init__(self, cache: Path) -> None:
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache)}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run(self, code: str) -> tuple[float, set[str], set[str]]:
        """CPU ms that it takes, packages of others and modules that it loads."""
        command = [sys.executable, "-P", "-c", _PROBE.format(code=code)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=self._environment)
        took_ms, foreign, loaded = json.loads(done.stdout)
        return float(took_ms), set(foreign), set(loaded)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    return Fresh(tmp_path_factory.mktemp("compiled"))


@pytest.mark.parametrize("code", [PACKAGE, APPLICATION, EVERYTHING], ids=["package", "application", "everything"])
def test_an_import_loads_no_other_packages_than_those_allowed(fresh: Fresh, code: str) -> None:
    assert fresh.run(code)[1] <= ALLOWED[code]


def test_an_application_on_a_server_does_without_what_only_others_need(fresh: Fresh) -> None:
    loaded = fresh.run(APPLICATION)[2]
    unwanted = (
        "taskora.adapters.memory",
        "taskora.cli",
        "taskora.testing",
        "taskora.supervisor",
        "taskora.benchmarking",
    )
    assert [name for name in sorted(loaded) if name.startswith(unwanted)] == []


@pytest.mark.parametrize("code", [PACKAGE, APPLICATION], ids=["package", "application"])
def test_an_import_takes_less_than_150_ms(fresh: Fresh, code: str) -> None:
    fresh.run(code)  # compiled now
    seen: list[tuple[float, float]] = []
    for _ in range(ATTEMPTS):
        limit_ms = LIMIT_MS * max(1.0, fresh.run(REFERENCE)[0] / REFERENCE_MS)
        seen.append((fresh.run(code)[0], limit_ms))
        if seen[-1][0] < limit_ms:
            return
    raise AssertionError(f"{code}: CPU ms and what is allowed: {seen}")
