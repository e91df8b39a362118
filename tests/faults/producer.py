"""A producer: dispatches until told to stop, and writes down what was confirmed.

``python -m faults.producer sync|async SEED PACE``; SIGTERM or a file named ``stop`` in the storm's folder ends it.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any, cast

from faults.app import LONGEST_S, Item, Load, Settings, make_app
from faults.ledger import Ledger
from taskora import ResultHandle, Task, Taskora, TaskoraError, WorkflowHandle, chain, chord, group
from taskora.workflows import Bound

# Sorts of jobs with their weights. The names of most are their tasks'.
SORTS = {
    "quick": 30, "thread": 10, "slow": 4, "long": 1, "steady": 1, "delayed": 6, "flaky": 8, "broken": 2, "narrow": 12,
    "single": 3, "perishable": 4, "cancelled": 3, "named": 5, "item": 10, "chain": 3, "chord": 4, "doomed": 1,
}  # fmt: skip


class Maker:
    """Makes what is dispatched, from one random source."""

    def __init__(self, app: Taskora, seed: str) -> None:
        self._tasks = app.tasks
        self._random = random.Random(seed)
        self._key = int.from_bytes(os.urandom(4), "big") << 20

    def sort(self) -> str:
        return self._random.choices(list(SORTS), list(SORTS.values()))[0]

    def poison(self) -> str:
        return self._random.choice(["poison", "venom"])

    def number(self) -> int:
        self._key += 1
        return self._key

    def load(self, longest_s: float = 0.05, fails: int = 0) -> Load:
        return {"key": self.number(), "takes": self._random.uniform(0, longest_s), "fails": fails}

    def task(self, name: str) -> "Task[Any, Any]":
        return self._tasks[name]

    def job(self, sort: str) -> tuple[str, Load, dict[str, Any]]:
        """Task, payload and options of a job."""
        match sort:
            case "slow":
                return self._random.choice(["quick", "thread"]), self.load(1.2), {}
            case "long" | "steady":
                return sort, self.load(LONGEST_S), {}  # past the time of a lock, and several sweeps
            case "delayed":
                return "quick", self.load(), {"delay": round(self._random.uniform(0.2, 3), 3)}
            case "cancelled":
                return "quick", self.load(), {"delay": self._random.choice([None, 0.3, 30])}
            case "named":
                return "quick", self.load(), {"job_id": f"named-{self.number()}"}
            case "flaky":
                return "flaky", self.load(fails=self._random.randint(0, 3)), {}
            case "narrow":
                load = self.load(0.15)
                return "narrow", load, {"concurrency_key": f"narrow-{load['key'] % 4}"}
            case _:
                return sort, self.load(), {"priority": 5} if self._random.random() < 0.1 else {}

    def flow(self, sort: str) -> tuple[Bound[Any], object]:
        """A workflow and its result; None when it fails."""
        square, total, pass_on = self.task("square"), self.task("total"), self.task("pass-on")
        loads = [self.load(0.1) for _ in range(self._random.randint(2, 8))]
        for load in loads:
            load["key"] %= 10_007  # its square is a number of JSON
        squares = [load["key"] ** 2 for load in loads]
        if sort == "chain":
            return cast("Bound[Any]", chain(square.s(loads[0]), pass_on.s(), pass_on.s())), squares[0] + 2
        if sort == "chord":
            return cast("Bound[Any]", chord([square.s(load) for load in loads], total.s())), sum(squares)
        steps = group([square.s(loads[0]), self.task("broken").s(loads[1])])
        return cast("Bound[Any]", chain(steps, total.s(), pass_on.s())), None


class Producer:
    """One producer's life."""

    def __init__(self, settings: Settings, seed: str, pace_s: float) -> None:
        self._folder = Path(settings.folder)
        self._app = make_app(settings)
        self._maker = Maker(self._app, seed)
        self._ledger: Ledger = settings.ledger
        self._pace_s = pace_s
        self._told = False
        signal.signal(signal.SIGTERM, lambda number, frame: setattr(self, "_told", True))

    @property
    def _goes_on(self) -> bool:
        return not self._told and not (self._folder / "stop").exists()

    def _is_ordered(self, sort: str) -> bool:
        try:
            (self._folder / sort).unlink()
        except FileNotFoundError:
            return False
        return True

    def run_sync(self) -> None:
        while self._goes_on:
            try:
                self._dispatch(self._maker.poison() if self._is_ordered("poison") else self._maker.sort())
            except TaskoraError as error:
                print(f"not confirmed: {error}", flush=True)
            time.sleep(self._pace_s)
        self._app.close()

    def _dispatch(self, sort: str) -> None:
        if sort == "item":
            item = self._maker.number()
            self._maker.task("gather").dispatch(Item(item=item))
            self._ledger.item(item)
        elif sort in ("chain", "chord", "doomed"):
            flow, expect = self._maker.flow(sort)
            self._note_flow(flow.dispatch(), sort, expect)
        else:
            task, load, options = self._maker.job(sort)
            handle = self._maker.task(task).dispatch(load, **options)
            self._note(handle, task, sort, options)
            if sort == "cancelled":
                self._ledger.cancel(handle.id, handle.cancel("not needed"))
            elif sort == "named":
                again = self._maker.task(task).dispatch(load, **options)
                assert again.enqueued is False, f"{handle.id} was stored twice"

    async def run_async(self) -> None:
        """The same, several at a time."""
        while self._goes_on:
            sorts = [self._maker.sort() for _ in range(4)]
            for ended in await asyncio.gather(*map(self._dispatch_async, sorts), return_exceptions=True):
                if isinstance(ended, TaskoraError):
                    print(f"not confirmed: {ended}", flush=True)
                elif ended is not None:
                    raise ended
            await asyncio.sleep(4 * self._pace_s)
        await self._app.close_async()

    async def _dispatch_async(self, sort: str) -> None:
        if sort == "item":
            item = self._maker.number()
            await self._maker.task("gather").dispatch(Item(item=item))
            self._ledger.item(item)
        elif sort in ("chain", "chord", "doomed"):
            flow, expect = self._maker.flow(sort)
            self._note_flow(await flow.dispatch(), sort, expect)
        else:
            task, load, options = self._maker.job(sort)
            handle = await self._maker.task(task).dispatch(load, **options)
            self._note(handle, task, sort, options)
            if sort == "cancelled":
                self._ledger.cancel(handle.id, await handle.cancel_async("not needed"))

    def _note(self, handle: ResultHandle[Any], task: str, sort: str, options: dict[str, Any]) -> None:
        assert handle.enqueued, f"{handle.id} of {task} was refused"
        self._ledger.job(handle.id, task, sort, options.get("delay") or 0)

    def _note_flow(self, handle: WorkflowHandle[Any], sort: str, expect: object) -> None:
        self._ledger.flow(handle.workflow_id, sort, expect)


def main(kind: str, seed: str, pace_s: float) -> None:
    """Produce, on an event loop or without one."""
    producer = Producer(Settings(**json.loads(os.environ["STORM"])), seed, pace_s)
    if kind == "async":
        asyncio.run(producer.run_async())
    else:
        producer.run_sync()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
