"""Ids in the order of their scores, as a sorted set keeps them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Generic, TypeVar

S = TypeVar("S", int, tuple[int, int])
_SCORE = itemgetter(0)


class Ranked(Generic[S]):
    """Ids with scores: the lowest score first, then by id."""

    __slots__ = ("_order", "_scores")

    def __init__(self) -> None:
        self._scores: dict[str, S] = {}
        self._order: list[tuple[S, str]] = []

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return (member for _, member in self._order)

    def __reversed__(self) -> Iterator[str]:
        return (member for _, member in reversed(self._order))

    def put(self, member: str, score: S) -> None:
        """Add an id, or give it another score."""
        self.remove(member)
        self._scores[member] = score
        insort(self._order, (score, member))

    def remove(self, member: str) -> bool:
        """Take an id out; False when it is not in."""
        score = self._scores.pop(member, None)
        if score is None:
            return False
        del self._order[bisect_right(self._order, (score, member)) - 1]
        return True

    def remove_first(self, count: int) -> list[str]:
        """Take out the ids with the lowest scores."""
        taken = [member for _, member in self._order[:count]]
        del self._order[:count]
        for member in taken:
            del self._scores[member]
        return taken

    def remove_all(self, members: Iterable[str]) -> None:
        """Take ids out."""
        for member in members:
            self.remove(member)

    def score(self, member: str) -> S | None:
        """Return an id's score; None when it is not in."""
        return self._scores.get(member)

    def first_score(self) -> S | None:
        """Return the lowest score; None when there is no id."""
        return self._order[0][0] if self._order else None

    def behind(self, last: tuple[S, str] | None, limit: int) -> list[tuple[S, str]]:
        """Return up to ``limit`` scores and ids, the highest first: those below a place, or the first of all."""
        end = len(self._order) if last is None else bisect_left(self._order, last)
        return self._order[max(0, end - limit) : end][::-1]

    def up_to(self, score: S, limit: int) -> list[str]:
        """Return up to ``limit`` ids whose score is at most this, the lowest first."""
        end = bisect_right(self._order, score, key=_SCORE)
        return [member for _, member in self._order[: min(end, limit)]]
