"""The graph that a composition becomes: indexes, dependencies, data, names."""

import time
from collections.abc import Callable

import pytest

from taskora.config import Retry, TaskOptions, Ttl
from taskora.errors import ConfigError, ValidationError
from taskora.workflow_model import Plan
from taskora.workflows import Bound, Signature, bind, chain, chord, chunk_items, group, map_items
from unit.workflows.fakes import NO_BOUND, NO_SIGNATURES, FakeEngine, FakeTask


def planned(flow: Bound[object]) -> Plan:
    """What would be stored; the application of every task here is a fake that keeps plans."""
    task = flow.composition.traits.task
    assert task is not None
    assert isinstance(task.engine, FakeEngine)
    _ = flow.dispatch()
    return task.engine.plans[-1]


def deps(plan: Plan) -> list[list[int]]:
    return [list(node.deps) for node in plan.nodes]


def tasks(plan: Plan) -> str:
    return "".join(node.task for node in plan.nodes)


def data(plan: Plan) -> list[bytes | None]:
    return [node.data for node in plan.nodes]


def test_the_worked_example_of_the_layout(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chain(a.bound(1), group(a.s(), chain(a.s(), b.s())), b.s(), group(a.s(9), b.s())))
    assert deps(plan) == [[], [0], [0], [2], [1, 3], [4], [4]]
    assert plan.terminal == (5, 6)
    assert plan.name == "chain(a → group(a, chain(a → b)) → b → group(a, b))"
    assert tasks(plan) == "aaabbab"
    assert data(plan) == [b"1", None, None, None, None, b"9", None]
    assert plan.as_list
    assert not any(node.as_list for node in plan.nodes)


def test_a_single_step_is_a_workflow_of_one_node(a: FakeTask) -> None:
    plan = planned(a.bound({"x": 1}))
    assert (deps(plan), plan.terminal, plan.name, plan.as_list) == ([[]], (0,), "a", False)


def test_a_chord_waits_for_its_whole_header(a: FakeTask, b: FakeTask, c: FakeTask) -> None:
    plan = planned(chord([chain(a.bound(1), b.s()), chain(a.bound(2), b.s())], c.s()))
    assert deps(plan) == [[], [0], [], [2], [1, 3]]
    assert plan.name == "chord(chain(a → b), chain(a → b) → c)"
    assert plan.terminal == (4,)
    assert not plan.as_list


def test_a_chord_takes_a_group_as_its_header(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chord(group(a.bound(1), a.bound(2)), b.s()))
    assert (deps(plan), plan.name) == ([[], [], [0, 1]], "chord(a, a → b)")


def test_a_chord_as_a_step_hands_its_input_to_its_header(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chain(a.bound(1), chord([b.s(), b.s()], a.s()), b.s()))
    assert (deps(plan), plan.name) == ([[], [0], [0], [1, 2], [3]], "chain(a → chord(b, b → a) → b)")


def test_pipes_and_chains_are_the_same(a: FakeTask, b: FakeTask) -> None:
    for flow in (a.bound(1) | b.s() | a.s(), a.bound(1).pipe(b.s()).pipe(a.s()), chain(a.bound(1), b.s()) | a.s()):
        plan = planned(flow)
        assert (deps(plan), plan.name) == ([[], [0], [1]], "chain(a → b → a)")


def test_a_chain_takes_a_list_alone_or_after_a_first_step(a: FakeTask, b: FakeTask) -> None:
    for flow in (chain([a.bound(1), b.s(), b.s()]), chain(a.bound(1), [b.s(), b.s()])):
        plan = planned(flow)
        assert (deps(plan), plan.name) == ([[], [0], [1]], "chain(a → b → b)")


def test_a_composition_can_be_used_twice(a: FakeTask, b: FakeTask) -> None:
    start = a.bound(1) | b.s()
    first, second = planned(start | a.s()), planned(start | b.s())
    assert (tasks(first), tasks(second)) == ("aba", "abb")
    ids = [node.job_id for plan in (first, second) for node in plan.nodes]
    assert len(set(ids)) == len(ids)


def test_a_bound_step_waits_but_keeps_its_data(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chain(group(a.bound(1), a.bound(2)), b.bound(None)))
    assert (deps(plan), data(plan)) == ([[], [], [0, 1]], [b"1", b"2", b"null"])
    assert not plan.nodes[2].as_list


def test_members_without_data_share_their_input(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chain(group(a.bound(1), a.bound(2)), group(b.s(), b.s())))
    assert deps(plan) == [[], [], [0, 1], [0, 1]]
    assert plan.nodes[2].deps is plan.nodes[3].deps


def test_a_group_of_one_is_handed_on_and_given_as_a_list(a: FakeTask, b: FakeTask) -> None:
    for one in (group(a.bound(1)), group([a.bound(1)]), map_items(a, [1])):
        plan = planned(one)
        assert (plan.terminal, plan.as_list) == ((0,), True)
        plan = planned(one | b.s())
        assert [node.as_list for node in plan.nodes] == [False, True]
        assert not plan.as_list
    assert planned(chord([a.bound(1)], b.s())).nodes[1].as_list


