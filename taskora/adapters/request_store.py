"""What an adapter keeps so that a supervisor can be asked for something, and whoever asked sees what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias, cast, get_args

import orjson

from taskora.call import Call
from taskora.clock import LATEST_MS, from_ms, to_epoch_ms

RequestAction: TypeAlias = Literal["recycle", "scale", "drain"]
RequestState: TypeAlias = Literal["asked", "accepted", "refused"]

REQUEST_KEPT_MS: Final = 60_000
"""For how long a request waits for its supervisor."""
ANSWER_KEPT_MS: Final = 600_000
"""For how long an answer can be read."""
LARGEST_SLOT: Final = 10_000
MOST_PROCS: Final = 1024

_LARGEST: Final = 4096
_LONGEST: Final = 300
_REQUEST_ID: Final = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class SupervisorRequest:
    """Something that a supervisor was asked for.

    Attributes:
        id: Of the request.
        supervisor: Id of the supervisor.
        action: ``recycle``, ``scale`` or ``drain``.
        slot: Whose worker is to be recycled; None for all, and for the other actions.
        procs: To how many worker processes it is to scale; None for the other actions.
        state: ``asked`` until the supervisor has answered, then ``accepted`` or ``refused``.
        reason: Why it was refused; empty otherwise.
        asked_at: When it was asked, aware UTC by the server's clock; None before that.
    """

    id: str
    supervisor: str
    action: RequestAction
    slot: int | None = None
    procs: int | None = None
    state: RequestState = "asked"
    reason: str = ""
    asked_at: datetime | None = None


class Waiting(NamedTuple):
    """A request that its supervisor has not dealt with.

    Attributes:
        raw: As it stands there, which is what ``done`` takes away.
        request: What it asks for, with the answer of a steward that died before it was done; None for what is none.
        late: Whether it has waited for too long.
    """

    raw: bytes
    request: SupervisorRequest | None
    late: bool


class RequestStore(Protocol):
    """What supervisors are asked for. A call that is repeated after a lost reply asks for nothing twice."""

    def ask(self, request: SupervisorRequest) -> Call[None]:
        """Store a request for its supervisor, by the store's clock, and that nobody has answered it."""
        ...

    def waiting(self, supervisor: str, limit: int) -> Call[list[Waiting]]:
        """Read the first ``limit`` requests to a supervisor; they stay."""
        ...

    def answer(self, request: SupervisorRequest) -> Call[None]:
        """Store how a request stands."""
        ...

    def done(self, supervisor: str, raw: bytes) -> Call[None]:
        """Take a request away that ``waiting`` gave."""
        ...

    def outcome(self, request_id: str) -> Call[SupervisorRequest | None]:
        """Read how a request stands; None when there is none, or its answer is too old."""
        ...


def is_request_id(text: object) -> bool:
    """Tell whether this can be the id of a request."""
    return isinstance(text, str) and _REQUEST_ID.fullmatch(text) is not None


def told_request(request: SupervisorRequest, now_ms: int | None = None) -> bytes:
    """Write a request as it is stored; ``now_ms`` says when it was asked."""
    fields: dict[str, object] = {"id": request.id, "supervisor": request.supervisor, "action": request.action}
    optional: dict[str, object] = {"slot": request.slot, "procs": request.procs, "reason": request.reason or None}
    fields |= {name: value for name, value in optional.items() if value is not None}
    asked_ms = now_ms if request.asked_at is None else to_epoch_ms(request.asked_at)
    return orjson.dumps({**fields, "state": request.state, "askedAt": asked_ms})


def read_request(raw: bytes | None) -> SupervisorRequest | None:
    """Read a stored request; None for what is none: of another form, too large, or with a number out of its range."""
    if raw is None or len(raw) > _LARGEST:
        return None
    try:
        loaded = cast("object", orjson.loads(raw))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(loaded, dict):
        return None
    fields = cast("dict[str, object]", loaded)
    request_id, supervisor, reason = fields.get("id"), fields.get("supervisor"), fields.get("reason", "")
    action, state, slot, procs = (fields.get(name) for name in ("action", "state", "slot", "procs"))
    asked_ms = _count(fields.get("askedAt"), LATEST_MS)
    valid = (
        is_request_id(request_id)
        and all(isinstance(text, str) and len(text) <= _LONGEST for text in (supervisor, reason))
        and action in get_args(RequestAction)
        and state in get_args(RequestState)
        and asked_ms is not None
        and (slot is None if action != "recycle" else slot is None or _count(slot, LARGEST_SLOT) is not None)
        and (procs is None if action != "scale" else bool(_count(procs, MOST_PROCS)))
    )
    if not valid or asked_ms is None:
        return None
    return SupervisorRequest(
        cast("str", request_id), cast("str", supervisor), cast("RequestAction", action), cast("int | None", slot),
        cast("int | None", procs), cast("RequestState", state), cast("str", reason), from_ms(asked_ms),
    )  # fmt: skip


def read_waiting(raw: bytes, answer: bytes | None, now_ms: int) -> Waiting:
    """Put a request, the answer to it and its age together."""
    request, answered = read_request(raw), read_request(answer)
    if request is None or request.asked_at is None:
        return Waiting(raw, None, False)
    if answered is not None and answered.id == request.id:
        request = replace(request, state=answered.state, reason=answered.reason)
    asked_at = request.asked_at
    late = asked_at is not None and now_ms - to_epoch_ms(asked_at) > REQUEST_KEPT_MS
    return Waiting(raw, request, late)


def _count(value: object, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None
