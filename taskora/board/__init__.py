"""A dashboard of what an application's jobs do, and the means to act on them."""
