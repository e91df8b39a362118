"""A cluster: its nodes, and the rounds of requests and answers by which a call finds those that hold its keys."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from taskora.connection.endpoint import Endpoint
from taskora.connection.request import Arg, Command, Disconnected, Replies, ScriptCall
from taskora.connection.slots import Node, Redirect, SlotMap, read_redirect, slot_of
from taskora.errors import AdapterError
from taskora.lua import load

PATIENCE_S = 5.0  # for a slot that is on its way
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25
_FRESH_S = 0.1  # calls that fail together look at the map once
_AT = "@"
_ASKING: Command = ("ASKING",)
_MAP: Command = ("CLUSTER", "SLOTS")
# The keys of these are not the first word behind the command; and these have none.
_KEY_AT = {"MEMORY": 2, "XINFO": 2, "OBJECT": 2}
_KEYLESS = frozenset({"HELLO", "PING", "TIME", "INFO", "CONFIG", "CLUSTER", "SUBSCRIBE", "PUBLISH", "DBSIZE", "CLIENT"})
# While a slot moves, a script must find all of its keys or not run at all: what it creates on one side would be in the
# way of what comes from the other. It names a key that never exists, so that the server refuses it until the move is
# over. The base of a task, which all other scripts name, is such a key by itself.
_ON_STORED_KEYS = frozenset({
    "due_schedules", "lead", "remove_schedule", "resign", "trim_registry", "write_schedule",
    "continue_workflow", "start_workflow", "stop_workflow", "store_workflow", "trim_workflows", "broken_nodes",
    "mend_node",
})  # fmt: skip
_MOVED_ON = ("READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING")
_MAP_CHANGED = frozenset({"ReadOnlyError", "ClusterDownError", "MasterDownError", "BusyLoadingError"})


def on_slot(slot: int, *command: Arg) -> Command:
    """Have a command without keys answered by the node that holds a slot."""
    return (_AT, slot, *command)


@dataclass(slots=True)
class Cluster:
    """A cluster, of which some nodes are known by address. Nothing is asked before a call needs to know.

    It can be shared by threads and event loops, and survives a fork: it holds no connection.

    Attributes:
        seeds: Nodes to ask first, with the login that all nodes have.
        flavor: Which kind of scripts it is sent, see ``taskora.lua.load``.
    """

    seeds: Sequence[Endpoint]
    flavor: str = ""
    map: SlotMap = field(init=False, default_factory=SlotMap)
    _read_at_s: float = field(init=False, default=float("-inf"))
    _stale: bool = field(init=False, default=True)
    _suspect: Node | None = field(init=False, default=None)
    _endpoints: dict[Node, Endpoint] = field(init=False, default_factory=dict["Node", "Endpoint"])

    @property
    def masked(self) -> str:
        """The seeds as one URL for messages, without secrets."""
        first = self.seeds[0].masked.rpartition("/")[0].replace("://", "+cluster://", 1)
        return ",".join((first, *(f"{seed.host}:{seed.port}" for seed in self.seeds[1:])))

    @property
    def guard(self) -> None:
        """See ``Route``: any connection will do."""
        return

    @property
    def is_known(self) -> bool:
        """Whether the map can be relied on, as far as is known."""
        return not self._stale

    def find(self) -> Endpoint:
        """See ``Route``: some node."""
        return self.endpoint(self.candidates()[0])

    async def find_async(self) -> Endpoint:
        """See ``Route``: some node."""
        return self.find()

    def endpoint(self, node: Node) -> Endpoint:
        """Say how to reach a node."""
        found = self._endpoints.get(node)
        if found is None:
            found = self._endpoints[node] = replace(self.seeds[0], host=node.host, port=node.port)
        return found

    def candidates(self) -> list[Node]:
        """List whom to ask for the map, the last one that was lost at the end."""
        nodes = dict.fromkeys([*self.map.masters, *(Node(seed.host, seed.port) for seed in self.seeds)])
        return sorted(nodes, key=lambda node: node == self._suspect)

    def lose(self, node: Node) -> None:
        """A node does not answer: another may hold its slots by now."""
        self._suspect = node
        self.doubt()

    def doubt(self) -> None:
        """The map may be outdated, unless it was read a moment ago."""
        if time.monotonic() - self._read_at_s > _FRESH_S:
            self._stale = True

    def learn(self, reply: Replies, asked: Node) -> None:
        """Take over what a node says of who holds what."""
        self.map.read(reply, asked)
        self._read_at_s, self._stale = time.monotonic(), False


class Round(NamedTuple):
    """What to send to each node.

    Attributes:
        parts: Requests by node.
        whole: Whether a single part holds the request as it was given.
    """

    parts: Mapping[Node, Sequence[Command | ScriptCall]]
    whole: bool = False


Answers: TypeAlias = Mapping[Node, Replies | Disconnected]
Rounds: TypeAlias = Generator[Round | float, Answers, Replies]
"""Yields what to send, is sent the answers; or yields seconds to wait. Returns the replies in the request's order."""


