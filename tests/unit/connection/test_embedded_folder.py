"""Which folder the embedded server has, and where its socket lies."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from taskora.connection.embedded_folder import (
    LONGEST_SOCKET_PATH,
    default_folder,
    folder_of_url,
    known_socket_path,
    prepare,
    socket_path,
)
from taskora.errors import AdapterError, ConfigError


@pytest.mark.parametrize("mark", ["pyproject.toml", ".git"])
def test_the_default_is_in_the_nearest_project(mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "project" / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "project" / mark).touch()
    monkeypatch.chdir(inner)
    assert default_folder() == tmp_path / "project" / ".taskora"


def test_the_default_without_a_project_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_folder() == tmp_path / ".taskora"


def test_a_url_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_of_url("embedded:///var/a%20b") == Path("/var/a b")
    assert folder_of_url("embedded://data/q") == tmp_path / "data" / "q"
    assert folder_of_url("embedded://~/q") == Path.home() / "q"
    assert folder_of_url("embedded://") == tmp_path / ".taskora"


@pytest.mark.parametrize("url", ["embedded:///a?db=1", "embedded:///a#b", "redis://a", "embedded", "/a"])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="embedded://PATH"):
        folder_of_url(url)


def test_a_new_folder_is_private_and_ignored_by_git(tmp_path: Path) -> None:
    folder = tmp_path / "a" / ".taskora"
    prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_folder_with_other_things_in_it_gets_no_gitignore(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    prepare(tmp_path)
    assert not (tmp_path / ".gitignore").exists()


def test_a_folder_that_cannot_be_made_is_an_adapter_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AdapterError, match="embedded://PATH"):
        prepare(tmp_path / "file" / ".taskora")


def test_a_path_too_long_for_a_socket_gets_a_private_folder_that_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 110)
    prepare(folder)
    path = socket_path(folder)
    try:
        assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert known_socket_path(folder) == path == socket_path(folder)
        path.parent.chmod(0o755)
        assert known_socket_path(folder) is None, "others could have put their socket there"
    finally:
        shutil.rmtree(path.parent)
    assert known_socket_path(folder) is None
