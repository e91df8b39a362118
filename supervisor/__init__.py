"""The supervisor: a small master that forks workers and a steward, watches them and replaces them.

The master knows processes, not jobs: one thread, selectors, signals, fork and pidfds; no asyncio, no Redis, no user
code.

- the loop: `master`, with `listening` and `signals` for what it waits on
- the fleet: `fleet` of `posts`, each held by one of `children` (a `process` with its pipes and its beat)
- when to act: `health`, `recycling`, `rolling`, `stopping`, `sources`
- births: `nursery` and `fork`; with `--preload`, `incubator` and `zygote`
- what the children see: `seat`, `beats`, `orphan`; their bodies are `child` and `steward`
- the edge: `command`, `options`, `config`, `exitcodes`, `logs`, `notify`, `status`
"""
