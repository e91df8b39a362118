"""Measures this library: what `taskora bench` and the benchmarks of the repository have in common.

- what is measured: `catalog` (all scenarios), by subject `dispatching`, `processing`, `latency`, `flows`, `fleets`,
  `footprint`
- where: `stage` (a server and keys), `app`, `fleet` and `gate` (processes), `feeder` (who sends, from another process)
- how: `measure` (sources in turns), `figures` (medians, pairwise ratios, bars), `tally`, `machine`, `report`
  (Markdown and JSON)
"""
