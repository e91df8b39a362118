"""The demo: real files, real CPU. Its application is `app`, its fleet `fleet`; the command is `taskora.cli.demo`."""

PREFIX_VARIABLE = "TASKORA_DEMO_PREFIX"
"""Names the prefix of the application's keys in its environment."""
