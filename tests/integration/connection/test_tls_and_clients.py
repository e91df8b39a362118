"""An application on the connections that users have: TLS, and a client of their own."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import redis
import redis.asyncio

from support import Server, find_binary
from taskora import Taskora, redis_adapter


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A key and a certificate for localhost that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


async def test_jobs_run_over_tls_and_an_unknown_certificate_is_refused(certificates: Path) -> None:
    if find_binary("redis") is None:
        pytest.skip("redis-server is not installed; the embedded one is built without TLS")
    from support import free_port

    port = free_port()
    args = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file", f"{certificates}/cert.pem"]
    args += ["--tls-key-file", f"{certificates}/key.pem", "--tls-ca-cert-file", f"{certificates}/cert.pem"]
    with Server("redis", args=args):
        app = Taskora(f"rediss://localhost:{port}?ssl_ca_certs={certificates}/cert.pem")

        @app.task
        async def double(n: int) -> int:
            return 2 * n

        await app.start()
        assert await double.dispatch(21).result_async(timeout=10) == 42
        await app.close_async()

        stranger = Taskora(f"rediss://localhost:{port}")
        with pytest.raises(Exception, match="certificate"):
            await stranger.connect_async()
        await stranger.close_async()


@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis])
async def test_a_client_gives_its_address_and_stays_the_users(
    server: Server, prefix: str, kind: type[redis.Redis] | type[redis.asyncio.Redis]
) -> None:
    client = cast("Any", kind).from_url(server.url)
    app = Taskora(redis_adapter(client, prefix=prefix))

    @app.task
    async def double(n: int) -> int:
        return 2 * n

    await app.start()
    assert await double.dispatch(21).result_async(timeout=10) == 42
    await app.close_async()
    if kind is redis.Redis:
        assert client.ping()
        client.close()
    else:
        assert await client.ping()
        await client.aclose()
