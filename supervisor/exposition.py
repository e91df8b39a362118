"""What `/metrics` says, in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .fleet import Fleet
from .responder import Answer, Pages
from .tallies import BOUNDS_S, OUTCOMES, STATES, Histogram, Reading, Tallies

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FINAL: Final = ("completed", "failed", "cancelled")

Kind = Literal["counter", "gauge", "histogram"]
Labels = Mapping[str, str]
Sample = tuple[Labels, float]

FAMILIES: Final[Mapping[str, tuple[Kind, str]]] = {
    "taskora_jobs_total": ("counter", "Jobs that ended in this fleet, by task and outcome."),
    "taskora_job_retries_total": ("counter", "Runs that failed and are followed by another, by task."),
    "taskora_job_returns_total": ("counter", "Runs that were given back, uncharged, by task."),
    "taskora_job_wait_seconds": ("histogram", "From a job's dispatch to its first run, a delay included, by task."),
    "taskora_job_run_seconds": ("histogram", "How long runs took, by task."),
    "taskora_jobs_recovered_total": ("counter", "Jobs taken back from processes of this fleet that died."),
    "taskora_jobs_stalled_total": ("counter", "Jobs taken from workers that vanished, while this one led."),
    "taskora_queue_jobs": ("gauge", "Jobs in the queue by task and state; the same in every supervisor."),
    "taskora_workers": ("gauge", "Workers that this fleet is to have."),
    "taskora_workers_ready": ("gauge", "Workers that are ready."),
    "taskora_worker_active_jobs": ("gauge", "Jobs that run now, by slot."),
    "taskora_worker_loop_lag_seconds": ("gauge", "The most by which an event loop was late in ten seconds, by slot."),
    "taskora_child_exits_total": ("counter", "Processes of this fleet that ended, by role and cause."),
    "taskora_leader": ("gauge", "1 when this supervisor keeps house for all."),
    "taskora_server_up": ("gauge", "1 when the server answers the steward."),
    "taskora_server_round_trip_seconds": ("gauge", "How long the server's last answer took."),
    "taskora_supervisor_start_time_seconds": ("gauge", "When this supervisor started, Unix time."),
}
"""Every name with its kind and help; what is exported stands here and nowhere else."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """Puts the page together from shared memory; nobody is asked.

    Attributes:
        fleet: Its processes.
        tallies: What they have counted.
        started_s: Unix time of the start.
    """

    fleet: Fleet
    tallies: Tallies
    started_s: float

    def pages(self) -> Pages:
        """The one page, by its path."""
        return {"/metrics": lambda: Answer(200, _CONTENT_TYPE, self.text().encode())}

    def text(self) -> str:
        """The page."""
        lines: list[str] = []
        totals = dict(sorted(self.tallies.totals().items()))
        samples = {**self._jobs(totals), **self._fleet(), **self._steward()}
        for name, (kind, meaning) in FAMILIES.items():
            lines += (f"# HELP {name} {meaning}", f"# TYPE {name} {kind}")
            if kind == "histogram":
                lines += _histogram(name, totals)
            else:
                lines += (f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples.get(name, ()))
        return "\n".join(lines) + "\n"

    def _jobs(self, totals: Mapping[str, Reading]) -> dict[str, Iterable[Sample]]:
        counts = {task: dict(zip(OUTCOMES, reading.outcomes, strict=True)) for task, reading in totals.items()}
        return {
            "taskora_jobs_total": [
                ({"task": task, "outcome": name}, outcomes[name])
                for task, outcomes in counts.items()
                for name in _FINAL
            ],
            "taskora_job_retries_total": [({"task": task}, one["retried"]) for task, one in counts.items()],
            "taskora_job_returns_total": [({"task": task}, one["returned"]) for task, one in counts.items()],
            "taskora_jobs_recovered_total": [({}, sum(area.recovered_jobs for area in self.tallies.areas))],
            "taskora_jobs_stalled_total": [({}, sum(area.stalled_jobs for area in self.tallies.areas))],
        }

    def _fleet(self) -> dict[str, Iterable[Sample]]:
        fleet = self.fleet
        holders = [(str(slot), post.child) for slot, post in sorted(fleet.posts.items())]
        beats = [({"slot": slot}, child.beat) for slot, child in holders if child is not None]
        return {
            "taskora_workers": [({}, len(fleet.posts))],
            "taskora_workers_ready": [({}, fleet.ready_count())],
            "taskora_worker_active_jobs": [(labels, beat.active) for labels, beat in beats],
            "taskora_worker_loop_lag_seconds": [
                (labels, self.tallies.areas[beat.index].lag_s) for labels, beat in beats
            ],
            "taskora_child_exits_total": [
                ({"role": role, "cause": cause}, count) for (role, cause), count in sorted(fleet.exits.items())
            ],
            "taskora_supervisor_start_time_seconds": [({}, self.started_s)],
        }

    def _steward(self) -> dict[str, Iterable[Sample]]:
        steward = self.fleet.steward.child
        if steward is None or not steward.is_ready:
            return {"taskora_leader": [({}, 0)], "taskora_server_up": [({}, 0)]}
        area, pulse = self.tallies.areas[steward.beat.index], steward.beat.pulse
        up = bool(pulse.answered_ns)
        return {
            "taskora_queue_jobs": [
                ({"task": task, "state": state}, count)
                for task, counts in sorted(area.counts())
                for state, count in zip(STATES, counts, strict=True)
            ],
            "taskora_leader": [({}, int(area.leads))],
            "taskora_server_up": [({}, int(up))],
            "taskora_server_round_trip_seconds": [({}, pulse.round_trip_ns / 1e9)] if up else [],
        }


def _histogram(name: str, totals: Mapping[str, Reading]) -> Iterable[str]:
    for task, reading in totals.items():
        yield from _buckets(name, task, reading.wait if name == "taskora_job_wait_seconds" else reading.run)


def _buckets(name: str, task: str, histogram: Histogram) -> Iterable[str]:
    seen = 0
    for bound, count in zip((*map(_number, BOUNDS_S), "+Inf"), histogram.buckets, strict=True):
        seen += count
        yield f"{name}_bucket{_labels({'task': task, 'le': bound})} {seen}"
    yield f"{name}_sum{_labels({'task': task})} {_number(histogram.total_ns / 1e9)}"
    yield f"{name}_count{_labels({'task': task})} {seen}"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return repr(value)
