"""Passwords appear in nothing that people read: errors with all their causes, logs, representations."""

import asyncio
import logging
import stat
import traceback
from pathlib import Path

import pytest
import redis

from integration.engine.kit import Engine
from support import Server, find_binary
from support.resp import FakeServer, reply
from taskora import AdapterError, Taskora, redis_adapter
from taskora.connection import pool
from taskora.connection.embedded import EmbeddedServer

SECRET = "hid:den/p@ss%1?"
ENCODED = "hid%3Aden%2Fp%40ss%251%3F"


def shown(*texts: object) -> None:
    """Fail when one of these texts has a part of the secret."""
    for text in map(str, texts):
        assert "hid" not in text.replace("hidden_folder", ""), text
        assert "p@ss" not in text, text
        assert "p%40ss" not in text, text


async def refused(app: Taskora) -> None:
    """Connecting fails both ways, and nobody reads the password in what is said."""
    for way in (app.connect_async(), asyncio.to_thread(app.connect)):
        with pytest.raises(AdapterError) as caught:
            await way
        shown(*traceback.format_exception(caught.value))
    shown(repr(app), repr(app.adapter), app.adapter.describe())
    await app.close_async()


@pytest.fixture(autouse=True)
def everything_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 0.2)
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize("form", ["in the login", "in the query", "of a client"])
async def test_a_refused_login_does_not_show_it(
    server: Server, engine: Engine, caplog: pytest.LogCaptureFixture, form: str
) -> None:
    engine.raw.config_set("requirepass", "other")
    try:
        if form == "of a client":
            client = redis.Redis(unix_socket_path=str(server.socket_path), password=SECRET)
            await refused(Taskora(redis_adapter(client)))
        elif form == "in the query":
            await refused(Taskora(f"{server.url}?password={ENCODED}"))
        else:
            await refused(Taskora(f"unix://default:{ENCODED}@{server.socket_path}"))
    finally:
        engine.raw.config_set("requirepass", "")
    shown(caplog.text)


async def test_servers_and_sentinels_that_are_not_there_do_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    await refused(Taskora(f"redis://u:{ENCODED}@127.0.0.1:1"))
    await refused(Taskora(f"redis+sentinel://u:{ENCODED}@127.0.0.1:1,127.0.0.1:2/m?sentinel_password={ENCODED}"))
    shown(caplog.text)


async def test_sentinels_that_refuse_or_name_who_refuses_do_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(words: list[str]) -> bytes:
        return reply(Exception("WRONGPASS invalid username-password pair or user is disabled."))

    with FakeServer(refuse) as server:

        def name_it(words: list[str]) -> bytes:
            if words[0] == "AUTH":
                return b"+OK\r\n"
            if words[1] == "MASTER":
                return reply(["config-epoch", "1"])
            return reply(["127.0.0.1", str(server.port)])

        with FakeServer(name_it) as sentinel:
            login = f"u:{ENCODED}@127.0.0.1"
            await refused(Taskora(f"redis+sentinel://{login}:{sentinel.port}/m?sentinel_password={ENCODED}"))
            await refused(Taskora(f"redis+sentinel://{login}:{server.port}/m?sentinel_password={ENCODED}"))
    shown(caplog.text)


def test_the_embedded_server_lets_nobody_else_in(tmp_path: Path) -> None:
    if find_binary("valkey") is None and find_binary("redis") is None:
        pytest.skip("no server program")
    folder = tmp_path / "hidden_folder"
    embedded = EmbeddedServer(folder, grace_s=0)
    try:
        endpoint = embedded.ensure()
        assert stat.S_IMODE(Path(endpoint.path).stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(endpoint.path).parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        embedded.stop()
        embedded.release()
