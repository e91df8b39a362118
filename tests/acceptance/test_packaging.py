"""The built distribution: what is in it, and that it works where there is no source tree."""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS: dict[str, str] = SETTINGS["tool"]["setuptools"]["package-dir"]
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# What is made of other packages, which are not installed there.
_NEED_EXTRAS = ("taskora.board.", "taskora.integrations.", "taskora.schema.")
SUFFIXES = {".py", ".lua", ".typed", ".html", ".css", ".js", ".svg"}

IMPORT_EVERYTHING = """
import importlib, sys
from importlib.resources import files

for name in sys.argv[1:]:
    module = importlib.import_module(name)
    assert "site-packages" in module.__file__, module.__file__
assert files("taskora").joinpath("py.typed").is_file()
print("imported", len(sys.argv) - 1)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command and returns its output; a failure shows it."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with code {done.returncode}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist; the wheel is built from the sdist, so both are complete."""
    source = tmp_path_factory.mktemp("source")
    output = tmp_path_factory.mktemp("dist")
    # From a copy: setuptools leaves a build folder behind, and takes from it what the source has no more.
    for name in ("pyproject.toml", "LICENSE", "README.md", *FOLDERS.values()):
        if (ROOT / name).exists():
            run("cp", "-r", ROOT / name, source, cwd=source)
    run(sys.executable, "-m", "build", "--outdir", output, source, cwd=output)
    return output


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def sources_by_installed_path() -> dict[str, Path]:
    """Every file that must be shipped, by its path in the wheel."""
    return {
        "/".join((*package.split("."), *path.relative_to(ROOT / folder).parts)): path
        for package, folder in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES and path.is_file()
    }


def test_the_wheel_holds_every_source_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert shipped == set(sources_by_installed_path())
    assert "taskora/py.typed" in shipped


def test_the_wheel_names_its_commands_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        commands = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    for command, target in SETTINGS["project"]["scripts"].items():
        assert f"{command} = {target}" in commands


def test_the_sdist_holds_every_source_file_at_its_place_in_the_repository(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {path.relative_to(ROOT).as_posix() for path in sources_by_installed_path().values()}
    assert wanted <= names
    assert {"pyproject.toml", "LICENSE"} <= names


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def installed(request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment outside the repository that has only the built file and what it requires."""
    pattern: str = request.param
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    target = f"taskora[embedded] @ {next(built.glob(pattern)).as_uri()}"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", target, cwd=folder)
    return python


def test_what_is_installed_can_be_imported(installed: Path, tmp_path: Path) -> None:
    every: list[str] = SETTINGS["tool"]["setuptools"]["packages"]
    packages = [name for name in every if not f"{name}.".startswith("taskora.board.")]  # which needs its extra
    assert f"imported {len(packages)}" in run(installed, "-c", IMPORT_EVERYTHING, *packages, cwd=tmp_path)


def test_p33_every_type_that_others_see_is_known_to_them(installed: Path, tmp_path: Path) -> None:
    """A type that a checker would have to guess is not known: another one may guess otherwise."""
    environ = {**os.environ, "PATH": f"{installed.parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "pyright", "--verifytypes", "taskora", "--ignoreexternal", "--outputjson"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500,
        check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)["typeCompleteness"]
    assert found["packageRootDirectory"] == str(installed.parents[1] / "lib" / _VERSION / "site-packages" / "taskora")
    counts = found["exportedSymbolCounts"]
    assert counts["withKnownType"] > 5000
    guessed = {
        symbol["name"]: [each["message"] for each in symbol["diagnostics"]]
        for symbol in found["symbols"]
        if symbol["isExported"] and (symbol["isTypeAmbiguous"] or not symbol["isTypeKnown"])
    }
    assert not {name: why for name, why in guessed.items() if not name.startswith(_NEED_EXTRAS)}


def test_without_its_extra_the_board_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    command = [str(installed.with_name("taskora")), "board", "--url", "redis://127.0.0.1:1", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "install taskora[board]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_installed_commands_start(installed: Path, tmp_path: Path) -> None:
    for command in SETTINGS["project"]["scripts"]:
        assert "usage" in run(installed.with_name(command), "--help", cwd=tmp_path).lower()


APP = """
from taskora import Context, Taskora, chain, chord

taskora = Taskora()

@taskora.task
async def double(n: int) -> int:
    return 2 * n

@taskora.task(concurrency=4)
def shout(n: int, ctx: Context) -> str:
    ctx.progress(100)
    return f"{n}!"

@taskora.task
def count(words: list[str]) -> int:
    return len(words)
"""

PIPELINE = """
from app import count, double, shout, taskora
from taskora import chain, chord

assert chain(double.s(4), shout.s()).dispatch().result(timeout=30) == "8!"
assert chord([shout.s(n) for n in range(20)], count.s()).dispatch().result(timeout=30) == 20
taskora.close()
print("the pipeline ran")
"""


def test_the_installed_wheel_runs_a_pipeline_on_a_supervised_fleet(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    command = installed.parent / "taskora-supervise"
    fleet = subprocess.Popen([command, "--procs", "2", "app:taskora"], cwd=tmp_path, stdin=subprocess.DEVNULL)
    try:
        assert "the pipeline ran" in run(installed, "pipeline.py", cwd=tmp_path)
        fleet.terminate()
        assert fleet.wait(60) == 0
    finally:
        fleet.kill()
        fleet.wait()
