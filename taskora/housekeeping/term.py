"""A time of leading."""

from __future__ import annotations

import time
import uuid

from taskora.adapters.protocol import HouseStore


class Term:
    """One process's lead, from the first grant of the lock to its loss. The token is its own, whoever made it up.

    It counts as over when the lock was not renewed within its time to live, measured here from before the request was
    sent: by then somebody else may lead, whether or not the server can be asked.
    """

    def __init__(self, house: HouseStore, ttl_s: float, token: str | None = None) -> None:
        self.token: str = uuid.uuid4().hex if token is None else token
        self._house = house
        self._ttl_s = ttl_s
        self._until_s = 0.0

    @property
    def current(self) -> bool:
        """Whether nobody else can lead."""
        return time.monotonic() < self._until_s

    @property
    def left_s(self) -> float:
        """Seconds until the lock runs out."""
        return max(0.0, self._until_s - time.monotonic())

    async def renew(self) -> bool:
        """Take or renew the lock; False while somebody else has it.

        Raises:
            AdapterError: The server cannot be reached or refuses.
        """
        sent_s = time.monotonic()
        held = await self._house.lead(self.token, round(self._ttl_s * 1000)).run_async()
        self._until_s = sent_s + self._ttl_s if held else 0.0
        return held

    async def resign(self) -> None:
        """Give the lock up, if it is held.

        Raises:
            AdapterError: The server cannot be reached or refuses.
        """
        self._until_s = 0.0
        await self._house.resign(self.token).run_async()
