"""Ways to a server: one address that stays, or others who know it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from taskora.connection.endpoint import Endpoint
    from taskora.connection.request import Disconnected


class Guard(Protocol):
    """Holds what must be true of a connection as long as it is used."""

    def admit(self, endpoint: Endpoint, hello: Any) -> None:
        """Judge a new connection by the server's answer to HELLO.

        Raises:
            Disconnected: It must not be used, now.
            AdapterError: It can never be used.
        """
        ...

    def check(self, endpoint: Endpoint) -> None:
        """Judge a connection that plain code uses. Blocks.

        Raises:
            Disconnected: It must be used no longer.
        """
        ...

    def follow(self, endpoint: Endpoint, drop: Callable[[Disconnected], None]) -> Callable[[], Awaitable[None]]:
        """Have ``drop`` called, on the running loop, when this connection must be used no longer.

        Returns:
            What ends that.
        """
        ...


class Route(Protocol):
    """Where to connect. It is asked anew for each connection."""

    @property
    def masked(self) -> str:
        """It as a URL for messages, without secrets."""
        ...

    @property
    def guard(self) -> Guard | None:
        """What judges its connections; None when any will do."""
        ...

    def find(self) -> Endpoint:
        """Say where the server is now. May block.

        Raises:
            Disconnected: Nobody knows, now.
            AdapterError: Nobody will ever know.
        """
        ...

    async def find_async(self) -> Endpoint:
        """As ``find``, on the running loop."""
        ...
