"""The same program on memory and on a server: after every step, all that can be read is the same.

Time moves only where the program moves it, and then by the same on both: the scripts' ``now_ms`` reads a key instead of
the server's clock, and what the server ends by itself (locks, fences, ids that stay taken) is brought forward by as
much. So times are compared to the millisecond. Steps that ask the server for its time elsewhere than in a script
(deadlines, the registry, throughput) are left to the tests of each promise. The real milliseconds that a program takes
count for what the server ends by itself; no sum of the program's moves comes near such an end.
"""

import asyncio
from typing import Literal, TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from conformance.adapters import NoServer
from conformance.twins import LOCK_MS, TASKS, WORKERS, Pair, Twins, moved_by_hand
from support import Server
from taskora.adapters.schedule_store import ScheduleChange, StoredSchedule
from taskora.call import Call
from taskora.config import Keep
from taskora.model import (
    ClaimReply,
    EnqueueSpec,
    Held,
    NewJob,
    Occurrence,
    Plan,
    PlanNode,
    Settled,
    State,
    Want,
)
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, Rule, ThrottleRule

Verb: TypeAlias = Literal["complete", "retry", "fail", "cancel", "return", "defer"]
SHORT_LOCK_MS = 12_500
MOVES_MS = (1, 10, 5_000, 20_000, 100_000, 86_500_000)
DELAYS_MS = (0, 0, 1, 10, 5_000, 60_000)
VERBS: tuple[Verb, ...] = ("complete", "complete", "retry", "fail", "cancel", "return", "return", "defer")

KINDS = ("debounce", "throttle", "deduplicate", "collect", "collect late")
Limit: TypeAlias = tuple[str, int]

tasks = st.sampled_from(TASKS)
limits: st.SearchStrategy[Limit] = st.sampled_from((("", 0), ("", 0), ("", 0), ("x", 1), ("x", 2), ("y", 0)))
workers = st.sampled_from(WORKERS)
picks = st.integers(0, 1000)


