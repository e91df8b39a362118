"""Steps of random programs that make work: jobs, those of which keys decide, workflows, schedules."""

from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from conformance.twins import KEYS, LOCK_MS, TASKS, Twins
from taskora.adapters.schedule_store import ScheduleChange, StoredSchedule
from taskora.model import EnqueueSpec, NewJob, Occurrence
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, Rule, ThrottleRule
from taskora.workflow_model import Plan, PlanNode

DELAYS_MS = (0, 0, 1, 10, 30_000, 60_000)
NAMES = ("named-0", "named-1", "named-2", "named-3")
WHILE = (("waiting", "delayed", "active"), ("waiting",), ("active",), ("delayed", "active"))
# How long after the last item a batch is due, its most items, how long after the first it is due, its most bytes.
COLLECTING = ((15_000, 0, 0, 0), (15_000, 3, 0, 0), (60_000, 0, 90_000, 0), (30_000, 2, 30_000, 0), (15_000, 0, 0, 30))
KINDS = ("debounce", "debounce", "throttle", "deduplicate", "deduplicate", "collect", "collect", "collect")
Limit: TypeAlias = tuple[str, int]

tasks = st.sampled_from(TASKS)
limits: st.SearchStrategy[Limit] = st.sampled_from((("", 0), ("", 0), ("", 0), ("x", 1), ("x", 2), ("y", 0)))
priorities = st.sampled_from((0, 0, 0, 1, 900))
versions = st.sampled_from((1, 2, 2))
delays = st.sampled_from(DELAYS_MS)
keys = st.sampled_from(KEYS)
picks = st.integers(0, 1000)
again = st.sampled_from((False, False, False, True))
# Whether a node has a payload of its own, whether it takes one input as a list, its time to live, whether its id is one
# that others take too, and its task.
about_node = st.tuples(
    st.booleans(), st.booleans(), st.sampled_from((0, 0, 0, 10)), st.sampled_from((False,) * 7 + (True,)),
    st.integers(0, 1),
)  # fmt: skip


