"""What an orchestrator asks: is this supervisor alive, and is it ready? Each "no" comes with its causes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Final

from . import status
from .beats import State
from .children import Child
from .fleet import Fleet
from .health import Health
from .responder import Answer, Pages
from .retirement import NS

# Longer than a turn may take: a wait of a second, and a server that does not answer for five.
_CLAIM_NS: Final = 30 * NS
# The steward asks each second, and gives an answer five.
_SERVER_NS: Final = 15 * NS


@dataclass(frozen=True, slots=True)
class Probes:
    """Judges by the table of heartbeats alone.

    Attributes:
        fleet: Its children.
        health: Knows whose silence nothing explains.
    """

    fleet: Fleet
    health: Health

    def pages(self) -> Pages:
        """Both, by their paths."""
        return {"/healthz": lambda: self._page("live", self.causes_against_life()), "/readyz": self._readiness}

    def _readiness(self) -> Answer:
        return self._page("ready", self.causes_against_readiness())

    def causes_against_life(self) -> list[str]:
        """What a restart of the whole would mend: a child that neither answers nor claims, and is still there."""
        now_ns = time.monotonic_ns()
        found: list[str] = []
        for child in self.fleet.children():
            if not child.ready_ns or child.sentence is not None:
                continue  # it boots, or its replacement is decided
            if self.health.is_hung(child, now_ns):
                found.append(f"{child.name} has not answered for {(now_ns - child.beat.beat_ns) / NS:.0f} s")
            elif (still_ns := _stands_still_ns(child)) > _CLAIM_NS:
                found.append(f"{child.name} has not asked for jobs for {still_ns / NS:.0f} s")
        return found

    def causes_against_readiness(self) -> list[str]:
        """What keeps jobs from being done as they should."""
        fleet = self.fleet
        if fleet.stopping:
            return ["the supervisor drains"]
        found = self.causes_against_life()
        for post in fleet.posts.values():
            if not post.is_ready:
                record = fleet.beats.record(post.slot)
                last = f"; the one before ended: {record.last_cause}" if record.last_cause else ""
                found.append(f"slot {post.slot} has no ready worker{last}")
        steward = fleet.steward.child
        if steward is None or not steward.is_ready:
            found.append("there is no ready steward, which would know whether the server answers")
        elif time.monotonic_ns() - steward.beat.pulse.answered_ns > _SERVER_NS:
            found.append("the server does not answer the steward")
        return found

    def _page(self, what: str, causes: list[str]) -> Answer:
        fleet = self.fleet
        body = {
            what: not causes, "causes": causes, "workers": len(fleet.posts), "ready_workers": fleet.ready_count(),
            "status": status.line(fleet),
        }  # fmt: skip
        return Answer(503 if causes else 200, "application/json", json.dumps(body).encode() + b"\n")


def _stands_still_ns(child: Child) -> int:
    """How long a worker that should claim had not, when it beat last; a silent one is judged by its silence."""
    turned_ns = child.beat.pulse.claim_ns
    if not turned_ns or child.beat.state is not State.READY:
        return 0
    return child.beat.beat_ns - turned_ns
