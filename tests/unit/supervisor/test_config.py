"""Settings and their messages."""

import pytest
from click.testing import CliRunner

from taskora.errors import ConfigError
from taskora.supervisor.config import SupervisorConfig
from taskora.supervisor.options import command
from taskora.supervisor.sizes import to_bytes


@pytest.mark.parametrize("target", ["app:taskora", "pkg.mod:obj.attr", "päckchen:ä"])
def test_targets_of_the_right_form_are_accepted(target: str) -> None:
    assert SupervisorConfig(target=target).target == target


@pytest.mark.parametrize("target", ["app", "app:", ":app", "app:a b", "a-b:c", "app.py:x/y", "app:taskora()", "1a:b"])
def test_targets_of_another_form_are_refused_with_an_example(target: str) -> None:
    with pytest.raises(ConfigError, match=r"^target: .*app:taskora"):
        SupervisorConfig(target=target)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("procs", 0),
        ("procs", 1025),
        ("concurrency", 0),
        ("max_jobs", 0),
        ("max_rss_bytes", 0),
        ("heartbeat_timeout_s", 0.0),
        ("hang_timeout_s", -1.0),
        ("boot_timeout_s", 0.0),
        ("drain_timeout_s", -0.1),
        ("interrupt_grace_s", -1.0),
        ("log_format", "xml"),
        ("log_level", "loud"),
    ],
)
def test_a_message_names_the_field_first_and_what_was_given(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^{field}: .*{value}"):
        SupervisorConfig(target="a:b", **{field: value})  # type: ignore[arg-type] # the point of the test


def test_a_task_cannot_be_both_chosen_and_excluded() -> None:
    with pytest.raises(ConfigError, match=r"^exclude: mail is both"):
        SupervisorConfig(target="a:b", tasks=("mail", "sms"), exclude=("mail",))


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("512MB", 512_000_000), ("512 MiB", 512 * 1024**2), ("1.5g", 1_500_000_000), ("2KiB", 2048)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert to_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "12 potatoes", "-5MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^max_rss: "):
        to_bytes(text, "max_rss")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["app"], "target: 'app'"),
        (["a:b", "--procs", "many"], "procs: 'many'"),
        (["a:b", "--procs", "0"], "procs: 0"),
        (["a:b", "--drain-timeout", "soon"], "drain_timeout: 'soon'"),
        (["a:b", "--max-rss", "lots"], "max_rss: 'lots'"),
        (["a:b", "--tasks", "x, y", "--exclude", "y"], "exclude: y"),
    ],
)
def test_the_command_ends_with_5_and_one_line_on_a_bad_setting(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 5
    assert words in result.output
    assert len(result.output.splitlines()) == 1


def test_the_help_explains_signals_and_exit_codes() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    for words in ("--drain-timeout", "HUP", "75 something had to be killed", "MODULE:ATTR"):
        assert words in result.output
