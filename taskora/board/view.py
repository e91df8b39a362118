"""What a board consists of: views that show, and actions that are confirmed, done and noted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from starlette.responses import Response

from .access.roles import Role
from .visit import Visit


@dataclass(frozen=True, slots=True)
class View:
    """A page.

    Attributes:
        path: Below the board, without a slash at its begin.
        show: Answers.
        needs: The role that may see it.
    """

    path: str
    show: Callable[[Visit], Awaitable[Response]]
    needs: Role = Role.READ


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a confirmation.

    Attributes:
        name: Its name in the form.
        label: What people read.
        kind: ``text``, ``number``, ``json`` (a large text) or ``choice``.
        value: What stands in it at first.
        choices: Of ``choice``: value and label of each.
        hint: What helps to fill it.
    """

    name: str
    label: str
    kind: Literal["text", "number", "json", "choice"] = "text"
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person confirms.

    Attributes:
        title: What is to be done, such as ``Retry 12 jobs``.
        text: What it touches and whether it can be undone.
        button: The verb.
        danger: Whether something is lost for good.
        fields: What may be filled in.
    """

    title: str
    text: str
    button: str
    danger: bool = False
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did.

    Attributes:
        message: Said to whoever did it.
        count: How much it touched.
        data: Said to programs beside ``ok``, ``message`` and ``count``.
        back: Address to go on to; the page where it was asked for when empty.
        status: HTTP status; from 400 on it was not done, and the message says why.
        target: What was acted on, as it is noted; the values of the address when empty.
    """

    message: str
    count: int = 1
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    back: str = ""
    status: int = 200
    target: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Action:
    """Something that changes what is stored. GET asks for the confirmation, POST does it.

    Attributes:
        path: Below the board.
        name: As it is noted, such as ``job.retry``.
        ask: Says what would be done.
        do: Does it; the visit's values are those of the form, over those of the address.
        needs: The role that may do it.
    """

    path: str
    name: str
    ask: Callable[[Visit], Awaitable[Question]]
    do: Callable[[Visit], Awaitable[Outcome]]
    needs: Role = Role.OPERATE


Endpoint: TypeAlias = Callable[[Visit], Awaitable[Response]]
