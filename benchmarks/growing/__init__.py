"""What a load that lies beside the work, a long life, or nothing to do costs.

- `costs`: CPU time of the server and of this process, and the clock, for a piece of work
- `works`: the work that is measured; `loads`: what lies beside it; `crowd`: a process full of idle workers
- `pairs`: with and without a load in turns; `nodes` (workflows) and `payloads`, which are compared in the same way
- `idle` and `memory`: what a fleet without jobs takes, and what a worker keeps of many jobs
- `verdict`: what is held against what
"""
