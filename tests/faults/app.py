"""The application under the storm. Fleets and producers import it; ``STORM`` in the environment says where they are.

What a job is to give is a function of its payload, `answer`, so that every stored result can be checked.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict, cast

from faults.ledger import Ledger
from taskora import (
    Collect,
    Context,
    Defaults,
    Keep,
    Retention,
    Retry,
    Schedule,
    SchedulerConfig,
    Stall,
    Taskora,
    Ttl,
)

LOCK_TTL_S = 5.0
STALL_S = 2.0
LONGEST_S = 8.0
EVERY_MS = 1000
KEY_LIMIT = 2
MAX_STALLS = 20  # the storm freezes machines on end; what is checked is that jobs survive it
ATTEMPTS = {"flaky": 4, "broken": 2}


class Load(TypedDict):
    """A payload: the number of the job, how many seconds it takes, and how often it fails first."""

    key: int
    takes: float
    fails: int


class Item(TypedDict):
    """One item of a batch."""

    item: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server is, for whom this is set, and where the ledger is."""

    url: str
    folder: str

    def environ(self) -> dict[str, str]:
        """For a process that is to have the application."""
        return {"STORM": json.dumps(asdict(self))}

    @property
    def ledger(self) -> Ledger:
        return Ledger(Path(self.folder) / "ledger")


def answer(task: str, data: object) -> object:
    """What a job of the task gives for the payload."""
    match task:
        case "quick" | "thread" | "long" | "steady" | "flaky" | "narrow" | "single" | "perishable":
            return cast("Load", data)["key"] * 2
        case "square":
            return cast("Load", data)["key"] ** 2
        case "total":
            return sum(cast("list[int]", data))
        case "pass-on":
            return cast("int", data) + 1
        case "gather":
            return len(cast("list[Item]", data))
        case _:
            return None


def make_app(
    settings: Settings,
    *,
    lock_ttl_s: float = LOCK_TTL_S,
    stall_s: float = STALL_S,
    kept_s: float | None = None,
) -> Taskora:
    """The application with all its tasks."""
    app = Taskora(
        settings.url,
        defaults=Defaults(lock_ttl=lock_ttl_s, concurrency=6, stall=Stall(interval=stall_s, max_count=MAX_STALLS)),
        retention=Retention(completed=Keep(kept_s, None), failed=Keep(kept_s, None)),
        scheduler=SchedulerConfig(poll_interval=0.2, lock_ttl=3),
    )
    ledger = settings.ledger

    @contextmanager
    def running(ctx: Context, key: str = "") -> Generator[None]:
        run = ledger.begin(ctx.task, ctx.id, ctx.attempt, key)
        how = "interrupted"
        try:
            yield
            how = "ok"
        except Exception:
            how = ctx.signal.reason or "error"
            raise
        finally:
            ledger.end(run, (ctx.signal.reason or how) if how == "interrupted" else how)

    @app.task("quick")
    async def quick(load: Load, ctx: Context) -> int:
        with running(ctx):
            await asyncio.sleep(load["takes"])
            return load["key"] * 2

    @app.task("thread")
    def thread(load: Load, ctx: Context) -> int:
        with running(ctx):
            time.sleep(load["takes"])
            return load["key"] * 2

    @app.task("long")
    async def long(load: Load, ctx: Context) -> int:
        with running(ctx):
            await asyncio.sleep(load["takes"])
            return load["key"] * 2

    @app.task("steady")
    def steady(load: Load, ctx: Context) -> int:
        with running(ctx):
            until_s = time.monotonic() + load["takes"]
            while time.monotonic() < until_s:
                time.sleep(0.02)
                ctx.signal.raise_if_aborted()
            return load["key"] * 2

    @app.task("flaky", retry=Retry(attempts=ATTEMPTS["flaky"], backoff="fixed", delay=0.05))
    async def flaky(load: Load, ctx: Context) -> int:
        with running(ctx):
            await asyncio.sleep(load["takes"])
            if ctx.attempt <= load["fails"]:
                raise OSError(f"attempt {ctx.attempt} fails")
            return load["key"] * 2

    @app.task("broken", retry=Retry(attempts=ATTEMPTS["broken"], delay=0.05))
    async def broken(load: Load, ctx: Context) -> int:
        with running(ctx):
            raise ValueError("always")

    @app.task("narrow", concurrency_limit=KEY_LIMIT)
    async def narrow(load: Load, ctx: Context) -> int:
        with running(ctx, f"narrow-{load['key'] % 4}"):
            await asyncio.sleep(load["takes"])
            return load["key"] * 2

    @app.task("single", singleton=True)
    async def single(load: Load, ctx: Context) -> int:
        with running(ctx, "single"):
            await asyncio.sleep(load["takes"])
            return load["key"] * 2

    @app.task("perishable", ttl=Ttl(1.5))
    async def perishable(load: Load, ctx: Context) -> int:
        with running(ctx):
            await asyncio.sleep(load["takes"])
            return load["key"] * 2

    @app.task("poison")
    def poison(load: Load, ctx: Context) -> None:
        ledger.begin(ctx.task, ctx.id, ctx.attempt)
        os.kill(os.getpid(), signal.SIGKILL)

    @app.task("venom")
    async def venom(load: Load, ctx: Context) -> None:
        ledger.begin(ctx.task, ctx.id, ctx.attempt)
        os.kill(os.getpid(), signal.SIGKILL)

    @app.task("gather", collect=Collect(key="all", delay=0.3, max_size=8, max_wait=1))
    async def gather(items: list[Item], ctx: Context) -> int:
        with running(ctx):
            await asyncio.sleep(0.02)
            return len(items)

    @app.task("square")
    async def square(load: Load, ctx: Context) -> int:
        with running(ctx):
            await asyncio.sleep(load["takes"])
            return load["key"] ** 2

    @app.task("total")
    async def total(parts: list[int], ctx: Context) -> int:
        with running(ctx):
            return sum(parts)

    @app.task("pass-on")
    def pass_on(value: int, ctx: Context) -> int:
        with running(ctx):
            return value + 1

    @app.task("tick", schedule=Schedule(every=EVERY_MS / 1000, overlap=True, on_missed="catch-up"))
    async def tick(data: object, ctx: Context) -> None:
        with running(ctx):
            await asyncio.sleep(0.01)

    made = (
        quick, thread, long, steady, flaky, broken, narrow, single, perishable, poison, venom, gather, square, total,
        pass_on, tick,
    )  # fmt: skip
    assert {task.name for task in made} == set(app.tasks)
    return app


def _take_order(folder: Path) -> None:
    """The one process that finds the order dies of it: ``kill@step:applied:3``."""
    taken = folder / f"taken-{os.getpid()}-{time.monotonic_ns()}"
    try:
        (folder / "order").rename(taken)
    except FileNotFoundError:
        return
    os.environ["TASKORA_FAULT"] = taken.read_text()


if "STORM" in os.environ:
    _settings = Settings(**json.loads(os.environ["STORM"]))
    _take_order(Path(_settings.folder))
    taskora = make_app(_settings)
