"""A task queue on Redis and Valkey: sync and async tasks, workflows as graphs, a supervised fleet of processes."""
