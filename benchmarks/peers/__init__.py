"""Other task queues, each in one file that runs in an environment of its own (`NAME.txt` has its pinned packages).

- `script`: what such a file offers, `__main__`: the command line of all
- `marks`: how a worker of a peer tells how long single jobs took to reach it

Each has its results stored, and the settings that its documentation recommends for many short jobs.
"""
