"""What a running job reports: its progress and its log."""

import pytest

from conformance.kit import TASK, Kit, done
from taskora.ids import new_id
from taskora.model import Settled


def entry(message: str, **more: str) -> bytes:
    extra = "".join(f',"{key}":{value}' for key, value in more.items())
    return f'{{"level":"info","message":"{message}","timestamp":1795544727026{extra}}}'.encode()


@pytest.mark.parametrize(
    ("raw", "value"), [(b"50", 50), (b"0.5", 0.5), (b'{"done":[1]}', {"done": [1]}), (b"null", None)]
)
async def test_progress_is_read_as_it_was_written(kit: Kit, raw: bytes, value: object) -> None:
    _, job = await kit.started()
    assert await kit.adapter.leases.write_progress(TASK, job.job_id, job.token, raw).run_async()
    assert await kit.adapter.jobs.progress(TASK, job.job_id).run_async() == value
    assert (await kit.job(job.job_id)).progress == value


async def test_the_last_progress_counts_and_outlives_a_retry(kit: Kit) -> None:
    lane, job = await kit.started()
    for value in (b"1", b"2"):
        await kit.adapter.leases.write_progress(TASK, job.job_id, job.token, value).run_async()
    await kit.settle(lane, Settled(job, "retry", b"x"))
    assert (await kit.job(job.job_id)).progress == 2


async def test_log_entries_are_kept_in_order_with_level_and_meta(kit: Kit) -> None:
    lane, job = await kit.started()
    write = kit.adapter.leases.write_logs
    await write(TASK, job.job_id, job.token, [entry("one"), entry("two", meta='{"a":1}')]).run_async()
    await write(TASK, job.job_id, job.token, [entry("three")]).run_async()
    await kit.settle(lane, done(job))
    logs = await kit.adapter.jobs.logs(TASK, job.job_id).run_async()
    assert [(each.level, each.message, each.meta) for each in logs] == [
        ("info", "one", None), ("info", "two", {"a": 1}), ("info", "three", None),
    ]  # fmt: skip
    assert logs[0].timestamp.timestamp() * 1000 == 1795544727026
    assert (await kit.job(job.job_id)).logs == logs


async def test_what_is_no_log_entry_is_left_out(kit: Kit) -> None:
    _, job = await kit.started()
    lines = [b"no json", b"[]", b'{"level":"loud"}', entry("good")]
    await kit.adapter.leases.write_logs(TASK, job.job_id, job.token, lines).run_async()
    logs = await kit.adapter.jobs.logs(TASK, job.job_id).run_async()
    assert [each.message for each in logs] == ["good"]


async def test_only_the_newest_ten_thousand_log_entries_are_kept(kit: Kit) -> None:
    _, job = await kit.started()
    entries = [entry(str(at)) for at in range(12_000)]
    await kit.adapter.leases.write_logs(TASK, job.job_id, job.token, entries).run_async()
    logs = await kit.adapter.jobs.logs(TASK, job.job_id).run_async()
    assert (len(logs), logs[0].message, logs[-1].message) == (10_000, "2000", "11999")


async def test_a_job_that_does_not_exist_reported_nothing(kit: Kit) -> None:
    assert await kit.adapter.jobs.progress(TASK, new_id()).run_async() is None
    assert await kit.adapter.jobs.logs(TASK, new_id()).run_async() == []
    assert await kit.adapter.jobs.job(TASK, new_id()).run_async() is None
    assert await kit.adapter.jobs.outcome(TASK, new_id()).run_async() is None
