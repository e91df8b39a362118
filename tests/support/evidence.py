"""What handlers did, told by the handlers themselves: one appended line at the start and at the end of every run.

A single ``write`` to a file opened with O_APPEND is whole and in order whatever process it comes from, and outlives a
SIGKILL right behind it.
"""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Note:
    """One line.

    Attributes:
        event: ``start``, ``end``, or a word of the handler's own.
        task: The task's name.
        key: What the test knows the job by.
        job_id: The job's id.
        attempt: As the handler saw it.
        pid: The process that ran it.
        at_ns: CLOCK_MONOTONIC, which all processes of a host share.
    """

    event: str
    task: str
    key: str
    job_id: str
    attempt: int
    pid: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Run:
    """A start, with the end that the same process wrote; None when it wrote none."""

    start: Note
    end: Note | None


class Evidence:
    """The file. Handlers call `note`, tests the rest."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, event: str, task: str, key: object, job_id: str, attempt: int) -> None:
        """Append a line; ``key`` must not contain spaces."""
        line = f"{event} {task} {key} {job_id} {attempt} {os.getpid()} {time.monotonic_ns()}\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    def notes(self, event: str = "", task: str = "") -> list[Note]:
        """All lines so far, in order of writing; of one event and one task when named."""
        if not self._path.exists():
            return []
        # Who reads while somebody writes may see the last line in part.
        whole, _, _ = self._path.read_text().rpartition("\n")
        notes = [_read(line) for line in whole.splitlines()]
        return [note for note in notes if event in ("", note.event) and task in ("", note.task)]

    def runs(self, task: str = "") -> list[Run]:
        """All runs so far, in order of their start."""
        ends: defaultdict[tuple[str, str, int], list[Note]] = defaultdict(list)
        for note in self.notes("end", task):
            ends[note.task, note.key, note.pid].append(note)
        found: list[Run] = []
        for note in self.notes("start", task):
            mine = ends[note.task, note.key, note.pid]
            found.append(Run(note, mine.pop(0) if mine else None))
        return found

    def repeated(self, task: str) -> dict[str, list[Run]]:
        """Runs of the jobs that ran more than once, by key."""
        by_key: defaultdict[str, list[Run]] = defaultdict(list)
        for run in self.runs(task):
            by_key[run.start.key].append(run)
        return {key: runs for key, runs in by_key.items() if len(runs) > 1}

    def assert_each_ran_once(self, task: str, keys: Iterable[object]) -> None:
        """Fails when one of the jobs did not run to its end, or one ran twice, or one that is not named ran."""
        expected = Counter(str(key) for key in keys)
        started = Counter(note.key for note in self.notes("start", task))
        ended = Counter(note.key for note in self.notes("end", task))
        assert started == expected, f"{task}: missing {expected - started}, too many {started - expected}"
        assert ended == expected, f"{task}: without end {expected - ended}"

    def assert_each_completed(self, task: str, keys: Iterable[object]) -> None:
        """Fails when one of the jobs never ran to its end."""
        missing = {str(key) for key in keys} - {note.key for note in self.notes("end", task)}
        assert not missing, f"{task}: never completed: {sorted(missing)}"

    def assert_repeats_only_after(self, task: str, killed: Iterable[int]) -> None:
        """Fails when a job ran again although the process of its earlier run was none of the killed ones."""
        pids = set(killed)
        for key, runs in self.repeated(task).items():
            for run in runs[:-1]:
                assert run.start.pid in pids, f"{task} {key} ran again after a run in {run.start.pid}, never killed"


def _read(line: str) -> Note:
    event, task, key, job_id, attempt, pid, at_ns = line.split(" ")
    return Note(event, task, key, job_id, int(attempt), int(pid), int(at_ns))
