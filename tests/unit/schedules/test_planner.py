"""Which occurrences a due schedule makes up for."""

import uuid

import orjson
import pytest

from taskora.errors import ConfigError
from taskora.schedules.planner import occurrence_id, plan_firing, skip_firing
from taskora.schedules.record import Record, read_record

HOUR_MS = 3_600_000


def record(**members: object) -> Record:
    return read_record(orjson.dumps({"task": "t", "every": 1000, **members}))


@pytest.mark.parametrize(
    ("policy", "now_ms", "occurrences", "next_ms"),
    [
        ("skip", 10_000, [10_000], 11_000),
        ("skip", 10_999, [10_000], 11_000),
        ("skip", 13_500, [10_000], 14_000),
        ("catch-up", 10_000, [10_000], 11_000),
        ("catch-up", 13_000, [10_000, 11_000, 12_000, 13_000], 14_000),
        ("catch-up-limit:2", 13_500, [10_000, 11_000], 14_000),
        ("catch-up-limit:9", 11_500, [10_000, 11_000], 12_000),
    ],
)
def test_the_policy_decides_and_periods_are_counted_from_what_was_planned(
    policy: str, now_ms: int, occurrences: list[int], next_ms: int
) -> None:
    assert plan_firing(record(onMissed=policy), 10_000, now_ms) == (occurrences, next_ms)


def test_occurrences_of_a_cron_schedule_are_its_own_times() -> None:
    hourly = record(every=None, cron="0 * * * *", onMissed="catch-up")
    assert plan_firing(hourly, HOUR_MS, 3 * HOUR_MS + 5) == ([HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS], 4 * HOUR_MS)


def test_planning_again_later_begins_with_the_same_occurrences() -> None:
    for policy in ("skip", "catch-up", "catch-up-limit:3"):
        early = plan_firing(record(onMissed=policy), 10_000, 12_000).occurrences
        late = plan_firing(record(onMissed=policy), 10_000, 60_000).occurrences
        assert late[: len(early)] == early


def test_a_schedule_whose_clock_went_back_is_moved_on_by_one_period() -> None:
    assert plan_firing(record(onMissed="catch-up"), 10_000, 4000) == ([10_000], 11_000)


def test_leaving_out_moves_on_without_a_run() -> None:
    assert skip_firing(record(), 10_000, 13_500) == ([], 14_000)


def test_an_occurrence_has_one_id_of_its_own_that_sorts_by_time() -> None:
    ids = [occurrence_id("s", at_ms) for at_ms in (1, 2, 70_000, 1_732_480_000_000)]
    assert ids == sorted(ids)
    assert len({*ids, *(occurrence_id("other", at_ms) for at_ms in (1, 2))}) == 6
    assert ids == [occurrence_id("s", at_ms) for at_ms in (1, 2, 70_000, 1_732_480_000_000)]
    assert all(uuid.UUID(job_id).version == 7 and uuid.UUID(job_id).variant == uuid.RFC_4122 for job_id in ids)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"[]",
        b"{",
        b'{"every":1}',
        b'{"task":"t"}',
        b'{"task":"t","every":-5}',
        b'{"task":"t","every":1,"onMissed":1}',
    ],
)
def test_what_is_no_schedule_is_refused(stored: bytes) -> None:
    with pytest.raises(ConfigError):
        read_record(stored)


def test_unknown_members_are_written_back() -> None:
    found = record(theirs={"a": [1, None]}, data="x")
    assert orjson.loads(found.with_members(lastRun=7)) == {
        "task": "t", "every": 1000, "theirs": {"a": [1, None]}, "data": "x", "lastRun": 7,
    }  # fmt: skip
