"""The demo's application: one job a file, and one that adds them up.

`taskora-supervise taskora.demo.app:taskora` runs it.
"""

from __future__ import annotations

import os

from taskora import Bound, Keep, Retention, Retry, Taskora, chord
from taskora.demo import PREFIX_VARIABLE
from taskora.demo.analysis import FileFacts, Report, analyse_file, summarise

taskora: Taskora = Taskora(
    prefix=os.environ.get(PREFIX_VARIABLE) or None, retention=Retention(completed=Keep("1h", None), failed=Keep("1h"))
)


@taskora.task(concurrency=2, timeout="60s", retry=Retry(attempts=2))
def analyse(path: str) -> FileFacts:
    """Take a file apart."""
    return analyse_file(path)


@taskora.task
def report(facts: list[FileFacts]) -> Report:
    """Add up all files."""
    return summarise(facts)


def survey(paths: list[str]) -> Bound[Report]:
    """Compose the analysis of files with their report."""
    return chord([analyse.s(path) for path in paths], report.s())
