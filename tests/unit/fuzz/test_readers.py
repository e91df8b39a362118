"""What is read from replies and streams by hand ends with a value or with an error of ours, whatever stands there."""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskora import FunctionTask, Retry, Taskora, TaskoraError
from taskora.adapters.event_store import StoredEvent
from taskora.adapters.redis.complaints import Complaints
from taskora.adapters.redis.lane import _read, _Step  # pyright: ignore[reportPrivateUsage] - the reply of the hot path
from taskora.adapters.redis.records import name_of
from taskora.adapters.redis.rules import _verdicts  # pyright: ignore[reportPrivateUsage] - likewise
from taskora.keys import check_task_name
from taskora.listening.telling import told
from taskora.quoting import shown
from taskora.retry import backoff_s
from taskora.serializer import JSON
from unit.fuzz.replies import SLOW, junk, maybe

EXAMPLES = int(os.environ.get("TASKORA_EXAMPLES", "100"))
many = settings(
    max_examples=EXAMPLES,
    suppress_health_check=SLOW,
)
claimed = st.tuples(junk, maybe, junk, junk, junk, junk).map(lambda job: [1, *job])
STEP = _Step(cast("Any", None), ("mail",), "token")

EVENTS = ("completed", "failed", "retrying", "progress", "active", "stalled", "cancelled", "x")
FIELDS = ("attempt", "duration", "result", "error", "nextAttemptAt", "value", "count", "action", "reason")


@dataclass
class Deep:
    children: "list[Deep]"
    names: dict[str, int]


@many
@given(jobs=st.lists(claimed, max_size=3), lost=st.lists(junk, max_size=2), owed=st.lists(junk, max_size=2),
       broken=st.lists(junk, max_size=2), fence=st.sampled_from((b"", b"halt", b"dead")))  # fmt: skip
def test_any_claim_is_read(
    jobs: list[list[Any]], lost: list[bytes], owed: list[bytes], broken: list[bytes], fence: bytes
) -> None:
    flat = [value for job in jobs for value in job]
    reply = [1, -1, fence, len(flat), len(lost), len(owed), *flat, *lost, *owed, *broken]
    found = _read(STEP, reply, Complaints())
    for job in found.jobs:
        assert abs(job.attempt) <= 2**53
        assert abs(job.version) <= 2**53
        assert job.job_id.isprintable() or "\x1b" not in job.job_id
        backoff_s(job.attempt, Retry(attempts=3))


@many
@given(name=st.sampled_from(EVENTS), fields=st.dictionaries(st.sampled_from(FIELDS), junk))
def test_any_event_is_told(name: str, fields: dict[str, bytes]) -> None:
    told(StoredEvent("mail", name, "j", fields), JSON.loads)


@many
@given(texts=st.lists(junk, min_size=1, max_size=3))
def test_any_verdict_is_read(texts: list[bytes]) -> None:
    reply = b"[" + b",".join(b'"=%s"' % bytes(c for c in text if c not in b'"\\' and c > 31) for text in texts) + b"]"
    assert len(_verdicts(reply, len(texts))) == len(texts)


@pytest.mark.parametrize("kind", [int, str, list[int], dict[str, float], Deep, object])
@many
@given(raw=junk)
def test_any_payload_is_read_or_refused(kind: Any, raw: bytes) -> None:
    app = Taskora("memory://")
    task = cast("FunctionTask[Any, Any, [Any], Any]", app.task("mail", lambda data: data, input=kind, output=kind))
    for read in (partial(task.decode_input, raw, 1, "j"), partial(task.decode_result, raw)):
        try:
            read()
        except TaskoraError:
            continue


@many
@given(text=st.one_of(st.text(), st.sampled_from(("\x1b]0;title\x07", "\x9b31m", "a\r\nb", "\ud800", "\u2028"))))
def test_what_is_shown_steers_no_terminal(text: str) -> None:
    line = shown(text)
    assert not any(char in line for char in "\r\n\x07\x9b\u2028\x00")
    line.encode()
    assert "\x1b" not in line.replace("\x1b[", "")


@pytest.mark.parametrize("raw", [b"a\nb", b"\x1b[31mred", b"\xc2\x9b31m", b"\xff", b"\xe2\x80\xa8"])
def test_a_name_that_steers_terminals_is_none(raw: bytes) -> None:
    assert name_of(raw) is None


@many
@given(raw=junk)
def test_a_task_name_from_the_server_is_checked_as_one_from_code_is(raw: bytes) -> None:
    name = raw.decode(errors="replace")
    try:
        assert check_task_name(name).isascii()
    except TaskoraError:
        return
