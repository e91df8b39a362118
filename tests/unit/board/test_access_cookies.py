"""A session's cookie is ours, or it counts for nothing."""

import base64
import hashlib
import hmac
import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskora.board.access.cookies import Session, sign, verify
from taskora.board.access.login import SessionLogin
from taskora.board.access.roles import Role, User
from taskora.errors import ConfigError

KEY = "k" * 32
BOARD = "the board"
SESSION = Session(User("ädmin", Role.OPERATE), 1_800_000_000_000)

users = st.builds(User, st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(Role))
sessions = st.builds(Session, users, st.none() | st.integers(0, 2**53))


def signed(payload: bytes, key: str = KEY) -> str:
    text = base64.b64encode(payload)
    board = hashlib.sha256(BOARD.encode()).digest()
    signature = base64.b64encode(hmac.new(key.encode(), board + text, hashlib.sha256).digest()).decode()
    return quote(f"{text.decode()}.{signature}", safe="")


def nobody(name: str, password: str) -> User | None:
    return None


@given(sessions)
def test_a_signed_session_is_read_back(session: Session) -> None:
    assert verify(sign(session, KEY, BOARD), KEY, BOARD) == session


def test_the_bytes_are_base64_of_json_a_dot_and_the_signature() -> None:
    value = sign(SESSION, KEY, BOARD)
    payload, signature = unquote(value).split(".")
    said = {"user": {"id": "ädmin", "role": "operate"}, "exp": 1_800_000_000_000}
    assert json.loads(base64.b64decode(payload)) == said
    assert len(signature) == 44
    assert value == signed(base64.b64decode(payload))
    assert not set(value) & set('=+/;, "\\')


@given(sessions, st.data())
def test_any_other_letter_anywhere_is_refused(session: Session, data: st.DataObject) -> None:
    value = unquote(sign(session, KEY, BOARD))
    at = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.characters(exclude_characters=value[at]))
    assert verify(quote(value[:at] + letter + value[at + 1 :], safe="", errors="replace"), KEY, BOARD) is None


@given(sessions, st.data())
def test_a_cut_or_longer_value_is_refused(session: Session, data: st.DataObject) -> None:
    value = unquote(sign(session, KEY, BOARD))
    assert verify(quote(value[: data.draw(st.integers(0, len(value) - 1))]), KEY, BOARD) is None
    assert verify(quote(value + data.draw(st.sampled_from("A=. "))), KEY, BOARD) is None
    assert verify(quote(data.draw(st.sampled_from("A=. ")) + value), KEY, BOARD) is None


@given(sessions, st.text(min_size=32))
def test_another_key_is_refused(session: Session, key: str) -> None:
    assert verify(sign(session, KEY, BOARD), f"{KEY}x", BOARD) is None
    payload = base64.b64decode(unquote(sign(session, KEY, BOARD)).partition(".")[0])
    assert key == KEY or verify(signed(payload, key.encode("utf-8", "replace").decode()), KEY, BOARD) is None


@given(sessions, st.text(), st.text())
def test_another_board_of_the_same_key_refuses_it(session: Session, one: str, other: str) -> None:
    assert verify(sign(session, KEY, one), KEY, one) == session
    assert one == other or verify(sign(session, KEY, one), KEY, other) is None


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    assert verify(text, KEY, BOARD) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"user":"admin","exp":null}',
        b'{"user":{"id":"x"},"exp":null}',
        b'{"user":{"id":"x","role":"root"},"exp":null}',
        b'{"user":{"id":1,"role":"admin"},"exp":null}',
        b'{"user":{"id":"x","role":"admin"}}',
        b'{"user":{"id":"x","role":"admin"},"exp":true}',
        b'{"user":{"id":"x","role":"admin"},"exp":"never"}',
        b'{"user":{"id":"x","role":"admin"},"exp":1.5}',
    ],
)
def test_what_says_nothing_that_we_know_is_refused_although_it_is_signed(payload: bytes) -> None:
    assert verify(signed(payload), KEY, BOARD) is None


def too_few(name: str) -> User | None:
    return None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cookie_password": "short"}, "cookie_password: expected a secret text of at least 32 characters"),
        ({"cookie_password": b"k" * 32}, "cookie_password: expected a text, got a value of type bytes"),
        ({"authenticate": None}, "authenticate: expected a function of the name and the password"),
        ({"authenticate": too_few}, "authenticate: expected a function of the name and the password"),
        ({"cookie_name": "a b"}, "cookie_name: expected letters"),
        ({"cookie_name": ""}, "cookie_name: expected letters"),
        ({"cookie_name": "__Host-x"}, "cookie_name: expected letters"),
        ({"cookie_name": None}, "cookie_name: expected str"),
        ({"ttl": 0}, "ttl: at least 1 second"),
        ({"ttl": "soon"}, "ttl: 'soon' is not a duration"),
    ],
)
def test_a_wrong_setting_of_the_login_is_told(change: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"cookie_password": KEY, "authenticate": nobody, **change}
    with pytest.raises(ConfigError) as raised:
        SessionLogin(**given)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
    assert str(raised.value).startswith(message)


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(SessionLogin(KEY, nobody))
    with pytest.raises(ConfigError) as raised:
        SessionLogin("too short a secret", nobody)
    assert "too short a secret" not in str(raised.value)
