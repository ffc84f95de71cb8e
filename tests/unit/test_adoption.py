"""Which process a new daemon takes for its worker."""

from kanban_ipc.link import ProcessId
from kanband.core.adoption import Child, LockReading, Remembered, judge

MINE = ProcessId("boot", 100, 5)
OTHER = ProcessId("boot", 200, 7)
MEMORY = Remembered("inc", MINE, lives=True)
GONE = Remembered("inc", MINE, lives=False)
HELD = LockReading(held=True, incarnation="inc", process=MINE, lives=True)
FREE = LockReading(held=False, incarnation="inc", process=MINE, lives=False)


def test_identity_and_held_lock_prove_a_worker() -> None:
    verdict = judge(MEMORY, None, HELD)
    assert (verdict.event, verdict.process) == ("found", MINE)


def test_a_spawn_whose_answer_was_lost_is_proven_by_the_lock_alone() -> None:
    assert judge(Remembered("inc"), None, HELD).event == "found"


def test_the_spawner_s_word_proves_one_that_has_no_lock_yet() -> None:
    verdict = judge(Remembered("inc"), Child("inc", OTHER), LockReading())
    assert (verdict.event, verdict.process) == ("found", OTHER)


def test_no_lock_and_no_process_is_dead() -> None:
    assert judge(GONE, None, FREE).event == "dead"
    assert judge(Remembered(), None, LockReading()).event == "dead"


def test_a_pid_that_lives_without_the_lock_is_doubted() -> None:
    verdict = judge(MEMORY, None, FREE)
    assert (verdict.event, verdict.process) == ("doubted", MINE)
    assert "does not hold its lock" in verdict.reason


def test_a_lock_held_by_another_start_is_doubted() -> None:
    held = LockReading(held=True, incarnation="later", process=OTHER, lives=True)
    verdict = judge(GONE, None, held)
    assert (verdict.event, verdict.process) == ("doubted", OTHER)
    assert "200" in verdict.reason


def test_a_lock_held_by_the_right_start_in_another_process_is_doubted() -> None:
    held = LockReading(held=True, incarnation="inc", process=OTHER, lives=True)
    assert judge(GONE, None, held).event == "doubted"


def test_a_lock_that_names_nobody_or_a_dead_one_is_doubted() -> None:
    assert judge(GONE, None, LockReading(held=True)).event == "doubted"
    stale = LockReading(held=True, incarnation="inc", process=MINE, lives=False)
    assert judge(GONE, None, stale).event == "doubted"


def test_an_empty_memory_owns_no_lock() -> None:
    nameless = LockReading(held=True, incarnation="", process=OTHER, lives=True)
    assert judge(Remembered(), None, nameless).event == "doubted"


def test_a_child_that_the_store_does_not_know_is_doubted() -> None:
    verdict = judge(GONE, Child("other", OTHER), FREE)
    assert (verdict.event, verdict.process) == ("doubted", OTHER)
    assert "restored" in verdict.reason
