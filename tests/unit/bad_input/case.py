"""One parameter with a wrong value, and what must come of it."""

from dataclasses import dataclass

from taskora import ConfigError
from unit.bad_input.surface import Member
from unit.bad_input.world import GIVEN, Of, World, valid

PERIODIC = ("Schedule", "Taskora.schedule")


@dataclass(frozen=True, slots=True, repr=False)
class Wrong:
    """Values that a parameter must be refused with.

    Attributes:
        values: They.
        error: What is raised.
        says: What the message has besides the value; the parameter's name where it is empty.
        named: Whether the message shows the value, or says its type.
        beside: Other arguments.
    """

    values: tuple[object, ...]
    error: type[Exception] = ConfigError
    says: tuple[str, ...] = ()
    named: bool = True
    beside: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One wrong value."""

    member: Member
    parameter: str
    value: object
    wrong: Wrong

    def __str__(self) -> str:
        return f"{self.member.name}({self.parameter}={_label(self.value)})"

    def options(self, world: World) -> dict[str, object]:
        """All arguments of the call."""
        target = self.member.name
        needed = [*self.member.required, *GIVEN.get(target, ())]
        options = {name: valid(target, name, world) for name in needed if name != self.parameter}
        for name, value in ((self.parameter, self.value), *self.wrong.beside):
            options[name] = value.take(world) if isinstance(value, Of) else value
        given = {self.parameter, *dict(self.wrong.beside)}
        if target in PERIODIC and "cron" in given and "every" not in given:
            del options["every"]
        return options


def _label(value: object) -> str:
    if value is None or isinstance(value, int | float | str | bytes):
        huge = isinstance(value, int) and abs(value) > 2**63
        return "huge" if huge else ascii(value)[:30]
    return str(getattr(value, "__name__", type(value).__name__))


def names_it(message: str, value: object) -> bool:
    """Tell whether a message shows a value, or says what kind of thing it is."""
    try:
        shown = repr(value)[:40]
    except Exception:  # noqa: BLE001 - that is what some of the values are for
        shown = type(value).__name__
    return shown in message or type(value).__name__ in message or str(getattr(value, "__name__", "\0")) in message