class Producing(Twins):
    """Makes work."""

    huge = False

    @initialize(size=st.integers(0, 19), data=st.data())
    def begin(self, size: int, data: st.DataObject) -> None:
        self.huge = size == 0
        self.ruled: list[str] = []
        self._enqueue("mail", [NewJob(self._new_id("mail"), b"0") for _ in range(4)])
        self.create_workflow(data)

    # -- jobs

    @rule(task=tasks, count=st.integers(1, 4), delay=delays, ttl=delays, priority=priorities, limit=limits,
          version=versions, again=again)  # fmt: skip
    def enqueue(
        self, task: str, count: int, delay: int, ttl: int, priority: int, limit: Limit, version: int, again: bool
    ) -> None:
        jobs = [NewJob(self._new_id(task), b"%d" % at, delay, priority, ttl, False, *limit) for at in range(count)]
        self._enqueue(task, jobs, version=version, again=again)

    @rule(task=tasks, names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), ttl=st.sampled_from((0, 10)),
          delay=st.sampled_from((0, 0, 10)), priority=priorities, again=again)  # fmt: skip
    def enqueue_named(self, task: str, names: list[str], ttl: int, delay: int, priority: int, again: bool) -> None:
        self.ids += [(task, name) for name in names]
        self._enqueue(task, [NewJob(name, b"{}", delay, priority, ttl, given=True) for name in names], again=again)

    @rule(task=tasks, at=st.integers(1, 5), name=st.sampled_from(("nightly", "hourly")), ttl=delays)
    def enqueue_occurrence(self, task: str, at: int, name: str, ttl: int) -> None:
        self._fire(task, name, at, ttl)

    def _fire(self, task: str, name: str, at_ms: int, ttl: int) -> None:
        job = NewJob(self._new_id(task), b"null", ttl_ms=ttl)
        self.same(
            *(one.jobs.enqueue_occurrence(task, EnqueueSpec(), job, Occurrence(name, at_ms)) for one in self.adapters)
        )

    def _enqueue(self, task: str, jobs: list[NewJob], *, version: int = 2, again: bool = False) -> None:
        spec = EnqueueSpec(version=version, max_attempts=3)
        self.same(*(one.jobs.enqueue(task, spec, jobs) for one in self.adapters), again=again)

    def _new_id(self, task: str) -> str:
        self.made += 1
        self.ids.append((task, f"job-{self.made:04}"))
        return self.ids[-1][1]

    # -- jobs of which keys decide

    @rule(task=tasks, kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4), key=keys, limit=limits,
          delay=st.sampled_from((0, 0, 10)), ttl=st.sampled_from((0, 0, 10, 10_000)), priority=priorities,
          version=versions, way=st.integers(0, 4), sent=st.sampled_from((False, False, True)), again=again)  # fmt: skip
    def enqueue_by_rules(
        self, task: str, kinds: list[str], key: str, limit: Limit, delay: int, ttl: int, priority: int, version: int,
        way: int, sent: bool, again: bool,
    ) -> None:  # fmt: skip
        jobs: list[tuple[NewJob, Rule]] = []
        for kind in kinds:
            job_id = self.ruled[-1 - way % len(self.ruled)] if sent and self.ruled else self._new_id(task)
            self.ruled.append(job_id)
            data = b'"%s"' % job_id.encode()
            if kind == "collect":
                batch_id = f"batch-{len(self.ids):04}"
                self.ids.append((task, batch_id))
                # A collected item has no options of its own.
                jobs.append((NewJob(job_id, data, given=sent), CollectRule(key, batch_id, *COLLECTING[way])))
                continue
            rules: dict[str, Rule] = {
                "debounce": DebounceRule(key, 30_000 if way % 2 else 15_000),
                "throttle": ThrottleRule(key, 1 + way % 2, 30_000),
                "deduplicate": DeduplicateRule(key, WHILE[way % 4]),
            }
            own_delay = 0 if kind == "debounce" else delay
            jobs.append((NewJob(job_id, data, own_delay, priority, ttl, sent, *limit), rules[kind]))
        spec = EnqueueSpec(version=version, max_attempts=2)
        self.same(*(one.rules.enqueue(task, spec, jobs) for one in self.adapters), again=again)

    @rule(task=tasks, key=keys, way=st.integers(0, 4), version=versions, count=st.integers(1, 4))
    def collect(self, task: str, key: str, way: int, version: int, count: int) -> None:
        self.enqueue_by_rules(task, ["collect"] * count, key, ("", 0), 0, 0, 0, version, way, sent=False, again=False)

    # -- workflows

    @rule(data=st.data())
    def create_workflow(self, data: st.DataObject) -> None:
        workflow_id = f"wf-{len(self.flows)}"
        json = data.draw(st.sampled_from((True, True, True, False)))
        nodes: list[PlanNode] = []
        for at in range(data.draw(st.integers(0, 6))):
            deps = data.draw(st.lists(st.integers(0, at - 1), unique=True, max_size=3)) if at else []
            bound, as_list, ttl, named, first = data.draw(about_node)
            task = TASKS[first]
            payload = (b"%d" % at if json else b"\xfe\x00%d" % at) if bound or not deps else None
            job_id = NAMES[at % len(NAMES)] if named and at < len(NAMES) else f"{workflow_id}-{at}"
            self.ids.append((task, job_id))
            nodes.append(PlanNode(task, job_id, tuple(deps), payload, 2, 3, ttl, as_list and len(deps) == 1))
        as_list, deadline = data.draw(st.booleans()), data.draw(st.sampled_from((0, 0, 10, 10_000)))
        self._create(workflow_id, nodes, as_list=as_list, deadline_ms=deadline, writes_json=json)

    @precondition(lambda self: self.huge)
    @rule(width=st.sampled_from((101, 501)), root=st.booleans(), cancel=st.booleans())
    def create_wide_workflow(self, width: int, root: bool, cancel: bool) -> None:
        workflow_id = f"wf-{len(self.flows)}"
        self.huge = False
        first = [PlanNode("b", f"{workflow_id}-root", (), b"1")] if root else []
        deps = (0,) if root else ()
        fan = [PlanNode("b", f"{workflow_id}-{at:03}", deps, None if root else b"2") for at in range(width)]
        join = PlanNode("mail", f"{workflow_id}-join", tuple(range(len(first), len(first) + width)), None)
        self._create(workflow_id, [*first, *fan, join])
        if cancel:
            self.same(*(one.workflows.cancel_workflow(workflow_id, "why") for one in self.adapters))

    def _create(
        self, workflow_id: str, nodes: list[PlanNode], *, as_list: bool = False, deadline_ms: int = 0,
        writes_json: bool = True,
    ) -> None:  # fmt: skip
        followed = {dep for node in nodes for dep in node.deps}
        terminal = tuple(at for at in range(len(nodes)) if at not in followed)
        plan = Plan(
            workflow_id, "flow", tuple(nodes), terminal, as_list and len(terminal) == 1, deadline_ms, writes_json
        )
        self.flows.append(workflow_id)
        for _ in range(2):
            self.same(*(one.workflows.create_workflow(plan) for one in self.adapters))

    @rule(pick=picks, way=st.sampled_from(("continue", "", "why", "overdue", "mend", "mend")), again=again)
    def look_after_workflow(self, pick: int, way: str, again: bool) -> None:
        workflow_id = self.flows[-1 - pick % len(self.flows)]
        if way == "continue":
            self.same(*(one.workflows.continue_workflow(workflow_id) for one in self.adapters))
        elif way == "mend":
            for each in self.flows:
                broken = self.same(*(one.repairs.broken_nodes(each) for one in self.adapters))
                if broken:
                    self.same(*(one.repairs.mend_nodes(each, broken) for one in self.adapters))
        elif way == "overdue":
            for each in self.same(*(one.house.overdue_workflows(10) for one in self.adapters)):
                self.same(*(one.workflows.cancel_workflow(each, "workflow timeout") for one in self.adapters))
        else:
            for _ in range(1 + again):
                self.same(*(one.workflows.cancel_workflow(workflow_id, way) for one in self.adapters))

    # -- schedules

    @rule(name=keys, after=st.sampled_from((None, 0, 10, 60_000)), value=picks)
    def change_schedule(self, name: str, after: int | None, value: int) -> None:
        if value % 4 == 3:
            self.same(*(one.schedules.remove(name) for one in self.adapters))
            return
        if value % 4 == 2:
            self._fire("mail", name, self.clock.now_ms(), 0)  # as somebody does who does not wait for its time
        next_ms = None if after is None else self.clock.now_ms() + after
        change = ScheduleChange(b'{"every":%d}' % value, next_ms)
        self.same(*(one.schedules.edit(name, lambda _before, _now: change) for one in self.adapters))

    @rule(token=st.sampled_from(("t1", "t2")), way=st.sampled_from(("lead", "resign", "tick", "tick", "late tick")))
    def lead(self, token: str, way: str) -> None:
        if way == "resign":
            self.same(*(one.house.resign(token) for one in self.adapters))
            return
        self.same(*(one.house.lead(token, LOCK_MS) for one in self.adapters))
        for one in self.same(*(one.schedules.due() for one in self.adapters)).due if way != "lead" else ():
            before = StoredSchedule(one.name, b"{}", one.next_ms) if way == "late tick" else one
            self._fire("mail", one.name, one.next_ms or 0, 0)
            after = ScheduleChange(one.value, self.clock.now_ms() + 10_000)
            self.same(*(adapter.schedules.move_on(token, before, after) for adapter in self.adapters))
