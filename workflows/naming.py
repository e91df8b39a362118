"""The name of a workflow that was given none: its shape, written out."""

from __future__ import annotations

from collections.abc import Sequence

from .composition import Batches, Chain, Chord, Composition, Group, Step

LONGEST = 200
_ARROW = " → "
_COMMA = ", "


def derived_name(composition: Composition) -> str:
    """Write a composition as ``chain(a → group(b, c))``, cut to 200 characters."""
    words: list[str] = []
    length = 0
    pending: list[str | Composition] = [composition]
    while pending and length <= LONGEST:
        part = pending.pop()
        if isinstance(part, Step):
            part = part.task.name
        if isinstance(part, str):
            words.append(part)
            length += len(part)
        else:
            pending.extend(reversed(_parts(part)))
    name = "".join(words)
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _parts(composition: Composition) -> list[str | Composition]:
    match composition:
        case Step():
            return [composition]
        case Chain():
            return _call("chain", composition.steps(), _ARROW)
        case Group():
            return _call("group", composition.members, _COMMA)
        case Batches(groups=()):
            return ["group()"]
        case Batches(groups=(only,)):
            return [only]
        case Batches(groups=groups):
            return _call("chain", groups, _ARROW)
        case Chord(header=Group(members=members)):
            return ["chord(", *_separated(members, _COMMA), _ARROW, composition.callback, ")"]
        case Chord():
            return _call("chord", (composition.header, composition.callback), _ARROW)


def _call(kind: str, parts: Sequence[Composition], separator: str) -> list[str | Composition]:
    return [f"{kind}(", *_separated(parts, separator), ")"]


def _separated(parts: Sequence[Composition], separator: str) -> list[str | Composition]:
    # A name shows at most so many parts; a group of 100,000 need not be written out to be cut.
    shown = parts[:LONGEST]
    return [word for part in shown for word in (part, separator)][:-1]
