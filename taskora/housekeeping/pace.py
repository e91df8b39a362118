"""How often the leader looks after what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times between two rounds of the leader's chores, in seconds. The defaults suit everything but tests.

    Attributes:
        roster_s: Age at which what processes published of their tasks is read anew.
        trim_s: Between two rounds of retention.
        trim_budget_s: Longest time of one such round; the next one goes on where it ended.
        workflows_s: Between two looks at deadlines and at what workflows are owed.
        owed_s: Time that the worker which owes a workflow something has to do it itself.
        registry_s: Between two rounds over the registry of processes.
        mend_s: Between two searches of the whole keyspace for workflows that were left broken.
        mend_grace_s: How long a workflow must stay broken before it is mended.
        mend_pause_s: Between two pieces of such a search.
        mend_keys: Keys of such a piece.
    """

    roster_s: float = 5.0
    trim_s: float = 2.0
    trim_budget_s: float = 2.0
    workflows_s: float = 1.0
    owed_s: float = 5.0
    registry_s: float = 60.0
    mend_s: float = 60.0
    mend_grace_s: float = 10.0
    mend_pause_s: float = 0.05
    mend_keys: int = 500
