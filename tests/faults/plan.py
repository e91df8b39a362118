"""The faults of a storm: a list, made in advance from one seed, so that the same can be replayed, or its beginning."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

FLEETS = ("fleet-a", "fleet-b")
PRODUCERS = ("sync", "async")
SERVER = ("server",)
LINKS = (*FLEETS, "producers")
_CALM_BEFORE = 10

# Boundaries of scripts at which a process may be told to die, see `taskora.connection.faults`.
_ORDERS = tuple(
    f"kill@{script}:{point}:{count}"
    for script, most in (("step", 9), ("extend", 2), ("recover", 1), ("sweep", 4), ("promote", 3))
    for point in ("before", "applied", "after")
    for count in range(1, most + 1, 2)
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        targets: Whom it may hit.
        lasts_s: Shortest and longest time until it is healed; both 0 for what is over at once.
    """

    targets: tuple[str, ...]
    lasts_s: tuple[float, float] = (0, 0)


KINDS = {
    # processes
    "kill-worker": Kind(FLEETS),
    "kill-worker-and-next": Kind(FLEETS),
    "stop-worker": Kind(FLEETS, (0.3, 1.5)),
    "hang-worker": Kind(FLEETS, (4.0, 5.0)),
    "term-worker": Kind(FLEETS),
    "kill-steward": Kind(FLEETS),
    "stop-steward": Kind(FLEETS, (0.5, 4.0)),
    "kill-master": Kind(FLEETS),
    "term-master": Kind(FLEETS),
    "stop-master": Kind(FLEETS, (0.3, 2.0)),
    "roll-master": Kind(FLEETS),
    "scale-master": Kind(FLEETS, (1.0, 3.0)),
    "freeze-fleet": Kind(FLEETS, (5.0, 8.0)),
    "poison": Kind(SERVER),
    "kill-producer": Kind(PRODUCERS),
    "stop-producer": Kind(PRODUCERS, (0.3, 3.0)),
    "term-producer": Kind(PRODUCERS),
    # the server
    "kill-server": Kind(SERVER, (0.05, 1.5)),
    "term-server": Kind(SERVER, (0.05, 1.0)),
    "stop-server": Kind(SERVER, (0.3, 2.0)),
    "fill-memory": Kind(SERVER, (0.5, 1.5)),
    "kill-clients": Kind(SERVER),
    "flush-scripts": Kind(SERVER),
    # the network
    "cut": Kind(LINKS),
    "cut-one": Kind(LINKS),
    "half-close-client": Kind(LINKS),
    "half-close-server": Kind(LINKS),
    "delay": Kind(LINKS, (0.5, 2.0)),
    "slice": Kind(LINKS, (0.5, 2.0)),
    "black-hole": Kind(LINKS, (0.5, 3.0)),
    "isolate": Kind(FLEETS, (5.0, 7.0)),
    "refuse": Kind(LINKS, (0.3, 2.0)),
    "lose-reply": Kind(LINKS),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        number: Its place in the list.
        at_s: When, after the storm began.
        kind: A key of `KINDS`.
        target: Whom.
        lasts_s: After how long it is healed.
        pick: Which of several, as a part of one: of the workers, of the connections.
        order: At which boundary of a script the next process is to die, for those that order it.
    """

    number: int
    at_s: float
    kind: str
    target: str
    lasts_s: float
    pick: float
    order: str

    def __str__(self) -> str:
        lasts = f" for {self.lasts_s:.2f} s" if self.lasts_s else ""
        order = f" ({self.order})" if self.kind == "kill-worker-and-next" else ""
        return f"#{self.number} at {self.at_s:.2f} s: {self.kind} {self.target}{lasts}{order}"


def make_plan(seed: int, length_s: float, pause_s: float = 1.0, calm_s: float = 0.0) -> list[Fault]:
    """The faults of a seed for so long. Those of a shorter storm are the first ones of a longer.

    Args:
        seed: Of the random source.
        length_s: Of the storm.
        pause_s: Between two faults, on average.
        calm_s: Added to the pause before every tenth fault, so that it can be seen how all recovers.
    """
    chance = random.Random(seed)
    plan: list[Fault] = []
    at_s = 0.0
    for number, kind in enumerate(_dealt(chance)):
        at_s += chance.uniform(0.3, 1.7) * pause_s + (calm_s if number % _CALM_BEFORE == 0 else 0)
        targets, (least_s, most_s) = KINDS[kind].targets, KINDS[kind].lasts_s
        fault = Fault(
            number, at_s, kind, chance.choice(targets), chance.uniform(least_s, most_s), chance.random(),
            chance.choice(_ORDERS),
        )  # fmt: skip
        if at_s >= length_s:
            return plan
        plan.append(fault)
    raise AssertionError("there is no end of faults")


def _dealt(chance: random.Random) -> Iterator[str]:
    """Every kind, in an order of chance, again and again: none is missing for long."""
    while True:
        deck = list(KINDS)
        chance.shuffle(deck)
        yield from deck
