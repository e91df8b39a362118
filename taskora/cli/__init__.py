"""The command `taskora`.

- the way in: `main`, with `target` (which application or server) and `exits` (what exit codes mean)
- what is shown: `screen` (results and errors), `table`, `progress`
- one module a command: `demo`, `dispatch`, `wait`, `inspect`, `job`, `graph`, `workflows`, `workers`, `schedules`,
  `doctor` (its checks: `checks`), `bench`
"""
