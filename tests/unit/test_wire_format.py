"""What other processes, also of other versions and languages, rely on: names of keys and both version numbers.

A failure here means that running systems would no longer understand each other. Such a change needs a new wire version
and a way to get there.
"""

from taskora.adapters.redis import handshake
from taskora.keys import RESERVED_IDS, Keys

PLAIN, PREFIXED = Keys(), Keys("shop")


def test_the_version_record_is_frozen() -> None:
    assert (handshake.WIRE_VERSION, handshake.MIN_COMPAT, handshake.WRITTEN_BY) == (6, 6, "taskora-wire-6")


def test_the_names_of_keys_are_frozen() -> None:
    assert PLAIN.root == "taskora"
    assert PREFIXED.root == "taskora:shop"
    assert PLAIN.task("mail") == "taskora:{mail}"
    assert PREFIXED.task("mail") == "taskora:shop:{mail}"
    assert PREFIXED.job("mail", "1") == "taskora:shop:{mail}:1"
    assert PREFIXED.marker("mail") == "taskora:shop:{mail}:marker"
    assert PREFIXED.events("mail") == "taskora:shop:{mail}:events"
    assert PREFIXED.cancel_channel("mail") == "taskora:shop:{mail}:cancel"
    assert PREFIXED.workflow("w") == "taskora:shop:wf:{w}"
    assert PLAIN.own("meta") == "taskora:meta"
    assert PREFIXED.own("migration:lock") == "taskora:shop:migration:lock"


def test_ids_that_would_be_taken_for_a_key_of_the_task_stay_refused() -> None:
    shared = {
        "wait", "prioritized", "active", "delayed", "completed", "failed", "expired", "cancelled", "events", "stalled",
        "marker", "cancel", "conc", "debounce", "throttle", "dedup", "collect", "metrics",
    }  # fmt: skip
    assert shared <= RESERVED_IDS
