import io

import pytest

from taskora.cli.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_is_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    with ProgressBar("job", stream) as bar:
        bar.update(0.5, "half of it")
        bar.update(1.0, "all " * 40)
    *drawn, end = stream.getvalue().split("\r")[1:]
    assert "[===============               ] 50 % half of it" in drawn[0]
    assert end.endswith("\n")
    assert {len(line.rstrip("\n")) for line in [*drawn, end]} == {59}


def test_elsewhere_lines_are_sparse_and_the_last_state_is_always_said() -> None:
    stream = io.StringIO()
    with ProgressBar("job", stream) as bar:
        for percent in range(101):
            bar.update(percent / 100, "files")
    assert stream.getvalue().splitlines() == ["job: 0 % files", "job: 100 % files"]
