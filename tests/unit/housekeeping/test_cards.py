"""What a process publishes of its tasks."""

import orjson
import pytest

from taskora.config import Keep, Retention, Retry, Stall, TaskOptions, Ttl
from taskora.errors import ConfigError
from taskora.housekeeping import card_of, read_card


def test_a_card_is_read_as_it_was_written() -> None:
    options = TaskOptions(
        retry=Retry(attempts=5), concurrency=7, stall=Stall(interval=0.25, max_count=0), ttl=Ttl(1.5),
        version=4, since=2,
        retention=Retention(completed=Keep(60.0, 5, 0.0), failed=Keep(None, None, 1.0)),
    )  # fmt: skip
    assert read_card(card_of(options)) == options


def test_a_card_has_the_published_form() -> None:
    assert orjson.loads(card_of(TaskOptions())) == {
        "version": 1, "since": 1, "maxAttempts": 1, "concurrency": 1, "ttlMs": None,
        "retention": {
            "completed": {"maxAgeMs": 3_600_000, "maxItems": 100, "minAgeMs": 10_000},
            "failed": {"maxAgeMs": 604_800_000, "maxItems": 300, "minAgeMs": 10_000},
        },
        "stall": {"intervalMs": 30_000, "maxCount": 1},
    }  # fmt: skip


def test_missing_members_take_their_defaults_and_unknown_ones_are_ignored() -> None:
    assert read_card(b'{"later": [1]}') == TaskOptions(stall=Stall(interval=30.0))


@pytest.mark.parametrize(
    "card", [b"", b"[]", b'{"version":"1"}', b'{"retention":[]}', b'{"stall":{"intervalMs":-1}}', b'{"ttlMs":1.5}']
)
def test_a_damaged_card_is_refused(card: bytes) -> None:
    with pytest.raises(ConfigError):
        read_card(card)
