"""An act whose confirmation was lost is noted once."""

from typing import Any, cast

import pytest

from taskora import redis_adapter
from taskora.adapters.audit_store import AuditEntry
from taskora.connection.request import Producer

KEY = "taskora:audit"


def test_a_repetition_looks_for_what_was_written_before_it_writes_again() -> None:
    call = cast("Any", redis_adapter("redis://localhost").audit.write(AuditEntry("ada", "admin", "x")))
    run = Producer("p", 3)
    first = call._operation(run)
    (added,) = next(first)
    assert added[:2] == ("XADD", KEY)
    name = added[-1]

    applied = call._operation(run)
    (looked,) = next(applied)
    assert looked[:2] == ("XREVRANGE", KEY)
    with pytest.raises(StopIteration) as end:
        applied.send([[(b"7-1", [b"who", b"eve"]), (b"7-0", [b"who", b"ada", b"call", name])]])
    assert end.value.value == "7-0"

    lost = call._operation(run)
    next(lost)
    (again,) = lost.send([[(b"7-1", [b"who", b"eve"])]])
    assert again == added


def test_another_run_writes_anew() -> None:
    call = cast("Any", redis_adapter("redis://localhost").audit.write(AuditEntry("ada", "admin", "x")))
    first, second = (next(call._operation(Producer("p", number)))[0] for number in (1, 2))
    assert first[-1] != second[-1]
    assert second[0] == "XADD"
