"""What an inspector tells of a supervisor that runs."""

from acceptance.fleet.fleets import Harbour, kill
from taskora.fleets import SupervisorInfo


def test_a_supervisor_is_listed_with_its_children_and_the_cause_of_a_restart(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2")

    def listed() -> list[SupervisorInfo]:
        found = [one for one in harbour.app.inspect().supervisors() if one.pid == fleet.pid]
        settled = found and len(found[0].children) == 2 and all(child.rss for child in found[0].children)
        return found if settled else []

    def complete() -> list[SupervisorInfo]:
        return [one for one in listed() if one.leader and {child.state for child in one.children} == {"ready"}]

    first = harbour.wait(complete, "the supervisor is not listed as a leader with two ready children")[0]
    assert [child.slot for child in first.children] == [0, 1]
    assert first.procs == 2
    assert all(child.pss and child.pss <= (child.rss or 0) * 1.5 for child in first.children)
    harbour.wait(
        lambda: any(child.cpu is not None for one in listed() for child in one.children), "their CPU time is not told"
    )
    assert {child.pid for child in first.children} <= set(harbour.children(fleet))

    killed = first.children[0].pid
    kill(killed)

    def replaced() -> list[SupervisorInfo]:
        return [one for one in listed() if one.children[0].pid != killed and one.children[0].restarts == 1]

    now = harbour.wait(replaced, "the replacement is not listed")[0]
    assert now.children[0].last_cause == "signal:9"
    assert (now.children[1].pid, now.children[1].restarts) == (first.children[1].pid, 0)
