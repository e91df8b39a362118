"""How a call finds the nodes of a cluster that hold its keys, told by answers that a test makes up."""

from collections.abc import Callable, Sequence
from typing import Any

import hiredis
import pytest

from taskora.connection import cluster as module
from taskora.connection.cluster import Answers, Cluster, Round, Routing, on_slot
from taskora.connection.endpoint import Endpoint
from taskora.connection.request import Command, Disconnected, Replies, ScriptCall
from taskora.connection.slots import SLOTS, Node, SlotMap, hash_tag, read_redirect, slot_of
from taskora.errors import AdapterError
from taskora.lua import load

A, B, C = Node("a", 1), Node("b", 2), Node("c", 3)
MAP = [[0, 8191, [b"a", 1, b"id"], [b"x", 9, b"replica"]], [8192, SLOTS - 1, [b"b", 2, b"id"]]]
LOW, HIGH = "{2}k", "{1}k"  # keys of a and of b
Answer = Callable[[Node, Sequence[Command | ScriptCall]], Replies | Disconnected]


def known(flavor: str = "") -> Cluster:
    cluster = Cluster([Endpoint(host="a", port=1)], flavor)
    cluster.learn([*MAP], A)
    return cluster


def error(text: str) -> Exception:
    return hiredis.ReplyError(text)


def run(cluster: Cluster, request: Sequence[Command | ScriptCall], answer: Answer) -> tuple[Replies, list[Round]]:
    """Drives the rounds, without waiting."""
    steps = Routing(cluster, request).rounds()
    rounds: list[Round] = []
    try:
        step = next(steps)
        while True:
            if not isinstance(step, Round):
                step = next(steps)
                continue
            rounds.append(step)
            answers: Answers = {node: answer(node, part) for node, part in step.parts.items()}
            step = steps.send(answers)
    except StopIteration as end:
        return end.value, rounds


@pytest.mark.parametrize(
    ("key", "tag"),
    [("plain", "plain"), ("a:{b}:c", "b"), ("{}x", "{}x"), ("a{b", "a{b"), ("a}b{c}", "c"), ("{a}{b}", "a"),
     ("{{a}}", "{a")],
)  # fmt: skip
def test_the_tag_of_a_key_is_what_its_first_braces_hold(key: str, tag: str) -> None:
    assert hash_tag(key) == tag


def test_slots_are_those_that_servers_compute() -> None:
    # By CLUSTER KEYSLOT.
    assert [slot_of(key) for key in ("foo", "{user1000}.following", "123456789")] == [12182, 3443, 12739]
    assert (slot_of(LOW), slot_of(HIGH)) == (5649, 9842)


def test_a_redirection_is_read() -> None:
    assert read_redirect(error("MOVED 3999 127.0.0.1:6381")) == (True, 3999, ("127.0.0.1", 6381))
    assert read_redirect(error("ASK 1 [::1]:6381")) == (False, 1, ("::1", 6381))
    assert read_redirect(error("MOVED 1 :6381")) == (True, 1, ("", 6381))
    for other in ("ERR MOVED", "MOVED x y", "MOVED 1 host:port", "TRYAGAIN"):
        assert read_redirect(error(other)) is None


def test_a_map_names_the_owner_of_each_slot_and_takes_the_asked_host_for_one_without_a_name() -> None:
    slots = SlotMap()
    slots.read([[0, 5, [b"", 1, b"id"]], [6, 9, [None, 2, b"id"]], [10, 10, [b"?", 3, b"id"]]], Node("asked", 7))
    assert [slots.owner(slot) for slot in (0, 9, 10, 11)] == [("asked", 1), ("asked", 2), ("asked", 3), None]
    assert slots.slot_of_each() == [0, 6, 10]


def test_what_lies_in_one_slot_is_sent_to_its_node_as_it_is() -> None:
    replies, rounds = run(known(), [("GET", LOW), ("TTL", LOW)], lambda _, part: [part[0][0], part[1][0]])
    assert replies == ["GET", "TTL"]
    assert rounds == [Round({A: [("GET", LOW), ("TTL", LOW)]}, True)]


def test_what_lies_on_several_nodes_is_divided_and_answered_in_its_order() -> None:
    request: list[Command] = [("GET", HIGH), ("GET", LOW), ("GET", "{1}other")]
    replies, rounds = run(known(), request, lambda node, part: [f"{node.host}{at}" for at in range(len(part))])
    assert replies == ["b0", "a0", "b1"]
    assert [round_.whole for round_ in rounds] == [False]


def test_the_map_is_read_first_from_another_node_if_one_does_not_answer() -> None:
    cluster = Cluster([Endpoint(host="gone", port=1), Endpoint(host="a", port=1)])

    def answer(node: Node, part: Sequence[Any]) -> Replies | Disconnected:
        if node.host == "gone":
            return Disconnected("refused")
        return [MAP] if part[0] == ("CLUSTER", "SLOTS") else ["value"]

    replies, rounds = run(cluster, [("GET", LOW)], answer)
    assert replies == ["value"]
    assert [next(iter(round_.parts)).host for round_ in rounds] == ["gone", "a", "a"]


