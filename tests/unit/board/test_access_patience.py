"""Guessing passwords is slow, costs little memory, and locks nobody out."""

import pytest

from taskora.board.access.patience import Failures, Patience, Places, neighbours


class Clock:
    def __init__(self) -> None:
        self.at_s = 1000.0

    def __call__(self) -> float:
        return self.at_s


def test_the_wait_doubles_up_to_ten_seconds() -> None:
    patience = Patience()
    waits = [patience.failed("10.0.0.1", "bob") for _ in range(8)]
    assert waits == [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert all(patience.failed("10.0.0.1", "bob") == 10 for _ in range(5000))


def test_attempts_on_one_name_from_many_addresses_are_counted_together() -> None:
    patience = Patience()
    assert [patience.failed(f"10.0.0.{number}", "Bob" if number % 2 else "bob") for number in range(3)] == [0.5, 1, 2]


def test_attempts_on_many_names_from_one_address_are_counted_together() -> None:
    patience = Patience()
    assert [patience.failed("10.0.0.1", f"bob{number}") for number in range(3)] == [0.5, 1, 2]


def test_others_do_not_wait() -> None:
    patience = Patience()
    for _ in range(5):
        patience.failed("10.0.0.1", "bob")
    assert patience.failed("10.0.0.2", "eve") == 0.5


def test_signing_in_clears_the_name_and_not_the_address() -> None:
    patience = Patience()
    for _ in range(3):
        patience.failed("10.0.0.1", "bob")
    patience.succeeded("BOB")
    assert patience.failed("10.0.0.2", "bob") == 0.5
    assert patience.failed("10.0.0.1", "eve") == 4


def test_failures_are_forgotten_after_a_while() -> None:
    clock = Clock()
    patience = Patience(clock)
    for _ in range(3):
        patience.failed("10.0.0.1", "bob")
    clock.at_s += 15 * 60 + 1
    assert patience.failed("10.0.0.1", "bob") == 0.5


def test_what_is_remembered_is_bounded_and_the_longest_unseen_goes_first() -> None:
    failures = Failures(most=3)
    for name in ("a", "b", "c", "a", "d"):
        failures.add(name)
    assert len(failures) == 3
    assert (failures.add("a"), failures.add("b")) == (3, 1)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "", True),
        ("testclient", "other", False),
    ],
)
def test_addresses_of_one_owner_count_as_one(first: str, second: str, same: bool) -> None:
    assert (neighbours(first) == neighbours(second)) is same


def test_places_are_bounded_for_one_address_and_in_all() -> None:
    places = Places(most=3, most_from_one=2)
    with places.take("a") as first, places.take("a") as second, places.take("a") as third:
        assert (first, second, third) == (True, True, False)
        with places.take("b") as fourth, places.take("c") as fifth:
            assert (fourth, fifth) == (True, False)
    with places.take("a") as again:
        assert again


def test_a_place_is_free_again_after_an_error() -> None:
    places = Places(most=1)
    with pytest.raises(RuntimeError), places.take("a"):
        raise RuntimeError
    with places.take("a") as again:
        assert again
