"""What was promised and what was done, told by those who did it: one appended line each.

A line is a single ``write`` to a file opened with O_APPEND: whole and in order whatever process it comes from, and not
lost by a SIGKILL right behind it. Times are CLOCK_MONOTONIC, which all processes of a host share, and the wall clock
where the server's is compared with it.
"""

import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a handler.

    Attributes:
        key: What it shares a limit by; empty for nothing.
        begin_s: When it began, by the wall clock.
        end_ns: When it ended; None when its process did not live to say so.
        how: ``ok``, ``error``, or why it was interrupted: ``cancelled``, ``timeout``, ``shutdown``, ``lost``.
    """

    task: str
    job: str
    attempt: int
    pid: int
    key: str
    begin_ns: int
    begin_s: float
    end_ns: int | None = None
    how: str = ""

    def __str__(self) -> str:
        end = "no end" if self.end_ns is None else f"{self.how} after {(self.end_ns - self.begin_ns) / 1e9:.2f} s"
        return f"attempt {self.attempt} in {self.pid} at {clock(self.begin_ns)}, {end}"


@dataclass(frozen=True, slots=True)
class JobPromise:
    """A dispatch that returned.

    Attributes:
        sort: Which kind of job it is, see `faults.app`.
        delay_s: With which delay.
    """

    job: str
    task: str
    sort: str
    delay_s: float
    confirmed_ns: int


@dataclass(frozen=True, slots=True)
class ItemPromise:
    """A dispatch of an item for a batch that returned."""

    item: int
    confirmed_ns: int


@dataclass(frozen=True, slots=True)
class FlowPromise:
    """A dispatch of a workflow that returned; ``expect`` is its result, None when it is to fail."""

    flow: str
    sort: str
    expect: object
    confirmed_ns: int


@dataclass(frozen=True, slots=True)
class CancelPromise:
    """A cancel that returned."""

    job: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Records:
    """The whole ledger, in order of writing."""

    runs: list[Run] = field(default_factory=list[Run])
    jobs: list[JobPromise] = field(default_factory=list[JobPromise])
    items: list[ItemPromise] = field(default_factory=list[ItemPromise])
    flows: list[FlowPromise] = field(default_factory=list[FlowPromise])
    cancels: list[CancelPromise] = field(default_factory=list[CancelPromise])


class Ledger:
    """The file. Nothing is opened before the first line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._numbers = itertools.count()

    def begin(self, task: str, job: str, attempt: int, key: str = "") -> str:
        """A handler begins; returns what its end is to be told with."""
        run = f"{os.getpid()}-{next(self._numbers)}-{time.monotonic_ns()}"
        self._append(
            what="begin", run=run, task=task, job=job, attempt=attempt, key=key, pid=os.getpid(), wall=time.time()
        )
        return run

    def end(self, run: str, how: str) -> None:
        """It ends."""
        self._append(what="end", run=run, how=how)

    def job(self, job: str, task: str, sort: str, delay_s: float = 0) -> None:
        """A dispatch returned."""
        self._append(what="job", job=job, task=task, sort=sort, delay=delay_s)

    def item(self, item: int) -> None:
        """The dispatch of an item returned."""
        self._append(what="item", item=item)

    def flow(self, flow: str, sort: str, expect: object) -> None:
        """The dispatch of a workflow returned."""
        self._append(what="flow", flow=flow, sort=sort, expect=expect)

    def cancel(self, job: str, outcome: str) -> None:
        """A cancel returned."""
        self._append(what="cancel", job=job, outcome=outcome)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, **line: object) -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        text = json.dumps({"ns": time.monotonic_ns(), **line}, separators=(",", ":"))
        os.write(self._fd, text.encode() + b"\n")

    def read(self) -> Records:
        """All lines so far."""
        records = Records()
        runs: dict[str, Run] = {}
        for line in self._lines():
            ns = line["ns"]
            match line:
                case {"what": "begin", "run": run, "task": task, "job": job, "attempt": attempt, **more}:
                    runs[run] = Run(task, job, attempt, more["pid"], more["key"], ns, more["wall"])
                case {"what": "end", "run": run, "how": how}:
                    runs[run] = replace(runs[run], end_ns=ns, how=how)
                case {"what": "job", "job": job, "task": task, "sort": sort, "delay": delay_s}:
                    records.jobs.append(JobPromise(job, task, sort, delay_s, ns))
                case {"what": "item", "item": item}:
                    records.items.append(ItemPromise(item, ns))
                case {"what": "flow", "flow": flow, "sort": sort, "expect": expect}:
                    records.flows.append(FlowPromise(flow, sort, expect, ns))
                case {"what": "cancel", "job": job, "outcome": outcome}:
                    records.cancels.append(CancelPromise(job, outcome))
                case _:
                    raise AssertionError(f"not a line of a ledger: {line}")
        records.runs.extend(runs.values())
        return records

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open() as file:
            for text in file:
                if text.endswith("\n"):  # the last line may be in the making
                    yield json.loads(text)


def clock(ns: int) -> str:
    """A time as all messages of a storm show it: seconds and milliseconds of CLOCK_MONOTONIC."""
    return f"{ns / 1e9:.3f}"
