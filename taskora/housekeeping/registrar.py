"""Keeps the registry of processes to those that live."""

from __future__ import annotations

from taskora.adapters.schedule_store import RepairStore

_PER_ROUND = 1000


class Registrar:
    """Removes the names of processes that ended without a word.

    Args:
        repairs: Where the registry is.
        every_s: Time between two rounds.
    """

    name = "registry"

    def __init__(self, repairs: RepairStore, every_s: float) -> None:
        self._repairs = repairs
        self._every_s = every_s

    async def round(self) -> float:
        """Remove what has run out; returns the seconds until the next round."""
        await self._repairs.trim_registry(_PER_ROUND).run_async()
        return self._every_s
