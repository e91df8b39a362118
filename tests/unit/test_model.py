"""Ids and states."""

import os
import threading
import time
import uuid

from taskora.ids import new_id
from taskora.model import TERMINAL, State


def test_an_id_is_a_uuid_of_version_seven() -> None:
    for _ in range(200):
        text = new_id()
        value = uuid.UUID(text)
        assert (str(value), value.version, value.variant) == (text, 7, uuid.RFC_4122)


def test_an_id_begins_with_the_time_at_which_it_was_made() -> None:
    before_ms = time.time_ns() // 1_000_000
    made_ms = uuid.UUID(new_id()).int >> 80
    assert before_ms <= made_ms <= time.time_ns() // 1_000_000


def test_ids_sort_by_the_time_they_were_made_within_the_millisecond_too() -> None:
    ids: list[str] = []
    for _ in range(2000):
        ids.append(new_id())
        time.sleep(1e-6)
    assert ids == sorted(ids)


def test_ids_made_at_once_in_many_threads_differ() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(new_id() for _ in range(5000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job_id for into in made for job_id in into}) == 20_000


def test_a_forked_process_makes_other_ids_than_its_parent() -> None:
    new_id()  # has prepared others by now
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, new_id().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    assert uuid.UUID(theirs).version == 7
    assert theirs[-16:] != new_id()[-16:]


def test_the_states_are_those_of_the_wire() -> None:
    assert {state.value for state in State} == {
        "waiting", "delayed", "active", "retrying", "completed", "failed", "expired", "cancelled",
    }  # fmt: skip
    assert {state for state in State if state.terminal} == TERMINAL
    assert {state.value for state in TERMINAL} == {"completed", "failed", "expired", "cancelled"}
