"""Rules that were made because breaking them lost, repeated or delayed jobs, and the tests that fail without them."""

from typing import Final

FLEET: Final = "acceptance/fleet"
ALL: Final = "conformance"
ADAPTER: Final = "integration/adapter"
ENGINE: Final = "integration/engine"
HOUSE: Final = "integration/housekeeping"

DECISIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "token": (
        "a lock's value is unique to its claim",
        (
            f"{ALL}/test_ownership.py::test_every_claim_has_a_token_of_its_own_that_names_its_worker",
            f"{ALL}/test_ownership.py::test_a_late_settle_of_an_earlier_claim_by_the_same_worker_is_refused",
            "unit/engine/test_identity.py::test_two_workers_of_one_process_have_different_identities",
            f"{ADAPTER}/test_ownership.py::test_what_one_lane_of_a_worker_read_says_nothing_of_another_ones_claims",
        ),
    ),
    "fence": (
        "recovery keeps the dead worker's identity from claiming, in the script that moves its jobs",
        (
            f"{ADAPTER}/test_ownership.py::test_a_claim_sent_before_the_fence_claims_nothing_after_recovery",
            f"{ALL}/test_recovery.py::test_a_worker_without_jobs_is_fenced_too",
            f"{FLEET}/test_kills.py::test_a_claim_that_a_dead_worker_had_sent_claims_nothing_after_its_recovery",
        ),
    ),
    "wake-key": (
        "a worker's own key ends its own wait and no other's",
        (
            f"{ALL}/test_waking.py::test_wake_ends_the_wait_of_this_worker_and_of_no_other",
            f"{ALL}/test_waking.py::test_a_wake_before_the_wait_is_not_lost_and_ends_one_wait_only",
        ),
    ),
    "silent-claim": (
        "a silent worker is kept from claiming until it beats again",
        (
            f"{FLEET}/test_kills.py::test_a_stopped_child_claims_nothing_more_and_goes_on_when_continued",
            f"{FLEET}/test_kills.py::test_a_steward_that_died_while_a_worker_was_silent_leaves_no_fence_behind",
            "unit/supervisor/test_silence.py::test_who_is_silent_is_kept_from_claiming_once_and_freed_once",
        ),
    ),
    "draining": (
        "who drains is kept from claiming, by what it sent before too, and gives back what its last claim brought",
        (
            f"{ALL}/test_recovery.py::test_a_draining_worker_claims_nothing_and_still_settles",
            f"{ALL}/test_recovery.py::test_a_steward_does_not_end_the_draining_of_its_worker",
            f"{ENGINE}/test_draining.py::test_a_job_claimed_while_the_worker_stops_is_given_back",
        ),
    ),
    "lost-reply-claim": (
        "what a claim brought whose reply never came is put back at the front, and its old connection claims no more",
        (
            f"{ADAPTER}/test_ownership.py::test_jobs_of_a_claim_whose_reply_was_lost_are_given_back_at_the_front",
            f"{ADAPTER}/test_ownership.py::test_bytes_of_a_connection_that_was_given_up_claim_nothing",
            f"{ADAPTER}/test_ownership.py::test_a_lane_that_is_closed_after_a_cut_claim_leaves_no_job_behind",
        ),
    ),
    "order-of-recovery": (
        "kill, reap, fence, recover; never on silence alone",
        (
            (
                "acceptance/supervisor/test_replacement.py::"
                "test_the_steward_is_told_after_the_reaping_that_an_unexpected_death_is_charged"
            ),
            "unit/supervisor/test_silence.py::test_these_are_left_alone",
            "unit/supervisor/test_silence.py::test_who_is_to_end_is_not_freed",
            f"{FLEET}/test_kills.py::test_a_child_that_stays_stopped_is_killed_and_its_jobs_run_again_uncharged",
        ),
    ),
    "lost-reply-settle": (
        "a settle may be sent again; after an outage a lock that ran out is taken again while the job is still ours",
        (
            f"{ADAPTER}/test_ownership.py::test_a_settle_whose_reply_was_lost_may_be_repeated",
            f"{ALL}/test_ownership.py::test_a_settle_after_the_lock_ran_out_is_accepted_while_nobody_took_the_job",
            f"{ALL}/test_ownership.py::test_a_settle_is_refused_when_the_lock_that_ran_out_was_a_later_claims",
            f"{ENGINE}/test_leases.py::test_a_lock_that_ran_out_is_taken_again_when_nobody_else_has_the_job",
        ),
    ),
    "crashes": (
        "crashes are counted apart, limited, and not charged for kills of ours",
        (
            f"{ALL}/test_recovery.py::test_stalls_and_crashes_are_counted_apart",
            f"{ALL}/test_recovery.py::test_a_job_over_the_limit_of_crashes_fails_with_the_cause",
            f"{ALL}/test_recovery.py::test_a_kill_of_ours_is_not_charged",
            (
                "acceptance/supervisor/test_broken_parts.py::"
                "test_a_job_on_whose_outcome_a_process_breaks_each_time_fails_and_those_beside_it_do_not_pay"
            ),
            "acceptance/supervisor/test_broken_parts.py::test_no_job_pays_when_the_writing_of_outcomes_breaks",
        ),
    ),
    "future-marker": (
        "a job that is due later neither spins nor costs an idle worker anything",
        (
            f"{ADAPTER}/test_waking.py::test_a_delayed_job_tells_its_time_and_does_not_spin",
            f"{ENGINE}/test_running.py::test_a_job_delayed_by_an_hour_costs_an_idle_worker_nothing",
            f"{ENGINE}/test_running.py::test_a_job_delayed_beyond_the_fallback_starts_in_time_too",
        ),
    ),
    "full-task": (
        "a task that was full is looked at once it has room",
        (
            f"{ENGINE}/test_running.py::test_a_task_that_was_full_takes_its_next_job_at_once",
            f"{ENGINE}/test_running.py::test_a_full_task_does_not_delay_the_others",
        ),
    ),
    "busy": (
        "who is full does not block at the server, and who blocks does it for a second at most",
        (
            "unit/engine/test_claiming.py::test_who_is_full_does_not_wait_at_the_server",
            "unit/engine/test_claiming.py::test_no_wait_is_longer_than_a_second_nor_for_ever",
        ),
    ),
    "slots": (
        "a free slot has one owner",
        (
            "unit/engine/test_claiming.py::test_a_wait_covers_only_tasks_with_room_and_holds_their_slots_alone",
            "unit/engine/test_slots.py::test_what_one_has_reserved_the_other_leaves_alone",
            "unit/engine/test_slots.py::test_running_and_reserved_never_exceed_the_capacity",
        ),
    ),
    "refused-outcomes": (
        "outcomes that a server refuses are tried in ever smaller batches and hold up no others",
        (
            "unit/engine/test_settling.py::test_the_others_of_a_refused_batch_are_written_and_it_alone_waits",
            (
                "unit/engine/test_settling.py::"
                "test_each_refusal_halves_what_is_tried_next_although_others_are_written_meanwhile"
            ),
        ),
    ),
    "due-order": (
        "jobs are promoted in the order in which they are due, ties in the order in which they came",
        (
            f"{ALL}/test_order.py::test_due_jobs_run_in_the_order_in_which_they_were_due",
            f"{ALL}/test_order.py::test_jobs_due_in_the_same_millisecond_come_first_come_first_served",
        ),
    ),
    "ids": (
        "ids of jobs sort by the time at which they were made",
        (
            "unit/test_model.py::test_an_id_is_a_uuid_of_version_seven",
            "unit/test_model.py::test_an_id_begins_with_the_time_at_which_it_was_made",
            "unit/test_model.py::test_a_forked_process_makes_other_ids_than_its_parent",
        ),
    ),
    "threads": (
        "a thread is interrupted with what handlers do not catch, and given up when it goes on",
        (
            f"{ENGINE}/test_timeouts.py::test_a_thread_is_interrupted_with_what_handlers_do_not_catch",
            f"{ENGINE}/test_timeouts.py::test_a_thread_that_ignores_every_interruption_is_replaced",
            f"{FLEET}/test_hangs.py::test_a_sync_handler_past_its_timeout_is_over_and_harms_no_other",
            f"{FLEET}/test_hangs.py::test_the_other_jobs_of_a_child_that_hung_run_again_uncharged",
        ),
    ),
    "tasks": (
        "a coroutine runs in a task of its own",
        (
            f"{ENGINE}/test_handlers_task.py::test_a_deadline_of_asyncio_ends_a_part_of_a_handler_and_not_the_handler",
            f"{ENGINE}/test_handlers_task.py::test_what_a_handler_sets_in_its_context_is_not_seen_by_the_next",
        ),
    ),
    "silence": (
        "silence is explained by the latest deadline, its locks are renewed, and who ends the job marks the cause",
        (
            "unit/supervisor/test_beats.py::test_jobs_that_may_hold_the_interpreter_explain_silence_and_can_be_named",
            (
                "unit/supervisor/test_silence.py::"
                "test_locks_are_renewed_before_a_quarter_of_their_time_and_at_each_further_quarter"
            ),
            f"{FLEET}/test_hangs.py::test_a_job_that_never_lets_the_gil_go_fails_by_its_timeout_with_its_child",
            "unit/engine/test_watched.py::test_silence_is_explained_by_the_timeout_and_else_for_five_minutes",
            (
                f"{ALL}/test_recovery.py::"
                "test_owners_of_a_job_that_hung_past_its_time_learn_the_cause_until_one_has_settled_it"
            ),
        ),
    ),
    "master": (
        "the master has no event loop, no server, no second thread and no user code",
        (
            (
                "acceptance/supervisor/test_replacement.py::"
                "test_the_master_loads_neither_asyncio_nor_redis_nor_networkx_nor_the_app"
            ),
            "acceptance/supervisor/test_health.py::test_a_master_with_a_second_thread_refuses_to_fork",
        ),
    ),
    "steward": (
        "the steward is replaced like any child, and the fleet works without it meanwhile",
        (
            f"{FLEET}/test_leads.py::test_a_stopped_steward_is_replaced_and_the_work_goes_on",
            f"{FLEET}/test_kills.py::test_a_steward_that_died_beside_its_worker_is_replaced_and_its_successor_recovers",
        ),
    ),
    "orphans": (
        "the steward ends its siblings when the master is gone and they do not drain in time",
        (
            f"{FLEET}/test_drains.py::test_nobody_outlives_the_master_for_long_and_another_fleet_runs_the_jobs",
            f"{FLEET}/test_drains.py::test_workers_that_died_with_the_master_are_recovered_by_the_steward",
        ),
    ),
    "nan": (
        "what has no JSON form is refused",
        ("unit/test_serializer.py::test_a_number_without_a_json_form_is_refused_wherever_it_stands",),
    ),
    "protocol": (
        "the protocol's version is pinned",
        (
            (
                "unit/connection/test_endpoint.py::"
                "test_the_version_of_the_protocol_is_pinned_whatever_the_client_library_prefers"
            ),
        ),
    ),
    "lua-numbers": (
        "scripts lose no digits of a number",
        (f"{ADAPTER}/test_shape.py::test_the_highest_priority_keeps_its_milliseconds",),
    ),
    "dispatch-repeated": (
        "a call that is sent again answers as the first did, whatever became of its jobs",
        (
            f"{ADAPTER}/test_repetition.py::test_jobs_are_stored_once_although_a_reply_in_the_middle_was_lost",
            f"{ADAPTER}/test_repetition.py::test_a_repetition_is_recognised_although_the_job_has_gone",
            f"{ALL}/test_retention.py::test_an_id_that_its_caller_gave_stays_taken_after_it_is_trimmed",
            f"{ALL}/test_retention.py::test_an_id_of_ours_is_free_again_after_it_is_trimmed",
        ),
    ),
    "existing-id": (
        "a handle keeps its id, and names the job that it follows",
        ("integration/flow/test_deduplicate.py::test_a_duplicate_follows_the_job_that_holds_the_key",),
    ),
    "outbox": (
        "what was dispatched and not awaited is sent in the tick, at the close and at the exit, and not by a fork",
        (
            f"{ENGINE}/test_dispatch.py::test_on_a_loop_dispatch_returns_at_once_and_a_tick_shares_one_call",
            f"{ENGINE}/test_dispatch.py::test_closing_sends_what_was_not_awaited",
            f"{ENGINE}/test_dispatch.py::test_a_loop_that_ends_right_after_a_dispatch_has_stored_it",
            f"{ENGINE}/test_processes.py::test_a_program_that_ends_right_after_its_dispatches_has_stored_them",
            (
                f"{ENGINE}/test_dispatch.py::"
                "test_a_loop_whose_tasks_are_cancelled_before_they_began_has_stored_its_dispatches"
            ),
            (
                "unit/test_outbox.py::"
                "test_what_a_loop_left_is_sent_by_the_process_that_dispatched_it_and_not_by_a_fork_of_it"
            ),
            f"{ENGINE}/test_processes.py::test_a_fork_between_two_loops_is_safe",
        ),
    ),
    "missed-events": (
        "a reader that was overtaken, or had no connection, looks at all that it waits for",
        (
            f"{ADAPTER}/test_waiter.py::test_a_reader_that_a_trimmed_stream_overtook_still_tells_all",
            f"{ADAPTER}/test_waiter.py::test_an_end_without_an_event_is_noticed",
            f"{ADAPTER}/test_waiter.py::test_a_wait_survives_a_restart_of_the_server",
        ),
    ),
    "missed-cancels": (
        "a cancel is found without its message, and a retry from the dead letters forgets it",
        (
            f"{ENGINE}/test_outages.py::test_a_cancel_sent_while_the_subscription_is_down_is_noticed",
            f"{ENGINE}/test_cancelling.py::test_a_cancel_that_comes_with_the_claim_is_not_missed",
            f"{ALL}/test_dead_letters.py::test_a_cancelled_job_is_queued_without_its_cancel",
        ),
    ),
    "joins": (
        "a join fires once, however often its nodes settle, and costs the same for each",
        (
            f"{ADAPTER}/test_repetition.py::test_advancing_twice_starts_a_successor_once",
            f"{ALL}/test_wide_workflows.py::test_a_join_of_thousands_fires_once",
            f"{ADAPTER}/test_wide_workflows.py::test_a_node_of_a_ten_times_larger_group_costs_no_more",
        ),
    ),
    "fan-outs": (
        "a wide fan-out is written in pieces, and what is owed is done by whoever is there",
        (
            f"{ALL}/test_wide_workflows.py::test_a_wide_fan_out_goes_on_from_where_it_stopped",
            f"{ALL}/test_wide_workflows.py::test_a_wide_workflow_is_created_with_all_its_roots",
            f"{ALL}/test_wide_workflows.py::test_two_who_continue_at_once_start_every_node_once",
            f"{HOUSE}/test_chores.py::test_what_a_dead_worker_owed_a_workflow_is_done",
        ),
    ),
    "debts": (
        "on a cluster, what settling owes a workflow is written with it, and paid by whoever is there",
        (
            (
                "integration/cluster/test_cut_workflows.py::"
                "test_a_workflow_that_is_cut_anywhere_completes_with_each_node_run_once"
            ),
            "integration/cluster/test_cut_workflows.py::test_a_failure_that_is_cut_anywhere_ends_the_workflow_and_its_jobs",
        ),
    ),
    "edges": (
        "too many edges are refused, with advice",
        (
            "unit/workflows/test_flattening.py::test_a_wide_group_after_a_wide_group_is_refused_with_advice",
            (
                "unit/bad_input/test_running.py::"
                "test_ten_thousand_and_one_nodes_are_no_mistake_and_a_million_edges_are_refused_by_number"
            ),
        ),
    ),
    "group-of-one": (
        "a group of one is a list, whoever advances it",
        (
            f"{ALL}/test_workflows.py::test_a_group_of_one_is_a_list",
            "unit/workflows/test_handle.py::test_a_group_of_one_is_a_list_even_if_another_worker_stored_it_bare",
        ),
    ),
    "foreign-breaks": (
        "what another implementation's worker left broken is found and mended",
        (
            f"{HOUSE}/test_mending.py::test_the_leader_finds_broken_workflows_among_many_keys",
            f"{HOUSE}/test_mending.py::test_a_step_that_is_only_late_is_not_done_twice",
            "unit/housekeeping/test_mender.py::test_a_search_of_the_keyspace_rests_behind_each_piece",
        ),
    ),
    "occurrences": (
        "an occurrence that was stored, or an older one, is refused; who leads moves a schedule on as it was read",
        (
            f"{ALL}/test_enqueueing.py::test_an_occurrence_is_stored_once_and_an_older_one_never",
            f"{ALL}/test_schedules.py::test_a_schedule_that_somebody_changed_is_not_moved_on",
            f"{HOUSE}/test_schedule_ticks.py::test_only_the_leaders_token_moves_a_schedule_on",
        ),
    ),
    "long-lists": (
        "a job is taken from the nearer end of a long list",
        (
            f"{ADAPTER}/test_cost.py::test_w48_a_job_is_settled_from_the_nearer_end_of_a_long_list_of_running_ones",
            f"{ADAPTER}/test_cost.py::test_w48_a_job_is_cancelled_from_the_nearer_end_of_a_long_queue",
        ),
    ),
    "imports": (
        "slow packages are imported on use",
        (
            "unit/workflows/test_export.py::test_networkx_is_imported_only_for_a_graph",
            "unit/connection/test_endpoint.py::test_importing_the_module_does_not_import_redis",
        ),
    ),
    "pairs": (
        "figures are compared round by round with what they are measured against, in turn",
        (
            "unit/benchmarks/test_measure.py::test_sources_alternate_round_by_round",
            "unit/benchmarks/test_figures.py::test_the_ratio_is_that_of_each_round_and_not_of_the_medians",
        ),
    ),
    "types": (
        "both type checkers accept what is right and reject what is wrong",
        ("typing/test_type_errors.py::test_a_checker_reports_exactly_the_marked_lines",),
    ),
}