class Programs(Twins):
    """Runs each step on both and compares what it returns."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.same(*(one.connect() for one in self.adapters))
        self._enqueue("mail", [NewJob(self._new_id("mail"), b"0") for _ in range(4)])
        self.create_workflow(data)

    # -- producing

    @rule(task=tasks, count=st.integers(1, 4), delay=st.sampled_from(DELAYS_MS), ttl=st.sampled_from(DELAYS_MS),
          priority=st.sampled_from((0, 0, 0, 1, 900)), limit=limits)  # fmt: skip
    def enqueue(self, task: str, count: int, delay: int, ttl: int, priority: int, limit: Limit) -> None:
        jobs = [NewJob(self._new_id(task), b"%d" % at, delay, priority, ttl, False, *limit) for at in range(count)]
        self._enqueue(task, jobs)

    @rule(task=tasks, kind=st.sampled_from(KINDS), key=st.sampled_from(("k", "ä")), count=st.integers(1, 3),
          limit=limits, delay=st.sampled_from((0, 10)))  # fmt: skip
    def enqueue_by_rule(self, task: str, kind: str, key: str, count: int, limit: Limit, delay: int) -> None:
        jobs: list[tuple[NewJob, Rule]] = []
        for at in range(count):
            # Each of them ends by itself after some time, which no sum of moves comes near.
            rules: dict[str, Rule] = {
                "debounce": DebounceRule(key, 6_300),
                "throttle": ThrottleRule(key, 2, 7_300),
                "deduplicate": DeduplicateRule(key, ("waiting", "delayed", "active")),
                "collect": CollectRule(key, f"batch-{self.made:04}", 6_300, 3, 8_400),
                "collect late": CollectRule(key, f"batch-{self.made:04}", 6_300, 0, 0),
            }
            if kind.startswith("collect"):
                self.ids.append((task, f"batch-{self.made:04}"))
            own_delay = 0 if kind == "debounce" or kind.startswith("collect") else delay
            job = NewJob(self._new_id(task), b'"%d"' % at, own_delay, 0, 0, False, *limit)
            jobs.append((job, rules[kind]))
        self.same(*(one.rules.enqueue(task, EnqueueSpec(), jobs) for one in self.adapters))

    @rule(task=tasks, numbers=st.lists(st.integers(0, 3), min_size=1, max_size=3), ttl=st.sampled_from((0, 10)))
    def enqueue_named(self, task: str, numbers: list[int], ttl: int) -> None:
        self.ids += [(task, f"named-{number}") for number in numbers]
        self._enqueue(task, [NewJob(f"named-{number}", b"{}", ttl_ms=ttl, given=True) for number in numbers])

    @rule(task=tasks, at=st.integers(1, 5), name=st.sampled_from(("nightly", "hourly")))
    def enqueue_occurrence(self, task: str, at: int, name: str) -> None:
        job = NewJob(self._new_id(task), b"null")
        when = Occurrence(name, at)
        self.same(*(one.jobs.enqueue_occurrence(task, EnqueueSpec(), job, when) for one in self.adapters))

    def _enqueue(self, task: str, jobs: list[NewJob]) -> None:
        spec = EnqueueSpec(version=2, max_attempts=3)
        self.same(*(one.jobs.enqueue(task, spec, jobs) for one in self.adapters))

    def _new_id(self, task: str) -> str:
        self.made += 1
        self.ids.append((task, f"job-{self.made:04}"))
        return self.ids[-1][1]

    # -- working

    @rule(worker=workers, wanted=st.lists(tasks, min_size=1, max_size=2, unique=True), slots=st.integers(0, 4),
          discard=st.booleans(), wait=st.booleans(), singleton=st.sampled_from((False, False, True)))  # fmt: skip
    def claim(self, worker: str, wanted: list[str], slots: int, discard: bool, wait: bool, singleton: bool) -> None:
        wants = [Want(task, slots, "discard" if discard else "fail", singleton) for task in wanted]
        # With several tasks a wait begins with another each time.
        self._step(worker, [], wants, wait=wait and len(wants) == 1)

    @rule(worker=workers, chosen=st.lists(st.tuples(picks, st.sampled_from(VERBS)), min_size=1, max_size=5),
          delay=st.sampled_from(DELAYS_MS), slots=st.integers(0, 3),
          late=st.sampled_from((False, False, False, True)))  # fmt: skip
    def settle(self, worker: str, chosen: list[tuple[int, Verb]], delay: int, slots: int, late: bool) -> None:
        if late:
            self.move(40_000)  # the locks have run out
        outcomes: dict[str, tuple[Pair, Verb, int]] = {}
        for pick, verb in chosen:
            pair = self.run_at(pick)
            if pair is not None:
                outcomes[pair.id] = (pair, verb, delay)
        self._step(worker, list(outcomes.values()), [Want(task, slots) for task in TASKS])
        for pair, _, _ in outcomes.values():
            if pair in self.runs:
                self.runs.remove(pair)
                self.settled.append(pair)

    settle_more = settle
    claim_more = claim

    def _step(
        self, worker: str, chosen: list[tuple[Pair, Verb, int]], wants: list[Want], *, wait: bool = False
    ) -> None:
        async def ask(at: int) -> ClaimReply:
            lane = self.lane(worker)[at]
            if wait:
                return await lane.wait_and_claim(wants, 0)
            outcomes = [
                Settled(pair.both[at], verb, b'"%s"' % pair.id.encode(), delay, "ValueError", "Traceback")
                for pair, verb, delay in chosen
            ]
            return await lane.step(outcomes, wants)

        first, second = (self.runner.run(ask(at)) for at in range(2))
        assert [job._replace(token="") for job in first.jobs] == [job._replace(token="") for job in second.jobs]
        assert (first.next_due_ms, first.fenced, first.lost, set(first.owed)) == (
            second.next_due_ms, second.fenced, second.lost, set(second.owed),
        )  # fmt: skip
        self.runs += [Pair(*jobs) for jobs in zip(first.jobs, second.jobs, strict=True)]

    @rule(worker=workers)
    def promote(self, worker: str) -> None:
        first, second = (self.runner.run(lane.promote(TASKS)) for lane in self.lane(worker))
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

    # -- keeping house

    @rule(
        worker=workers,
        charged=st.booleans(),
        cause=st.sampled_from(("hung", "signal:9")),
        limit=st.integers(0, 2),
        overdue=st.sampled_from((0, 1, 20_000)),
        suspect=picks,
        lives_on=st.sampled_from((False, False, True)),
    )
    def recover(
        self, worker: str, charged: bool, cause: str, limit: int, overdue: int, suspect: int, lives_on: bool
    ) -> None:
        pair = self.run_at(suspect)
        suspects = [] if pair is None else [pair.id[-8:]]
        calls = (
            one.leases.recover(
                self.name(worker), dict.fromkeys(TASKS, overdue), cause=cause, charged=charged, max_crashes=limit,
                suspects=suspects,
            )
            for one in self.adapters
        )  # fmt: skip
        self.same(*calls)
        self.dead[worker] += not lives_on

    @rule(worker=workers, way=st.sampled_from(("halt", "go on", "drain", "extend")))
    def look_after(self, worker: str, way: str) -> None:
        name = self.name(worker)
        if way == "extend":
            self.same(*(one.leases.extend_worker(name, TASKS, LOCK_MS) for one in self.adapters))
        elif way == "drain":
            for lane in self.lane(worker):
                self.runner.run(lane.stop_claiming())
            self.dead[worker] += 1
        else:
            self.same(*(one.leases.fence(name, TASKS, way == "halt") for one in self.adapters))

    @rule(task=tasks, limit=st.integers(0, 2), lost=st.booleans())
    def sweep(self, task: str, limit: int, lost: bool) -> None:
        self.same(*(one.house.sweep(task, limit) for one in self.adapters))
        if lost:
            self.move(40_000)
            self.same(*(one.house.sweep(task, limit) for one in self.adapters))

    @rule(task=tasks, state=st.sampled_from((State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED)),
          age=st.sampled_from((None, 0, 6, 30)), items=st.sampled_from((None, 0, 2)), young=st.sampled_from((0, 3)),
          limit=st.integers(1, 4))  # fmt: skip
    def trim(self, task: str, state: State, age: int | None, items: int | None, young: int, limit: int) -> None:
        keep = Keep(age, items, young)
        self.same(*(one.house.trim(task, state, keep, limit) for one in self.adapters))

    @rule(completed=st.booleans(), age=st.sampled_from((None, 0, 6)), items=st.sampled_from((None, 1)))
    def trim_workflows(self, completed: bool, age: int | None, items: int | None) -> None:
        self.same(*(one.house.trim_workflows(completed, Keep(age, items, 0), 2) for one in self.adapters))

    @rule(pick=picks, reason=st.sampled_from(("", "why")))
    def cancel(self, pick: int, reason: str) -> None:
        if self.ids:
            task, job_id = self.ids[-1 - pick % len(self.ids)]
            self.same(*(one.jobs.cancel(task, job_id, reason) for one in self.adapters))

    @rule(pick=picks, task=tasks, way=st.sampled_from(("requeue", "requeue", "requeue all", "clean")))
    def bury(self, pick: int, task: str, way: str) -> None:
        if way == "clean":
            state = (State.FAILED, State.CANCELLED, State.COMPLETED)[pick % 3]
            until_ms = self.clock.now_ms() - pick % 2 * 5_000
            self.same(*(one.dead_letters.clean(task, state, until_ms, 2) for one in self.adapters))
        elif way == "requeue all":
            self.same(*(one.dead_letters.requeue_failed(task, None, 2) for one in self.adapters))
        elif self.settled:
            job = self.settled[-1 - pick % len(self.settled)].both[0]
            self.same(*(one.dead_letters.requeue(job.task, job.job_id) for one in self.adapters))

    @rule(ms=st.sampled_from(MOVES_MS))
    def move_the_clock(self, ms: int) -> None:
        self.move(ms)

    # -- workflows

    @rule(data=st.data())
    def create_workflow(self, data: st.DataObject) -> None:
        workflow_id = f"wf-{len(self.flows)}"
        nodes: list[PlanNode] = []
        for at in range(data.draw(st.integers(0, 6))):
            deps = data.draw(st.lists(st.integers(0, at - 1), unique=True, max_size=3)) if at else []
            bound = not deps or data.draw(st.booleans())
            task = data.draw(tasks)
            self.ids.append((task, f"{workflow_id}-{at}"))
            as_list = len(deps) == 1 and data.draw(st.booleans())
            payload = b"%d" % at if bound else None
            nodes.append(PlanNode(task, f"{workflow_id}-{at}", tuple(deps), payload, 2, 3, 0, as_list))
        self._create(workflow_id, nodes, as_list=data.draw(st.booleans()))

    @rule(width=st.sampled_from((101, 501)), root=st.booleans(), cancel=st.booleans())
    def create_wide_workflow(self, width: int, root: bool, cancel: bool) -> None:
        workflow_id = f"wf-{len(self.flows)}"
        if self.wide:
            return  # each takes a while to read
        self.wide = True
        first = [PlanNode("b", f"{workflow_id}-root", (), b"1")] if root else []
        deps = (0,) if root else ()
        fan = [PlanNode("b", f"{workflow_id}-{at:03}", deps, None if root else b"2") for at in range(width)]
        join = PlanNode("mail", f"{workflow_id}-join", tuple(range(len(first), len(first) + width)), None)
        self._create(workflow_id, [*first, *fan, join])
        if cancel:
            self.same(*(one.workflows.cancel_workflow(workflow_id, "why") for one in self.adapters))

    def _create(self, workflow_id: str, nodes: list[PlanNode], *, as_list: bool = False) -> None:
        followed = {dep for node in nodes for dep in node.deps}
        terminal = tuple(at for at in range(len(nodes)) if at not in followed)
        plan = Plan(workflow_id, "flow", tuple(nodes), terminal, as_list=as_list and len(terminal) == 1)
        self.flows.append(workflow_id)
        for _ in range(2):
            self.same(*(one.workflows.create_workflow(plan) for one in self.adapters))

    @rule(pick=picks, way=st.sampled_from(("continue", "continue", "", "why")))
    def end_workflow(self, pick: int, way: str) -> None:
        workflow_id = self.flows[-1 - pick % len(self.flows)]
        if way == "continue":
            self.same(*(one.workflows.continue_workflow(workflow_id) for one in self.adapters))
        else:
            self.same(*(one.workflows.cancel_workflow(workflow_id, way) for one in self.adapters))

    # -- schedules

    @rule(name=st.sampled_from(("x", "ä")), after=st.sampled_from((None, 0, 10, 60_000)), value=picks)
    def change_schedule(self, name: str, after: int | None, value: int) -> None:
        if value % 4 == 3:
            self.same(*(one.schedules.remove(name) for one in self.adapters))
            return
        next_ms = None if after is None else self.clock.now_ms() + after
        change = ScheduleChange(b'{"every":%d}' % value, next_ms)
        self.same(*(one.schedules.edit(name, lambda _before, _now: change) for one in self.adapters))

    @rule(token=st.sampled_from(("t1", "t2")), way=st.sampled_from(("lead", "resign", "tick", "late tick")))
    def lead(self, token: str, way: str) -> None:
        if way == "resign":
            self.same(*(one.house.resign(token) for one in self.adapters))
            return
        self.same(*(one.house.lead(token, LOCK_MS) for one in self.adapters))
        for one in self.same(*(one.schedules.due() for one in self.adapters)).due if way != "lead" else ():
            before = StoredSchedule(one.name, b"{}", one.next_ms) if way == "late tick" else one
            after = ScheduleChange(one.value, self.clock.now_ms() + 5_000)
            self.same(*(adapter.schedules.move_on(token, before, after) for adapter in self.adapters))

    # -- what can be read


@pytest.mark.timeout(300)
def test_any_program_does_the_same_in_memory_and_on_a_server(server: Server | NoServer) -> None:
    if isinstance(server, NoServer):
        pytest.skip("memory is what the server is compared with")
    with moved_by_hand(), asyncio.Runner() as runner:
        Programs.runner, Programs.server = runner, server
        run_state_machine_as_test(
            Programs,
            settings=settings(
                max_examples=50, stateful_step_count=30, deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )  # fmt: skip
