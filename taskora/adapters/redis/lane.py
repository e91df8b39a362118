"""A worker's hot path: one connection that waits and claims, others that settle and claim.

A job costs this part one decoded row and one packed row of seven values; everything else is per round trip.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from string import ascii_letters
from typing import Any, Literal, NamedTuple

import orjson

from taskora.adapters.lane import Answered, Arrived, HeldIds
from taskora.adapters.redis.complaints import Complaints
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.owed import pay
from taskora.adapters.redis.records import name_of, names
from taskora.connection.refusals import given_up
from taskora.connection.request import Arg, Command, Disconnected, Producer, Replies, Request, ScriptCall, Steps
from taskora.connection.wire import REPLY_TIMEOUT_S
from taskora.connection.wires import AnyLoopWire, loop_wire
from taskora.errors import AdapterError
from taskora.lua import load
from taskora.model import Claimed, ClaimReply, Settled, Want

log: logging.Logger = logging.getLogger("taskora.worker")
_CLOSE_S = 2.0
_LOOK_AT_ALL = 64  # beyond so many tasks, learning which one woke us costs less than looking at all


@dataclass(slots=True)
class _Connection:
    """A wire with what makes its claims tellable from those of any other.

    Attributes:
        name: Part of the locks of its claims: letters, with which no other's name of the same tasks begins.
        epoch: How often it was opened anew after a loss.
        sequence: Number of its last claim.
        lost: Replies may have been lost: reclaim before the next use.
    """

    name: str
    wire: AnyLoopWire
    epoch: int = 1
    sequence: int = 0
    lost: bool = False


class _Step(NamedTuple):
    """A call of the step script with what its reply is read by: the tasks as numbered in it, and its claims' token."""

    call: ScriptCall
    tasks: tuple[str, ...]
    token: str


_A_LANE = 3  # connections: one waits, two settle
_LARGEST = 2**53  # of what a number of a job may be, as far as JSON goes
_HEAD = 6  # values of the step script's reply before the jobs
_FENCES: dict[bytes, Literal["", "halt", "dead"]] = {b"": "", b"halt": "halt", b"dead": "dead"}