def test_map_is_a_group_and_chunk_a_chain_of_groups(a: FakeTask) -> None:
    plan = planned(map_items(a, range(3)))
    assert (deps(plan), plan.terminal, plan.name) == ([[], [], []], (0, 1, 2), "group(a, a, a)")
    plan = planned(chunk_items(a, range(5), 2))
    assert deps(plan) == [[], [], [0, 1], [0, 1], [2, 3]]
    assert plan.name == "chain(group(a, a) → group(a, a) → group(a))"
    assert planned(chunk_items(a, range(2), 2)).name == "group(a, a)"


def test_a_chunk_ends_with_all_of_its_batches(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chunk_items(a, range(5), 2) | b.s())
    assert plan.nodes[5].deps == (0, 1, 2, 3, 4)
    assert planned(chunk_items(a, range(5), 2)).terminal == (0, 1, 2, 3, 4)
    assert planned(chunk_items(a, [7], 2)).as_list
    assert planned(chord(chunk_items(a, range(3), 1), b.s())).nodes[3].deps == (0, 1, 2)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_a_chunk_of_no_size_is_refused(a: FakeTask, size: int) -> None:
    with pytest.raises(ConfigError, match=r"^size: "):
        chunk_items(a, [1], size)


def test_nodes_carry_what_their_tasks_say(engine: FakeEngine) -> None:
    task = FakeTask("t", engine, TaskOptions(retry=Retry(attempts=4), version=3, ttl=Ttl("90s")))
    node = planned(task.bound(1)).nodes[0]
    assert (node.version, node.max_attempts, node.ttl_ms) == (3, 4, 90_000)


def test_a_deadline_and_a_name_are_the_callers(engine: FakeEngine, a: FakeTask) -> None:
    _ = a.bound(1).dispatch(ttl="5m", name="ingest")
    assert (engine.plans[-1].deadline_ms, engine.plans[-1].name) == (300_000, "ingest")
    with pytest.raises(ConfigError, match=r"^ttl: must be more than 0"):
        _ = a.bound(1).dispatch(ttl=0)
    with pytest.raises(ConfigError, match=r"^ttl: "):
        _ = a.bound(1).dispatch(ttl="soon")
    with pytest.raises(ConfigError, match=r"^name: "):
        _ = a.bound(1).dispatch(name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a wrong caller


def test_a_derived_name_is_cut(a: FakeTask) -> None:
    name = planned(map_items(a, range(500))).name
    assert len(name) == 200
    assert name.startswith("group(a, a, ")
    assert name.endswith("…")


# Empty groups


def test_an_empty_group_alone_has_no_nodes(a: FakeTask) -> None:
    for empty in (map_items(a, []), chunk_items(a, [], 3)):
        plan = planned(empty)
        assert (plan.nodes, plan.terminal, plan.as_list, plan.name) == ((), (), True, "group()")


def test_a_step_after_an_empty_group_gets_an_empty_list_and_keeps_its_place(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chain(a.bound(1), group(NO_SIGNATURES), b.s(), a.s()))
    assert (deps(plan), data(plan)) == ([[], [0], [1]], [b"1", b"[]", None])
    plan = planned(chain(a.bound(1), group(NO_SIGNATURES), group(b.s(), a.bound(2))))
    assert (deps(plan), data(plan)) == ([[], [0], [0]], [b"1", b"[]", b"2"])
    plan = planned(chain(map_items(a, []), b.s()))
    assert (deps(plan), data(plan)) == ([[]], [b"[]"])


def test_an_empty_chord_header_hands_on_an_empty_list(a: FakeTask) -> None:
    plan = planned(chord(NO_BOUND, a.s()))
    assert (deps(plan), data(plan), plan.name) == ([[]], [b"[]"], "chord( → a)")


def test_a_task_that_takes_no_list_refuses_an_empty_group(engine: FakeEngine, a: FakeTask) -> None:
    number = FakeTask("number", engine, takes=int)
    with pytest.raises(ValidationError, match="number"):
        _ = chain(a.bound(1), group(NO_SIGNATURES), number.s()).dispatch()


def test_an_empty_member_adds_nothing_to_wait_for(a: FakeTask, b: FakeTask) -> None:
    plan = planned(chain(a.bound(1), group(b.s(), group(NO_SIGNATURES)), a.bound(2)))
    assert deps(plan) == [[], [0], [1]]
    plan = planned(chain(a.bound(1), group(group(NO_SIGNATURES), group(NO_SIGNATURES)), a.bound(2)))
    assert deps(plan) == [[], [0]]


def test_an_empty_group_at_the_end_still_waits(a: FakeTask) -> None:
    plan = planned(chain(a.bound(1), group(NO_SIGNATURES)))
    assert (plan.terminal, plan.as_list) == ((0,), True)


# What is refused


def test_a_first_step_without_data_is_named(a: FakeTask, b: FakeTask) -> None:
    flows: list[Signature[object, object]] = [b.s(), chain(b.s(), a.s()), b.s() | a.s(), group(a.bound(1), b.s())]
    for flow in flows:
        assert not isinstance(flow, Bound)
        for method in ("dispatch", "graph", "to_json", "to_mermaid", "to_dot"):
            with pytest.raises(ConfigError, match=r"task 'b': the first step of a workflow needs data"):
                getattr(flow, method)()
    with pytest.raises(ConfigError, match="task 'b'"):
        chain([b.s(), a.s()])


def test_what_is_bound_can_be_dispatched_whatever_made_it(a: FakeTask, b: FakeTask) -> None:
    parts = (chain(a.bound(1), b.s()), group(a.bound(1), b.bound(2)), chord([a.bound(1)], b.s()), a.bound(1) | b.s())
    assert all(isinstance(part, Bound) for part in parts)
    assert isinstance(chain(a.s(), parts[0]), Signature)
    assert not isinstance(chain(a.s(), parts[0]), Bound)


def test_tasks_of_two_applications_do_not_mix(a: FakeTask) -> None:
    stranger = FakeTask("x", FakeEngine())
    mixed: list[Callable[[], object]] = [
        lambda: chain(a.bound(1), stranger.s()),
        lambda: a.bound(1) | stranger.s(),
        lambda: group(a.bound(1), stranger.bound(1)),
        lambda: chord([a.bound(1)], stranger.s()),
    ]
    for compose in mixed:
        with pytest.raises(ConfigError, match="'a' and 'x' belong to different applications"):
            compose()


def test_what_is_no_signature_is_refused_with_advice(a: FakeTask) -> None:
    wrong: list[object] = [3, None, "b", lambda: None]
    for value in wrong:
        for compose in (chain, group):
            with pytest.raises(ConfigError, match=rf"^{compose.__name__}: expected a signature, got "):
                compose(a.bound(1), value)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType] - a wrong caller
        with pytest.raises(ConfigError, match=r"^pipe: expected a signature"):
            a.bound(1) | value  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression] - a wrong caller
    with pytest.raises(ConfigError, match="needs at least one step"):
        chain([])
    with pytest.raises(ConfigError, match="header is not a group"):
        chord(a.bound(1), a.s())


