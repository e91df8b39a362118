"""The application that the fleets of these tests run; the test makes one of its own to dispatch and to look.

What it is told comes in the environment: ``HARBOUR`` is a JSON object with the members of `Settings`.
"""

import asyncio
import ctypes
import json
import os
import re
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from support import block_forever, forever
from support.evidence import Evidence
from taskora import (
    Context,
    Defaults,
    Keep,
    MiddlewareContext,
    Next,
    Retention,
    Retry,
    Schedule,
    SchedulerConfig,
    Stall,
    Taskora,
)


class Cargo(TypedDict):
    """Which job of the test it is, and how many seconds it takes."""

    key: int
    takes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the application is set up."""

    url: str
    folder: str
    lock_ttl: float = 30
    lead_ttl: float = 30
    stall_s: float = 30
    concurrency: int = 10
    every_s: float = 0
    kept: int | None = None

    @property
    def evidence(self) -> Evidence:
        return Evidence(Path(self.folder) / "evidence")

    def environ(self) -> dict[str, str]:
        """For a process that is to have the same application."""
        return {"HARBOUR": json.dumps(asdict(self))}


def make_app(settings: Settings) -> Taskora:
    """The application with all its tasks."""
    stall = Stall(interval=settings.stall_s)
    app = Taskora(
        settings.url,
        defaults=Defaults(lock_ttl=settings.lock_ttl, concurrency=settings.concurrency, stall=stall),
        retention=Retention(completed=Keep(None, settings.kept), failed=Keep(None, settings.kept)),
        scheduler=SchedulerConfig(poll_interval=0.1, lock_ttl=settings.lead_ttl),
    )
    evidence = settings.evidence

    def begin(cargo: Cargo, ctx: Context) -> Callable[[str], None]:
        """Note the start; the result notes what else happens."""

        def note(event: str) -> None:
            evidence.note(event, ctx.task, cargo["key"], ctx.id, ctx.attempt)

        note("start")
        return note

    @app.task("carry")
    async def carry(cargo: Cargo, ctx: Context) -> int:
        note = begin(cargo, ctx)
        await asyncio.sleep(cargo["takes"])
        note("end")
        return cargo["key"]

    @app.task("spin", timeout="1s")
    def spin(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        while True:
            pass

    @app.task("swallow", timeout="1s")
    def swallow(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        while True:
            try:
                time.sleep(0.001)
            except Exception:  # noqa: BLE001 - what is tested
                continue

    @app.task("deaf", timeout="1s")
    def deaf(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        while True:
            try:
                time.sleep(0.001)
            except BaseException:  # noqa: BLE001 - what is tested
                continue

    @app.task("nap", timeout="1s")
    def nap(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        block_forever()

    @app.task("hold", timeout="60s")
    def hold(cargo: Cargo, ctx: Context) -> int:
        note = begin(cargo, ctx)
        # Unlike CDLL, PyDLL keeps the GIL while it waits.
        ctypes.PyDLL(None).usleep(int(cargo["takes"] * 1e6))
        note("end")
        return cargo["key"]

    @app.task("voyage", timeout="36500d")
    def voyage(cargo: Cargo, ctx: Context) -> int:
        note = begin(cargo, ctx)
        ctypes.PyDLL(None).usleep(int(cargo["takes"] * 1e6))
        note("end")
        return cargo["key"]

    def keep_the_gil() -> None:
        # Exponential, in C, without a look at the interpreter's requests: for ever.
        re.match(r"(a+)+$", "a" * 64 + "b")

    @app.task("hog", timeout="1s", retry=Retry(attempts=1))
    def hog(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        keep_the_gil()

    async def go_on(ctx: MiddlewareContext, further: Next) -> None:
        await further()

    async def go_no_further(ctx: MiddlewareContext, further: Next) -> None:
        begin(ctx.data, ctx)
        keep_the_gil()

    @app.task("hog-within", timeout="1s", retry=Retry(attempts=1), middleware=[go_on])
    def hog_within(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        keep_the_gil()

    @app.task("hog-around", timeout="1s", retry=Retry(attempts=1), middleware=[go_on, go_no_further])
    def hog_around(cargo: Cargo) -> None: ...

    def clean_up(cargo: Cargo, ctx: Context) -> None:
        evidence.note("clean", ctx.task, cargo["key"], ctx.id, ctx.attempt)
        keep_the_gil()

    @app.task("hog-after", on_cancel=clean_up)
    async def hog_after(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        await ctx.signal.wait()

    @app.task("refuse", retry=Retry(attempts=2, delay=0.01))
    async def refuse(cargo: Cargo) -> None:
        raise ValueError(f"no room for {cargo['key']}")

    @app.task("nothing")
    async def nothing(cargo: Cargo, ctx: Context) -> int:
        return cargo["key"]

    @app.task("nothing-in-a-thread")
    def nothing_in_a_thread(cargo: Cargo, ctx: Context) -> int:
        return cargo["key"]

    @app.task("too-late", timeout="10ms")
    async def too_late(cargo: Cargo, ctx: Context) -> None:
        await forever()

    @app.task("poison")
    def poison(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        os.kill(os.getpid(), signal.SIGKILL)

    @app.task("lift")
    def lift(cargo: Cargo, ctx: Context) -> int:
        note = begin(cargo, ctx)
        time.sleep(cargo["takes"])
        note("end")
        return cargo["key"]

    @app.task("eat")
    def eat(cargo: Cargo, ctx: Context) -> None:
        begin(cargo, ctx)
        eaten: list[bytearray] = []
        while True:
            eaten.append(bytearray(b"x") * 8_000_000)

    @app.task("square")
    async def square(cargo: Cargo, ctx: Context) -> int:
        note = begin(cargo, ctx)
        await asyncio.sleep(cargo["takes"])
        note("end")
        return cargo["key"] ** 2

    @app.task("total")
    async def total(parts: list[int], ctx: Context) -> int:
        note = begin({"key": 0, "takes": 0}, ctx)
        note("end")
        return sum(parts)

    @app.task("pass-on")
    async def pass_on(value: int, ctx: Context) -> int:
        note = begin({"key": value, "takes": 0}, ctx)
        note("end")
        return value + 1

    if settings.every_s:

        @app.task("tick", schedule=Schedule(every=settings.every_s, overlap=True, data={"key": 0, "takes": 0}))
        async def tick(cargo: Cargo, ctx: Context) -> None:
            evidence.note("start", ctx.task, round(ctx.timestamp.timestamp() * 1000), ctx.id, ctx.attempt)

    for task in (
        carry,
        spin,
        swallow,
        deaf,
        nap,
        hold,
        voyage,
        hog,
        hog_within,
        hog_around,
        hog_after,
        refuse,
        nothing,
        nothing_in_a_thread,
        too_late,
        poison,
        lift,
        eat,
        square,
        total,
        pass_on,
    ):
        assert app.tasks[task.name] is task
    return app


def _take_fault(folder: Path) -> None:
    """The one process that finds the order dies of it: ``worker kill@step:applied:3``."""
    role = "steward" if any(frame.name == "steward_main" for frame in traceback.extract_stack()) else "worker"
    order = folder / f"fault-{role}"
    try:
        order.rename(folder / f"taken-{role}-{os.getpid()}")
    except FileNotFoundError:
        return
    os.environ["TASKORA_FAULT"] = (folder / f"taken-{role}-{os.getpid()}").read_text()


if "HARBOUR" in os.environ:
    _settings = Settings(**json.loads(os.environ["HARBOUR"]))
    _take_fault(Path(_settings.folder))
    taskora = make_app(_settings)
    _settings.evidence.note("loaded", "-", 0, "-", 0)