class Routing:
    """One request on its way to the nodes that hold its keys.

    Args:
        cluster: Where to.
        request: What to send. It may concern several slots.
    """

    def __init__(self, cluster: Cluster, request: Sequence[Command | ScriptCall]) -> None:
        self._cluster = cluster
        self._items = [_prepared(item, cluster.flavor) for item in request]
        self._replies: Replies = [None] * len(request)
        self._asks: dict[int, Node] = {}
        self._until_s = 0.0
        self._pause_s = _FIRST_PAUSE_S

    def rounds(self) -> Rounds:
        """Send, and follow what nodes say of where keys are.

        Raises:
            Disconnected: A node is gone, or nobody holds a slot; parts of the request may have been applied.
            AdapterError: A slot was on its way for too long, or the server is no cluster.
        """
        left = list(range(len(self._items)))
        while left:
            if not self._cluster.is_known:
                yield from self._look_at_map()
            left, wait = self._sort_out(left, (yield self._round(left)))
            if wait:
                yield self._pause(left)
        return self._replies

    def _look_at_map(self) -> Generator[Round | float, Answers, None]:
        """Ask one node after another until one tells of the map."""
        why: Disconnected | None = None
        for node in self._cluster.candidates():
            answer = (yield Round({node: (_MAP,)}))[node]
            if isinstance(answer, Disconnected):
                why = answer
            elif isinstance(answer[0], Exception):
                text = str(answer[0])
                if "cluster support disabled" in text:
                    raise AdapterError(
                        f"{self._cluster.endpoint(node).masked} is no node of a cluster; use a URL with redis:// for it"
                    )
                why = Disconnected(f"{node.host}:{node.port} does not tell of its cluster: {text}")
            elif answer[0]:
                self._cluster.learn(answer[0], node)
                return
            else:
                why = Disconnected(f"{node.host}:{node.port} knows of nobody who holds any slot")
        raise why or Disconnected("no node of the cluster is known")

    def _round(self, left: Sequence[int]) -> Round:
        parts: dict[Node, list[Command | ScriptCall]] = {}
        self._places: dict[Node, list[int]] = {}
        cluster = self._cluster
        for at in left:
            slot, item, _ = self._items[at]
            node = self._asks.get(at)
            asking = node is not None
            node = node or (cluster.candidates()[0] if slot is None else cluster.map.owner(slot))
            if node is None:
                cluster.doubt()
                raise Disconnected(f"{cluster.masked}: nobody holds the slot {slot}")
            part = parts.setdefault(node, [])
            places = self._places.setdefault(node, [])
            if asking:
                part.append(_ASKING)
                places.append(-1)
            part.append(item)
            places.append(at)
        return Round(parts, len(parts) == 1 and len(left) == len(self._items) and not self._asks)

    def _sort_out(self, left: Sequence[int], answers: Answers) -> tuple[list[int], bool]:
        """Note the replies; return what is still to be asked, and whether to wait before that."""
        again: list[int] = []
        wait = False
        lost: Disconnected | None = None
        self._asks.clear()
        for node, answer in answers.items():
            if isinstance(answer, Disconnected):
                self._cluster.lose(node)
                lost = answer
                continue
            for at, reply in zip(self._places[node], answer, strict=True):
                if at < 0:
                    continue
                self._replies[at] = reply
                if isinstance(reply, Exception) and (redirect := read_redirect(reply)) is not None:
                    again.append(at)
                    wait |= self._follow(at, redirect, node)
                elif isinstance(reply, Exception) and _tells_of_change(reply):
                    self._cluster.doubt()
        if lost is not None:
            raise lost
        return sorted(again), wait

    def _follow(self, at: int, redirect: Redirect, asked: Node) -> bool:
        """Take note of where an item is to be sent next; True when only after a while."""
        node = redirect.node if redirect.node.host else Node(asked.host, redirect.node.port)
        if redirect.moved:
            self._cluster.map.move(redirect.slot, node)
            return self._is_repeated()
        if self._items[at].whole:
            self._is_repeated()
            return True
        self._asks[at] = node
        return self._is_repeated()

    def _is_repeated(self) -> bool:
        """Begin the time for which redirections are followed; True after the first."""
        if self._until_s:
            return True
        self._until_s = time.monotonic() + PATIENCE_S
        return False

    def _pause(self, left: Sequence[int]) -> float:
        if time.monotonic() > self._until_s:
            slots = ", ".join(sorted({str(self._items[at].slot) for at in left}))
            raise AdapterError(
                f"{self._cluster.masked}: slot {slots} is being moved to another node, which took over "
                f"{PATIENCE_S:.0f} s; what has its keys there cannot be changed meanwhile: try again later"
            )
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, _LONGEST_PAUSE_S)
        return pause_s


class _Prepared(NamedTuple):
    """An item as it is sent.

    Attributes:
        slot: Of its keys; None when any node will do.
        item: What to send.
        whole: Whether it needs all of its keys on one side of a move.
    """

    slot: int | None
    item: Command | ScriptCall
    whole: bool


def _prepared(item: Command | ScriptCall, flavor: str) -> _Prepared:
    if isinstance(item, ScriptCall):
        name, keys = item.script.name, item.keys
        script = load(name, flavor)
        sent_keys = (*keys, f"{keys[0]}:none") if name in _ON_STORED_KEYS else keys
        return _Prepared(slot_of(keys[0]) if keys else None, ScriptCall(script, sent_keys, item.args), True)
    name = str(item[0])
    if name == _AT:
        return _Prepared(int(item[1]), item[2:], False)
    if name in _KEYLESS:
        return _Prepared(None, item, False)
    key = item[item.index("STREAMS") + 1 if name == "XREAD" else _KEY_AT.get(name, 1)]
    text = key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else str(key)
    return _Prepared(slot_of(text), item, name == "BZPOPMIN")


def _tells_of_change(error: Exception) -> bool:
    return str(error).startswith(_MOVED_ON) or type(error).__name__ in _MAP_CHANGED
