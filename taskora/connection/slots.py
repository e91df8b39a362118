"""Where the keys of a cluster lie: hash slots, and which node holds each."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Any, NamedTuple

SLOTS = 16_384


class Node(NamedTuple):
    """A node's address."""

    host: str
    port: int


class Redirect(NamedTuple):
    """A node's answer that another one is to be asked.

    Attributes:
        moved: For good; else for this once, while the slot is on its way.
        slot: The slot concerned.
        node: Whom to ask; its host is empty when it is that of the node that answered.
    """

    moved: bool
    slot: int
    node: Node


def hash_tag(key: str) -> str:
    """Return the part of a key that decides on its slot: what its first braces hold, if anything, else all of it."""
    start = key.find("{")
    if start >= 0:
        end = key.find("}", start + 1)
        if end > start + 1:
            return key[start + 1 : end]
    return key


def slot_of(key: str) -> int:
    """Return a key's slot."""
    return binascii.crc_hqx(hash_tag(key).encode("utf-8", "surrogateescape"), 0) % SLOTS


def read_redirect(error: Exception) -> Redirect | None:
    """Read ``MOVED 3999 127.0.0.1:6381`` or ``ASK …``; None when it is another error."""
    code, _, rest = str(error).partition(" ")
    if code not in ("MOVED", "ASK"):
        return None
    slot, _, place = rest.partition(" ")
    host, _, port = place.rpartition(":")
    if not slot.isdecimal() or not port.isdecimal():
        return None
    return Redirect(code == "MOVED", int(slot), Node(host.strip("[]"), int(port)))


class SlotMap:
    """Which node holds each slot, as far as is known. Changed by replacing what it holds, so threads may share it."""

    def __init__(self) -> None:
        self._owners: list[Node | None] = [None] * SLOTS
        self.masters: tuple[Node, ...] = ()

    def owner(self, slot: int) -> Node | None:
        """Return the slot's node; None when nobody is known to hold it."""
        return self._owners[slot]

    def slot_of_each(self) -> list[int]:
        """Name one slot of each master."""
        return [self._owners.index(master) for master in self.masters if master in self._owners]

    def move(self, slot: int, node: Node) -> None:
        """Take note that a node holds a slot now."""
        self._owners[slot] = node
        if node not in self.masters:
            self.masters = (*self.masters, node)

    def read(self, reply: Sequence[Any], asked: Node) -> None:
        """Take over the answer to CLUSTER SLOTS of the node that was asked."""
        owners: list[Node | None] = [None] * SLOTS
        for first, last, master, *_ in reply:
            host = _text(master[0])
            # A node that does not know its own name, or is told not to tell it, means the one that was used.
            node = Node(host if host and host != "?" else asked.host, int(master[1]))
            owners[first : last + 1] = [node] * (last + 1 - first)
        self._owners = owners
        self.masters = tuple(dict.fromkeys(owner for owner in owners if owner is not None))


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
