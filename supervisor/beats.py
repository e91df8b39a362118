"""The table of heartbeats: one shared anonymous mapping, no locks, no system calls, no file.

Every number is one aligned 8-byte word, so a reader sees the old or the new value and never half of each. A text
is checked by its reader, see `SharedText`.

A cell belongs to one process at a time. Its words have one writer each: the child writes its own from its birth to its
end, the master writes the others, and both halves while no child has the cell.
"""

from __future__ import annotations

import mmap
import time
from dataclasses import dataclass
from enum import IntEnum
from string import ascii_letters
from typing import Final, Literal

from .pulses import Pulse
from .shared_text import SharedText
from .slot_record import RECORD_WORDS, SlotRecord

Role = Literal["worker", "steward"]

WORKER_BYTES: Final = 96
_ATTEMPTS: Final = 16
HOLDERS: Final = 16
CONNECTIONS: Final = len(ascii_letters)
_CELL_WORDS: Final = 120
_HEADER_WORDS: Final = 8

# The child's words. They fill the cell's first cache lines, the master's come behind its texts.
_BEAT, _ACTIVE, _DONE, _FAILED, _DEADLINE, _STATE, _WANTS_END, _PID, _TICKS = range(9)
_WORKER: Final = 9
# The master's words.
_GENERATION, _SLOT, _ROLE, _DOOMED, _STARTED = range(23, 28)
# Who has the cell: whether anybody does, and a count that grows with every change of hands.
_TAKEN, _EPOCH = 30, 31
# The child's words again: the jobs that may hold the interpreter, a deadline and a mark each.
_HOLDERS_AT: Final = 32
# And the last claim of each of its connections of which something may have run.
_ANSWERED_AT: Final = 64
_PLACES: Final = {connection: place for place, connection in enumerate(ascii_letters)}

# The header: what the fleet as a whole is meant to be.
_MASTER_PID, _TARGET, _STOPPING, _BOOT = range(4)

_ROLES: Final[tuple[Role, ...]] = ("worker", "steward")


class State(IntEnum):
    """A child's own word about itself."""

    EMPTY = 0
    STARTING = 1
    READY = 2
    DRAINING = 3
    STUCK = 4


@dataclass(frozen=True, slots=True)
class Beat:
    """A consistent copy of one cell.

    Attributes:
        cell: the cell's index in the table.
        slot: the fleet's slot that the process fills; -1 for the steward.
        role: what the process is.
        generation: the roll-out that it belongs to.
        pid: its process id; 0 for the moment before the child has written it.
        start_ticks: its start time as in /proc/PID/stat, which tells it from a later process with the same id.
        worker: the worker identity, "" until the child has set it.
        state: its own word.
        beat_ns: CLOCK_MONOTONIC of its last beat.
        active: jobs running now.
        done: jobs completed since its birth.
        failed: jobs failed since its birth.
        hang_deadline_ns: until when silence is explained, CLOCK_MONOTONIC; 0 when nothing explains it.
        holders: the marks of the jobs that may hold the interpreter.
        doomed: the master is about to kill it, or has: its locks are not to be extended.
        wants_end: it asked to be replaced.
        started_ns: CLOCK_MONOTONIC of its fork.
    """

    cell: int
    slot: int
    role: Role
    generation: int
    pid: int
    start_ticks: int
    worker: str
    state: State
    beat_ns: int
    active: int
    done: int
    failed: int
    hang_deadline_ns: int
    doomed: bool
    wants_end: bool
    started_ns: int
    holders: tuple[str, ...] = ()


def mark_of(job_id: str) -> int:
    """A job's mark: the last eight bytes of its id, which are random in the ids that we make."""
    return int.from_bytes(job_id.encode()[-8:], "big")


