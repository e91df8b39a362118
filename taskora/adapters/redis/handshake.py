"""Agreeing with everybody who shares the data on how it is laid out."""

from __future__ import annotations

import time

import orjson

from taskora.connection.request import Operation, Producer, ScriptCall, Steps
from taskora.errors import AdapterError, SchemaVersionMismatchError
from taskora.keys import Keys
from taskora.lua import load

WIRE_VERSION = 6
MIN_COMPAT = 6
WRITTEN_BY = "taskora-wire-6"
_POLL_S = 0.5
_PATIENCE_S = 30.0
_OLDEST_SERVER = (7, 0)


def greet(keys: Keys) -> Operation[float | None]:
    """Build the operation that checks server, migration lock and layout.

    It returns None when all is well, or the seconds to wait before asking again while somebody migrates the store.
    """
    give_up_at_s = time.monotonic() + _PATIENCE_S

    def steps(_: Producer) -> Steps[float | None]:
        hello, lock = yield [("HELLO",), ("GET", keys.own("migration:lock"))]
        _check_server(hello)
        if lock is not None and _halts_us(lock):
            if time.monotonic() > give_up_at_s:
                raise AdapterError(
                    f"another process has been migrating the stored data for over {_PATIENCE_S:.0f} s; it holds the "
                    f"key {keys.own('migration:lock')}, which runs out, or can be deleted when that process is gone"
                )
            return _POLL_S
        yield from _agree(keys)
        return None

    return steps


def look_again(keys: Keys) -> Operation[float | None]:
    """Build the operation that checks lock and layout while this process works; returns as that of ``greet`` does.

    It never gives up: the lock runs out.
    """

    def steps(_: Producer) -> Steps[float | None]:
        (lock,) = yield [("GET", keys.own("migration:lock"))]
        if lock is not None and _halts_us(lock):
            return _POLL_S
        yield from _agree(keys)
        return None

    return steps


def _agree(keys: Keys) -> Steps[None]:
    call = ScriptCall(load("handshake"), (keys.own("meta"),), (WIRE_VERSION, MIN_COMPAT, WRITTEN_BY))
    (meta,) = yield [call]
    _check_layout(meta, keys)


def _check_server(hello: list[bytes]) -> None:
    fields = dict(zip(hello[::2], hello[1::2], strict=True))
    if fields.get(b"mode") == b"sentinel":
        raise AdapterError(
            "this is a sentinel, not the server that it watches; give redis+sentinel://HOST:PORT/SERVICE instead"
        )
    text = fields[b"version"].decode()
    version = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    if version < _OLDEST_SERVER:
        raise AdapterError(f"the server is of version {text}; taskora needs Redis 7.0 or Valkey 7.2, or later")


def _halts_us(lock: bytes) -> bool:
    try:
        target = orjson.loads(lock)["targetWireVersion"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return True
    return isinstance(target, bool) or not isinstance(target, int | float) or target >= WIRE_VERSION


def _check_layout(meta: list[bytes | None], keys: Keys) -> None:
    names = ("wireVersion", "minCompat", "writtenBy", "writtenAt")
    theirs = {name: (value or b"").decode(errors="replace") for name, value in zip(names, meta, strict=True)}
    ours = {"wireVersion": str(WIRE_VERSION), "minCompat": str(MIN_COMPAT), "writtenBy": WRITTEN_BY}
    where = f"the data under {keys.own('meta')} was laid out by {theirs['writtenBy'] or 'an unknown writer'}"

    def mismatch(code: str, message: str) -> SchemaVersionMismatchError:
        return SchemaVersionMismatchError(f"{where}: {message}", code=code, ours=ours, theirs=theirs)

    if not theirs["wireVersion"].isdecimal() or not theirs["minCompat"].isdecimal():
        raise mismatch("invalid_meta", f"its version record is damaged: {theirs}")
    version, compatible = int(theirs["wireVersion"]), int(theirs["minCompat"])
    if version < 1 or compatible < 1 or compatible > version:
        raise mismatch("invalid_meta", f"its version record is damaged: {theirs}")
    if version < MIN_COMPAT:
        raise mismatch(
            "theirs_too_old",
            f"version {version} is older than {MIN_COMPAT}, the oldest we read; start a TypeScript worker of taskora "
            "0.5 on it once, which converts it in place, or use another prefix",
        )
    if compatible > WIRE_VERSION:
        raise mismatch(
            "theirs_too_new", f"it needs version {compatible} and we write {WIRE_VERSION}; upgrade taskora here"
        )
