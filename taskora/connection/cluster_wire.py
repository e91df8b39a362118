"""The connections to the nodes of a cluster, used as if they were one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from taskora.connection.cluster import Answers, Cluster, Round, Routing
from taskora.connection.request import Disconnected, Replies, Request
from taskora.connection.slots import Node
from taskora.connection.wire import REPLY_TIMEOUT_S, BlockingWire, LoopWire, checked


class ClusterBlockingWire:
    """Connections for plain code. Used by one thread at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._wires: dict[Node, BlockingWire] = {}

    def exchange(self, request: Request, timeout_s: float = REPLY_TIMEOUT_S) -> Replies:
        """See ``BlockingWire``. What lies on several nodes is sent to one after another."""
        steps = Routing(self._cluster, request).rounds()
        try:
            round_ = next(steps)
            while True:
                if isinstance(round_, Round):
                    round_ = steps.send(self._ask(round_, timeout_s))
                else:
                    time.sleep(round_)
                    round_ = next(steps)
        except StopIteration as end:
            return checked(request, cast("Replies", end.value), self._cluster.masked)

    def close(self) -> None:
        """Close the connections; the next exchange opens new ones."""
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()

    def _ask(self, round_: Round, timeout_s: float) -> Answers:
        answers: dict[Node, Replies | Disconnected] = {}
        for node, part in round_.parts.items():
            wire = self._wires.get(node)
            if wire is None:
                wire = self._wires[node] = BlockingWire(self._cluster.endpoint(node))
            try:
                answers[node] = wire.answers(part, timeout_s)
            except Disconnected as error:
                answers[node] = error
        return answers


class ClusterLoopWire:
    """Connections on one event loop. One task uses them at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._wires: dict[Node, LoopWire] = {}
        self._pushing: LoopWire | None = None

    async def connect(self) -> None:
        """See ``LoopWire``: connections are opened to the nodes that are asked something."""

    async def exchange(
        self,
        request: Request,
        timeout_s: float = REPLY_TIMEOUT_S,
        arrived: Callable[[Replies], None] | None = None,
    ) -> Replies:
        """See ``LoopWire``. What lies on several nodes is sent to all of them at once."""
        told = False

        def tell(replies: Replies) -> None:
            nonlocal told
            told = True
            if arrived is not None:
                arrived(replies)

        found = checked(request, await self.answers(request, timeout_s, tell), self._cluster.masked)
        if not told:
            tell(found)
        return found

    async def answers(
        self,
        request: Request,
        timeout_s: float = REPLY_TIMEOUT_S,
        arrived: Callable[[Replies], None] | None = None,
    ) -> Replies:
        """See ``LoopWire``, but that ``arrived`` may not be called at all."""
        steps = Routing(self._cluster, request).rounds()
        try:
            round_ = next(steps)
            while True:
                if isinstance(round_, Round):
                    round_ = steps.send(await self._ask(round_, timeout_s, arrived))
                else:
                    await asyncio.sleep(round_)
                    round_ = next(steps)
        except StopIteration as end:
            return cast("Replies", end.value)

    async def read_push(self, timeout_s: float) -> Any:
        """See ``LoopWire``. Messages come from the node that was subscribed at last: all nodes have all of them."""
        if self._pushing is None:
            raise Disconnected(f"{self._cluster.masked}: not connected")
        return await self._pushing.read_push(timeout_s)

    async def close(self) -> None:
        """Close the connections at once; the next exchange opens new ones."""
        wires, self._wires, self._pushing = self._wires, {}, None
        for wire in wires.values():
            await wire.close()

    async def _ask(self, round_: Round, timeout_s: float, arrived: Callable[[Replies], None] | None) -> Answers:
        early = arrived if round_.whole else None
        if len(round_.parts) == 1:
            ((node, part),) = round_.parts.items()
            return {node: await self._ask_one(node, part, timeout_s, early)}
        asked = [self._ask_one(node, part, timeout_s, None) for node, part in round_.parts.items()]
        found = await asyncio.gather(*asked, return_exceptions=True)
        for answer in found:
            if isinstance(answer, BaseException):
                raise answer
        return dict(zip(round_.parts, cast("list[Replies | Disconnected]", found), strict=True))

    async def _ask_one(
        self, node: Node, part: Request, timeout_s: float, arrived: Callable[[Replies], None] | None
    ) -> Replies | Disconnected:
        wire = self._wires.get(node)
        if wire is None:
            wire = self._wires[node] = LoopWire(self._cluster.endpoint(node))
        if part[0][0] == "SUBSCRIBE":
            self._pushing = wire
        try:
            return await wire.answers(part, timeout_s, arrived)
        except Disconnected as error:
            return error
