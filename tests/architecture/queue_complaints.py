"""What users of other task queues complain of beside their supervisors, and the tests that hold us to doing better.

The numbers are those of the same survey as in ``complaints``.
"""

from typing import Final

from architecture.decisions import ADAPTER, ALL, ENGINE, FLEET, HOUSE

CLOCKS: Final = "integration/clocks"
OTHERS: Final = "integration"

QUEUE_COMPLAINTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "P1": (
        "long and delayed jobs are delivered again and again",
        (
            f"{FLEET}/test_hangs.py::test_a_job_that_holds_the_gil_for_several_locks_keeps_them",
            f"{FLEET}/test_changes.py::test_jobs_for_tomorrow_cost_a_worker_no_memory",
            f"{ENGINE}/test_leases.py::test_a_job_of_three_times_the_lock_s_time_is_never_swept",
        ),
    ),
    "P2": (
        "a lease is as long as the longest job must be",
        (
            f"{ENGINE}/test_leases.py::test_a_job_of_three_times_the_lock_s_time_is_never_swept",
            f"{FLEET}/test_changes.py::test_in_a_drain_of_several_leases_no_job_is_run_a_second_time",
            f"{FLEET}/test_hangs.py::test_a_job_that_holds_the_gil_for_several_locks_keeps_them",
        ),
    ),
    "P3": (
        "the hard kill of one process keeps all others from recovering",
        (
            "faults/test_script_boundaries.py::test_a_process_that_dies_around_a_script_loses_nothing",
            "faults/test_storm.py::test_nothing_is_lost_or_done_twice_wrongly_in_a_storm",
            f"{FLEET}/test_faults.py::test_a_steward_that_dies_around_a_recovery_leaves_it_to_its_successor",
        ),
    ),
    "P4": (
        "nothing is recovered on a cluster: these run there too",
        (
            f"{ALL}/test_recovery.py::test_a_dead_workers_jobs_are_recovered_at_once_and_only_its",
            f"{ALL}/test_recovery.py::test_a_job_is_swept_only_when_two_sweeps_found_it_running_and_nobody_holds_it",
            f"{OTHERS}/cluster/test_moving.py::test_the_replica_of_a_master_that_is_gone_takes_over_under_load",
        ),
    ),
    "P5": (
        "the job of a killed child is lost, or goes round for ever",
        (
            f"{FLEET}/test_kills.py::test_a_kill_a_second_loses_no_job_and_repeats_only_what_the_killed_ran",
            f"{ALL}/test_recovery.py::test_a_job_over_the_limit_of_crashes_fails_with_the_cause",
        ),
    ),
    "P6": (
        "the jobs of a killed worker are nowhere, or their unique keys outlive it",
        (
            "faults/test_checker.py::test_a_broken_promise_is_found",
            f"{FLEET}/test_recovery_time.py::test_the_jobs_of_a_killed_host_run_again_after_their_lock_and_a_sweep",
            f"{ALL}/test_rules.py::test_w25_a_job_that_ends_leaves_the_key_of_another_alone",
        ),
    ),
    "P7": (
        "a sweep takes jobs that were claimed just now",
        (
            f"{ALL}/test_recovery.py::test_a_job_that_is_held_is_never_swept",
            f"{ALL}/test_recovery.py::test_a_job_that_began_after_the_last_sweep_is_left_to_the_next_but_one",
        ),
    ),
    "P8": (
        "the jobs of a worker are left alone because another one has its name",
        ("unit/engine/test_identity.py::test_two_workers_of_one_process_have_different_identities",),
    ),
    "P9": (
        "a job is blocked for as long as it may run",
        (
            f"{HOUSE}/test_chores.py::test_a_job_whose_worker_vanished_is_taken_back",
            f"{FLEET}/test_recovery_time.py::test_the_jobs_of_a_killed_child_run_again_within_a_second",
            (
                f"{FLEET}/test_hangs.py::"
                "test_p9_a_job_that_may_take_a_century_is_not_ended_early_and_is_back_as_soon_as_any"
            ),
        ),
    ),
    "P10": (
        "who lost the reply to a dispatch cannot repeat it",
        (
            f"{ADAPTER}/test_repetition.py::test_jobs_are_stored_once_although_a_reply_in_the_middle_was_lost",
            f"{ENGINE}/test_dispatch.py::test_a_given_id_makes_dispatch_idempotent",
        ),
    ),
    "P11": (
        "a worker is connected again and deaf",
        (
            f"{ENGINE}/test_outages.py::test_connections_killed_again_and_again_lose_nothing",
            f"{ENGINE}/test_outages.py::test_a_frozen_server_is_waited_for",
            f"{FLEET}/test_outages.py::test_workers_outlive_five_seconds_without_a_server",
            "faults/test_storm.py::test_nothing_is_lost_or_done_twice_wrongly_in_a_storm",
        ),
    ),
    "P12": (
        "a worker ends when its connection does",
        (
            f"{OTHERS}/refusals/test_refusals.py::test_workers_outlive_a_server_that_refuses_and_go_on",
            f"{ENGINE}/test_outages.py::test_a_server_away_for_longer_than_calls_are_patient_loses_nothing_under_load",
            f"{ENGINE}/test_outages.py::test_scripts_flushed_again_and_again_are_sent_anew",
        ),
    ),
    "P13": (
        "a worker beats and does nothing, and its probe says that all is well",
        (
            "unit/supervisor/test_probes.py::test_a_worker_that_beats_and_does_not_claim_is_not_alive",
            f"{FLEET}/test_probes.py::test_a_worker_that_is_missing_is_named",
        ),
    ),
    "P14": (
        "workers stay with the old master",
        (
            (
                f"{OTHERS}/sentinel/test_failovers.py::"
                "test_failovers_under_load_wedge_nobody_and_lose_nothing_that_was_confirmed"
            ),
            (
                f"{OTHERS}/sentinel/test_moving.py::"
                "test_an_idle_worker_leaves_a_master_that_is_cut_off_from_its_sentinels"
            ),
            f"{FLEET}/test_failovers.py::test_a_fleet_follows_its_master_and_no_worker_of_it_is_wedged_or_replaced",
        ),
    ),
    "P15": (
        "no cluster",
        (
            f"{OTHERS}/cluster/test_moving.py::test_slots_that_move_under_load_lose_nothing",
            (
                f"{OTHERS}/cluster/test_cut_workflows.py::"
                "test_a_workflow_that_is_cut_anywhere_completes_with_each_node_run_once"
            ),
        ),
    ),
    "P20": (
        "the body of a chord runs never, or twice",
        (
            (
                f"{ALL}/test_random_workflows.py::"
                "test_any_graph_in_any_order_runs_every_node_once_and_gives_the_right_result"
            ),
            f"{FLEET}/test_kills.py::test_a_chord_outlives_a_kill_in_the_middle",
        ),
    ),
    "P21": (
        "whoever waits hangs when a part of a workflow fails",
        (
            f"{ALL}/test_workflows.py::test_every_way_in_which_a_node_ends_reaches_the_workflow",
            f"{ALL}/test_every_wait_ends.py::test_whoever_waits_is_told_at_once_of_what",
        ),
    ),
    "P22": (
        "what is settled again is counted again",
        (
            f"{ALL}/test_workflows.py::test_settling_a_batch_of_nodes_again_changes_nothing",
            f"{ADAPTER}/test_repetition.py::test_advancing_twice_starts_a_successor_once",
        ),
    ),
    "P27": (
        "one scheduler is none when it dies, and two run everything twice",
        (
            f"{HOUSE}/test_schedule_ticks.py::test_two_leaders_fire_each_occurrence_once_though_one_is_killed",
            (
                f"{FLEET}/test_leads.py::"
                "test_a_leader_that_is_killed_with_its_fleet_costs_a_schedule_no_more_than_its_lease"
            ),
        ),
    ),
    "P28": (
        "a leader goes on after its lease",
        (
            f"{HOUSE}/test_schedule_ticks.py::test_a_frozen_leaders_late_writes_are_refused",
            (
                f"{CLOCKS}/test_host_clock.py::"
                "test_a_leader_that_was_frozen_past_its_lease_fires_nothing_again_when_it_is_thawed"
            ),
        ),
    ),
    "P29": (
        "a change of the clock skips runs, doubles them, or moves them by an hour",
        (
            "unit/schedules/test_cron_oracle.py::test_no_change_of_any_clock_is_misread",
            (
                "unit/schedules/test_daylight_saving.py::"
                "test_every_occurrence_around_a_change_of_the_clock_is_the_oracles"
            ),
        ),
    ),
    "P30": (
        "what was missed is run all at once",
        (
            f"{HOUSE}/test_schedule_ticks.py::test_missed_runs_are_made_up_for_as_the_policy_says",
            f"{CLOCKS}/test_server_clock.py::test_a_schedule_makes_up_for_what_its_policy_says_when_the_clock_is_set_forward",
            f"{CLOCKS}/test_server_clock.py::test_an_occurrence_is_not_repeated_when_the_clock_is_set_back",
        ),
    ),
    "P31": (
        "no coroutines, or nothing else",
        (
            f"{ENGINE}/test_dispatch.py::test_on_a_loop_dispatch_returns_at_once_and_a_tick_shares_one_call",
            f"{ENGINE}/test_running.py::test_async_jobs_run_as_many_at_a_time_as_the_task_allows",
            f"{ENGINE}/test_running.py::test_sync_jobs_run_as_many_at_a_time_as_the_task_allows",
        ),
    ),
    "P32": (
        "code that blocks takes the heartbeat along",
        (
            f"{FLEET}/test_hangs.py::test_a_job_that_holds_the_gil_for_several_locks_keeps_them",
            "unit/supervisor/test_beats.py::test_jobs_that_may_hold_the_interpreter_explain_silence_and_can_be_named",
            f"{FLEET}/test_metrics.py::test_p32_a_worker_whose_event_loop_was_held_up_says_by_how_much",
            "unit/supervisor/test_counting.py::test_the_most_by_which_a_loop_was_late_is_told_for_ten_seconds",
        ),
    ),
    "P33": (
        "calls are not typed",
        (
            "typing/test_type_errors.py::test_a_checker_reports_exactly_the_marked_lines",
            "acceptance/test_packaging.py::test_p33_every_type_that_others_see_is_known_to_them",
        ),
    ),
    "P34": (
        "what tests run on is another implementation",
        (f"{ALL}/test_differential.py::test_any_program_does_the_same_in_memory_and_on_a_server",),
    ),
    "P35": (
        "a board forgets when it is restarted, and searches the keys",
        (
            f"{OTHERS}/board/test_load.py::test_every_page_is_there_at_once_and_searches_nothing",
            f"{OTHERS}/board/test_copies.py::test_p35_copies_of_a_board_and_one_that_was_restarted_tell_the_same",
            f"{OTHERS}/board/test_copies.py::test_p35_what_is_done_on_one_copy_is_seen_on_all_and_after_a_restart",
        ),
    ),
    "P36": (
        "a cancel is a message that nobody hears",
        (
            f"{ENGINE}/test_outages.py::test_a_cancel_sent_while_the_subscription_is_down_is_noticed",
            f"{ALL}/test_recovery.py::test_a_flagged_job_of_a_dead_worker_is_cancelled",
            f"{ALL}/test_cancelling.py::test_a_flagged_job_ends_as_cancelled_whatever_its_outcome",
        ),
    ),
    "P37": (
        "counts are wrong where there are priorities",
        (f"{ALL}/test_reading.py::test_p37_jobs_are_counted_whatever_their_priority",),
    ),
    "P38": (
        "who is killed fails without a word",
        (
            f"{ADAPTER}/test_shape.py::test_a_crash_is_recorded_as_the_format_says",
            f"{FLEET}/test_surroundings.py::test_a_job_that_eats_all_memory_is_told_from_any_other_kill_and_set_aside",
            f"{ALL}/test_waiting.py::test_every_way_in_which_a_job_ends_is_told",
        ),
    ),
    "P39": (
        "priorities are upside down or cut",
        (
            f"{ALL}/test_order.py::test_a_higher_priority_runs_first_then_the_older",
            f"{ADAPTER}/test_shape.py::test_the_highest_priority_keeps_its_milliseconds",
        ),
    ),
    "P41": (
        "jobs wait in a busy worker's hands while others are idle",
        (
            f"{ALL}/test_order.py::test_a_worker_never_gets_more_than_it_wants",
            f"{ENGINE}/test_running.py::test_two_workers_share_the_jobs_and_run_each_once",
            "unit/engine/test_slots.py::test_running_and_reserved_never_exceed_the_capacity",
        ),
    ),
    "P50": (
        "waiting leaks connections, subscriptions or keys",
        (
            f"{ENGINE}/test_waiting.py::test_a_thousand_waiters_share_two_connections",
            f"{ADAPTER}/test_waiter.py::test_waits_that_were_given_up_leave_nothing_behind",
            f"{ENGINE}/test_leaks.py::test_two_thousand_jobs_of_every_kind_leave_nothing_behind",
            f"{ADAPTER}/test_retention.py::test_nothing_is_left_of_jobs_once_all_are_trimmed",
        ),
    ),
}

NO_PROMISE: Final = {
    "P40": "a throttle limits what is dispatched, in fixed windows; nothing limits how many jobs begin in a time",
}
