"""What counts as the same failure."""

import pytest

from taskora.dead_letters import fingerprint


@pytest.mark.parametrize(
    ("message", "mark"),
    [
        ("no account 17", "no account #"),
        ("user 018f3c7e-5b7a-7c3d-9a51-0123456789ab is gone", "user # is gone"),
        ("object at 0x7f3a2c", "object at #"),
        ("commit 9fceb02d0ae598e95dc970b74767f19372d61af8 is bad", "commit # is bad"),
        ("took 1.25 s from 10.0.0.7:6379", "took # s from #:#"),
        ("first line\nsecond line", "first line"),
        ("  \n", ""),
        ("defaced facade", "defaced facade"),
    ],
)
def test_numbers_and_ids_do_not_tell_failures_apart(message: str, mark: str) -> None:
    assert fingerprint(message) == mark


def test_a_long_message_is_cut() -> None:
    assert len(fingerprint("x" * 100_000)) == 200
