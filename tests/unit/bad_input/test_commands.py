"""Nonsense on a command line: its exit code, one clear line, no traceback, and nothing is started or written."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner

from taskora.cli.main import cli, main
from taskora.supervisor.options import command as supervise

USAGE, NOT_FOUND, NOT_LOADED, CONFIG = 2, 3, 4, 5
HERE = ["--url", "memory://"]
MODULES = {
    "raising": 'raise RuntimeError("two\\nlines")',
    "exiting": "import sys; sys.exit(0)",
    "broken": "def (",
    "notapp": "app = 5",
}


def leaves(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name))
    else:
        yield path, group


COMMANDS = dict(leaves(cli))
# Arguments that a command needs before an option of it can be wrong.
ARGUMENTS: dict[tuple[str, ...], list[str]] = {
    **{(name,): ["nobody"] for name in ("dispatch", "wait", "job", "graph")},
    **{("schedules", name): ["nobody"] for name in ("pause", "resume", "remove", "trigger")},
    **{(name,): ["nobody"] for name in ("flow", "resume")},
    ("dlq", "retry"): ["nobody"],
    **{("supervisors", name): ["nobody"] for name in ("recycle", "drain")},
    ("supervisors", "scale"): ["nobody", "2"],
    ("dlq", "retry-group"): ["nobody", "boom"],
    ("demo",): ["--files", "1"],
}
# What each option that takes a value is refused with: the values, and the exit code.
OPTIONS: dict[str, list[tuple[str, int]]] = {
    "--app": [("x", NOT_LOADED), ("x:", NOT_LOADED), ("no_such_module:app", NOT_LOADED), ("os:nothing", NOT_LOADED),
              ("os:path", NOT_LOADED), ("a b:c", NOT_LOADED), ("../x:y", NOT_LOADED)],
    "--url": [("http://x", CONFIG), ("nonsense", CONFIG), ("redis://h:x", CONFIG), (" ", CONFIG),
              ("redis://h\n", CONFIG)],
    "--prefix": [("a b", CONFIG), ("a*", CONFIG), ("x" * 10_000, CONFIG)],
    "--delay": [("soon", CONFIG), ("-1", CONFIG), ("", CONFIG)],
    "--ttl": [("soon", CONFIG), ("0", CONFIG), ("-5s", CONFIG)],
    "--timeout": [("soon", CONFIG), ("-1", CONFIG), ("1" * 30, CONFIG)],
    "--priority": [("x", USAGE), ("-1", USAGE), ("901", USAGE)],
    "--job-id": [("a b", CONFIG), ("", CONFIG), ("wait", CONFIG), ("{x}", CONFIG)],
    "--limit": [("x", USAGE), ("0", USAGE), ("9" * 30, CONFIG)],
    "--offset": [("x", USAGE), ("-1", USAGE), ("9" * 30, CONFIG)],
    "--state": [("nonsense", USAGE), ("", USAGE)],
    "--format": [("nonsense", USAGE)],
    "--type": [],  # any text
    **{name: [("x" * 501, CONFIG), ("", CONFIG)] for name in ("--peek", "--flush")},
    "--task": [("a b", CONFIG), ("{x}", CONFIG)],
    "--files": [("0", USAGE), ("x", USAGE)],
    "--procs": [("0", USAGE), ("x", USAGE), ("65", USAGE)],
    "--slot": [("x", USAGE), ("-1", USAGE), ("10001", USAGE)],
    "--reason": [],  # any text
    "--where": [("x", USAGE), ("=5", CONFIG), ("a b=5", CONFIG), ("user_id=", CONFIG)],
    "--cursor": [("x", CONFIG), ("", CONFIG)],
    "--before": [("x", CONFIG), ("", CONFIG), ("1-", CONFIG)],
    "--interval": [("soon", CONFIG), ("0", CONFIG), ("-1s", CONFIG)],
    "--rounds": [("0", USAGE), ("x", USAGE)],
    "--only": [("nonsense", CONFIG)],
    "--port": [("x", USAGE), ("65536", USAGE), ("-1", USAGE)],
    "--host": [("not a host", CONFIG), ("0.0.0.0", CONFIG), ("", CONFIG)],
    "--base-path": [("x", CONFIG), ("/a?b", CONFIG), ("/a//b", CONFIG)],
    "--auth": [("x", NOT_LOADED), ("os:nothing", NOT_LOADED), ("os:path", CONFIG)],
    "--redact": [],  # any text
    "--title": [],
    "--theme": [("nonsense", USAGE)],
    "--refresh": [("soon", CONFIG), ("0", CONFIG), ("-1s", CONFIG)],
}  # fmt: skip
ALIASES = {
    "--url": ["adapter"],
    "--task": ["job"],
    "--peek": ["key"],
    "--flush": ["key"],
    "--base-path": ["base_path"],
    "--refresh": ["refresh_interval"],
}  # what messages call them
# What an option says nothing without.
NEEDS: dict[tuple[str, ...], list[str]] = {
    ("inspect", "--limit"): ["--state", "failed"],
    ("inspect", "--where"): ["nobody"],
    ("inspect", "--cursor"): ["nobody", "--where", "a=1"],
    ("inspect", "--offset"): ["--state", "failed"],
    ("dispatch", "--timeout"): ["--wait"],
    ("job", "--reason"): ["--cancel"],
}
SUPERVISE: list[tuple[list[str], int, str]] = [
    ([], USAGE, "MODULE:ATTR"),
    *((["x:app", option, value], code, name) for option, code, name, values in (
        ("--procs", CONFIG, "procs", ("0", "-1", "x", "1.5", "", "1025", "9" * 30)),
        ("--concurrency", CONFIG, "concurrency", ("0", "-1")),
        ("--concurrency", USAGE, "concurrency", ("x", "1.5")),
        ("--drain-timeout", CONFIG, "drain_timeout", ("soon", "-1", "", "nan", "inf")),
        ("--heartbeat-timeout", CONFIG, "heartbeat_timeout", ("soon", "0", "-1")),
        ("--hang-timeout", CONFIG, "hang_timeout", ("soon", "0")),
        ("--boot-timeout", CONFIG, "boot_timeout", ("soon", "0")),
        ("--max-crashes", CONFIG, "max_crashes", ("-1",)),
        ("--max-crashes", USAGE, "max-crashes", ("x",)),
        ("--max-jobs", CONFIG, "max_jobs", ("0", "-1")),
        ("--max-jobs", USAGE, "max-jobs", ("x",)),
        ("--max-rss", CONFIG, "max_rss", ("0", "-1", "much", "", "5XB")),
        ("--health-port", CONFIG, "health_port", ("-1", "65536")),
        ("--health-port", USAGE, "health-port", ("x",)),
        ("--metrics-port", CONFIG, "metrics_port", ("-1", "65536")),
        ("--metrics-port", USAGE, "metrics-port", ("x",)),
        ("--log-format", USAGE, "log-format", ("xml",)),
        ("--log-level", USAGE, "log-level", ("loud",)),
    ) for value in values),
    (["x:app", "--tasks", "a", "--exclude", "a"], CONFIG, "exclude"),
    *((["x:app", f"--{kind}-port", "0", f"--{kind}-host", value], CONFIG, f"{kind}_host")
      for kind in ("health", "metrics") for value in ("", "not a host")),
    *(([target], CONFIG, "target") for target in ("x", "x:", ":app", "a b:c", "x:app:y", "../x:y", "")),
    (["x:app", "--nonsense"], USAGE, "--nonsense"),
    (["x:app", "y:app"], USAGE, "y:app"),
]  # fmt: skip
SUPERVISED = {option for arguments, _, _ in SUPERVISE for option in arguments if option.startswith("--")}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading an application puts the working folder on the import path of this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert not said.out
    code = cast("int", ended.value.code)
    lines = [line for line in said.err.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    if arguments[0] != "demo":  # it says first what it is about to do
        assert len(lines) == 1, lines
    return code, lines[-1]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_of_every_command_is_refused_with_nonsense_by_name(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for parameter in COMMANDS[path].params:
        if not isinstance(parameter, click.Option) or parameter.is_flag:
            continue
        option = parameter.opts[0]
        values = OPTIONS[option]
        if path == ("demo",) and option == "--url":
            values = values[:1]  # it reads the whole library first
        for value, code in values:
            where = [] if option in ("--app", "--url") or path == ("demo",) else HERE
            needs = NEEDS.get((*path, option), [])
            found, line = refused(capsys, [*path, *ARGUMENTS.get(path, []), *where, *needs, option, value])
            assert found == code, (option, value, line)
            name = option.lstrip("-")
            aliases = {name, name.replace("-", "_"), *ALIASES.get(option, ())}
            assert any(alias in line for alias in aliases), line
            assert len(line) < 600


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_unknown_option_a_missing_argument_and_one_too_many_are_usage_errors(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ARGUMENTS.get(path, [])
    code, line = refused(capsys, [*path, *given, "--nonsense"])
    assert (code, line.startswith("Error: No such option '--nonsense'.")) == (USAGE, True)
    assert refused(capsys, [*path, *given, "a", "b", "c", "d"])[0] == USAGE
    if "nobody" in given:
        code, line = refused(capsys, list(path))
        assert (code, "Missing argument" in line) == (USAGE, True)


@pytest.mark.parametrize("module", MODULES)
def test_an_application_that_cannot_be_loaded_is_named_in_one_line(
    module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{module}_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULES[module])
    sys.path.append(str(tmp_path))
    code, line = refused(capsys, ["workers", "--app", f"{name}:app"])
    assert (code, name in line) == (NOT_LOADED, True)


def _label(value: object) -> str:
    return " ".join(cast("list[str]", value)) if isinstance(value, list) else ""


@pytest.mark.parametrize(("arguments", "code", "named"), SUPERVISE, ids=_label)
def test_the_supervisor_refuses_nonsense_before_it_starts_anything(arguments: list[str], code: int, named: str) -> None:
    result = CliRunner().invoke(supervise, arguments)
    lines = [line for line in result.stderr.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    assert result.exit_code == code, result.stderr
    assert len(lines) == 1, lines
    assert named in lines[0]
    assert not result.stdout


def test_every_option_of_the_supervisor_that_takes_a_value_is_tried() -> None:
    taken = {param.opts[0] for param in supervise.params if isinstance(param, click.Option) and not param.is_flag}
    assert taken - SUPERVISED == {"--tasks"} - SUPERVISED


def test_every_option_of_the_commands_is_known_here() -> None:
    known = {param.opts[0] for found in COMMANDS.values() for param in found.params if isinstance(param, click.Option)}
    flags = {param.opts[0] for found in COMMANDS.values() for param in found.params
             if isinstance(param, click.Option) and param.is_flag}  # fmt: skip
    assert known - flags <= OPTIONS.keys()
