"""A worker's identity is its own, whoever had its host and its process id before."""

import os

from taskora.worker import worker_identity


def test_two_workers_of_one_process_have_different_identities() -> None:
    one, other = worker_identity(), worker_identity()
    assert one.split(":")[:2] == other.split(":")[:2]
    assert one.split(":")[1] == str(os.getpid())
    assert one != other
    # A dot ends it in a lock, braces begin a slot, and it is part of keys.
    assert not {".", "{", "}", " "} & {*one}
