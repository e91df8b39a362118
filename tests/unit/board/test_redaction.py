"""Secrets reach no browser, and everything else does."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskora.board.redaction import DEFAULT_NAMES, Redactor
from taskora.errors import ConfigError
from taskora.model import JobInfo, LogEntry, PastAttempt, State
from taskora.workflow_model import WorkflowNodeRecord, WorkflowRecord

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MASK = "[REDACTED]"
SECRET = "hunter2"
PLAIN = Redactor()

JOB = JobInfo(
    id="1",
    task="mail",
    state=State.FAILED,
    data={"to": "a@b.c", "password": SECRET},
    result=[{"token": SECRET}, 1],
    error=f"login failed: password={SECRET}",
    progress={"step": 2, "api_key": SECRET},
    logs=[LogEntry("info", f"Authorization: Bearer {SECRET}", {"cookie": SECRET, "n": 1}, NOW)],
    attempt=1,
    version=1,
    timestamp=NOW,
    processed_on=NOW,
    finished_on=None,
    timeline=[("active", NOW)],
    traceback=f'  File "x.py"\n    connect("redis://user:{SECRET}@host/0")\n',
    cancel_reason=f"token={SECRET}",
    past_attempts=(
        PastAttempt(1, "error", NOW, error=f"login failed: password={SECRET}"),
        PastAttempt(2, "error", NOW, error=f"cannot reach redis://ada:{SECRET}", cut=True),
    ),
    _stored=(b'{"password": "hunter2"}', None),
)
NODE = WorkflowNodeRecord(
    0, "mail", "1", (), "failed", b'{"password":"hunter2","a":[1,2]}', b'"secret: hunter2"', f"token={SECRET}"
)
WORKFLOW = WorkflowRecord(
    "w", "night", "failed", NOW, (NODE,), (0,), b'{"credentials":{"x":"hunter2"}}', "secret=hunter2"
)


def spellings() -> Iterator[str]:
    for name in DEFAULT_NAMES:
        yield from (name, name.upper(), name.title(), name.replace("_", "-"), name.replace("_", ""), f"_{name}")
    yield from ("apiKey", "privateKey", "set_cookie", "setCookie")


@pytest.mark.parametrize("name", list(spellings()))
def test_a_secret_is_known_by_its_name_however_it_is_spelled(name: str) -> None:
    assert PLAIN.value({"a": [{name: SECRET}]}) == {"a": [{name: MASK}]}
    for text in (f"{name}={SECRET}", f"{name}: {SECRET}", f'"{name}": "{SECRET}"', f"x '{name}':'{SECRET}'"):
        assert SECRET not in PLAIN.text(f"a=1 {text}, b=2")


def test_names_can_be_added() -> None:
    redactor = Redactor(["ssn", "Credit-Card"])
    assert redactor.value({"SSN": 1, "creditCard": 2, "b": 3}) == {"SSN": MASK, "creditCard": MASK, "b": 3}
    assert redactor.text("credit_card=4111 b=3") == f"credit_card={MASK} b=3"
    assert PLAIN.value({"ssn": 1}) == {"ssn": 1}


@pytest.mark.parametrize("name", [1, "", "--", None])
def test_a_name_that_nothing_can_have_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError, match=r"^redact\[1\]: expected the name of a field"):
        Redactor(["ssn", name])


@pytest.mark.parametrize("name", ["max_tokens", "tokens", "passwords_count", "db_password", "secretary", "keytoken"])
def test_a_longer_name_is_another_one(name: str) -> None:
    assert PLAIN.value({name: 5}) == {name: 5}
    assert PLAIN.text(f"{name}=5") == f"{name}=5"


def test_whatever_stands_under_the_name_is_masked_as_a_whole() -> None:
    value = {"credentials": {"user": "x"}, "token": None, "secret": [1], "cookie": 5}
    assert PLAIN.value(value) == dict.fromkeys(value, MASK)


def test_a_value_of_any_depth_is_masked() -> None:
    value: Any = {"password": SECRET}
    for number in range(10_000):
        value = [value] if number % 2 else {"a": value}
    found: Any = PLAIN.value(value)
    for number in reversed(range(10_000)):
        found = found[0] if number % 2 else found["a"]
    assert found == {"password": MASK}


def test_the_given_value_stays_as_it_is() -> None:
    value = {"password": SECRET, "a": [{"token": SECRET}]}
    PLAIN.value(value)
    assert value == {"password": SECRET, "a": [{"token": SECRET}]}


def test_tuples_stay_tuples() -> None:
    assert PLAIN.value(((1, ({"token": 1},)), [()])) == ((1, ({"token": MASK},)), [()])


@dataclass
class Login:
    name: str
    password: str


class Pair(NamedTuple):
    name: str
    password: str


class Odd:
    def __repr__(self) -> str:
        return f"Odd(password={SECRET!r})"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


def test_objects_are_masked_as_they_are_shown() -> None:
    assert PLAIN.value([Login("x", SECRET)]) == [{"name": "x", "password": MASK}]
    assert PLAIN.value(Pair("x", SECRET)) == f"Pair(name='x', password='{MASK}')"
    assert PLAIN.value(Odd()) == f"Odd(password='{MASK}')"
    assert PLAIN.value(f"password={SECRET}".encode()) == f"b'password={MASK}'"
    assert PLAIN.value(Broken()) == MASK
    assert PLAIN.value([NOW, State.FAILED, b"x"]) == [NOW, State.FAILED, b"x"]


def test_texts_within_a_value_are_masked_too() -> None:
    assert PLAIN.value({"url": f"redis://u:{SECRET}@h", "n": 1}) == {"url": f"redis://u:{MASK}@h", "n": 1}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=hunter2", "password=[REDACTED]"),
        ("password = hunter2;", "password = [REDACTED];"),
        ("(password: hunter2, user: bob)", "(password: [REDACTED], user: bob)"),
        ("Config(password=a,b,user=c)", "Config(password=[REDACTED],user=c)"),
        ('{"password": "hun\\"ter2", "a": "b"}', '{"password": "[REDACTED]", "a": "b"}'),
        ("{'password': 'it\\'s', 'x': 1}", "{'password': '[REDACTED]', 'x': 1}"),
        ("{'password': b'it', 'x': 1}", "{'password': b'[REDACTED]', 'x': 1}"),
        ('{\\"token\\": \\"a\\\\\\"b c\\", \\"y\\": 1}', '{\\"token\\": \\"[REDACTED]\\", \\"y\\": 1}'),
        ('"password": 12, "x": null', '"password": [REDACTED], "x": null'),
        ('"token": {"a": "}", "b": [1]}, "z": 1', '"token": [REDACTED], "z": 1'),
        ("token: {never closed\nnext", "token: [REDACTED]\nnext"),
        ("'token': 'never closed\nnext", "'token': '[REDACTED]\nnext"),
        ('password="""a\nb""" x', 'password="""[REDACTED]""" x'),
        ("os.environ['SECRET'] = 's' # x", "os.environ['SECRET'] = '[REDACTED]' # x"),
        ("run --token=abc --fast", "run --token=[REDACTED] --fast"),
        ("Authorization: Bearer abc.def", "Authorization: [REDACTED]"),
        ("authorization=Basic YTpi x", "authorization=[REDACTED] x"),
        ("-H 'Authorization: Bearer abc' -v", "-H 'Authorization: [REDACTED]' -v"),
        ("Cookie: a=b; flag; c=d\nHost: x", "Cookie: [REDACTED]\nHost: x"),
        ("Set-Cookie: sid=abc; Path=/\nHost: x", "Set-Cookie: [REDACTED]\nHost: x"),
        ('Authorization: Digest username="me", response="x"', 'Authorization: [REDACTED]"'),
        ("https://a/b?token=abc&user=bob#x", "https://a/b?token=[REDACTED]&user=bob#x"),
        ("redis://user:hunter2@host:6379/0", "redis://user:[REDACTED]@host:6379/0"),
        ("redis://:hun/ter2@host/0?a=b@c", "redis://:[REDACTED]@host/0?a=b@c"),
        ("amqp://u:p@ss@host", "amqp://u:[REDACTED]@host"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY----- b", "a [REDACTED] b"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "[REDACTED]"),
    ],
)
def test_a_secret_in_a_text_is_masked_and_what_is_around_it_stays(text: str, masked: str) -> None:
    assert PLAIN.text(text) == masked
    assert PLAIN.text(masked) == masked, "masking twice is masking once"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the password was wrong",
        "password:",
        'password=""',
        "token=&user=bob",
        "std::token::parse",
        "max_tokens: 5",
        "http://host:8080/users/@me",
        "https://user@host/x",
        "at 12:30:45 a=b",
        "mail bob@example.com: hello",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert PLAIN.text(text) == text


HARMLESS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(alphabet="abc xyz,.{}[]\"'\\\n"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abxyz_-"), inner),
    max_leaves=20,
)


@given(HARMLESS)
def test_a_value_without_secrets_stays(value: object) -> None:
    assert PLAIN.value(value) == value
    assert PLAIN.event({"value": json.dumps(value)}) == {"value": json.dumps(value)}


@given(HARMLESS, st.sampled_from(DEFAULT_NAMES), st.text(alphabet="S3cr!t\"'\\{}[]()<>,;:&@ \u00e4", max_size=20))
def test_no_writing_of_a_value_lets_a_secret_out(value: object, name: str, rest: str) -> None:
    known = {"before": value, name: f"S3{rest}TRAIL", "after": value}
    assert PLAIN.value(known) == {**known, name: MASK}
    for text in (json.dumps(known), repr(known), json.dumps(json.dumps(known))):
        assert "TRAIL" not in PLAIN.text(f"failed with {text}")


ROUGH = st.text(alphabet="token=:\"'\\ {}[](),;&@/\n-_b x", max_size=60)
BEGUN = st.sampled_from(["", "token: {", "token={cookie: a}", "x://u:", "cookie: ", "authorization: ", 'token="'])


@example("token:{", "cookie:a", "", "}b", "; ")
@given(BEGUN, ROUGH, BEGUN, ROUGH, st.sampled_from(["\n", " ", "; ", ", "]))
def test_nothing_in_front_of_a_secret_hides_it(first: str, second: str, third: str, fourth: str, space: str) -> None:
    assert "TRAIL" not in PLAIN.text(f"{first}{second}{third}{fourth}{space}secret=TRAIL")


@given(st.text(alphabet="tokenTOKEN=:\"'\\ {}[],;&@/\n-_b x", max_size=60))
def test_masking_any_text_twice_is_masking_it_once(text: str) -> None:
    once = PLAIN.text(f"token{text}")
    assert PLAIN.text(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        "token=x ",
        "token:{",
        'token:{"\n',
        "token:[['",
        "password",
        "p-",
        "-",
        'token="',
        'token=\\"',
        "=,a",
        ",a b",
        "cookie: a; \t",
        "authorization: ",
        "a://b:",
        "://b:x@",
        "://b:x/",
        "-----BEGIN PRIVATE KEY-----",
        "token \t",
        "((",
        ": ",
    ],
)
def test_a_megabyte_of_anything_takes_linear_time(unit: str) -> None:
    text = f"token={unit * (1_000_000 // len(unit))}"
    PLAIN.text(text[:1000])
    begun = time.process_time()
    PLAIN.text(text)
    # A pattern that goes back takes minutes here, not tenths of a second.
    assert time.process_time() - begun < 2


def test_everything_of_a_job_that_people_wrote_is_masked() -> None:
    masked = PLAIN.job(JOB)
    assert SECRET not in repr(masked)
    assert masked.loaded(json.loads).data is None, "the bytes that it was read from are gone"
    assert masked.data == {"to": "a@b.c", "password": MASK}
    assert masked.logs[0].meta == {"cookie": MASK, "n": 1}
    assert (masked.id, masked.task, masked.state, masked.timeline) == (JOB.id, JOB.task, JOB.state, JOB.timeline)


def test_a_job_without_secrets_stays() -> None:
    bare = replace(
        JOB, data=1, result=None, error=None, progress=50, logs=[], traceback=None, cancel_reason=None,
        past_attempts=(PastAttempt(1, "error", NOW, error="no"), PastAttempt(2, "error", NOW, error="x@", cut=True)),
    )  # fmt: skip
    assert PLAIN.job(bare) == bare


def test_everything_of_a_workflow_that_people_wrote_is_masked() -> None:
    masked = PLAIN.workflow(WORKFLOW)
    assert SECRET not in repr(masked)
    node = masked.nodes[0]
    assert json.loads(node.data or b"") == {"password": MASK, "a": [1, 2]}
    assert (masked.id, masked.name, node.task, node.job_id) == ("w", "night", "mail", "1")


def test_a_workflow_without_secrets_stays_byte_for_byte() -> None:
    node = replace(NODE, data=b'{ "a" : 1.50 , "b":"\xc3\xa4"}', result=None, error="boom")
    bare = replace(WORKFLOW, nodes=(node,), result=b"[1, 2]", error=None)
    assert PLAIN.workflow(bare) == bare


def test_stored_bytes_that_are_no_text_are_masked_as_a_whole() -> None:
    assert PLAIN.stored(b"\x80\x04hunter2\xff") == b'"[REDACTED]"'
    assert PLAIN.stored(b"") == b""
    assert PLAIN.stored(b'{"password": "hunter2') == b'{"password": "[REDACTED]'


def test_the_fields_of_an_event_are_masked_also_those_that_are_json() -> None:
    event = {
        "event": "failed",
        "attempt": "2",
        "error": "password=hunter2",
        "value": '{"token":"hunter2","n":1}',
        "secret": "hunter2",
        "result": "[1, 2]",
    }
    masked = PLAIN.event(event)
    assert SECRET not in repr(masked)
    assert json.loads(masked["value"]) == {"token": MASK, "n": 1}
    assert (masked["event"], masked["attempt"], masked["result"]) == ("failed", "2", "[1, 2]")


def test_json_that_says_something_twice_hides_nothing() -> None:
    assert SECRET not in PLAIN.event({"value": '{"a": {"token": "hunter2"}, "a": 1}'})["value"]


def test_json_too_deep_to_be_read_is_masked_as_a_text() -> None:
    deep = "[" * 100_000 + '{"password":"hunter2"}' + "]" * 100_000
    assert SECRET not in PLAIN.event({"value": deep})["value"]
