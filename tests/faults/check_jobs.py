"""Conservation: what was confirmed has ended, once, with the right result or a cause; and the counts agree."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from faults.app import Item, answer
from faults.ledger import JobPromise, Records, Run
from faults.snapshot import Snapshot, StoredFlow, StoredJob
from faults.violation import Violation

TERMINAL = ("completed", "failed", "expired", "cancelled")
# In which states a sort of jobs may end. Any may also fail because of the deaths of its processes.
_ENDS = {
    "broken": ("failed",),
    "poison": ("failed",),
    "venom": ("failed",),
    "perishable": ("completed", "expired"),
    "cancelled": ("completed", "cancelled"),
}

Runs = Mapping[str, Sequence[Run]]


def check(records: Records, snapshot: Snapshot) -> Iterator[Violation]:
    """Each job, item and workflow."""
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for run in records.runs:
        runs[run.job].append(run)
    for promise in records.jobs:
        yield from _promised(promise, snapshot.jobs.get(promise.job))
    for job in snapshot.jobs.values():
        yield from _stored(job, runs[job.id])
    yield from _strangers(runs, snapshot)
    yield from _cancels(records, snapshot, runs)
    yield from _items(records, snapshot)
    yield from _flows(records, snapshot, runs)
    yield from _counts(snapshot)


def died_of_crashes(job: StoredJob) -> bool:
    """Whether a job is among the dead letters because of what happened to its processes."""
    return job.state == "failed" and job.error_type == "StalledError"


def _promised(promise: JobPromise, job: StoredJob | None) -> Iterator[Violation]:
    if job is None:
        yield Violation("lost", f"{promise.sort} job {promise.job} of {promise.task} was confirmed and is gone")
        return
    if job.task != promise.task:
        yield Violation("lost", f"job {job.id} was dispatched to {promise.task} and is one of {job.task}")
    ends = _ENDS.get(promise.sort, ("completed",))
    if job.state in TERMINAL and job.state not in ends and not died_of_crashes(job):
        yield Violation("outcome", f"{promise.sort} job {job.id} ended as {job.state}: {job.error_type} {job.error}")


def _stored(job: StoredJob, runs: Sequence[Run]) -> Iterator[Violation]:
    what = f"job {job.id} of {job.task}"
    if job.places != (job.state,):
        yield Violation("state", f"{what} says {job.state} and stands in {job.places}")
    if job.state not in TERMINAL:
        yield Violation("unfinished", f"{what} is {job.state}")
        return
    if job.state == "completed":
        if not any(run.how == "ok" for run in runs):
            yield Violation("not-run", f"{what} is completed, and no run of it came to its end")
        expected = answer(job.task, job.data)
        if job.result != expected:
            yield Violation("result", f"{what} gave {job.result!r} for {job.data!r}, not {expected!r}")
    if job.state == "failed" and not job.error_type:
        yield Violation("cause", f"{what} failed without a cause")
    if died_of_crashes(job) and not any(run.how not in ("ok", "error") for run in runs):
        yield Violation("cause", f"{what} failed by {job.error}, and none of its {len(runs)} runs was cut short")
    if job.state == "failed" and not died_of_crashes(job) and not any(run.how == "error" for run in runs):
        yield Violation("not-run", f"{what} failed by {job.error_type}, and no run of it raised")


def _strangers(runs: Runs, snapshot: Snapshot) -> Iterator[Violation]:
    for orphan in snapshot.orphans:
        yield Violation("state", f"no hash of job {orphan}")
    for job, its in runs.items():
        if job not in snapshot.jobs and its:
            yield Violation("stranger", f"job {job} of {its[0].task} ran and is nowhere: {its[0]}")


def _cancels(records: Records, snapshot: Snapshot, runs: Runs) -> Iterator[Violation]:
    for cancel in records.cancels:
        job = snapshot.jobs.get(cancel.job)
        if job is None:
            continue  # found by its promise
        cancelled = cancel.outcome in ("cancelled", "flagged")
        if job.state in TERMINAL and (job.state == "cancelled") != cancelled:
            yield Violation("cancel", f"job {job.id} ended as {job.state}, and its cancel said {cancel.outcome}")
        if cancel.outcome == "cancelled" and any(run.how == "ok" for run in runs[cancel.job]):
            yield Violation("cancel", f"job {job.id} was cancelled before it ran, and ran: {runs[cancel.job]}")


def _items(records: Records, snapshot: Snapshot) -> Iterator[Violation]:
    batches = [job for job in snapshot.jobs.values() if job.task == "gather"]
    held = Counter(item["item"] for job in batches for item in cast("list[Item]", job.data or []))
    for promise in records.items:
        if not held[promise.item]:
            yield Violation("lost", f"item {promise.item} was confirmed and is in no batch")
    for item, times in held.items():
        if times > 1:
            yield Violation("item", f"item {item} is in {times} batches")


def _flows(records: Records, snapshot: Snapshot, runs: Runs) -> Iterator[Violation]:
    promised = {promise.flow: promise for promise in records.flows}
    for lost in promised.keys() - snapshot.flows.keys():
        yield Violation("lost", f"workflow {lost} was confirmed and is gone")
    for flow in snapshot.flows.values():
        promise = promised.get(flow.id)
        yield from _flow(flow, snapshot.jobs)
        yield from _order(flow, runs)
        if promise is None or flow.state == "running":
            continue
        crashed = any(node.job in snapshot.jobs and died_of_crashes(snapshot.jobs[node.job]) for node in flow.nodes)
        if promise.expect is None:
            if flow.state != "failed" or (flow.error_task != "broken" and not crashed):
                yield Violation("flow", f"{flow.id} should fail by broken, and is {flow.state} by {flow.error_task}")
        elif flow.state == "completed":
            if flow.result != promise.expect:
                yield Violation("flow", f"{flow.id} ({promise.sort}) gave {flow.result!r}, not {promise.expect!r}")
        elif not crashed:
            yield Violation("flow", f"{flow.id} ({promise.sort}) ended as {flow.state} by {flow.error_task}")


def _flow(flow: StoredFlow, jobs: Mapping[str, StoredJob]) -> Iterator[Violation]:
    if flow.state not in ("completed", "failed", "cancelled"):
        yield Violation("flow", f"{flow.id} is {flow.state}: {[node.state for node in flow.nodes]}")
        return
    for at, node in enumerate(flow.nodes):
        job = jobs.get(node.job)
        if flow.state == "completed" and (node.state != "completed" or job is None or job.state != "completed"):
            yield Violation("flow", f"{flow.id} is completed, its node {at} is {node.state}, {job and job.state}")
        elif node.state == "completed" and job is not None and node.result != job.result:
            yield Violation("flow", f"{flow.id} node {at} has {node.result!r}, its job {job.result!r}")
        elif flow.state == "completed" and node.deps and job is not None:
            given = [flow.nodes[dep].result for dep in node.deps]
            if job.data != (given if len(given) > 1 else given[0]):
                yield Violation("flow", f"{flow.id} node {at} was given {job.data!r}, not {given!r}")


def _order(flow: StoredFlow, runs: Runs) -> Iterator[Violation]:
    """No node begins before all before it have come to an end at least once."""
    for at, node in enumerate(flow.nodes):
        begun = min((run.begin_ns for run in runs.get(node.job, ())), default=0)
        for dep in node.deps if begun else ():
            ends = [run.end_ns for run in runs.get(flow.nodes[dep].job, ()) if run.how == "ok" and run.end_ns]
            if not ends or min(ends) > begun:
                yield Violation("flow", f"{flow.id} node {at} began before node {dep} had ended")


def _counts(snapshot: Snapshot) -> Iterator[Violation]:
    for task, counts in snapshot.counts.items():
        stored = Counter(job.state for job in snapshot.jobs.values() if job.task == task)
        for state in TERMINAL:
            if counts.get(state, 0) != stored[state]:
                yield Violation("counts", f"{task}: {counts.get(state, 0)} {state} are counted, {stored[state]} stored")
        others = {state: count for state, count in counts.items() if count and state not in TERMINAL}
        if others:
            yield Violation("counts", f"{task}: {others} although nothing is to be done")
