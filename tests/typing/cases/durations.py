"""A trivial case: the harness reports a wrong argument and leaves a right one alone."""

import math

math.floor(1.5)
math.floor("1.5")  # error: mypy,pyright
