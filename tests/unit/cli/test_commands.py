"""What the command says without any server."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from taskora import AdapterError, ConfigError, JobNotFoundError, TaskoraError, TimeoutError
from taskora.cli.exits import ExitCode, code_of
from taskora.cli.following import read_progress
from taskora.cli.main import cli
from taskora.loading import AppLoadError

COMMANDS = cli.list_commands(click.Context(cli))
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_that_begins_with_what_it_does(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: cli {name}" in result.output


def test_help_does_not_import_the_commands() -> None:
    code = (
        "import sys; from taskora.cli.main import cli; cli.main(['--help'], standalone_mode=False)\n"
        "loaded = [m for m in sys.modules if m in ('taskora.cli.demo', 'taskora.cli.wait', 'networkx')]\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_importing_taskora_does_not_import_click() -> None:
    code = "import sys, taskora; assert 'click' not in sys.modules"
    subprocess.run([sys.executable, "-P", "-c", code], timeout=30, check=True)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AppLoadError("x"), 4),
        (ConfigError("x"), 5),
        (JobNotFoundError("x", job_id="j"), 3),
        (AdapterError("x"), 69),
        (TimeoutError("x"), 124),
        (TaskoraError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: TaskoraError, code: int) -> None:
    assert code_of(error) == code


def test_the_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert [code for code in ExitCode if f"| {code.value} |" not in page] == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (None, "")),
        (True, (None, "")),
        (40, (0.4, "")),
        ({"done": 3, "total": 4}, (0.75, "3 of 4")),
        ({"percent": 50, "message": "half"}, (0.5, "half")),
        ("reading", (None, "reading")),
        ([1, 2], (None, "[1,2]")),
    ],
)
def test_progress_is_read_as_handlers_report_it(value: object, expected: tuple[float | None, str]) -> None:
    assert read_progress(value) == expected


def test_an_app_and_a_url_exclude_each_other() -> None:
    result = CliRunner().invoke(cli, ["workers", "--app", "a:b", "--url", "redis://x"])
    assert result.exit_code == ExitCode.USAGE
    assert "exclude each other" in result.output


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["job", "abc", "--reason", "why"], "--cancel"),
        (["dispatch", "mail", "{}", "--timeout", "5s"], "--wait"),
        (["inspect", "--limit", "5"], "--state"),
        (["inspect", "mail", "--offset", "20"], "--state"),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(words: list[str], needed: str) -> None:
    result = CliRunner().invoke(cli, [*words, "--url", "memory://"])
    assert result.exit_code == ExitCode.USAGE
    assert f"says nothing without {needed}" in result.output
