"""A storm from its begin to the verdict: `weather` starts everything, lets the adversary do its worst, and looks."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM

from faults.adversary import Adversary
from faults.app import Settings, make_app
from faults.check_rest import keys_without_end
from faults.checker import Aftermath, Exit, violations
from faults.circumstances import Circumstances, Window
from faults.ledger import Records
from faults.plan import LINKS, Fault
from faults.proxy import Proxy
from faults.recovery import Recovery, recoveries
from faults.services import Census, FleetService, Service
from faults.snapshot import Reader, Snapshot
from faults.violation import Violation
from support import Flavor, Server
from taskora import Taskora

_LOOK_S = 0.02
_STARVED_S = 0.5
_READY_S = 60.0
_REST_S = 120.0
_KEYS_S = 20.0
_END_S = 60.0
_SHOWN = 40
_SLOWEST = 3
_NEVER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    story: list[str] = field(default_factory=list[str])
    violations: list[Violation] = field(default_factory=list[Violation])
    recoveries: list[Recovery] = field(default_factory=list[Recovery])
    figures: dict[str, int] = field(default_factory=dict[str, int])

    def __str__(self) -> str:
        after = sorted(each.after_s for each in self.recoveries if each.after_s is not None)
        never = sum(each.after_s is None for each in self.recoveries)
        alone = sum(each.alone for each in self.recoveries)
        lines = ["faults:", *self.story, f"figures: {self.figures}"]
        if after:
            lines.append(
                f"recovery: median {after[len(after) // 2]:.1f} s, 90% {after[len(after) * 9 // 10]:.1f} s, "
                f"longest {after[-1]:.1f} s, never {never}; without another fault meanwhile {alone}, the slowest:"
            )
        slowest = sorted(
            (each for each in self.recoveries if each.alone),
            key=lambda each: -(_NEVER_S if each.after_s is None else each.after_s),
        )[:_SLOWEST]
        lines += [f"  {each.after_s} s after {each.fault}, {each.usual:.0f} runs/s are usual" for each in slowest]
        rules = dict(Counter(each.rule for each in self.violations))
        return "\n".join([*lines, f"violations: {rules}", *map(str, self.violations[:_SHOWN])])


class Storm:
    """One storm.

    Args:
        flavor: Which server.
        folder: Of its own; logs and the ledger lie there.
        plan: The faults.
        seed: Of what the producers do.
        length_s: How long it lasts, at least until the last fault is healed.
        calm_s: For how long work goes on after that.
    """

    def __init__(
        self, flavor: Flavor, folder: Path, plan: list[Fault], seed: int, length_s: float, calm_s: float
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._length_s = length_s
        self._calm_s = calm_s
        # What it reads when it starts again stays small.
        args = ("--maxmemory-policy", "noeviction", "--auto-aof-rewrite-min-size", "8mb")
        self._server = Server(flavor, appendonly=True, args=args)
        self._exits: list[Exit] = []
        self._starved: list[Window] = []
        self._seed = seed
        self._services: dict[str, Service] = {}

    def weather(self) -> Report:
        """All of it.

        Raises:
            AssertionError: It did not come to its end; what was found otherwise is in the report.
        """
        with self._server as server, Proxy(server.socket_path, LINKS) as proxy:
            self._cast(proxy)
            adversary = Adversary(server, proxy, self._services, self._folder)
            census = Census(self._fleets)
            app = make_app(Settings(server.url, str(self._folder)))
            try:
                return self._weathered(adversary, census, app)
            except AssertionError as error:
                raise AssertionError("\n".join([str(error), *adversary.story(), self._logs()])) from None
            finally:
                adversary.heal(all_of_it=True)
                for service in self._services.values():
                    for program in service.programs:
                        program.end_all()
                app.close()

    @property
    def _fleets(self) -> list[FleetService]:
        return [service for service in self._services.values() if isinstance(service, FleetService)]

    @property
    def _producers(self) -> list[Service]:
        return [service for service in self._services.values() if not isinstance(service, FleetService)]

    def _cast(self, proxy: Proxy) -> None:
        folder = str(self._folder)
        for name, procs in (("fleet-a", 2), ("fleet-b", 1)):
            settings = Settings(proxy.url(name), folder)
            self._services[name] = FleetService(name, procs, settings, self._exits.append)
        for name, pace_s in (("sync", 0.04), ("async", 0.04)):
            argv = ["-m", "faults.producer", name, f"{self._seed}-{name}", str(pace_s)]
            self._services[name] = Service(name, argv, Settings(proxy.url("producers"), folder), self._exits.append)

    def _weathered(self, adversary: Adversary, census: Census, app: Taskora) -> Report:
        ledger = Settings("", str(self._folder)).ledger
        for service in self._services.values():
            service.start()
        self._go_on(census, _READY_S, "fleets should be ready", lambda: all(fleet.is_ready() for fleet in self._fleets))
        self._go_on(census, _READY_S, "something should run", lambda: any(run.end_ns for run in ledger.read().runs))
        self._blow(adversary, census)
        self._calm_down(census, app)
        told_ns = time.monotonic_ns()
        aftermath = self._end(census)
        counts = _counts(app)
        snapshot = self._snapshot(app, counts)
        records = ledger.read()
        circumstances = Circumstances(census.lives, [*adversary.windows, *self._starved], told_ns)
        found = violations(records, snapshot, circumstances, aftermath)
        if found:
            found.append(Violation("logs", self._logs()))
        healed = [(fault, begin_ns, end_ns) for fault, begin_ns, end_ns, _ in adversary.done]
        return Report(
            adversary.story(), found, recoveries(records.runs, healed), _figures(records, snapshot, circumstances)
        )

    def _blow(self, adversary: Adversary, census: Census) -> None:
        began_s = time.monotonic()
        left = list(self._plan)
        while left or not adversary.nothing_under_way or time.monotonic() - began_s < self._length_s:
            if left and time.monotonic() - began_s >= left[0].at_s:
                adversary.begin(left.pop(0))
            adversary.heal()
            self._look(census)
        adversary.heal(all_of_it=True)
        over_s = time.monotonic()
        while time.monotonic() - over_s < self._calm_s:
            self._look(census)

    def _calm_down(self, census: Census, app: Taskora) -> None:
        for name in ("order", "poison"):
            (self._folder / name).unlink(missing_ok=True)
        (self._folder / "stop").touch()
        for producer in self._producers:
            producer.expect_end()
        self._go_on(
            census, _END_S, "producers should end", lambda: not any(producer.running for producer in self._producers)
        )
        app.schedules.pause("tick")
        self._go_on(census, _REST_S, "all work should be done", lambda: _at_rest(app), lambda: str(_counts(app)))

        def clean() -> bool:
            return not list(keys_without_end(self._snapshot(app, {})))

        try:
            self._go_on(census, _KEYS_S, "keys should go", clean)
        except AssertionError:
            return  # the checker says which did not

    def _end(self, census: Census) -> Aftermath:
        for fleet in self._fleets:
            fleet.wanted = False
            fleet.send(SIGTERM)
        self._go_on(census, _END_S, "fleets should end", lambda: not any(fleet.running for fleet in self._fleets))
        programs = [program for service in self._services.values() for program in service.programs]
        deadline_s = time.monotonic() + _END_S / 10
        while (left := [str(each) for program in programs for each in program.members()]) and (
            time.monotonic() < deadline_s
        ):
            self._look(census)
        return Aftermath(list(self._exits), left)

    # -- looking on

    def _look(self, census: Census) -> None:
        for service in self._services.values():
            service.tend()
        census.look()
        before_ns = time.monotonic_ns()
        time.sleep(_LOOK_S)
        after_ns = time.monotonic_ns()
        if after_ns - before_ns > _STARVED_S * 1e9:
            self._starved.append(Window("all", before_ns, after_ns, "the machine stood still"))

    def _go_on(
        self,
        census: Census,
        timeout_s: float,
        message: str,
        until: Callable[[], object],
        last: Callable[[], str] = str,
    ) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not until():
            if time.monotonic() > deadline_s:
                raise AssertionError(f"{message} (waited {timeout_s:g} s) {last()}")
            self._look(census)

    def _snapshot(self, app: Taskora, counts: dict[str, dict[str, int]]) -> Snapshot:
        reader = Reader(self._server.url, app.adapter.keys, list(app.tasks))
        try:
            return reader.read(counts)
        finally:
            reader.close()

    def _logs(self) -> str:
        return f"logs and the ledger lie in {self._folder}"


def _counts(app: Taskora) -> dict[str, dict[str, int]]:
    return {
        task: {state: getattr(stats, state) for state in stats.__slots__ if state != "retrying"}
        for task, stats in app.inspect().stats_by_task().items()
    }


def _at_rest(app: Taskora) -> bool:
    unfinished = ("waiting", "active", "delayed")
    if any(counts[state] for counts in _counts(app).values() for state in unfinished):
        return False
    return not app.inspect().workflows(state="running", limit=1)


def _figures(records: Records, snapshot: Snapshot, circumstances: Circumstances) -> dict[str, int]:
    runs: defaultdict[str, int] = defaultdict(int)
    for run in records.runs:
        runs[f"{run.job}/{run.attempt}"] += 1
    states = Counter(job.state for job in snapshot.jobs.values())
    cut_short = Counter(run.job for run in records.runs if run.end_ns is None)
    return {
        "confirmed jobs": len(records.jobs),
        "confirmed items": len(records.items),
        "confirmed workflows": len(records.flows),
        **dict(sorted(states.items())),
        "runs": len(records.runs),
        "runs of the same attempt again": sum(count - 1 for count in runs.values()),
        "failed by deaths of processes": sum(job.error_type == "StalledError" for job in snapshot.jobs.values()),
        "deaths charged to jobs that were not running": sum(
            job.crashes > cut_short[job.id] for job in snapshot.jobs.values()
        ),
        "processes of fleets": len(circumstances.lives),
    }
