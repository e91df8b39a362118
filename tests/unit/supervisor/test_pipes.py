"""Lines over pipes, and the process helpers beneath."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from taskora.supervisor.beats import Beats
from taskora.supervisor.fork import ForkFromThreadsError, require_one_thread
from taskora.supervisor.memory import resident_bytes
from taskora.supervisor.orphan import end_siblings
from taskora.supervisor.pipes import LineReader, LineWriter, encode
from taskora.supervisor.process import start_ticks
from taskora.supervisor.retirement import Retirement, Step
from taskora.supervisor.sources import SourceWatch


def at_end(reader: LineReader) -> bool:
    return reader.closed


def test_lines_arrive_whole_however_they_are_cut() -> None:
    read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
    reader = LineReader(read_fd)
    data = encode({"a": 1}) + b"no json\n" + encode({"b": "ü"}) + b"[1]\n"
    got: list[dict[str, object]] = []
    for byte in data:
        os.write(write_fd, bytes([byte]))
        got += reader.read()
    assert got == [{"a": 1}, {"b": "ü"}]
    assert not at_end(reader)
    os.close(write_fd)
    assert reader.read_lines() == []
    assert at_end(reader)
    reader.close()
    reader.close()


def test_a_writer_never_blocks_and_gives_up_on_a_reader_that_never_reads() -> None:
    read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
    writer = LineWriter(write_fd)
    sent = 0
    while writer.send({"n": sent, "filler": "x" * 1000}) and sent < 5000:
        sent += 1
    assert 1000 < sent < 5000
    reader = LineReader(read_fd)
    got = reader.read()
    while writer.flush() and (more := reader.read()):
        got += more
    assert [message["n"] for message in got] == list(range(len(got)))
    reader.close()
    assert not writer.send({"n": -1}) or not writer.flush()
    writer.close()


def test_a_process_with_threads_may_not_fork() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(ForkFromThreadsError, match="threads and cannot fork"):
            require_one_thread()
    finally:
        done.set()
        thread.join()


def test_memory_is_pss_and_else_rss(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    assert resident_bytes(7, tmp_path) is None
    (folder / "status").write_text("Name:\tx\nVmRSS:\t  300 kB\n")
    assert resident_bytes(7, tmp_path) == 300 * 1024
    (folder / "smaps_rollup").write_text("00-ff ---p [rollup]\nRss: 300 kB\nPss: 200 kB\nPss_Dirty: 9 kB\n")
    assert resident_bytes(7, tmp_path) == 200 * 1024
    assert (resident_bytes(os.getpid()) or 0) > 1_000_000


def test_the_way_down_is_drain_interrupt_kill_each_once() -> None:
    way = Retirement.begin("stop", 0.0)
    now_ns = way.due_ns
    assert way.advance(now_ns - 1, 2.0) is None
    assert way.advance(now_ns, 2.0) is Step.INTERRUPT
    assert way.advance(now_ns + 1, 2.0) is None
    assert way.advance(now_ns + 2_000_000_000, 2.0) is Step.KILL
    assert way.advance(now_ns + 9_000_000_000, 2.0) is None


def test_hurrying_shortens_the_drain_only() -> None:
    way = Retirement.begin("stop", 60.0)
    way.hurry()
    now_ns = way.due_ns
    assert way.advance(now_ns, 2.0) is Step.INTERRUPT
    way.hurry()
    assert way.due_ns == now_ns + 2_000_000_000


def test_siblings_that_do_not_end_are_killed_and_a_reused_id_is_left_alone() -> None:
    beats = Beats(slots=4, cells=4)
    with (
        subprocess.Popen(["sleep", "60"]) as stubborn,
        subprocess.Popen(["sleep", "60"]) as other,
        subprocess.Popen(["sleep", "0.05"]) as obedient,
    ):
        for index, process in enumerate((stubborn, obedient, other)):
            beats.cell(index).assign(slot=index, role="worker", generation=1)
            beats.cell(index).born(process.pid, start_ticks(process.pid) or 0)
            beats.cell(index).worker = f"w{index}"
        # As if the id of a process that ended had passed to one that is none of ours.
        beats.cell(2).born(other.pid, 1)
        ended = end_siblings(beats, os.getpid(), grace_s=0.3)
        assert {(one.worker, one.killed) for one in ended} == {("w0", True), ("w1", False)}
        assert stubborn.wait(2) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_changed_files_are_reported_once_and_after_they_kept_still(tmp_path: Path) -> None:
    def look() -> bool:
        time.sleep(max(0.0, (watch.due_ns() - time.monotonic_ns()) / 1e9))
        return watch.changed()

    (tmp_path / "a.py").write_text("1")
    for skipped in (".venv", "__pycache__"):
        (tmp_path / skipped).mkdir()
    watch = SourceWatch(tmp_path)
    assert not look()
    (tmp_path / ".venv" / "b.py").write_text("1")
    (tmp_path / "notes.txt").write_text("1")
    assert not look()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.py").write_text("1")
    assert not look()
    assert look()
    assert not look()
