"""Measures the engine beside a bare loop over the same scripts: `make bench`."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from bare import BareLoop
from engine import enqueue_rate, latencies_ms, process_rate

from taskora.connection.embedded import EmbeddedServer
from taskora.connection.endpoint import Endpoint
from taskora.connection.wire import BlockingWire


def main() -> None:
    """Run the scenarios and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="A server to measure on; its database is EMPTIED. Default: an embedded one.")
    parser.add_argument("--jobs", type=int, default=20_000, help="Jobs of a run.  [default: 20000]")
    parser.add_argument("--rounds", type=int, default=5, help="Rounds; medians are printed.  [default: 5]")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.url:
        figures = measure(options.url, options.jobs, options.rounds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            server = EmbeddedServer(folder)
            server.ensure()
            try:
                figures = measure(f"embedded://{folder}", options.jobs, options.rounds)
            finally:
                server.release()
                server.stop()
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"{'scenario':34s} {'engine':>10s} {'bare loop':>10s} {'ratio':>6s}")
    for name, (ours, bare, ratio) in figures.items():
        print(f"{name:34s} {ours:>10,.3f} {bare:>10,.3f} {ratio:>6.2f}" if ratio else f"{name:34s} {ours:>10,.3f}")


def measure(url: str, jobs: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Run every scenario, engine and bare loop in turns; returns medians of both and of their pairwise ratios."""
    raw = url if not url.startswith("embedded:") else _raw(url)
    figures: dict[str, tuple[float, float, float]] = {}
    for batch in (1, 50, 500):
        count = jobs if batch > 1 else jobs // 5
        figures[f"enqueue, {batch} a call, jobs/s"] = _pairs(
            raw,
            rounds,
            partial(enqueue_rate, url, count, batch),
            partial(BareLoop.fill, jobs=count, batch=batch),
        )
    for concurrency in (1, 10, 100):
        count = jobs if concurrency > 1 else jobs // 5
        figures[f"process, concurrency {concurrency}, jobs/s"] = _pairs(
            raw,
            rounds,
            partial(_processed, url, concurrency, count),
            partial(_drained, jobs=count, batch=concurrency),
        )
    _flush(raw)
    seen = asyncio.run(latencies_ms(url, 500))
    for percent in (50, 95, 99):
        figures[f"dispatch to handler, p{percent}, ms"] = (seen[len(seen) * percent // 100], 0.0, 0.0)
    return figures


def _processed(url: str, concurrency: int, jobs: int) -> float:
    return asyncio.run(process_rate(url, concurrency, jobs))


def _drained(bare: BareLoop, jobs: int, batch: int) -> float:
    bare.fill(jobs, 500)
    return bare.drain(jobs, batch)


def _pairs(
    url: str, rounds: int, ours: Callable[[], float], bare: Callable[[BareLoop], float]
) -> tuple[float, float, float]:
    pairs: list[tuple[float, float]] = []
    loop = BareLoop(url)
    for _ in range(rounds):
        _flush(url)
        mine = ours()
        _flush(url)
        pairs.append((mine, bare(loop)))
    loop.close()
    ratios = [mine / theirs for mine, theirs in pairs]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        statistics.median(ratios),
    )


def _raw(url: str) -> str:
    return f"unix://{EmbeddedServer.from_url(url).ensure().path}"


def _flush(url: str) -> None:
    wire = BlockingWire(Endpoint.from_url(url))
    wire.exchange([("FLUSHDB",)])
    wire.close()


if __name__ == "__main__":
    main()
