"""The ceiling: two minimal scripts in the stored layout, called in a loop, with no engine around them.

It retries nothing, limits nothing, repeats nothing safely, and forgets a job that dies with it. `loop` is the loop,
`waking` measures how soon it gets a single job, `source` takes part in a run.
"""
