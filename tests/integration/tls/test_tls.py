"""Applications over TLS: who is trusted, who is refused and why, for workers and for plain code."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from integration.tls.authority import Authority
from support import FLAVORS, Server, find_binary, free_port
from taskora import AdapterError, Taskora
from taskora.connection import pool

LIMIT_S = 60.0


def missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI must test TLS")
    pytest.skip(what)


class Secured:
    """A server that speaks TLS alone, and the files of its authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = Authority(folder)
        self.ca = authority.certificate
        self.key, self.certificate = authority.sign("server", hosts="DNS:localhost")
        self.client_key, self.client_certificate = authority.sign("client")
        self.other_ca = Authority(folder, "other").certificate
        self.port = free_port()

    def arguments(self, clients: str) -> list[str]:
        files = ["--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key)]
        return ["--tls-port", str(self.port), "--tls-auth-clients", clients, *files, "--tls-ca-cert-file", str(self.ca)]

    def url(self, options: Mapping[str, object], host: str = "localhost") -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"rediss://{host}:{self.port}?{query}"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    if shutil.which("openssl") is None:
        missing("openssl is not installed")
    return Secured(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=["no", "yes"])
def server(request: pytest.FixtureRequest, secured: Secured) -> Iterator[str]:
    """It runs; the parameter says whether it wants certificates of clients."""
    for flavor in FLAVORS:
        if find_binary(flavor) is None:
            continue
        server = Server(flavor, args=secured.arguments(request.param))
        try:
            server.start()
        except RuntimeError:  # built without TLS
            server.close()
            continue
        yield request.param
        server.close()
        return
    missing("no server here is built with TLS")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 0.3)


async def refused(url: str) -> list[str]:
    """What is said, on an event loop and in plain code."""
    app = Taskora(url)
    said: list[str] = []
    for way in (app.connect_async(), asyncio.to_thread(app.connect)):
        with pytest.raises(AdapterError) as caught:
            await way
        said.append(str(caught.value))
    await app.close_async()
    return said


async def works(url: str, prefix: str) -> None:
    app = Taskora(url, prefix=prefix)

    @app.task("double")
    async def double(n: int) -> int:
        return 2 * n

    await app.start()
    assert await double.dispatch(2).result_async(timeout=LIMIT_S) == 4
    assert await asyncio.to_thread(lambda: double.dispatch(3).result(timeout=LIMIT_S)) == 6
    await app.close_async()


async def test_who_knows_the_authority_and_has_what_is_wanted_gets_in(
    secured: Secured, server: str, prefix: str
) -> None:
    own = {"ssl_certfile": secured.client_certificate, "ssl_keyfile": secured.client_key} if server == "yes" else {}
    await works(secured.url({"ssl_ca_certs": secured.ca, **own}), prefix)


async def test_a_server_of_another_name_or_an_unknown_authority_is_refused(secured: Secured, server: str) -> None:
    own = {"ssl_certfile": secured.client_certificate, "ssl_keyfile": secured.client_key}
    for said in await refused(secured.url({"ssl_ca_certs": secured.ca, **own}, "127.0.0.1")):
        assert "certificate is not valid for '127.0.0.1'" in said
        assert "ssl_check_hostname" in said
    for options in ({"ssl_ca_certs": secured.other_ca}, {}):
        for said in await refused(secured.url({**options, **own})):
            assert "certificate verify failed" in said
            assert "ssl_ca_certs" in said


async def test_what_need_not_be_checked_is_not(secured: Secured, server: str, prefix: str) -> None:
    own = {"ssl_certfile": secured.client_certificate, "ssl_keyfile": secured.client_key}
    await works(secured.url({"ssl_ca_certs": secured.ca, "ssl_check_hostname": "no", **own}, "127.0.0.1"), prefix)
    await works(secured.url({"ssl_cert_reqs": "none", "ssl_check_hostname": "no", **own}, "127.0.0.1"), prefix)


@pytest.mark.parametrize("server", ["yes"], indirect=True)
async def test_who_comes_without_a_certificate_is_told_what_is_wanted(
    secured: Secured, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 10.0)  # the reason may come behind the end of the connection, and get lost
    for said in await refused(secured.url({"ssl_ca_certs": secured.ca})):
        assert "ssl_certfile" in said


@pytest.mark.parametrize("server", ["no"], indirect=True)
@pytest.mark.parametrize(
    "shape", ["redis://{}", "redis://:secret@{}/2", "redis+cluster://{}", "redis+sentinel://{}/main"]
)
async def test_who_comes_without_tls_is_told_of_it(secured: Secured, server: str, shape: str) -> None:
    for said in await refused(shape.format(f"localhost:{secured.port}")):
        assert "rediss instead of redis" in said
        assert "secret" not in said
