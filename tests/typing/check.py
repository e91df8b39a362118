"""Checks the package, the tests and the benchmarks with mypy and pyright: `make types`.

Every mapped folder and the tests hold a canary, a file with one error. A checker that does not report each of them did
not look there, and the run fails.
"""

import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checkers import RUNNERS, Checker, Report
from link_tree import CANARY, PLANTED, ROOT, lay, package_folders


def problems(checker: Checker, canaries: set[Path]) -> list[str]:
    """What is wrong according to one checker; the canaries' own errors are not."""
    reports = RUNNERS[checker](ROOT, _folders())
    found = {report.path for report in reports}
    missed = [
        f"{checker} did not look: it missed the planted error in {_relative(canary)}"
        for canary in sorted(canaries - found)
    ]
    others = [
        f"{_source(report)}:{report.line}: {report.message} ({checker})"
        for report in reports
        if report.path not in canaries
    ]
    return missed + others


def main() -> int:
    """Prints every problem and returns the exit code."""
    tree = lay()
    canaries = {CANARY, *(tree.joinpath(*name.split("."), PLANTED) for name in package_folders())}
    checkers: tuple[Checker, ...] = ("mypy", "pyright")
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(problems, checker, canaries) for checker in checkers]
    lines = [line for future in running for line in future.result()]
    for line in lines:
        print(line)
    print(f"types: {len(lines)} problems" if lines else "types: mypy and pyright found nothing")
    return 1 if lines else 0


def _folders() -> list[str]:
    """What pyproject.toml says that mypy checks; pyright gets the same list."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    return [folder for folder in settings["files"] if (ROOT / folder).is_dir()]


def _source(report: Report) -> Path:
    """The file that a link of the tree stands for."""
    return _relative(report.path.resolve() if report.path.is_symlink() else report.path)


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    sys.exit(main())
