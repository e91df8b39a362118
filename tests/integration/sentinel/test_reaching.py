"""An application that is told sentinels finds the master, whichever way it is told, and says why when it cannot."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio.sentinel
import redis.sentinel

from support import wait_until, wait_until_async
from support.raw import raw_client, raw_sentinel
from support.sentinels import SERVICE, Watched
from taskora import AdapterError, Taskora, redis_adapter


def doubling(app: Taskora) -> Taskora:
    @app.task("double")
    async def double(n: int) -> int:
        return 2 * n

    return app


async def is_done(app: Taskora, count: int) -> bool:
    return (await app.inspect().stats_async("double")).completed >= count


@pytest.fixture
def apps() -> Iterator[list[Taskora]]:
    """What plain code made, to be closed at the end."""
    made: list[Taskora] = []
    yield made
    for app in made:
        app.close()


@pytest.fixture
async def app(watched: Watched, prefix: str) -> AsyncIterator[Taskora]:
    """A worker by URL."""
    made = doubling(Taskora(watched.url, prefix=prefix))
    await made.start()
    yield made
    await made.close_async()


async def test_workers_and_plain_code_reach_the_master_by_the_url(
    watched: Watched, prefix: str, app: Taskora, apps: list[Taskora]
) -> None:
    producer = doubling(Taskora(watched.url, prefix=prefix))
    apps.append(producer)
    assert await app.tasks["double"].dispatch(1).result_async(timeout=30) == 2
    assert await asyncio.to_thread(lambda: producer.tasks["double"].dispatch(4).result(timeout=30)) == 8


async def test_clients_that_redis_pys_sentinel_made_give_all_that_is_needed(
    watched: Watched, prefix: str, app: Taskora, apps: list[Taskora]
) -> None:
    ports = [("127.0.0.1", sentinel.port) for sentinel in watched.sentinels]
    client = raw_sentinel(redis.sentinel.Sentinel, ports).master_for(SERVICE)
    producer = doubling(Taskora(redis_adapter(client, prefix=prefix)))
    apps.append(producer)
    assert await asyncio.to_thread(lambda: producer.tasks["double"].dispatch(4).result(timeout=30)) == 8

    manager = raw_sentinel(redis.asyncio.sentinel.Sentinel, ports)
    looped = doubling(Taskora(redis_adapter(manager.master_for(SERVICE), prefix=prefix)))
    assert await looped.tasks["double"].dispatch(5).result_async(timeout=30) == 10
    await looped.close_async()


async def test_an_unknown_service_is_told_at_once_with_those_who_were_asked(watched: Watched) -> None:
    app = Taskora(watched.url.replace(f"/{SERVICE}", "/other"))
    with pytest.raises(AdapterError, match="no sentinel knows the service 'other'") as caught:
        await app.connect_async()
    assert all(str(sentinel.port) in str(caught.value) for sentinel in watched.sentinels)
    with pytest.raises(AdapterError, match="no sentinel knows the service 'other'"):
        await asyncio.to_thread(app.connect)
    await app.close_async()


async def test_sentinels_that_want_a_login_get_their_own(watched: Watched, prefix: str) -> None:
    for sentinel in watched.sentinels:
        with raw_client(port=sentinel.port) as client:
            client.execute_command("ACL SETUSER asker on >s%cret ~* +@all")
    login = "?sentinel_username=asker&sentinel_password="
    app = doubling(Taskora(f"{watched.url}{login}s%25cret", prefix=prefix))
    await app.connect_async()
    await app.close_async()

    app = Taskora(f"{watched.url}{login}s%25crot", prefix=prefix)
    with pytest.raises(AdapterError, match="no sentinel says") as caught:
        await app.connect_async()
    assert "password" in str(caught.value)
    assert "crot" not in str(caught.value)
    await app.close_async()


async def test_a_sentinel_that_is_taken_for_a_server_is_explained(watched: Watched) -> None:
    app = Taskora(f"redis://127.0.0.1:{watched.sentinels[0].port}")
    with pytest.raises(AdapterError, match=r"a sentinel.*redis\+sentinel://"):
        await app.connect_async()
    await app.close_async()


async def test_work_goes_on_when_sentinels_die_and_come_back(watched: Watched, prefix: str, app: Taskora) -> None:
    first, *others = watched.sentinels
    for sentinel in (first, others[0]):
        sentinel.kill()
    late = doubling(Taskora(watched.url, prefix=prefix))
    assert await late.tasks["double"].dispatch(6).result_async(timeout=30) == 12
    # With none left nobody finds the master, but those who have found it go on.
    others[1].kill()
    done = (await app.inspect().stats_async("double")).completed
    await app.tasks["double"].dispatch(7)
    await wait_until_async(lambda: is_done(app, done + 1), 30)
    with pytest.raises(AdapterError, match="no sentinel says who the master is"):
        await Taskora(watched.url, prefix=prefix).connect_async()
    for sentinel in watched.sentinels:
        sentinel.start()
    await late.close_async()
    await asyncio.to_thread(wait_until, lambda: bool(watched.master), 30.0)
