"""What an inspector tells of a supervisor that runs."""

from acceptance.fleet.fleets import Harbour, kill
from taskora.fleets import SupervisorInfo


def test_a_supervisor_is_listed_with_its_children_and_the_cause_of_a_restart(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2")

    def listed() -> SupervisorInfo | None:
        found = [one for one in harbour.app.inspect().supervisors() if one.pid == fleet.pid]
        settled = found and len(found[0].children) == 2 and all(child.rss for child in found[0].children)
        return found[0] if settled else None

    def complete() -> SupervisorInfo | None:
        now = listed()
        return now if now and now.leader and {child.state for child in now.children} == {"ready"} else None

    first = harbour.wait(complete, "the supervisor is not listed as a leader with two ready children")
    assert [child.slot for child in first.children] == [0, 1]
    assert {child.pid for child in first.children} <= set(harbour.children(fleet))

    killed = first.children[0].pid
    kill(killed)

    def replaced() -> bool:
        now = listed()
        return now is not None and now.children[0].pid != killed and now.children[0].restarts == 1

    harbour.wait(replaced, "the replacement is not listed")
    now = listed()
    assert now is not None
    assert now.children[0].last_cause == "signal:9"
    assert (now.children[1].pid, now.children[1].restarts) == (first.children[1].pid, 0)
