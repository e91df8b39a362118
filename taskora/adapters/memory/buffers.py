"""What is collected for batches."""

from __future__ import annotations

from taskora.adapters.memory.store import Job, Queue


def take_buffer(queue: Queue, batch: Job) -> None:
    """Turn the job that stands for a buffer into its batch; nothing happens to any other."""
    if not batch.collect_key:
        return
    buffer = queue.buffers.pop(batch.collect_key, None)
    if buffer is not None:
        batch.data = b"[" + b",".join(buffer.items) + b"]"
    batch.collect_key = ""
