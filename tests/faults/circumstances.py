"""What happened to the processes of a storm, and what that excuses.

A second run of a job is right when the first one's owner was dead, and excusable when it was frozen or cut off for so
long that its lock ran out. Nothing else is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from faults.app import LOCK_TTL_S
from faults.ledger import Run

# Locks are renewed each third of their time, but not while they are younger than that: so a third of it is left at any
# moment; a little less, for clocks.
LAPSE_NS = int(LOCK_TTL_S / 3 * 0.9 * 1e9)
_LOCK_NS = int(LOCK_TTL_S * 1e9)
_SLACK_NS = 300_000_000
_UNSETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Life:
    """A process of a fleet, as it was seen.

    Attributes:
        seen_ns: When it was last seen alive.
        gone_ns: When it was first seen to be gone; None while it lives.
    """

    pid: int
    fleet: str
    role: str
    born_ns: int
    seen_ns: int
    gone_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A time during which somebody could not work.

    Attributes:
        whom: ``all``, the name of a fleet, or a process id.
    """

    whom: str
    begin_ns: int
    end_ns: int
    why: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All of it.

    Attributes:
        told_ns: When the fleets were told to end, after the storm.
    """

    lives: list[Life] = field(default_factory=list[Life])
    windows: list[Window] = field(default_factory=list[Window])
    told_ns: int = 0

    def life(self, run: Run) -> Life | None:
        """The process of a run; None when nobody saw it: it lived between two looks."""
        mine = [
            life
            for life in self.lives
            if life.pid == run.pid and (life.gone_ns is None or life.gone_ns >= run.begin_ns)
        ]
        return min(mine, key=lambda life: life.born_ns, default=None)

    def died_during(self, run: Run, before_ns: int) -> bool:
        """Whether the run's process died in it, or before its outcome was written, and before that time."""
        life = self.life(run)
        if life is None or life.gone_ns is None:
            return life is None and run.end_ns is None
        if life.seen_ns > before_ns + _SLACK_NS:
            return False
        if run.end_ns is None:
            return True
        return life.seen_ns <= run.end_ns + _UNSETTLED_NS + self.lost_ns(run, run.end_ns, life.seen_ns)

    def lost_ns(self, run: Run, begin_ns: int, end_ns: int) -> int:
        """For how long, of that time, the run's process could not work."""
        life = self.life(run)
        whom = {"all", str(run.pid), life.fleet if life else "all"}
        parts = sorted(
            (max(window.begin_ns, begin_ns), min(window.end_ns, end_ns))
            for window in self.windows
            if window.whom in whom and window.begin_ns < end_ns and window.end_ns > begin_ns
        )
        return _length(parts)

    def lapsed(self, run: Run, by_ns: int) -> bool:
        """Whether the run's lock may have run out by then, since its process was frozen or cut off."""
        return self.lost_ns(run, run.begin_ns - _LOCK_NS, by_ns) >= LAPSE_NS

    def last_ns(self, run: Run) -> int:
        """Until when a run went on, for certain."""
        if run.end_ns is not None:
            return run.end_ns
        life = self.life(run)
        return max(run.begin_ns, life.seen_ns) if life else run.begin_ns


def _length(parts: Iterable[tuple[int, int]]) -> int:
    total, reached = 0, 0
    for begin, end in parts:
        total += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return total