class BeatSlot:
    """One process's cell, as that process and the master hold it."""

    __slots__ = ("_at", "_words", "_worker", "index", "pulse")

    def __init__(self, index: int, words: memoryview[int], octets: memoryview[int], at: int) -> None:
        self.index: int = index
        self._words = words
        self._at = at
        self._worker = SharedText(words, octets, at + _WORKER, WORKER_BYTES)
        self.pulse: Pulse = Pulse(words, at)

    def beat(self) -> None:
        """Say "alive" (about 0.2 µs)."""
        self._words[self._at + _BEAT] = time.monotonic_ns()

    @property
    def beat_ns(self) -> int:
        """CLOCK_MONOTONIC of the last beat, nanoseconds."""
        return self._words[self._at + _BEAT]

    @property
    def worker(self) -> str:
        """The worker identity, at most 96 bytes of UTF-8; set it before the first claim."""
        return self._worker.read()

    @worker.setter
    def worker(self, identity: str) -> None:
        if len(identity.encode()) > WORKER_BYTES:
            raise ValueError(f"worker identity {identity!r} is longer than {WORKER_BYTES} bytes")
        self._worker.write(identity)

    @property
    def state(self) -> State:
        """starting, ready, draining or stuck; `Seat.ready` also wakes the master."""
        return State(self._words[self._at + _STATE])

    @state.setter
    def state(self, state: State) -> None:
        self._words[self._at + _STATE] = state

    @property
    def active(self) -> int:
        """Jobs running now."""
        return self._words[self._at + _ACTIVE]

    @active.setter
    def active(self, jobs: int) -> None:
        self._words[self._at + _ACTIVE] = jobs

    @property
    def done(self) -> int:
        """Jobs completed since birth."""
        return self._words[self._at + _DONE]

    @done.setter
    def done(self, jobs: int) -> None:
        self._words[self._at + _DONE] = jobs

    @property
    def failed(self) -> int:
        """Jobs failed since birth."""
        return self._words[self._at + _FAILED]

    @failed.setter
    def failed(self, jobs: int) -> None:
        self._words[self._at + _FAILED] = jobs

    @property
    def hang_deadline_ns(self) -> int:
        """Until when silence is explained (CLOCK_MONOTONIC, ns): the latest of what was set here and by `hold`.

        Set it before a job starts: a job that never lets the interpreter go cannot do it any more.
        """
        first = self._at + _HOLDERS_AT
        return max(self._words[self._at + _DEADLINE], *self._words[first : first + 2 * HOLDERS : 2])

    @hang_deadline_ns.setter
    def hang_deadline_ns(self, deadline_ns: int) -> None:
        self._words[self._at + _DEADLINE] = deadline_ns

    def hold(self, place: int, deadline_ns: int, mark: int) -> None:
        """Say that a job may hold the interpreter from now on (about 0.3 µs).

        Args:
            place: 0 to `HOLDERS` - 1; one job at a time has it.
            deadline_ns: until when the process may be silent for it (CLOCK_MONOTONIC).
            mark: tells the job from others, see `mark_of`.
        """
        at = self._at + _HOLDERS_AT + 2 * place
        self._words[at + 1] = mark
        self._words[at] = deadline_ns

    def let_go(self, place: int) -> None:
        """Say that the job with this place does not hold the interpreter any more."""
        at = self._at + _HOLDERS_AT + 2 * place
        self._words[at] = self._words[at + 1] = 0

    @property
    def holders(self) -> tuple[str, ...]:
        """The marks of the jobs that may hold the interpreter."""
        first = self._at + _HOLDERS_AT + 1
        words = self._words[first : first + 2 * HOLDERS : 2]
        return tuple(word.to_bytes(8, "big").lstrip(b"\0").decode(errors="replace") for word in words if word)

    def claim_begun(self, connection: str, number: int) -> None:
        """Say that what a claim brought is run from now on (about 0.2 µs).

        Args:
            connection: a letter; others leave no trace.
            number: which claim of that connection it was; the number grows.
        """
        if (place := _PLACES.get(connection)) is not None:
            self._words[self._at + _ANSWERED_AT + place] = number

    @property
    def answered(self) -> dict[str, int]:
        """The last claim of each connection of which something may have run; 0 for none."""
        first = self._at + _ANSWERED_AT
        return dict(zip(ascii_letters, self._words[first : first + CONNECTIONS], strict=True))

    @property
    def wants_end(self) -> bool:
        """The child asks to be drained and replaced; `Seat.ask_to_end` also wakes the master."""
        return bool(self._words[self._at + _WANTS_END])

    @wants_end.setter
    def wants_end(self, wanted: bool) -> None:
        self._words[self._at + _WANTS_END] = int(wanted)

    @property
    def doomed(self) -> bool:
        """The master decided to kill this process."""
        return bool(self._words[self._at + _DOOMED])

    @doomed.setter
    def doomed(self, doomed: bool) -> None:
        self._words[self._at + _DOOMED] = int(doomed)

    def born(self, pid: int, start_ticks: int) -> None:
        """The child's first words: who it is, and a beat."""
        self._words[self._at + _TICKS] = start_ticks
        self._words[self._at + _PID] = pid
        self._words[self._at + _STATE] = State.STARTING
        self.beat()

    def assign(self, *, slot: int, role: Role, generation: int) -> None:
        """The master's part: wipe the cell and hand it to a process about to be born."""
        words, at = self._words, self._at
        self.release()
        for word in (*range(_TAKEN), *range(_HOLDERS_AT, _CELL_WORDS)):
            words[at + word] = 0
        words[at + _GENERATION] = generation
        words[at + _SLOT] = slot + 1
        words[at + _ROLE] = _ROLES.index(role)
        words[at + _STARTED] = words[at + _BEAT] = time.monotonic_ns()
        words[at + _STATE] = State.STARTING
        words[at + _TAKEN] = 1

    def release(self) -> None:
        """The master's part: its process has been reaped."""
        self._words[self._at + _TAKEN] = 0
        self._words[self._at + _EPOCH] += 1

    def snapshot(self) -> Beat | None:
        """A copy that belongs to one owner; None when the cell is free or changes hands just now."""
        words, at = self._words, self._at
        for _ in range(_ATTEMPTS):
            epoch = words[at + _EPOCH]
            if not words[at + _TAKEN]:
                return None
            copy = self._copy()
            if words[at + _EPOCH] == epoch:
                return copy
        return None

    def _copy(self) -> Beat:
        words, at = self._words, self._at
        return Beat(
            cell=self.index,
            slot=words[at + _SLOT] - 1,
            role=_ROLES[words[at + _ROLE]],
            generation=words[at + _GENERATION],
            pid=words[at + _PID],
            start_ticks=words[at + _TICKS],
            worker=self._worker.read(),
            state=State(words[at + _STATE]),
            beat_ns=words[at + _BEAT],
            active=words[at + _ACTIVE],
            done=words[at + _DONE],
            failed=words[at + _FAILED],
            hang_deadline_ns=self.hang_deadline_ns,
            doomed=bool(words[at + _DOOMED]),
            wants_end=bool(words[at + _WANTS_END]),
            started_ns=words[at + _STARTED],
            holders=self.holders,
        )


