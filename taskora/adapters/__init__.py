"""Where jobs are kept: the Adapter protocol and its implementations."""
