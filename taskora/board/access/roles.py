"""Who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from taskora.config import check_instance
from taskora.keys import check_text


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

    Raises:
        ConfigError: The name is no text, or the role none of those.
    """

    name: str
    role: Role = Role.ADMIN

    def __post_init__(self) -> None:
        check_text(self.name, "name")
        check_instance(self.role, Role, "role")
