"""`python -m taskora.supervisor`."""

from .command import main

main()
