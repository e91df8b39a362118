"""What the engine's tests share: an application with a prefix of its own, a raw client beside it, and a worker."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar, cast

import redis

from support import wait_until_async
from taskora import Context, Task, Taskora
from taskora.handle import ResultHandle

Out = TypeVar("Out")
PATIENCE_S = 10.0


class Engine:
    """One prefix on one server: applications that share it, closed at the end, and a raw client."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.prefix = prefix
        self.raw: Any = redis.Redis.from_url(url, decode_responses=True, protocol=2)  # pyright: ignore[reportUnknownMemberType]
        self._apps: list[Taskora] = []

    def app(self, url: str | None = None, **options: Any) -> Taskora:
        """An application; each one is like another process."""
        made = Taskora(url or self.url, prefix=self.prefix, **options)
        self._apps.append(made)
        return made

    def key(self, task: str, name: str) -> str:
        """``name`` is a suffix of the task's keys, or the id of a job."""
        return f"taskora:{self.prefix}:{{{task}}}:{name}"

    def hash(self, task: str, job_id: str) -> dict[str, str]:
        found: dict[str, str] = self.raw.hgetall(self.key(task, job_id))
        return found

    def events(self, task: str, job_id: str) -> list[str]:
        """Names of a job's events, in order."""
        entries = self.raw.xrange(self.key(task, "events"))
        return [fields["event"] for _, fields in entries if fields["jobId"] == job_id]

    def put_raw(self, task: str, fields: dict[str, str], job_id: str = "") -> str:
        """Queues a job as any producer may have written it."""
        job_id = job_id or uuid.uuid4().hex
        if fields:
            self.raw.hset(self.key(task, job_id), mapping=fields)
        self.raw.lpush(self.key(task, "wait"), job_id)
        self.raw.zadd(self.key(task, "marker"), {"0": 0})
        return job_id

    def calls(self, command: str) -> int:
        """How often the server ran a command since its counters were reset."""
        stats: dict[str, dict[str, int]] = self.raw.info("commandstats")
        return stats.get(f"cmdstat_{command}", {}).get("calls", 0)

    def reset_calls(self) -> None:
        self.raw.config_resetstat()

    def close(self) -> None:
        for app in self._apps:
            app.close()
        self.raw.close()


@contextlib.asynccontextmanager
async def working(app: Taskora, drain: float = 5) -> AsyncGenerator[Taskora, None]:
    """Works on the running loop; drains and closes at the end."""
    await app.start()
    try:
        yield app
    finally:
        await app.close_async(drain)


@contextlib.asynccontextmanager
async def open_app(app: Taskora) -> AsyncGenerator[Taskora, None]:
    """Closes what an application that does not work has opened on this loop."""
    try:
        yield app
    finally:
        await app.close_async()


async def ended(handle: ResultHandle[Out]) -> str:
    """Waits for a job's end, whatever it is, and returns the state."""
    with contextlib.suppress(Exception):
        await handle.result_async(PATIENCE_S)
    return str(await handle.state_async())


async def error_of(handle: ResultHandle[Out], timeout_s: float = PATIENCE_S) -> Exception:
    """Waits for a job that must not complete and returns what its handle raises."""
    try:
        value = await handle.result_async(timeout_s)
    except Exception as error:  # noqa: BLE001 - it is looked at by the test
        return error
    raise AssertionError(f"the job completed with {value!r}")


async def state_is(handle: ResultHandle[Out], state: str, timeout_s: float = 5.0) -> None:
    async def reached() -> bool:
        return await handle.state_async() == state

    await wait_until_async(reached, timeout_s, f"the job never became {state}")


def gated(app: Taskora, name: str = "gated", **options: Any) -> tuple[Any, asyncio.Event, list[Context]]:
    """An async task whose handler waits for the returned event; the list gets the contexts of its runs."""
    gate, runs = asyncio.Event(), list[Context]()

    async def run(n: int, ctx: Context) -> int:
        runs.append(ctx)
        await gate.wait()
        return n

    return app.task(name, run, **options), gate, runs


def echo_of(app: Taskora, name: str = "idle", **options: Any) -> Task[Any, Any]:
    """A task that returns what it gets; also for one that some other process runs."""

    async def echo(data: Any) -> Any:
        return data

    define = cast("Callable[..., Task[Any, Any]]", app.task)  # options may hold any of them
    return define(name, echo, **options)
