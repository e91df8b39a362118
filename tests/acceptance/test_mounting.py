"""The board in applications of other frameworks, by the recipes of its documentation as they stand there."""

import re
import site
import socket
import venv
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from acceptance.test_packaging import ROOT, run
from support import FLAVORS, Server, Spawn, find_binary, wait_until

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(300)]

FRAMEWORKS = {"FastAPI": "app", "Django": "application", "Litestar": "app", "Starlette": "app"}
PATIENCE_S = 30.0

APP = """
import os

from taskora import Taskora

taskora = Taskora(os.environ["APP_URL"])


@taskora.task
async def greet(name: str) -> str:
    return name
"""
SETTINGS = """
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "settings"
urlpatterns = []
"""


@pytest.fixture(scope="session")
def session_server() -> Iterator[Server]:
    """Frameworks know nothing of the server: one will do."""
    with Server(next(flavor for flavor in FLAVORS if find_binary(flavor))) as running:
        yield running


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the frameworks, and else what this one has."""
    folder = tmp_path_factory.mktemp("frameworks")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    (own,) = (folder / "lib").glob("python*/site-packages")
    ours = "; ".join(f"site.addsitedir({path!r})" for path in site.getsitepackages())
    (own / "ours.pth").write_text(f"import site; {ours}\n")
    wanted = ("fastapi", "django", "litestar")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted, cwd=folder)
    return python


def recipe(framework: str) -> str:
    """The code that the documentation gives."""
    found = re.search(rf"```python\n(# {framework}\b.*?)```", (ROOT / "docs" / "board.md").read_text(), re.DOTALL)
    assert found is not None, f"there is no recipe for {framework}"
    return found[1]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_board_works_in_an_application_of_a_framework(
    framework: str, python: Path, url: str, spawn: Spawn, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "recipe.py").write_text(f"from app import taskora\n{recipe(framework)}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(python), "-m", "uvicorn", f"recipe:{FRAMEWORKS[framework]}", "--port", str(port), "--app-dir", "."]
    served = spawn(command, {"APP_URL": url, "DJANGO_SETTINGS_MODULE": "settings"})
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=PATIENCE_S) as client:
        wait_until(lambda: "running on" in served.log(), PATIENCE_S, "uvicorn did not start")
        page = client.get("/board/")
        assert page.status_code == 200
        assert 'href="/board/task?name=greet"' in page.text
        assert client.get("/board").status_code == 200
        for address in re.findall(r'(?:href|src)="([^"#]+)"', page.text):
            assert address.startswith("/board/")
            assert client.get(urljoin("/board/", address)).status_code == 200, address
        assert client.get("/board/api/overview").json()["tasks"][0]["name"] == "greet"
        sent = {"data": '"ada"', "delay": "1h"}
        job = client.post("/board/task/dispatch?task=greet", data=sent, headers={"Origin": str(client.base_url)})
        assert job.url.path == "/board/job"
        assert "ada" in job.text
        with client.stream("GET", "/board/live?watch=time") as events:
            assert "event: changed" in events.iter_lines()
        assert client.get("/elsewhere").status_code == 404
        assert client.get("/boards/").status_code == 404
