"""Random programs: steps that make work, and here those that do it, look after it and remove it."""

from datetime import timedelta
from typing import Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import rule

from conformance.by_hand import finished
from conformance.producing import DELAYS_MS, Producing, again, delays, picks, tasks
from conformance.twins import KEYS, LATE_MS, LOCK_MS, SHORT_LOCK_MS, TASKS, WORKERS, Pair
from taskora.call import Call
from taskora.clock import from_ms
from taskora.config import Keep
from taskora.model import ClaimReply, Held, Settled, State, Want, WorkerRecord

Verb: TypeAlias = Literal["complete", "retry", "fail", "cancel", "return", "defer"]
MOVES_MS = (1, 10, 30_000, 60_000, 120_000, 86_400_000)
VERBS: tuple[Verb, ...] = (
    "complete",
    "complete",
    "retry",
    "retry",
    "fail",
    "fail",
    "cancel",
    "return",
    "return",
    "defer",
)
ENDED = (State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED)

workers = st.sampled_from(WORKERS)


class Programs(Producing):
    """Runs each step on both and compares what it returns."""

    # -- working

    @rule(worker=workers, wanted=st.lists(tasks, min_size=1, max_size=2, unique=True),
          slots=st.sampled_from((0, 1, 2, 4, 20)), discard=st.booleans(), wait=st.sampled_from((False, False, True)),
          singleton=st.sampled_from((False, False, True)))  # fmt: skip
    def claim(self, worker: str, wanted: list[str], slots: int, discard: bool, wait: bool, singleton: bool) -> None:
        wants = [Want(task, slots, "discard" if discard else "fail", singleton) for task in wanted]
        # With several tasks a wait begins with another each time.
        self._step(worker, [], wants, wait=wait and len(wants) == 1)

    @rule(worker=workers, chosen=st.lists(st.tuples(picks, st.sampled_from(VERBS)), min_size=1, max_size=5),
          delay=delays, slots=st.integers(0, 3), late=st.sampled_from((False, False, False, True)),
          brief=st.booleans())  # fmt: skip
    def settle(
        self, worker: str, chosen: list[tuple[int, Verb]], delay: int, slots: int, late: bool, brief: bool
    ) -> None:
        if late:
            self.move(LATE_MS)  # the locks have run out
        outcomes: dict[str, tuple[Pair, Verb]] = {}
        for pick, verb in chosen:
            pair = self.run_at(pick)
            if pair is not None:
                outcomes[pair.id] = (pair, verb)
        self._step(worker, list(outcomes.values()), [Want(task, slots) for task in TASKS], delay=delay, brief=brief)
        for pair, _ in outcomes.values():
            if pair in self.runs:
                self.runs.remove(pair)
                self.settled.append(pair)

    settle_more = settle
    claim_more = claim

    def _step(
        self, worker: str, chosen: list[tuple[Pair, Verb]], wants: list[Want], *, wait: bool = False, delay: int = 0,
        brief: bool = False,
    ) -> None:  # fmt: skip
        def ask(at: int) -> ClaimReply:
            lane = self.lane(worker)[at]
            if wait:
                return self.runner.run(lane.wait_and_claim(wants, 0))
            outcomes = [
                Settled(pair.both[at], verb, b"", delay)
                if brief
                else Settled(pair.both[at], verb, b'"%s"' % pair.id.encode(), delay, "ValueError", "Traceback")
                for pair, verb in chosen
            ]
            return finished(lane.step(outcomes, wants))

        first, second = ask(0), ask(1)
        assert [job._replace(token="") for job in first.jobs] == [job._replace(token="") for job in second.jobs]
        assert (first.next_due_ms, first.fenced, first.lost, set(first.owed)) == (
            second.next_due_ms, second.fenced, second.lost, set(second.owed),
        )  # fmt: skip
        pairs = [Pair(*jobs) for jobs in zip(first.jobs, second.jobs, strict=True)]
        self.tokens |= {pair.both[0].token: pair.both[1].token for pair in pairs}
        self.runs += pairs

    @rule(worker=workers, task=tasks, verbs=st.lists(st.sampled_from(VERBS), min_size=1, max_size=4), delay=delays,
          after=st.sampled_from(("", "requeue", "requeue", "trim", "sweep")), again=again)  # fmt: skip
    def live(self, worker: str, task: str, verbs: list[Verb], delay: int, after: str, again: bool) -> None:
        """One job's life: run after run, each begun when it is due."""
        job_id = ""
        for verb in verbs:
            self._step(worker, [], [Want(task, 20)])
            pair = next((one for one in self.runs if one.both[0].task == task and job_id in ("", one.id)), None)
            if pair is None:
                break
            job_id = pair.id
            self.runs.remove(pair)
            self.settled.append(pair)
            self._step(worker, [(pair, verb)], [], delay=delay)
            self.move(delay)
        if after == "trim":
            self.trim(task, State.COMPLETED, 0, None, 0, 4)
        elif after == "sweep":
            self.sweep(task, 0, 0, lost=True)
        elif after and job_id:
            self.same(*(one.dead_letters.requeue(task, job_id) for one in self.adapters), again=again)

    live_more = live

    @rule(worker=workers)
    def promote(self, worker: str) -> None:
        first, second = (finished(lane.promote(TASKS)) for lane in self.lane(worker))
        assert first == second

    @rule(chosen=st.lists(picks, min_size=1, max_size=3), ttl=st.sampled_from((SHORT_LOCK_MS, LOCK_MS)))
    def extend(self, chosen: list[int], ttl: int) -> None:
        pairs = [pair for pair in map(self.run_at, chosen) if pair is not None]

        def held(at: int) -> list[Held]:
            jobs = [pair.both[at] for pair in pairs]
            return [Held(job.task, job.job_id, job.token, job.processed_ms) for job in jobs]

        self.same(*(one.leases.extend(held(at), ttl) for at, one in enumerate(self.adapters)))

    @rule(pick=picks, number=st.integers(0, 9))
    def report(self, pick: int, number: int) -> None:
        pair = self.run_at(pick)
        if pair is None:
            return
        entry = b'{"level":"info","message":"hi","timestamp":1795544727026}'
        for way in range(2):
            calls: list[Call[bool]] = []
            for job, one in zip(pair.both, self.adapters, strict=True):
                where = (job.task, job.job_id, job.token)
                if way == 0:
                    calls.append(one.leases.write_progress(*where, b"%d" % number))
                else:
                    calls.append(one.leases.write_logs(*where, [entry]))
            self.same(calls[0], calls[1])

    # -- workers that die or are silent

    @rule(
        worker=workers,
        charged=st.booleans(),
        cause=st.sampled_from(("hung", "signal:9")),
        limit=st.integers(0, 2),
        overdue=st.sampled_from((0, 1, 30_000)),
        suspect=st.lists(picks, max_size=3),
        lives_on=st.sampled_from((False, False, True)),
    )
    def recover(
        self, worker: str, charged: bool, cause: str, limit: int, overdue: int, suspect: list[int], lives_on: bool
    ) -> None:
        suspects = [pair.id[-8:] for pair in map(self.run_at, suspect) if pair is not None]
        calls = (
            one.leases.recover(
                self.name(worker), dict.fromkeys(TASKS, overdue), cause=cause, charged=charged, max_crashes=limit,
                suspects=suspects,
            )
            for one in self.adapters
        )  # fmt: skip
        self.same(*calls)
        self.dead[worker] += not lives_on

    @rule(worker=workers, way=st.sampled_from(("halt", "go on", "go on", "drain", "extend")))
    def look_after(self, worker: str, way: str) -> None:
        name = self.name(worker)
        if way == "extend":
            self.same(*(one.leases.extend_worker(name, TASKS, LOCK_MS) for one in self.adapters))
        elif way == "drain":
            for lane in self.lane(worker):
                finished(lane.stop_claiming())
            self.dead[worker] += 1
        else:
            self.same(*(one.leases.fence(name, TASKS, way == "halt") for one in self.adapters))

    @rule(worker=workers, way=st.sampled_from(("register", "register", "unregister", "trim", "publish")), number=picks)
    def announce(self, worker: str, way: str, number: int) -> None:
        name, now = self.name(worker), from_ms(self.clock.now_ms())
        if way == "register":
            record = WorkerRecord(
                name, "worker", "host", number, TASKS, 1, 2, 3, 4, now - timedelta(seconds=1), now, "1", extra={"a": 1}
            )
            self.same(*(one.house.register(record, LOCK_MS) for one in self.adapters))
        elif way == "unregister":
            self.same(*(one.house.unregister(name) for one in self.adapters))
        elif way == "trim":
            self.same(*(one.repairs.trim_registry(1 + number % 3) for one in self.adapters))
        else:
            cards = {TASKS[number % 2]: b'{"version":%d}' % number}
            self.same(*(one.house.publish_tasks(cards) for one in self.adapters))

    @rule(task=tasks, limit=st.integers(0, 2), grace=st.sampled_from((0, 0, 10, 60_000, 70_000)), lost=st.booleans())
    def sweep(self, task: str, limit: int, grace: int, lost: bool) -> None:
        self.same(*(one.house.sweep(task, limit, grace) for one in self.adapters))
        if lost:
            self.move(LATE_MS)
            self.same(*(one.house.sweep(task, limit, grace) for one in self.adapters))

    # -- ending, queueing anew, removing

    @rule(pick=picks, reason=st.sampled_from(("", "why")), again=again)
    def cancel(self, pick: int, reason: str, again: bool) -> None:
        if self.ids:
            task, job_id = self.ids[-1 - pick % len(self.ids)]
            for _ in range(1 + again):
                self.same(*(one.jobs.cancel(task, job_id, reason) for one in self.adapters))

    cancel_more = cancel

    @rule(task=tasks, state=st.sampled_from(ENDED), age=st.sampled_from((None, 0, 6, 30)),
          items=st.sampled_from((None, 0, 2)), young=st.sampled_from((0, 3)), limit=st.integers(1, 4))  # fmt: skip
    def trim(self, task: str, state: State, age: int | None, items: int | None, young: int, limit: int) -> None:
        keep = Keep(age, items, young)
        self.same(*(one.house.trim(task, state, keep, limit) for one in self.adapters))

    @rule(completed=st.booleans(), age=st.sampled_from((None, 0, 6)), items=st.sampled_from((None, 1)))
    def trim_workflows(self, completed: bool, age: int | None, items: int | None) -> None:
        self.same(*(one.house.trim_workflows(completed, Keep(age, items, 0), 2) for one in self.adapters))

    @rule(pick=picks, way=st.sampled_from(("settled", "settled", "any")), again=again)
    def requeue(self, pick: int, way: str, again: bool) -> None:
        if way == "any" and self.ids:
            task, job_id = self.ids[-1 - pick % len(self.ids)]
        elif self.settled:
            job = self.settled[-1 - pick % len(self.settled)].both[0]
            task, job_id = job.task, job.job_id
        else:
            return
        self.same(*(one.dead_letters.requeue(task, job_id) for one in self.adapters), again=again)

    @rule(pick=picks, task=tasks, way=st.sampled_from(("requeue", "requeue", "clean")), again=again)
    def bury(self, pick: int, task: str, way: str, again: bool) -> None:
        until_ms = self.clock.now_ms() - pick % 2 * 5_000
        if way == "clean":
            calls = [one.dead_letters.clean(task, ENDED[pick % 4], until_ms, 2) for one in self.adapters]
            self.same(calls[0], calls[1], again=again)
        else:
            until = (None, until_ms)[pick % 2]
            self.same(*(one.dead_letters.requeue_failed(task, until, 2) for one in self.adapters), again=again)

    @rule(
        task=tasks, key=st.sampled_from(KEYS), way=st.sampled_from(("pause", "resume", "resume", "flush")), again=again
    )
    def operate(self, task: str, key: str, way: str, again: bool) -> None:
        controls = [one.control for one in self.adapters]
        if way == "flush":
            self.same(*(control.flush(task, key) for control in controls), again=again)
        else:
            calls = [control.pause(task) if way == "pause" else control.resume(task) for control in controls]
            self.same(calls[0], calls[1], again=again)

    @rule(ms=st.sampled_from(MOVES_MS))
    def move_the_clock(self, ms: int) -> None:
        self.move(ms)

    @rule(ms=st.sampled_from(DELAYS_MS))
    def move_to_a_time(self, ms: int) -> None:
        self.move(ms)