class Beats:
    """The whole table: a header, one record a slot, one cell a process."""

    def __init__(self, *, slots: int, cells: int) -> None:
        """Map the table: `slots` is the most that a fleet can grow to, `cells` leaves room for those that leave."""
        records_at = _HEADER_WORDS
        cells_at = records_at + slots * RECORD_WORDS
        self._map = mmap.mmap(-1, (cells_at + cells * _CELL_WORDS) * 8)
        self._octets = memoryview(self._map).cast("B")
        self._words: memoryview[int] = self._octets.cast("Q")
        self.slots = slots
        self._records = [SlotRecord(self._words, self._octets, records_at + i * RECORD_WORDS) for i in range(slots)]
        self._cells = [BeatSlot(i, self._words, self._octets, cells_at + i * _CELL_WORDS) for i in range(cells)]

    def cell(self, index: int) -> BeatSlot:
        """One process's cell."""
        return self._cells[index]

    def record(self, slot: int) -> SlotRecord:
        """One slot's history."""
        return self._records[slot]

    def beats(self) -> list[Beat]:
        """A copy of every cell that a process has, in no particular order."""
        return [copy for cell in self._cells if (copy := cell.snapshot()) is not None]

    def free_cell(self) -> BeatSlot | None:
        """A cell without a process; None when as many processes leave as stay."""
        return next((cell for cell in self._cells if cell.snapshot() is None), None)

    @property
    def master_pid(self) -> int:
        """The master's process id."""
        return self._words[_MASTER_PID]

    @master_pid.setter
    def master_pid(self, pid: int) -> None:
        self._words[_MASTER_PID] = pid

    @property
    def boot(self) -> int:
        """A random number of this master, which tells it from another one that has its process id."""
        return self._words[_BOOT]

    @boot.setter
    def boot(self, nonce: int) -> None:
        self._words[_BOOT] = nonce

    @property
    def target(self) -> int:
        """How many workers the fleet is meant to have."""
        return self._words[_TARGET]

    @target.setter
    def target(self, workers: int) -> None:
        self._words[_TARGET] = workers

    @property
    def stopping(self) -> bool:
        """The fleet drains, to end."""
        return bool(self._words[_STOPPING])

    @stopping.setter
    def stopping(self, stopping: bool) -> None:
        self._words[_STOPPING] = int(stopping)
