"""Any graph, run in any order, with repetitions: every node once, and the result that plain Python computes."""

import asyncio
import json
import random
import zlib
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.adapters import NoServer, adapter_on
from conformance.kit import TASK, Kit, done
from support import Server
from taskora.ids import new_id
from taskora.model import Settled, Want
from taskora.workflow_model import Plan, PlanNode


@dataclass(frozen=True)
class Shape:
    """A graph: for each node its dependencies, whether it has a payload of its own, and whether one input is a list."""

    nodes: tuple[tuple[tuple[int, ...], bool, bool], ...]
    terminal: tuple[int, ...]
    as_list: bool
    seed: int


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    count = draw(st.integers(1, 30))
    nodes: list[tuple[tuple[int, ...], bool, bool]] = []
    for at in range(count):
        deps = draw(st.lists(st.integers(0, at - 1), unique=True, max_size=6)) if at else []
        nodes.append((tuple(deps), draw(st.booleans()) or not deps, len(deps) == 1 and draw(st.booleans())))
    followed = {dep for deps, _, _ in nodes for dep in deps}
    ends = [at for at in range(count) if at not in followed]
    # The ends of every branch are terminal, as in a composition; others may be too.
    extra = draw(st.lists(st.sampled_from(range(count)), max_size=2, unique=True))
    terminal = tuple(draw(st.permutations([*ends, *(at for at in extra if at not in ends)])))
    return Shape(tuple(nodes), terminal, len(terminal) == 1 and draw(st.booleans()), draw(st.integers(0, 2**32)))


def handler(index: int, data: str) -> str:
    """What a node makes of its payload: short, and different for any other payload."""
    return "null" if index % 7 == 6 else json.dumps([index, zlib.crc32(data.encode())])


def evaluate(shape: Shape) -> tuple[list[str], str]:
    """Returns the payload of each node and the result of the whole."""
    inputs: list[str] = []
    results: list[str] = []
    for index, (deps, bound, as_list) in enumerate(shape.nodes):
        if bound:
            data = str(index)
        elif len(deps) == 1 and not as_list:
            data = results[deps[0]]
        else:
            data = "[" + ",".join(results[dep] for dep in deps) + "]"
        inputs.append(data)
        results.append(handler(index, data))
    if len(shape.terminal) == 1 and not shape.as_list:
        return inputs, results[shape.terminal[0]]
    return inputs, "[" + ",".join(results[end] for end in shape.terminal) + "]"


async def run(kit: Kit, shape: Shape) -> None:
    nodes = tuple(
        PlanNode(TASK, new_id(), deps, str(at).encode() if bound else None, as_list=as_list)
        for at, (deps, bound, as_list) in enumerate(shape.nodes)
    )
    flow = Plan(new_id(), "random", nodes, shape.terminal, as_list=shape.as_list)
    inputs, result = evaluate(shape)
    index = {each.job_id: at for at, each in enumerate(nodes)}
    rng = random.Random(shape.seed)
    lanes = [kit.lane(new_id()) for _ in range(2)]
    await kit.create(flow)
    ran: list[int] = []
    held: list[Settled] = []
    settled: list[Settled] = []
    while len(settled) < len(nodes):
        jobs = (await rng.choice(lanes).step([], [Want(TASK, rng.randint(1, 5))])).jobs
        for job in jobs:
            assert job.data is not None
            at = index[job.job_id]
            assert job.data.decode() == inputs[at]
            ran.append(at)
            held.append(done(job, handler(at, job.data.decode()).encode()))
        rng.shuffle(held)
        cut = rng.randint(0 if jobs else 1, len(held)) if held else 0
        batch, held = held[:cut], held[cut:]
        again = rng.sample(settled, min(len(settled), rng.randint(0, 3)))
        reply = await rng.choice(lanes).step([*batch, *again], [])
        assert set(reply.lost) == {each.job.job_id for each in again}
        settled += batch
        if rng.random() < 0.1:
            await kit.create(flow)
    assert sorted(ran) == list(range(len(nodes)))
    outcome = await kit.adapter.workflows.workflow_outcome(flow.workflow_id).run_async()
    assert outcome is not None
    assert (outcome.state, outcome.result) == ("completed", result.encode())
    assert await kit.claim(lanes[0], 5) == []
    for lane in lanes:
        await lane.close()


def test_any_graph_in_any_order_runs_every_node_once_and_gives_the_right_result(
    server: Server | NoServer, prefix: str
) -> None:
    with asyncio.Runner() as runner:
        kit = Kit(adapter_on(server, prefix))
        try:

            @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
            @given(shapes())
            def check(shape: Shape) -> None:
                runner.run(run(kit, shape))

            check()
        finally:
            runner.run(kit.close())
            runner.run(kit.adapter.close_async())
