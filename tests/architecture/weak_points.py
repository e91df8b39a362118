"""Weak points of the first implementation of the shared layout, and the tests that show that ours are not there.

The keys are those that the names of tests and the page on the layout use.
"""

from typing import Final

from architecture.decisions import ADAPTER, ALL, ENGINE, FLEET, HOUSE

FLOW: Final = "integration/flow"
LIMITS: Final = "integration/limits"

WEAK_POINTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "W1": ("a job that ended is swept", (f"{ALL}/test_recovery.py::test_a_job_that_was_settled_is_never_swept",)),
    "W2": (
        "a key is let go twice",
        (
            f"{LIMITS}/test_keys.py::test_w2_every_outcome_lets_go_of_the_key_once",
            f"{LIMITS}/test_keys.py::test_w2_recovery_reclaim_and_sweep_let_go_once_and_the_job_goes_first",
        ),
    ),
    "W3": (
        "locks are not renewed while a worker drains",
        (f"{FLEET}/test_changes.py::test_in_a_drain_of_several_leases_no_job_is_run_a_second_time",),
    ),
    "W4": (
        "a job that was claimed at the end, or with a lost reply, waits for its lock",
        (
            f"{ENGINE}/test_draining.py::test_a_job_claimed_while_the_worker_stops_is_given_back",
            f"{ADAPTER}/test_ownership.py::test_jobs_of_a_claim_whose_reply_was_lost_are_given_back_at_the_front",
        ),
    ),
    "W5": (
        "a handler works on and reports after its timeout",
        (
            f"{ENGINE}/test_timeouts.py::test_a_job_over_its_time_is_over_soon_and_the_next_one_runs",
            (
                f"{ENGINE}/test_timeouts.py::"
                "test_w5_what_a_handler_reports_after_its_timeout_is_not_written_into_the_run_that_followed"
            ),
        ),
    ),
    "W6": (
        "a lost lock does not end the handler",
        (f"{ENGINE}/test_leases.py::test_a_lost_lock_aborts_the_run_and_nothing_is_written",),
    ),
    "W7": (
        "a flagged job completes, or its flag ends a later run",
        (
            f"{ALL}/test_cancelling.py::test_a_flagged_job_ends_as_cancelled_whatever_its_outcome",
            f"{ALL}/test_dead_letters.py::test_a_cancelled_job_is_queued_without_its_cancel",
        ),
    ),
    "W9": (
        "others write on while the store is migrated",
        (f"{ADAPTER}/test_outages.py::test_connecting_waits_while_somebody_migrates",),
    ),
    "W10": (
        "a blocked job starves the others",
        (f"{LIMITS}/test_keys.py::test_w10_a_blocked_job_stops_no_other_key_and_no_priority_and_is_popped_once",),
    ),
    "W11": (
        "a blocked job with a priority starves lower ones, and loses its place",
        (f"{LIMITS}/test_keys.py::test_w11_a_blocked_priority_job_lets_lower_ones_pass_and_keeps_its_place",),
    ),
    "W12": (
        "jobs without a priority starve those that have one",
        (f"{ALL}/test_order.py::test_a_higher_priority_runs_first_then_the_older",),
    ),
    "W13": (
        "promotion reverses the order",
        (
            f"{ALL}/test_order.py::test_due_jobs_run_in_the_order_in_which_they_were_due",
            f"{ALL}/test_order.py::test_more_due_jobs_than_one_promotion_takes_are_all_promoted_without_waiting",
        ),
    ),
    "W14": (
        "live jobs wait behind expired ones",
        (f"{LIMITS}/test_expiry.py::test_w14_a_claim_passes_two_thousand_expired_jobs_and_the_next_goes_on",),
    ),
    "W15": (
        "a job of a newer version goes round in circles",
        (
            (
                f"{ENGINE}/test_malformed.py::"
                "test_a_newer_payload_is_left_for_another_worker_uncharged_and_without_a_loop"
            ),
        ),
    ),
    "W16": (
        "a workflow is not advanced when its worker dies",
        (
            f"{HOUSE}/test_chores.py::test_what_a_dead_worker_owed_a_workflow_is_done",
            "faults/test_script_boundaries.py::test_a_process_that_dies_around_a_script_loses_nothing",
        ),
    ),
    "W17": (
        "nodes are marked before their jobs exist",
        (
            f"{HOUSE}/test_mending.py::test_a_node_that_was_marked_and_never_enqueued_is_with_all_its_input",
            f"{FLEET}/test_faults.py::test_a_producer_that_dies_around_a_dispatch_leaves_a_whole_workflow_or_none",
        ),
    ),
    "W18": (
        "whoever waits for a failed workflow hangs",
        (f"{ALL}/test_waiting.py::test_the_bad_end_of_a_workflow_reaches_who_waits",),
    ),
    "W19": (
        "roots outlive their workflow",
        (f"{ALL}/test_workflows.py::test_cancelling_reaches_roots_that_run_and_that_wait",),
    ),
    "W20": (
        "some ends of a node never reach its workflow",
        (
            f"{ALL}/test_workflows.py::test_every_way_in_which_a_node_ends_reaches_the_workflow",
            f"{LIMITS}/test_expiry.py::test_an_expired_node_fails_its_workflow",
        ),
    ),
    "W21": (
        "a deadline dies with its producer",
        (f"{HOUSE}/test_chores.py::test_a_workflow_past_its_deadline_is_cancelled_with_its_jobs",),
    ),
    "W22": (
        "workflows are kept for ever, and searched for",
        (
            f"{HOUSE}/test_chores.py::test_ended_workflows_are_trimmed",
            "integration/inspector/test_costs.py::test_nothing_walks_through_the_keys",
        ),
    ),
    "W23": (
        "an empty result breaks the next step",
        (
            f"{ALL}/test_workflows.py::test_a_missing_result_is_null_wherever_it_goes",
            f"{ADAPTER}/test_interop.py::test_an_empty_result_of_a_foreign_handler_is_null_to_its_successors",
        ),
    ),
    "W24": (
        "advancing costs the size of the graph",
        (f"{ADAPTER}/test_wide_workflows.py::test_a_node_of_a_ten_times_larger_group_costs_no_more",),
    ),
    "W24b": (
        "a chunk gives its last part only",
        ("unit/workflows/test_flattening.py::test_a_chunk_ends_with_all_of_its_batches",),
    ),
    "W25": (
        "a job between two attempts does not hold its key, or takes another's along",
        (
            f"{ALL}/test_rules.py::test_w25_a_job_between_two_attempts_holds_its_key",
            f"{ALL}/test_rules.py::test_w25_a_job_that_ends_leaves_the_key_of_another_alone",
        ),
    ),
    "W26": (
        "keys of deduplication stay for ever",
        (
            f"{FLOW}/test_deduplicate.py::test_w26_a_key_dies_with_its_job",
            f"{LIMITS}/test_expiry.py::test_w26_an_expired_job_gives_its_deduplication_key_back",
        ),
    ),
    "W27": (
        "an item between promotion and claim breaks its batch",
        (f"{ALL}/test_rules.py::test_w27_an_item_that_comes_between_promotion_and_claim_joins_the_batch_that_waits",),
    ),
    "W28": (
        "a batch gets a second sentinel",
        (
            f"{ALL}/test_rules.py::test_w28_a_batch_that_no_worker_took_for_long_is_still_the_only_one_of_its_key",
            f"{FLOW}/test_collect_races.py::test_w28_of_two_sentinels_the_first_takes_all_and_no_waiter_hangs",
        ),
    ),
    "W29": (
        "a cancelled sentinel leaves its items",
        (f"{ALL}/test_rules.py::test_w29_a_batch_is_cancelled_with_its_items_and_the_next_item_begins_another",),
    ),
    "W30": (
        "a handle of a replaced job never ends",
        (
            (
                f"{FLOW}/test_debounce.py::"
                "test_w30_whoever_waits_for_a_replaced_job_gets_the_result_of_the_one_that_replaced_it"
            ),
        ),
    ),
    "W31": (
        "counters of keys go astray",
        (
            f"{LIMITS}/test_processes.py::test_w31_a_limit_holds_over_four_processes_that_are_killed",
            (
                f"{LIMITS}/test_random_limits.py::"
                "test_w31_in_any_program_counters_are_their_holders_and_nobody_waits_for_ever"
            ),
        ),
    ),
    "W32": (
        "a window of a throttle is fixed: kept, and said",
        (f"{FLOW}/test_throttle.py::test_w32_a_window_begins_with_its_first_dispatch_and_is_fixed",),
    ),
    "W33": (
        "waits without an end",
        (
            f"{ALL}/test_every_wait_ends.py::test_whoever_waits_is_told_at_once_of_what",
            f"{ALL}/test_every_wait_ends.py::test_whoever_waits_for_what_is_gone_or_never_was_is_told_so",
        ),
    ),
    "W34": ("no result is an error", ("unit/workflows/test_handle.py::test_an_empty_text_is_no_result",)),
    "W35": (
        "slow readers miss events",
        (
            f"{ADAPTER}/test_waiter.py::test_a_reader_that_a_trimmed_stream_overtook_still_tells_all",
            "integration/events/test_listeners.py::test_a_reader_that_was_overtaken_says_so_once_and_goes_on",
        ),
    ),
    "W36": (
        "an event tells of a later attempt",
        (
            f"{ALL}/test_events.py::test_an_event_tells_what_was_true_when_it_happened_although_it_is_read_late",
            "integration/events/test_listeners.py::test_each_failed_run_is_told_with_its_own_attempt_and_error",
        ),
    ),
    "W37": (
        "a late report brings a job's keys back",
        (
            f"{ALL}/test_ownership.py::test_only_the_owner_of_a_job_reports_for_it",
            f"{ENGINE}/test_leases.py::test_what_a_run_that_lost_its_lock_still_reports_is_not_written",
        ),
    ),
    "W38": (
        "a due schedule is taken out before it fires",
        (
            f"{HOUSE}/test_schedule_ticks.py::test_a_crash_between_the_job_and_the_move_fires_nothing_twice",
            (
                f"{HOUSE}/test_schedule_ticks.py::"
                "test_a_broken_schedule_is_logged_once_left_in_place_and_holds_nobody_up"
            ),
        ),
    ),
    "W39": (
        "a start resets, resumes or forgets a schedule",
        ("integration/schedules/test_management.py::test_a_restart_neither_resets_nor_resumes_nor_forgets",),
    ),
    "W40": (
        "nobody leads for a while after an orderly end",
        (f"{HOUSE}/test_leadership.py::test_a_stopped_leader_hands_over_at_once",),
    ),
    "W41": (
        "a run counts as dispatched that was not",
        (f"{HOUSE}/test_schedule_ticks.py::test_a_crash_between_the_job_and_the_move_fires_nothing_twice",),
    ),
    "W42": (
        "a run that waits does not keep the next one away",
        (
            (
                f"{HOUSE}/test_schedule_ticks.py::"
                "test_a_previous_job_that_has_not_ended_keeps_the_next_from_being_dispatched"
            ),
        ),
    ),
    "W43": (
        "a change resumes a paused schedule",
        ("integration/schedules/test_management.py::test_an_update_leaves_a_paused_schedule_paused",),
    ),
    "W44": (
        "retention does not keep up",
        (
            f"{HOUSE}/test_chores.py::test_w44_no_round_of_retention_rests_before_everything_is_trimmed",
            f"{HOUSE}/test_chores.py::test_retention_keeps_up_with_a_burst_of_20000",
        ),
    ),
    "W45": (
        "expired and cancelled jobs are kept for ever",
        (f"{HOUSE}/test_chores.py::test_retention_covers_every_ended_state_of_tasks_that_only_others_know",),
    ),
    "W46": (
        "lists read logs",
        ("integration/inspector/test_costs.py::test_a_page_of_jobs_costs_one_command_a_job_and_no_logs",),
    ),
    "W47": (
        "a sweep of thousands fails",
        (f"{ALL}/test_order.py::test_a_sweep_of_thousands_of_jobs_loses_none",),
    ),
    "W48": (
        "long lists are walked from the far end",
        (f"{ADAPTER}/test_cost.py::test_w48_a_job_is_settled_from_the_nearer_end_of_a_long_list_of_running_ones",),
    ),
    "W49": (
        "lists search the keyspace",
        ("integration/inspector/test_costs.py::test_nothing_walks_through_the_keys",),
    ),
    "W50": (
        "throughput counts a part",
        ("integration/inspector/test_inspector.py::test_throughput_counts_what_ended_by_the_minute",),
    ),
    "W51": (
        "a large batch is one script",
        (f"{ALL}/test_enqueueing.py::test_a_batch_larger_than_one_call_keeps_its_order_and_its_answers",),
    ),
    "W52": (
        "one damaged value spoils a list",
        (f"{ADAPTER}/test_interop.py::test_one_unreadable_value_spoils_no_listing",),
    ),
    "W53": (
        "many first calls greet the server at once",
        (
            f"{ADAPTER}/test_outages.py::test_a_burst_of_first_calls_opens_few_connections_to_greet",
            f"{ADAPTER}/test_outages.py::test_another_layout_is_refused",
        ),
    ),
    "W54": (
        "clients' clocks decide",
        ("integration/clocks/test_host_clock.py::test_setting_a_hosts_clock_changes_nothing",),
    ),
    "W55": (
        "a retried job dies of its last life",
        (f"{ALL}/test_dead_letters.py::test_w55_nothing_of_its_last_life_ends_a_job_that_is_queued_anew",),
    ),
    "W57": (
        "some failures are not counted, and what is counted may be lost; expiries and cancellations have no rate",
        (
            f"{ADAPTER}/test_shape.py::test_ends_are_counted_by_the_minute_for_a_day",
            f"{ALL}/test_reading.py::test_w57_failures_by_crashes_and_stalls_and_late_outcomes_are_counted_too",
            f"{ADAPTER}/test_shape.py::test_w57_cancelled_and_expired_jobs_are_counted_in_the_form_of_the_others",
            f"{ALL}/test_counted_ends.py::test_w57_a_cancelled_job_is_counted_whatever_it_did",
            f"{ALL}/test_counted_ends.py::test_w57_what_has_ended_is_not_counted_again_by_a_cancel",
            f"{ALL}/test_counted_ends.py::test_w57_jobs_of_a_cancelled_workflow_are_counted",
            f"{ALL}/test_counted_ends.py::test_w57_an_expired_job_is_counted_by_the_claim_that_meets_it",
            f"{ALL}/test_counted_ends.py::test_w57_an_expired_job_is_counted_when_it_falls_due",
            f"{ALL}/test_counted_ends.py::test_w57_many_that_end_at_once_are_all_counted_each_with_its_task",
            f"{ADAPTER}/test_cost.py::test_w57_jobs_that_complete_or_expire_are_counted_together",
        ),
    ),
}

NOT_OURS: Final = {
    "W8": "we migrate no store: one of an older layout is refused",
    "W56": "it is about a board in the browser",
}