def test_a_group_in_a_group_is_not_handed_on(a: FakeTask, b: FakeTask) -> None:
    nested = group(a.bound(1), group(a.bound(2), a.bound(3)))
    handed_on: list[Callable[[], object]] = [
        lambda: nested | b.s(),
        lambda: chain(nested, b.s()),
        lambda: chain(nested, group(b.bound(1), b.s())),
        lambda: chord([group(a.bound(1), a.bound(2))], b.s()),
        lambda: group(a.bound(1), map_items(a, [1, 2])) | b.s(),
        lambda: group(a.bound(1), chain(a.bound(1), group(b.s(), b.s()))) | b.s(),
    ]
    for compose in handed_on:
        with pytest.raises(
            ConfigError, match=r"group: task 'b' would take the results of a group in a group.*one flat"
        ):
            compose()
    assert deps(planned(nested | b.bound(9))) == [[], [], [], [0, 1, 2]]


def test_a_wide_group_after_a_wide_group_is_refused_with_advice(a: FakeTask, b: FakeTask) -> None:
    wide = chain(map_items(a, range(1001)), group([b.s()] * 1000))
    with pytest.raises(
        ConfigError, match=r"task 'b': after its 1,001 predecessors .* 1,000,000 edges.*one step that joins"
    ):
        _ = wide.dispatch()
    joined = chain(map_items(a, range(1001)), a.s(), group([b.s()] * 1000))
    assert len(planned(joined).nodes) == 2002


def test_data_is_checked_and_kept_when_the_step_is_made(engine: FakeEngine) -> None:
    number = FakeTask("number", engine, takes=int)
    with pytest.raises(ValidationError, match="number"):
        bind(number, "three")
    with pytest.raises(ValidationError, match="number"):
        map_items(number, [1, "two"])
    payload = {"x": 1}
    step = bind(FakeTask("t", engine), payload)
    payload["x"] = 2
    assert data(planned(step)) == [b'{"x": 1}']


# Size


def test_ten_thousand_nodes_are_planned_at_once_however_deep(a: FakeTask, b: FakeTask) -> None:
    many = 10_000
    long: Bound[object] = a.bound(1)
    for _ in range(many):
        long = long | b.s()
    right: Signature[object, object] = b.s()
    nest: Bound[object] = a.bound(1)
    boxes: Bound[object] = a.bound(1)
    for _ in range(many):
        right = b.s() | right
        nest = chain(nest, b.s())
        boxes = group(a.bound(1), boxes)
    wide = chord(map_items(a, range(many)), b.s())
    start = time.perf_counter()
    for flow, nodes in ((long, many), (a.bound(1) | right, many + 1), (nest, many), (boxes, many), (wide, many)):
        plan = planned(flow)
        assert len(plan.nodes) == nodes + 1
        assert len(plan.name) == 200
    assert time.perf_counter() - start < 15
