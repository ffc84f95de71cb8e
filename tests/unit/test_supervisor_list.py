"""OTP's list of what a supervisor must do, and where each is held here.

The topics are those of ``supervisor_SUITE`` in Erlang/OTP's ``stdlib``. ``TOPICS``
names, for each that has a meaning here, the facts that hold it; this test holds the
names. Without a counterpart, on purpose: ``rest_for_one`` and ``one_for_all`` (workers
do not depend on each other), ``temporary`` and ``transient`` (a worker is wanted or it
is not), ``simple_one_for_one`` beyond a pool of equals, ``code_change`` (another
version is another process), supervisors below supervisors (the end of one is the
daemon's: ``e2e/test_survival.py``), ``auto_shutdown``.
"""

from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[1]
FLEET: Final = "proc/test_fleet.py"
TABLE: Final = "unit/test_worker_automaton.py"
DELAY: Final = "unit/test_backoff.py"
TOPICS: Final = {
    "sup_start_normal": [(FLEET, "the_configured_number_of_workers_runs")],
    "sup_start_ignore_init, sup_start_error_return": [
        (FLEET, "without_a_spawner_nothing_starts_and_the_reason_is_told"),
    ],
    "sup_start_fail": [("unit/test_config.py", "every_fault_is_told_at_once")],
    "sup_stop_timeout, sup_stop_brutal_kill": [
        (FLEET, "a_worker_that_does_not_obey_is_killed_by_the_deadline"),
        ("unit/test_stopping.py", "now_skips_the_drain_and_keeps_the_grace"),
    ],
    "sup_stop_infinity": [
        (
            "e2e/test_supervision.py",
            "an_old_worker_is_replaced_between_runs_and_never_in_the_middle_of_one",
        ),
    ],
    "sup_stop_many, shutdown of all in parallel": [
        (FLEET, "a_slow_stop_blocks_no_other_command"),
        (FLEET, "shutting_down_changes_nothing_of_what_is_wanted"),
    ],
    "child_adm (start, stop, restart, delete a child; each twice)": [
        (FLEET, "started_workers_get_the_lowest_free_names_and_their_options"),
        (FLEET, "stopping_what_has_no_process_is_proven_at_once"),
        (FLEET, "scaling_down_forgets_and_scaling_up_makes_anew"),
        (TABLE, "a_person_may_wish_anything_in_any_state"),
    ],
    "child_specs, extra_return (what is wrong is refused, and said)": [
        ("unit/test_config.py", "a_fault_in_the_file_is_refused_with_its_place"),
    ],
    "permanent_normal, permanent_shutdown": [
        (FLEET, "a_worker_that_leaves_by_itself_is_started_again"),
        (TABLE, "every_end_of_a_running_worker_leads_back_to_a_start"),
    ],
    "permanent_abnormal": [
        (FLEET, "a_killed_worker_is_replaced_at_once_and_its_exit_is_known"),
    ],
    "one_for_one (the others do not notice)": [
        (FLEET, "the_end_of_one_is_nothing_to_the_others"),
    ],
    "one_for_one_escalation, multiple_restarts, restart intensity": [
        (FLEET, "six_deaths_before_hello_are_fatal_and_their_last_words_are_kept"),
        (FLEET, "deaths_in_a_row_are_answered_more_and_more_slowly"),
        (DELAY, "the_sixth_failure_within_a_minute_is_one_too_many"),
        (DELAY, "failures_older_than_the_window_do_not_count"),
        (DELAY, "what_is_remembered_is_bounded"),
    ],
    "hanging_restart_loop (a child that fails again and again while it is managed)": [
        (FLEET, "a_storm_of_commands_ends_in_the_last_one_s_wish"),
        (FLEET, "a_worker_is_stopped_before_it_was_ever_started"),
    ],
    "child_unlink, tree (a child that hides from its supervisor)": [
        (FLEET, "a_killed_spawner_is_replaced_and_workers_do_not_notice"),
        (FLEET, "a_new_daemon_adopts_workers_whose_spawner_has_died_too"),
    ],
    "count_children, which_children, format_log": [
        (FLEET, "each_change_of_a_worker_is_journalled"),
        (
            "e2e/test_supervision.py",
            "a_worker_that_dies_six_times_before_hello_is_fatal_and_status_says_why",
        ),
    ],
    "do_not_save_start_parameters (secrets of a start are not kept)": [
        (FLEET, "secrets_are_nowhere_on_disk"),
    ],
    "do_not_save_child_specs, scale of a hundred children": [
        (FLEET, "a_pool_comes_up_a_few_at_a_time_and_whole"),
    ],
    "a child that hangs (OTP has none: a link says only that it died)": [
        (FLEET, "a_worker_that_never_says_hello_is_killed_and_started_again"),
        (FLEET, "a_worker_that_lives_but_is_silent_is_put_down_and_replaced"),
        (FLEET, "a_worker_that_hangs_in_a_call_shows_where_in_its_last_exit"),
    ],
}


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_of_the_list_has_its_facts(topic: str) -> None:
    for file, fact in TOPICS[topic]:
        text = (TESTS / file).read_text()
        assert f"def test_{fact}" in text
