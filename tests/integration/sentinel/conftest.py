"""One master, two replicas and three sentinels, for all tests of a file."""

import os
from collections.abc import Iterator

import pytest

from support import FLAVORS, Flavor, find_binary
from support.sentinels import Watched

# Confirmed is what all replicas may have; a master that they have left confirms nothing more.
IN_STEP = ("--min-replicas-to-write", "2", "--min-replicas-max-lag", "10")


# Both servers' sentinels are one program in two editions: the second is tried when a run may take longer.
TRIED = FLAVORS if os.environ.get("TASKORA_SENTINEL") else FLAVORS[:1]


@pytest.fixture(scope="module", params=TRIED)
def shared_watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    flavor: Flavor = request.param
    if find_binary(flavor) is None:
        message = f"{flavor}-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{message}, and CI must test on it")
        pytest.skip(message)
    with Watched(flavor, args=IN_STEP) as watched:
        yield watched


@pytest.fixture
def watched(shared_watched: Watched) -> Watched:
    """Whole and without data, at the beginning of each test."""
    shared_watched.wait_until_whole()
    shared_watched.flush()
    return shared_watched
