"""What users of other task queues and supervisors complain of, and the tests that hold us to doing better.

The numbers are those of a survey of their issue trackers. `known` are bugs of particular supervisors.
"""

from typing import Final

FLEET: Final = "acceptance/fleet"
TOYS: Final = "acceptance/supervisor"
UNIT: Final = "unit/supervisor"

COMPLAINTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "P16": (
        "the master's, or a worker's, memory grows for days",
        (
            f"{FLEET}/test_memory.py::test_memory_stays_flat_over_many_jobs",
            f"{TOYS}/test_outside.py::test_the_master_keeps_no_descriptor_and_no_thread_of_those_that_are_gone",
        ),
    ),
    "P17": (
        "no recycling of single children, or one that restarts all, or a child that never leaves",
        (
            f"{TOYS}/test_rolling.py::test_a_worker_that_has_done_its_jobs_is_recycled_uncounted_and_unannounced",
            f"{FLEET}/test_drains.py::test_recycling_under_load_loses_nothing",
        ),
    ),
    "P18": (
        "a limit of memory kills in the middle of a job, or two fat processes overlap, or nobody says why",
        (
            f"{TOYS}/test_rolling.py::test_a_worker_that_grew_too_big_ends_before_its_replacement_starts",
            f"{UNIT}/test_fleet.py::test_only_one_worker_at_a_time_is_recycled_for_its_memory",
            f"{FLEET}/test_changes.py::test_a_worker_that_is_too_big_ends_its_jobs_first_and_says_why",
            f"{UNIT}/test_pipes.py::test_memory_is_pss_and_else_rss",
        ),
    ),
    "P19": (
        "delayed jobs sit in the memory of a worker",
        (f"{FLEET}/test_changes.py::test_jobs_for_tomorrow_cost_a_worker_no_memory",),
    ),
    "P23": (
        "SIGTERM never reaches the worker, or kills it in the middle of a job",
        (
            f"{FLEET}/test_surroundings.py::test_as_pid_1_with_and_without_a_shell_a_term_drains_and_nobody_is_left",
            f"{FLEET}/test_drains.py::test_term_lets_running_jobs_end_and_leaves_the_waiting_ones_alone",
            f"{FLEET}/test_drains.py::test_a_signal_to_every_process_at_once_as_systemd_sends_it_is_still_a_drain",
            f"{TOYS}/test_outside.py::test_systemd_hears_of_every_turn",
        ),
    ),
    "P24": (
        "heartbeats stop before the last jobs do, and they run twice",
        (f"{FLEET}/test_changes.py::test_in_a_drain_of_several_leases_no_job_is_run_a_second_time",),
    ),
    "P25": (
        "an interrupted job pays an attempt, or waits for an hour",
        (f"{FLEET}/test_drains.py::test_what_does_not_end_in_time_goes_back_to_the_front_uncharged",),
    ),
    "P26": (
        "it hangs at the end and must be killed",
        (
            (
                f"{FLEET}/test_signal_races.py::"
                "test_any_signals_at_any_moment_end_a_fleet_in_time_in_order_and_without_a_loss"
            ),
            f"{TOYS}/test_races.py::test_a_signal_at_any_moment_of_the_start_ends_everything_in_time",
            f"{FLEET}/test_drains.py::test_term_at_any_moment_of_the_start_ends_the_fleet_in_order",
            f"{FLEET}/test_drains.py::test_term_ends_a_fleet_whose_server_does_not_answer_yet",
            f"{FLEET}/test_outages.py::test_a_fleet_that_is_told_to_end_while_the_server_is_away_ends",
            f"{TOYS}/test_drain.py::test_the_end_does_not_wait_for_ever_for_a_steward_that_recovers_nothing",
            f"{TOYS}/test_outside.py::test_a_signal_behind_the_end_of_the_fleet_does_not_change_its_exit_code",
        ),
    ),
    "P42": (
        "a time limit cannot interrupt C code or system calls, and slots bleed away",
        (
            f"{FLEET}/test_hangs.py::test_a_sync_handler_past_its_timeout_is_over_and_harms_no_other",
            f"{FLEET}/test_hangs.py::test_a_job_that_never_lets_the_gil_go_fails_by_its_timeout_with_its_child",
            f"{FLEET}/test_hangs.py::test_the_other_jobs_of_a_child_that_hung_run_again_uncharged",
        ),
    ),
    "P43": (
        "a poison job takes down worker after worker",
        (
            f"{FLEET}/test_kills.py::test_a_job_that_kills_its_process_is_set_aside_and_harms_no_other",
            f"{FLEET}/test_surroundings.py::test_a_job_that_eats_all_memory_is_told_from_any_other_kill_and_set_aside",
            f"{FLEET}/test_faults.py::test_a_job_that_has_not_begun_pays_for_no_death",
            f"{UNIT}/test_oom.py::test_a_kill_is_noticed_once",
        ),
    ),
    "P44": (
        "a fork from a process with threads deadlocks its children",
        (
            f"{UNIT}/test_pipes.py::test_a_process_with_threads_may_not_fork",
            f"{TOYS}/test_health.py::test_a_master_with_a_second_thread_refuses_to_fork",
            f"{TOYS}/test_health.py::test_with_preload_an_app_that_fails_or_starts_threads_stops_the_fleet",
            f"{TOYS}/test_replacement.py::test_the_master_loads_neither_asyncio_nor_redis_nor_networkx_nor_the_app",
        ),
    ),
    "P45": (
        "one child dies and everything stops",
        (
            f"{TOYS}/test_replacement.py::test_a_killed_worker_is_replaced_within_a_second_and_the_others_keep_running",
            f"{FLEET}/test_kills.py::test_a_kill_a_second_loses_no_job_and_repeats_only_what_the_killed_ran",
            f"{FLEET}/test_recovery_time.py::test_the_jobs_of_a_killed_child_run_again_within_a_second",
        ),
    ),
    "P46": (
        "children outlive their master",
        (
            f"{FLEET}/test_drains.py::test_nobody_outlives_the_master_for_long_and_another_fleet_runs_the_jobs",
            f"{FLEET}/test_drains.py::test_a_worker_that_drains_already_still_ends_when_the_master_does",
            f"{TOYS}/test_health.py::test_no_child_outlives_master_and_zygote_for_long",
            f"{FLEET}/test_recovery_time.py::test_the_jobs_of_a_killed_host_run_again_after_their_lock_and_a_sweep",
        ),
    ),
    "P47": (
        "the host's CPUs are counted in a container",
        (
            f"{UNIT}/test_cpus.py::test_the_quota_is_the_smallest_on_the_way_up",
            f"{UNIT}/test_cpus.py::test_auto_takes_what_affinity_and_quota_leave",
            f"{FLEET}/test_surroundings.py::test_a_fleet_has_as_many_workers_as_its_control_group_has_cpus",
        ),
    ),
    "P48": (
        "shrinking kills busy children",
        (
            f"{FLEET}/test_changes.py::test_growing_and_shrinking_under_load_interrupts_no_job",
            f"{TOYS}/test_rolling.py::test_ttin_and_ttou_change_the_number_of_workers_and_an_idle_one_leaves",
            f"{UNIT}/test_fleet.py::test_an_idle_worker_of_the_highest_slot_leaves_first",
        ),
    ),
    "P49": (
        "a healthy child is taken for hung",
        (
            f"{TOYS}/test_health.py::test_silence_inside_the_declared_deadline_is_left_alone",
            f"{TOYS}/test_health.py::test_a_boot_may_take_longer_than_a_heartbeat",
            f"{TOYS}/test_health.py::test_a_master_that_was_frozen_does_not_judge_others_by_its_own_absence",
            f"{FLEET}/test_hangs.py::test_a_job_that_holds_the_gil_for_several_locks_keeps_them",
        ),
    ),
    "known: a signal between fork and the child's handlers is lost": (
        "gunicorn, taskiq",
        (
            f"{TOYS}/test_races.py::test_a_signal_at_any_moment_of_the_start_ends_everything_in_time",
            f"{TOYS}/test_drain.py::test_two_signals_that_merge_on_the_way_to_a_child_still_interrupt_it",
        ),
    ),
    "known: a reload sends its children a signal too many": (
        "gunicorn",
        (
            f"{TOYS}/test_drain.py::test_a_signal_to_the_whole_group_as_systemd_sends_it_is_one_drain_and_not_two",
            f"{FLEET}/test_drains.py::test_a_rolling_restart_loses_nothing_and_keeps_all_but_one_ready",
        ),
    ),
    "known: a stranger that is reaped as PID 1 is taken for a child": (
        "gunicorn",
        (
            f"{TOYS}/test_replacement.py::test_strangers_that_a_job_left_behind_are_reaped",
            f"{UNIT}/test_fleet.py::test_reaping_strangers_leaves_our_own_children_to_their_own_reaping",
        ),
    ),
    "known: descriptors leak with every reload": (
        "gunicorn",
        (f"{TOYS}/test_outside.py::test_the_master_keeps_no_descriptor_and_no_thread_of_those_that_are_gone",),
    ),
    "known: a reload that fails takes the fleet down": (
        "gunicorn, taskiq",
        (
            f"{TOYS}/test_health.py::test_with_preload_a_failed_reload_leaves_the_old_fleet_and_its_zygote",
            f"{TOYS}/test_rolling.py::test_a_new_worker_that_does_not_boot_leaves_the_old_ones_in_place",
        ),
    ),
    "known: a child that fails to boot is restarted for ever, or its failure is taken for a crash": (
        "uvicorn, RQ, granian",
        (
            f"{TOYS}/test_health.py::test_a_fleet_that_never_becomes_ready_stops_and_says_why_once",
            f"{TOYS}/test_health.py::test_a_fleet_that_was_ready_once_goes_on_trying",
            f"{FLEET}/test_boots.py::test_an_app_that_cannot_be_used_ends_the_fleet_with_code_4",
            f"{FLEET}/test_boots.py::test_a_server_that_is_not_there_ends_the_fleet_with_code_3",
        ),
    ),
    "known: a slot that keeps dying spins, or is given up": (
        "RQ, circus, granian",
        (
            f"{TOYS}/test_replacement.py::test_a_slot_that_keeps_dying_backs_off_and_its_neighbour_does_not_notice",
            f"{UNIT}/test_backoff.py::test_days_of_failing_do_not_overflow",
        ),
    ),
    "known: the kernel has no process, thread or descriptor left": (
        "all of them",
        (
            (
                f"{FLEET}/test_surroundings.py::"
                "test_a_fleet_without_processes_for_all_its_workers_says_so_and_grows_when_it_may"
            ),
            (
                f"{FLEET}/test_surroundings.py::"
                "test_a_fleet_without_descriptors_for_all_its_workers_says_so_and_works_with_those_it_has"
            ),
            f"{UNIT}/test_fleet.py::test_no_descriptor_leaks_when_there_are_too_few_for_a_child",
            f"{UNIT}/test_fleet.py::test_where_there_is_room_for_two_one_of_them_is_the_steward",
            (
                "unit/engine/test_threads.py::"
                "test_work_that_no_thread_can_be_started_for_waits_for_the_others_and_for_room"
            ),
        ),
    ),
    "known: something must be written to, or a name be resolved": (
        "gunicorn's heartbeat files, and others",
        (
            f"{FLEET}/test_surroundings.py::test_with_nothing_to_write_to_a_fleet_works",
            f"{FLEET}/test_surroundings.py::test_without_room_in_dev_shm_a_fleet_works",
            f"{FLEET}/test_surroundings.py::test_without_a_network_and_a_name_that_anybody_knows_a_fleet_works",
        ),
    ),
    "known: the lead of a leader that died is missing until it runs out": (
        "all of them",
        (
            f"{FLEET}/test_leads.py::test_the_lead_of_a_steward_that_was_killed_passes_to_its_successor_at_once",
            (
                f"{FLEET}/test_leads.py::"
                "test_a_leader_that_is_killed_with_its_fleet_costs_a_schedule_no_more_than_its_lease"
            ),
        ),
    ),
}
