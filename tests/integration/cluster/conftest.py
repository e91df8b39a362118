"""A cluster of three masters for each xdist worker, and applications on it."""

from collections.abc import Iterator

import pytest

from support import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three masters, empty at the beginning of the module."""
    with Cluster() as running:
        yield running
