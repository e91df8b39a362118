"""Runs mypy and pyright and reads what they report, as (file, line) with a message."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Checker = Literal["mypy", "pyright"]


@dataclass(frozen=True, slots=True, order=True)
class Report:
    """One error; ``line`` counts from 1."""

    path: Path
    line: int
    message: str


def run_mypy(root: Path, arguments: Sequence[str] = ()) -> list[Report]:
    """Runs mypy in ``root`` and returns its errors.

    Raises:
        RuntimeError: mypy itself failed.
    """
    done = _run([sys.executable, "-m", "mypy", "--output=json", *arguments], root)
    try:
        entries = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    except json.JSONDecodeError:
        entries = None
    if entries is None or done.returncode not in (0, 1) or (done.returncode == 1 and not entries):
        raise RuntimeError(f"mypy failed with code {done.returncode}\n{done.stdout}{done.stderr}")
    return sorted(
        Report((root / entry["file"]).absolute(), entry["line"], f"{entry['message']} [{entry['code']}]")
        for entry in entries
        if entry["severity"] == "error"
    )


def run_pyright(root: Path, arguments: Sequence[str] = ()) -> list[Report]:
    """Runs pyright in ``root`` and returns its errors and warnings; see `run_mypy`."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = _run([*command, *arguments], root)
    try:
        entries = json.loads(done.stdout)["generalDiagnostics"]
    except (json.JSONDecodeError, KeyError):
        raise RuntimeError(f"pyright failed with code {done.returncode}\n{done.stdout}{done.stderr}") from None
    return sorted(
        Report(
            Path(entry["file"]),
            # What concerns a whole file or the settings has no range.
            entry.get("range", {}).get("start", {}).get("line", 0) + 1,
            f"{entry['message']} [{entry.get('rule', 'error')}]",
        )
        for entry in entries
        if entry["severity"] in ("error", "warning")
    )


RUNNERS: dict[Checker, Callable[[Path, Sequence[str]], list[Report]]] = {"mypy": run_mypy, "pyright": run_pyright}


def _run(command: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
    )
