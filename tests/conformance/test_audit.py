"""Who did what: an account that is only added to."""

from dataclasses import replace
from typing import Any, cast

import pytest

from conformance.kit import Kit
from taskora import ConfigError, Inspector, Taskora
from taskora.adapters.audit_store import AUDIT_KEPT, AuditEntry


def act(number: int) -> AuditEntry:
    return AuditEntry("ada", "operate", "job.retry", {"task": "mail", "number": number}, count=number)


async def test_an_entry_is_read_as_it_was_written_with_the_servers_time(kit: Kit) -> None:
    before_ms = await kit.now_ms()
    entry = AuditEntry("ädä", "admin", "task.clean", {"task": "mail", "ids": ["1"]}, "refused", 3, "no\nrole")
    written = await kit.adapter.audit.write(entry).run_async()
    (found,) = await kit.adapter.audit.read(10).run_async()
    assert found.at is not None
    assert before_ms <= found.at.timestamp() * 1000 <= await kit.now_ms()
    assert (found.id, found.who, found.role, found.action) == (written, entry.who, entry.role, entry.action)
    assert (found.target, found.outcome, found.count, found.detail) == (entry.target, "refused", 3, "no\nrole")


async def test_pages_go_back_from_the_newest_without_a_gap(kit: Kit) -> None:
    assert await kit.adapter.audit.read(10).run_async() == []
    for number in range(7):
        await kit.adapter.audit.write(act(number)).run_async()
    inspector, seen, before = Inspector(kit.adapter), list[int](), None
    while page := await inspector.audit_async(limit=3, before=before):
        seen += [entry.count for entry in page]
        before = page[-1].id
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    assert await inspector.audit_async(limit=0) == []


async def test_acts_and_refusals_are_read_together_in_pages_of_any_size(kit: Kit) -> None:
    entries = [act(number) if number % 3 else replace(act(number), outcome="refused") for number in range(12)]
    ids = [await kit.adapter.audit.write(entry).run_async() for entry in entries]
    assert len(set(ids)) == len(ids)
    inspector = Inspector(kit.adapter)
    whole = [(entry.id, entry.count, entry.outcome) for entry in await inspector.audit_async()]
    assert sorted(whole) == sorted((made, one.count, one.outcome) for made, one in zip(ids, entries, strict=True))
    for size in (1, 2, 5):
        seen, before = list[tuple[str, int, str]](), None
        while page := await inspector.audit_async(limit=size, before=before):
            seen += [(entry.id, entry.count, entry.outcome) for entry in page]
            before = page[-1].id
        assert seen == whole
    for outcome in ("done", "refused"):
        assert [count for _, count, how in whole if how == outcome] == sorted(
            (entry.count for entry in entries if entry.outcome == outcome), reverse=True
        )
    assert await inspector.audit_async(before="0-0") == []


async def test_what_is_too_long_or_cannot_be_written_is_cut_and_still_noted(kit: Kit) -> None:
    entry = AuditEntry("x" * 10_000, "\ud800", "", {"big": "y" * 100_000}, detail="z" * 10_000)
    await kit.adapter.audit.write(entry).run_async()
    await kit.adapter.audit.write(AuditEntry("ada", "read", "look", {"bad": "\ud800"})).run_async()
    for nothing in (None, 5, object()):
        wrong = cast("Any", nothing)
        await kit.adapter.audit.write(AuditEntry(wrong, wrong, wrong, wrong, detail=wrong)).run_async()
    *_, bad, long = await kit.adapter.audit.read(5).run_async()
    assert (len(long.who), long.role, len(long.detail)) == (200, "?", 2000)
    assert list(long.target) == ["bytes"]
    assert list(bad.target) == ["text"]


async def test_the_oldest_entries_go(kit: Kit) -> None:
    if type(kit.adapter).__name__ != "MemoryAdapter":
        pytest.skip("a server is told the limit with each entry; there it takes too long to reach")
    for number in range(AUDIT_KEPT + 5):
        await kit.adapter.audit.write(act(number)).run_async()
    assert len(await kit.adapter.audit.read(2 * AUDIT_KEPT).run_async()) == AUDIT_KEPT


async def test_refusals_push_out_no_act(kit: Kit) -> None:
    if type(kit.adapter).__name__ != "MemoryAdapter":
        pytest.skip("a server keeps the two under names of their own; it takes too long to fill one")
    await kit.adapter.audit.write(act(1)).run_async()
    for number in range(AUDIT_KEPT + 5):
        await kit.adapter.audit.write(replace(act(number), outcome="refused")).run_async()
    found = await kit.adapter.audit.read(3 * AUDIT_KEPT).run_async()
    assert [entry.outcome for entry in found].count("refused") == AUDIT_KEPT
    assert found[-1].outcome == "done"


@pytest.mark.parametrize("before", ["", "x", "1", "1-", 5, "1-2-3", f"{2**64}-0", "٣-0"])
async def test_what_is_no_id_of_an_entry_is_refused(kit: Kit, before: str) -> None:
    with pytest.raises(ConfigError, match="before"):
        await Inspector(kit.adapter).audit_async(before=before)


def test_an_act_has_one_of_three_outcomes() -> None:
    with pytest.raises(ConfigError, match="outcome"):
        AuditEntry("ada", "admin", "x", outcome="perhaps")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - that is what is refused


async def test_an_erased_prefix_has_no_account(app: Taskora) -> None:
    await app.adapter.audit.write(act(1)).run_async()
    await app.adapter.vitals.erase().run_async()
    assert await app.inspect().audit_async() == []
    await app.close_async()
