"""SIGHUP, scaling, recycling: replacing children without losing capacity."""

import signal

from acceptance.supervisor.toy_fleet import Event, StartFleet


def least_capacity(events: list[Event], procs: int) -> int:
    """The fewest workers that were ready at once, from the moment when all were."""
    ready: set[int] = set()
    fewest = procs
    full = False
    for event in sorted(events, key=lambda one: one["t_ns"]):
        if event["event"] == "booted":
            ready.add(event["pid"])
        elif event["event"] == "drained":
            ready.discard(event["pid"])
        full = full or len(ready) >= procs
        fewest = min(fewest, len(ready)) if full else fewest
    return fewest


def test_hup_replaces_every_worker_and_the_steward_and_capacity_never_falls(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=3)
    fleet.wait_ready(3)
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("ready", 3, generation=2)
    fleet.program.wait_for_log("rolling restart done")
    assert least_capacity(fleet.events(), 3) >= 3 - 1
    assert fleet.events("steward-ready", generation=2)
    assert len(fleet.events("drained")) == 3
    assert not fleet.events("told")
    assert fleet.stop() == 0


def test_hup_with_one_worker_starts_the_new_one_first(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    fleet.signal(signal.SIGHUP)
    new = fleet.wait_event("booted", generation=2)
    old = fleet.wait_event("drained")
    assert new["t_ns"] < old["t_ns"]
    assert fleet.stop() == 0


def test_a_second_hup_during_a_roll_makes_another_one(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, files={"boot": "slow 0.2"})
    fleet.wait_ready(1)
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("born", generation=2)
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("ready", generation=3)
    assert fleet.stop() == 0


def test_a_new_worker_that_does_not_boot_leaves_the_old_ones_in_place(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2)
    pids = fleet.wait_ready(2)
    fleet.tell("boot", "exit 4")
    fleet.signal(signal.SIGHUP)
    fleet.program.wait_for_log("rolling restart failed")
    (fleet.folder / "boot").unlink()
    assert all(fleet.alive(pid) for pid in pids)
    assert len(fleet.events("born", generation=2)) == 1
    # And the next one works again.
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("ready", 2, generation=3)
    assert fleet.stop() == 0


def test_a_new_worker_that_never_gets_ready_is_killed_at_the_boot_deadline(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, boot_timeout_s=0.5)
    (old,) = fleet.wait_ready(1)
    fleet.tell("boot", "never")
    fleet.signal(signal.SIGHUP)
    fleet.program.wait_for_log("rolling restart failed")
    assert fleet.alive(old)
    assert "boot-timeout" in fleet.program.log()
    assert "in _boot" in fleet.program.log(), "the stacks of the one that hung at boot are missing"
    assert fleet.stop() == 0


def test_term_in_the_middle_of_a_roll_ends_everything(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2)
    fleet.wait_ready(2)
    fleet.tell("boot", "never")
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("born", generation=2)
    assert fleet.stop(4) == 0


def test_ttin_and_ttou_change_the_number_of_workers_and_an_idle_one_leaves(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    (busy,) = fleet.wait_ready(1)
    fleet.signal(signal.SIGTTIN)
    fleet.wait_event("ready", 2)
    fleet.tell("do-0", "job 60")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    fleet.signal(signal.SIGTTOU)
    assert fleet.wait_event("drained")["pid"] != busy
    fleet.signal(signal.SIGTTOU)
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("ready", generation=2)
    assert fleet.alive(busy), "the last worker was given up, or a busy one interrupted"
    fleet.signal(signal.SIGTERM)
    fleet.signal(signal.SIGINT)
    assert fleet.program.wait(5) == 0


def test_the_steward_can_ask_for_more_workers_and_for_a_roll(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    fleet.tell("do-steward", "scale 3")
    fleet.wait_event("ready", 3)
    fleet.tell("do-steward", "roll")
    fleet.wait_event("ready", 3, generation=2)
    assert fleet.stop() == 0


def test_a_worker_that_has_done_its_jobs_is_recycled_uncounted_and_unannounced(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, max_jobs=100)
    fleet.wait_ready(1)
    fleet.tell("do-0", "done 89")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "not taken")
    fleet.tell("do-0", "done 111")
    fleet.wait_event("ready", 2)
    fleet.wait_event("drained")
    fleet.tell("do-steward", "beats")
    assert fleet.wait_event("beats")["records"][0][0] == 0
    assert fleet.stop() == 0
    assert not fleet.events("told")


def test_a_worker_that_grew_too_big_ends_before_its_replacement_starts(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, max_rss_bytes=80_000_000)
    fleet.wait_ready(2)
    fleet.tell("do-0", "eat 120")
    new = fleet.wait_event("born", 2, slot=0)
    assert fleet.events("drained", slot=0)[0]["t_ns"] < new["t_ns"]
    assert "recycle:memory" in fleet.program.log()
    assert len(fleet.events("ready", slot=1)) == 1
    assert fleet.stop() == 0


def test_a_worker_that_wants_to_end_is_drained_and_replaced(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    fleet.tell("do-0", "wants-end")
    fleet.wait_event("ready", 2)
    fleet.wait_event("drained")
    assert fleet.stop() == 0
    assert not fleet.events("told")


def test_changed_sources_roll_the_fleet_in_reload_mode(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, reload=True)
    fleet.wait_ready(1)
    (fleet.folder / "app.py").write_text("version = 2\n")
    fleet.wait_event("ready", generation=2)
    assert fleet.stop() == 0