@dataclass(slots=True, eq=False)
class RedisLane:
    """See ``Lane`` in the protocol."""

    link: Link
    worker: str
    tasks: Sequence[str]
    lock_ttl_ms: int
    held: HeldIds
    answered: Answered | None = None
    place: int = 0
    _bases: dict[str, str] = field(init=False)
    _discarding: set[str] = field(init=False, default_factory=set[str])
    _waiting: _Connection | None = field(init=False, default=None)
    _settling: list[_Connection] = field(init=False, default_factory=list[_Connection])
    _idle: list[_Connection] = field(init=False, default_factory=list[_Connection])
    _complaints: Complaints = field(init=False, default_factory=Complaints)

    def __post_init__(self) -> None:
        self._bases = {task: self.link.keys.task(task) for task in self.tasks}

    async def wait_and_claim(self, wants: Sequence[Want], block_ms: int, arrived: Arrived | None = None) -> ClaimReply:
        """See ``Lane``."""
        if not self.link.gate.open and self._waiting is not None and not await self._let_through(block_ms / 1000):
            return ClaimReply([], None, "", (), ())
        if self._waiting is None:
            await self._connect()
            self._waiting = _Connection(self._name(0), loop_wire(self.link.endpoint))
        connection = self._waiting
        await self._reclaim_if_lost(connection)
        try:
            return await self._when_woken(connection, wants, block_ms, arrived)
        except AdapterError as error:
            if "WRONGTYPE" in str(error):
                await self._mend_markers()
            raise

    async def _when_woken(
        self, connection: _Connection, wants: Sequence[Want], block_ms: int, arrived: Arrived | None
    ) -> ClaimReply:
        # The server looks at the keys in this order: each is the first in its turn, or one that is always busy would
        # hide the others.
        first = connection.sequence % max(1, len(wants))
        wants = [*wants[first:], *wants[:first]]
        markers = [self.link.keys.marker(want.task) for want in wants]
        # The server takes a time of 0 for eternity.
        wait: Command = ("BZPOPMIN", self._wake_key, *markers, max(1, block_ms) / 1000)
        patience_s = block_ms / 1000 + REPLY_TIMEOUT_S
        if len(wants) <= _LOOK_AT_ALL:
            return await self._claim(connection, self._step(connection, (), wants), arrived, [wait], patience_s)
        (popped,) = await self._exchange(connection, [wait], patience_s)
        if popped is not None:
            marker = popped[0].decode()
            wants = [want for want, key in zip(wants, markers, strict=True) if key == marker]
        return await self._claim(connection, self._step(connection, (), wants), arrived)

    async def step(
        self, settled: Sequence[Settled], wants: Sequence[Want], arrived: Arrived | None = None
    ) -> ClaimReply:
        """See ``Lane``."""
        if not self._settling:
            await self._connect()
        if not self.link.gate.open:
            await self.link.connect_async()
        if not self._idle:
            self._idle.append(_Connection(self._name(1 + len(self._settling)), loop_wire(self.link.endpoint)))
            self._settling.append(self._idle[0])
        connection = self._idle.pop()
        try:
            await self._reclaim_if_lost(connection)
            return await self._claim(connection, self._step(connection, settled, wants), arrived)
        finally:
            self._idle.append(connection)

    async def _connect(self) -> None:
        await self.link.connect_async()
        # Nothing that follows goes by the link, so nothing but its watch notices a migration.
        self.link.watch()

    async def _let_through(self, timeout_s: float) -> bool:
        """Wait for the end of a migration, so long that the worker can still be told to stop."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.link.connect_async()
        except TimeoutError:
            return False
        return True

    async def promote(self, tasks: Sequence[str]) -> int | None:
        """See ``Lane``."""
        call = ScriptCall(
            load("promote"),
            [self._bases[task] for task in tasks],
            [self.link.keys.root, *("1" if task in self._discarding else "0" for task in tasks)],
        )

        def steps(_: Producer) -> Steps[int]:
            ((due_ms, owed),) = yield [call]
            yield from pay(self.link.keys, owed, tasks[0])
            return int(due_ms)

        due_ms = await self.link.run_async(steps)
        return due_ms if due_ms >= 0 else None

    async def wake(self) -> None:
        """See ``Lane``."""

        def steps(_: Producer) -> Steps[None]:
            yield [("ZADD", self._wake_key, 0, "0"), ("PEXPIRE", self._wake_key, 60_000)]

        await self.link.run_async(steps)

    async def stop_claiming(self) -> None:
        """See ``Lane``."""

        def steps(_: Producer) -> Steps[None]:
            yield [ScriptCall(load("fence"), (base,), (self.worker, 1, "drain")) for base in self._bases.values()]

        await self.link.run_async(steps)
        await self.wake()

    async def close(self) -> None:
        """See ``Lane``."""
        connections = [connection for connection in (self._waiting, *self._settling) if connection is not None]
        for connection in connections:
            await connection.wire.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                for connection in connections:
                    await self._reclaim_if_lost(connection)
        except (AdapterError, TimeoutError) as error:
            log.warning(
                "what a lost connection may have claimed waits until its locks run out: %s",
                str(error) or "no answer in time", extra={"action": "reclaim"},
            )  # fmt: skip

    def lose(self) -> None:
        """Have what the connections claimed given back before their next use, but for what the worker holds."""
        for connection in (self._waiting, *self._settling):
            if connection is not None:
                connection.lost = True

    async def _mend_markers(self) -> None:
        """Delete what stands in the place of markers: no wait is possible with it, and nothing of ours is in it."""

        def steps(_: Producer) -> Steps[None]:
            yield [ScriptCall(load("mend_marker"), (base,), (self.worker,)) for base in self._bases.values()]

        await self.link.run_async(steps)

    def _name(self, number: int) -> str:
        """Name a connection: a letter, as long as there are some, since what outlives the worker knows only those."""
        times, letter = divmod(self.place * _A_LANE + number, len(ascii_letters))
        return ascii_letters[letter] * (times + 1)

    @property
    def _wake_key(self) -> str:
        return f"{self._bases[self.tasks[0]]}:wake:{self.worker}"

    async def _claim(
        self,
        connection: _Connection,
        step: _Step,
        arrived: Arrived | None,
        before: Sequence[Command] = (),
        timeout_s: float = REPLY_TIMEOUT_S,
    ) -> ClaimReply:
        claimed: list[ClaimReply] = []

        def read(replies: Replies) -> None:
            reply = _read(step, replies[-1], self._complaints)
            if reply.owed:
                reply = reply._replace(owed=self.link.keys.debts(step.tasks[0], reply.owed))
            claimed.append(reply)
            if self.answered is not None:
                self.answered(connection.name, connection.sequence)
            if arrived is not None:
                arrived(claimed[0])

        # What cannot be read counts as lost: nobody will run what it brought.
        await self._exchange(connection, [*before, step.call], timeout_s, read)
        return claimed[0]

    async def _exchange(
        self,
        connection: _Connection,
        request: Request,
        timeout_s: float,
        arrived: Callable[[Replies], None] | None = None,
    ) -> Replies:
        try:
            return await connection.wire.exchange(request, timeout_s, arrived)
        except Disconnected as error:
            connection.lost = True
            raise given_up(error) from error
        except BaseException:
            # Cancelled, refused or unreadable: the wire is closed, and nobody holds what its reply brings.
            connection.lost = True
            raise

    async def _reclaim_if_lost(self, connection: _Connection) -> None:
        """Give back what a lost connection claimed. Before the next claim is numbered: it begins a new epoch."""
        if not connection.lost:
            return
        connection.epoch += 1
        script, name, epoch = load("reclaim"), connection.name, connection.epoch

        def steps(_: Producer) -> Steps[int]:
            replies = yield [
                ScriptCall(script, (base,), (self.worker, name, epoch, *self.held(task)))
                for task, base in self._bases.items()
            ]
            for _, damage in replies:
                self._complaints.tell(damage, "reclaim")
            return sum(count for count, _ in replies)

        count = await self.link.run_async(steps)
        connection.lost = False
        if count:
            log.warning("gave %d jobs back that a lost connection had claimed", count, extra={"action": "reclaim"})

    def _step(self, connection: _Connection, settled: Sequence[Settled], wants: Sequence[Want]) -> _Step:
        connection.sequence += 1
        token = f"{self.worker}.{connection.name}{connection.epoch}.{connection.sequence}"
        numbers: dict[str, int] = {}
        args: list[Arg] = [
            self.link.keys.root, self.worker, connection.name, connection.epoch, token, self.lock_ttl_ms,
            len(settled), len(wants),
        ]  # fmt: skip
        for outcome in settled:
            job = outcome.job
            number = numbers.setdefault(job.task, len(numbers) + 1)
            args += (number, job.job_id, job.token, job.processed_ms, outcome.verb, outcome.payload, _meta(outcome))
        for want in wants:
            number = numbers.setdefault(want.task, len(numbers) + 1)
            if want.on_expire == "discard":
                self._discarding.add(want.task)
            args += (number, want.slots, "1" if want.on_expire == "discard" else "0", "1" if want.singleton else "0")
        return _Step(ScriptCall(load("step"), [self._bases[task] for task in numbers], args), tuple(numbers), token)


def _meta(outcome: Settled) -> bytes:
    if outcome.verb not in ("retry", "fail", "defer"):
        return b""
    return orjson.dumps({"delay": outcome.delay_ms, "type": outcome.error_type, "trace": outcome.trace})


def _int(value: bytes | int, otherwise: int) -> int:
    """Read a number that anybody may have written."""
    try:
        number = int(value)
    except ValueError:
        return otherwise
    return number if -_LARGEST < number < _LARGEST else max(-_LARGEST, min(number, _LARGEST))


def _read(step: _Step, reply: Any, complaints: Complaints) -> ClaimReply:
    now, due, fence, values, losses, debts = reply[:_HEAD]
    jobs_end = _HEAD + values
    lost_end = jobs_end + losses
    owed_end = lost_end + debts
    if len(reply) > owed_end:
        complaints.tell(reply[owed_end:], "step")
    jobs: list[Claimed] = []
    for at in range(_HEAD, jobs_end, 7):
        number, job_id, data, version, attempt, ts, cause = reply[at : at + 7]
        task = step.tasks[int(number) - 1]
        name = name_of(job_id)
        if attempt == 0:
            log.warning(
                "task %r: the id %r was queued without a job behind it; it is dropped", task, name or job_id,
                extra={"action": "ghost"},
            )  # fmt: skip
        elif name is None:
            log.error(
                "task %r: the job id %r cannot be shown; the job cannot run, and fails as stalled", task, job_id,
                extra={"action": "claim"},
            )  # fmt: skip
        else:
            jobs.append(
                Claimed(
                    task,
                    name,
                    data,
                    _int(attempt, 1),
                    _int(version, 0),
                    _int(ts, 0),
                    step.token,
                    now,
                    cause.decode(errors="replace"),
                )
            )
    if fence == b"stale":
        raise AdapterError("the connection was given up while it claimed")
    return ClaimReply(
        jobs,
        due if due >= 0 else None,
        _FENCES[fence],
        tuple(names(reply[jobs_end:lost_end])) if losses else (),
        tuple(names(reply[lost_end:owed_end])) if debts else (),
    )
