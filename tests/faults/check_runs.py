"""What ran when: no overlap, no repetition, no more at a time than is right, but by those that died or were cut off."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from faults.app import ATTEMPTS, KEY_LIMIT, Load
from faults.check_jobs import died_of_crashes
from faults.circumstances import Circumstances
from faults.ledger import Records, Run, clock
from faults.snapshot import Snapshot, StoredJob
from faults.violation import Violation

_CLOCKS_S = 0.02  # the server's clock is read in milliseconds, and rounded


def check(records: Records, snapshot: Snapshot, circumstances: Circumstances) -> Iterator[Violation]:
    """Every job's runs, and all runs together."""
    by_job: defaultdict[str, list[Run]] = defaultdict(list)
    for run in records.runs:
        by_job[run.job].append(run)
    for job, runs in by_job.items():
        runs.sort(key=lambda run: run.begin_ns)
        for earlier, later in pairwise(runs):
            yield from _second_run(earlier, later, circumstances)
        yield from _without_end(runs, circumstances)
        stored = snapshot.jobs.get(job)
        if stored is not None:
            yield from _attempts(stored, runs)
    yield from _limits(records.runs, circumstances)
    yield from _too_early(records, snapshot, by_job)


def _second_run(earlier: Run, later: Run, circumstances: Circumstances) -> Iterator[Violation]:
    lapsed = any(circumstances.lapsed(run, later.begin_ns) for run in (earlier, later))
    if circumstances.last_ns(earlier) > later.begin_ns and not lapsed:
        yield Violation("overlap", f"job {later.job} of {later.task}: {earlier}; {later}")
    elif earlier.how == "error" and later.attempt > earlier.attempt:
        return
    elif not (lapsed or earlier.how in ("shutdown", "lost") or circumstances.died_during(earlier, later.begin_ns)):
        yield Violation("repeat", f"job {later.job} of {later.task} ran again for no reason: {earlier}; {later}")


def _without_end(runs: Iterable[Run], circumstances: Circumstances) -> Iterator[Violation]:
    for run in runs:
        life = circumstances.life(run) if run.end_ns is None else None
        if life is not None and life.gone_ns is None:
            yield Violation("unended", f"job {run.job} of {run.task}: {run}, and its process lives")


def _attempts(job: StoredJob, runs: Iterable[Run]) -> Iterator[Violation]:
    """An attempt is spent by a failure of the handler, never by what happened to its process."""
    raised = {run.attempt for run in runs if run.how == "error"}
    highest = max(run.attempt for run in runs)
    what = f"job {job.id} of {job.task}"
    if highest > 1 and not raised >= set(range(1, highest)):
        yield Violation("attempts", f"{what} came to attempt {highest}, and raised in {sorted(raised)}")
    if highest > ATTEMPTS.get(job.task, 1):
        yield Violation("attempts", f"{what} came to attempt {highest}")
    if job.task == "flaky" and job.state == "completed":
        load: Load = job.data  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # as it was dispatched
        if job.attempt != load["fails"] + 1:
            yield Violation("attempts", f"{what} fails {load['fails']} times, and ended with attempt {job.attempt}")
    by_itself = job.state == "failed" and not died_of_crashes(job)
    if job.task == "broken" and by_itself and job.attempt != ATTEMPTS["broken"]:
        yield Violation("attempts", f"{what} failed for good with attempt {job.attempt}")


def _limits(runs: Iterable[Run], circumstances: Circumstances) -> Iterator[Violation]:
    by_key: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.key and not circumstances.lapsed(run, circumstances.last_ns(run)):
            by_key[run.key].append(run)
    for key, its in by_key.items():
        limit = 1 if key == "single" else KEY_LIMIT
        # At the same instant one ends before another begins.
        moments = sorted([(run.begin_ns, 1, 1) for run in its] + [(circumstances.last_ns(run), 0, -1) for run in its])
        at_a_time = 0
        for at_ns, _, step in moments:
            at_a_time += step
            if at_a_time > limit and step > 0:
                there = [str(run) for run in its if run.begin_ns <= at_ns < circumstances.last_ns(run)]
                yield Violation("limit", f"{key}: {at_a_time} at {clock(at_ns)}: {there}")


def _too_early(records: Records, snapshot: Snapshot, by_job: dict[str, list[Run]]) -> Iterator[Violation]:
    for promise in records.jobs:
        job = snapshot.jobs.get(promise.job)
        if not promise.delay_s or job is None or promise.job not in by_job:
            continue
        early_s = job.dispatched_ms / 1000 + promise.delay_s - min(run.begin_s for run in by_job[promise.job])
        if early_s > _CLOCKS_S:
            yield Violation("early", f"job {job.id} began {early_s:.3f} s before its {promise.delay_s} s were over")
