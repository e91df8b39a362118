"""Who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do on the board; each may also do what those before it may."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"

    def allows(self, needed: Role) -> bool:
        """Tell whether this role may do what needs the other."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who was let in.

    Attributes:
        name: As it is noted beside what they do.
        role: What they may do.
    """

    name: str
    role: Role = Role.ADMIN
