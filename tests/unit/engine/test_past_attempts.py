"""Reading what anybody may have written in the place of a job's past attempts."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskora.adapters.redis.past import read_past

GOOD = b'{"n":2,"why":"error","at":1764000000000,"next":"failed","error":"boom"}'


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"null", b"1", b"{}", b"{", b"\xff\xfe", b"[" * 5000, b'{"n":1,"why":"other","at":1}',
        b'{"n":1,"why":["error"],"at":1}', b'{"n":true,"why":"error","at":1}', b'{"n":"1","why":"error","at":1}',
        b'{"n":1,"why":"error","at":1e300}', b'{"n":1,"why":"error","at":-1}',
        b'{"n":1,"why":"error","at":99999999999999999}',
    ],
)  # fmt: skip
def test_a_line_that_is_none_costs_itself_alone(line: bytes) -> None:
    (told,) = read_past(line + b"\n" + GOOD)
    assert (told.number, told.reason, told.error, told.followed_by) == (2, "error", "boom", "failed")


def test_a_member_of_another_kind_is_left_out() -> None:
    odd: dict[str, object] = {
        "n": 1,
        "why": "error",
        "at": 1,
        "from": "x",
        "by": 7,
        "type": [],
        "error": {},
        "cut": 1,
        "next": [],
        "due": {},
    }
    (told,) = read_past(orjson.dumps(odd))
    assert (told.processed_on, told.worker, told.error_type, told.error) == (None, None, None, None)
    assert (told.cut, told.followed_by, told.retry_at) == (False, None, None)


def test_no_more_are_read_than_are_kept() -> None:
    assert len(read_past(b"\n".join([GOOD] * 50))) == 20


def test_a_name_that_steers_terminals_is_no_worker() -> None:
    (told,) = read_past(orjson.dumps({"n": 1, "why": "error", "at": 1, "by": "\x1b[2J"}))
    assert told.worker is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("n", "why", "at", "from", "by", "next", "due", "error"), _JSON))
)
def test_no_value_of_a_member_ends_the_reading(fields: dict[str, object]) -> None:
    try:
        raw = orjson.dumps(fields)
    except (TypeError, orjson.JSONEncodeError):
        return
    read_past(raw)


@given(st.binary(max_size=200))
def test_no_bytes_end_the_reading(raw: bytes) -> None:
    read_past(raw)