def test_a_server_that_is_no_cluster_is_refused_with_the_remedy() -> None:
    cluster = Cluster([Endpoint(host="a", port=1)])
    with pytest.raises(AdapterError, match="no node of a cluster; use a URL with redis://"):
        run(cluster, [("GET", LOW)], lambda _node, _part: [error("ERR This instance has cluster support disabled")])


def test_a_slot_that_has_moved_is_followed_and_remembered() -> None:
    cluster = known()

    def answer(node: Node, part: Sequence[Any]) -> Replies:
        return ["value"] if node == C else [error(f"MOVED {slot_of(LOW)} c:3")]

    assert run(cluster, [("GET", LOW)], answer)[0] == ["value"]
    _, rounds = run(cluster, [("GET", LOW)], answer)
    assert list(rounds[0].parts) == [C]
    assert C in cluster.map.masters


def test_only_what_was_redirected_is_sent_again() -> None:
    def answer(node: Node, part: Sequence[Any]) -> Replies:
        if node == A:
            return ["kept", error(f"MOVED {slot_of(LOW)} c:3")]
        return ["moved"] * len(part)

    replies, rounds = run(known(), [("INCR", LOW), ("GET", LOW)], answer)
    assert replies == ["kept", "moved"]
    assert rounds[1].parts == {C: [("GET", LOW)]}


def test_a_command_is_asked_of_the_node_that_its_slot_moves_to() -> None:
    def answer(node: Node, part: Sequence[Any]) -> Replies:
        return ["OK", "value"] if node == C else [error(f"ASK {slot_of(LOW)} c:3")]

    cluster = known()
    replies, rounds = run(cluster, [("GET", LOW)], answer)
    assert replies == ["value"]
    assert rounds[1].parts == {C: [("ASKING",), ("GET", LOW)]}
    assert cluster.map.owner(slot_of(LOW)) == A, "the slot is still where it was"


@pytest.mark.parametrize("call", [ScriptCall(load("cancel"), [LOW], ()), ("BZPOPMIN", LOW, "{2}other", 1)])
def test_what_needs_all_of_its_keys_waits_for_the_end_of_a_move(call: Command | ScriptCall) -> None:
    times: list[Node] = []

    def answer(node: Node, _: Sequence[Any]) -> Replies:
        times.append(node)
        return ["done"] if len(times) > 3 else [error(f"ASK {slot_of(LOW)} c:3")]

    assert run(known(), [call], answer)[0] == ["done"]
    assert times == [A] * 4


def test_a_move_that_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)
    call = ScriptCall(load("cancel"), [LOW], ())
    with pytest.raises(AdapterError, match=f"slot {slot_of(LOW)} is being moved"):
        run(known(), [call], lambda _node, _part: [error(f"ASK {slot_of(LOW)} c:3")])


def test_a_node_that_is_lost_costs_one_call_and_a_look_at_the_map() -> None:
    cluster = known()
    cluster._read_at_s = float("-inf")  # pyright: ignore[reportPrivateUsage] - read long ago
    with pytest.raises(Disconnected, match="reset"):
        run(cluster, [("GET", LOW)], lambda _node, _part: Disconnected("reset"))
    assert not cluster.is_known
    assert cluster.candidates()[-1] == A, "the lost one is asked last"


@pytest.mark.parametrize("text", ["CLUSTERDOWN Hash slot not served", "READONLY You can't write", "LOADING"])
def test_a_node_that_cannot_serve_its_slot_makes_the_map_doubtful(text: str) -> None:
    cluster = known()
    cluster._read_at_s = float("-inf")  # pyright: ignore[reportPrivateUsage] - read long ago
    replies, _ = run(cluster, [("GET", LOW)], lambda _node, _part: [error(text)])
    assert str(replies[0]) == text
    assert not cluster.is_known


def test_a_command_without_keys_goes_to_any_node_or_to_the_one_that_is_named() -> None:
    request: list[Command] = [("PING",), on_slot(slot_of(HIGH), "INFO"), on_slot(0, "TIME")]
    _, rounds = run(known(), request, lambda _, part: ["x"] * len(part))
    assert rounds[0].parts == {A: [("PING",), ("TIME",)], B: [("INFO",)]}


def test_scripts_are_those_of_a_cluster_and_name_a_key_that_never_exists() -> None:
    request = [ScriptCall(load("cancel"), [LOW], ("x",)), ScriptCall(load("lead"), ["{2}lock"], ())]
    _, rounds = run(known("cluster"), request, lambda _, part: ["x"] * len(part))
    (cancel, lead) = (item for item in rounds[0].parts[A] if isinstance(item, ScriptCall))
    assert cancel.script.source.startswith("#!lua flags=allow-oom\n")
    assert cancel.keys == [LOW], "the base of a task is no key"
    assert lead.keys == ("{2}lock", "{2}lock:none")


def test_masked_urls_name_all_seeds_and_no_secret() -> None:
    seeds = [Endpoint(host=host, port=6379, username="u", password="secret") for host in ("a", "b")]
    assert Cluster(seeds).masked == "redis+cluster://u:***@a:6379,b:6379"
