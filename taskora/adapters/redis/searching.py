"""Finding jobs by what is indexed of their payload, in Redis."""

from __future__ import annotations

from typing import NamedTuple

from taskora.adapters.redis.records import LOOKED_AT, job_command, name_of, number, read_job
from taskora.connection.request import Steps
from taskora.keys import Keys
from taskora.model import JobInfo, Page

_FEWEST, _MOST = 100, 500  # entries that are read at a time


class _Place(NamedTuple):
    """An entry: the job, and when it was dispatched."""

    job_id: bytes
    at_ms: int


def found_page(keys: Keys, task: str, entry: str, limit: int, cursor: str) -> Steps[Page]:
    """Read a page of the jobs with an indexed value. See ``JobStore.search``; what has no job any more is dropped."""
    key = f"{keys.task(task)}:ix:{entry}"
    base = f"{keys.task(task)}:".encode()
    last = _read_cursor(cursor)
    jobs: list[JobInfo] = []
    looked_at = 0
    while looked_at < limit + LOOKED_AT:
        wanted = limit - len(jobs)
        count = min(max(wanted, _FEWEST), _MOST)
        places = yield from _behind(key, last, count + 1)
        there = (yield [("HEXISTS", base + place.job_id, "state") for place in places]) if places else []
        gone = [place.job_id for place, exists in zip(places, there, strict=True) if not exists]
        if gone:
            yield [("ZREM", key, *gone)]
        living = [place for place, exists in zip(places, there, strict=True) if exists]
        if len(living) > wanted or len(places) <= count:
            jobs += yield from _read(keys, task, living[:wanted])
            return Page(jobs, _cursor(living[wanted - 1]) if len(living) > wanted else None)
        jobs += yield from _read(keys, task, living)
        last = places[-1]
        looked_at += len(places)
        if len(living) == wanted:
            break
    return Page(jobs, None if last is None else _cursor(last))


def _behind(key: str, last: _Place | None, count: int) -> Steps[list[_Place]]:
    """Read what follows an entry, the newest first."""
    if last is None:
        (flat,) = yield [("ZRANGE", key, 0, count - 1, "REV", "WITHSCORES")]
        return _places(flat)
    until = f"({last.at_ms}"
    same, older = yield [
        ("ZRANGE", key, last.at_ms, last.at_ms, "BYSCORE", "REV", "WITHSCORES"),
        ("ZRANGE", key, until, "-inf", "BYSCORE", "REV", "LIMIT", 0, count, "WITHSCORES"),
    ]
    # What was dispatched in the same millisecond stands in the order of the ids.
    rest = [place for place in _places(same) if place.job_id < last.job_id]
    return [*rest, *_places(older)][:count]


def _read(keys: Keys, task: str, places: list[_Place]) -> Steps[list[JobInfo]]:
    ids = [name for place in places if (name := name_of(place.job_id)) is not None]
    rows = (yield [job_command(keys.job(task, job_id)) for job_id in ids]) if ids else []
    read = (read_job(task, job_id, row) for job_id, row in zip(ids, rows, strict=True))
    return [job for job in read if job is not None]


def _places(flat: list[bytes]) -> list[_Place]:
    return [_Place(name, number(score) or 0) for name, score in zip(flat[::2], flat[1::2], strict=True)]


def _cursor(place: _Place) -> str:
    return f"{place.at_ms}-{place.job_id.decode(errors='replace')}"


def _read_cursor(cursor: str) -> _Place | None:
    at_ms, _, job_id = cursor.partition("-")
    return _Place(job_id.encode(), int(at_ms)) if cursor else None
