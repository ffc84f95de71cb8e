"""Which workers there are to be."""

from kanban_ipc.words import WorkerId
from kanband.core import roster
from kanband.core.roster import Change, Seat


def seats(*rows: tuple[str, str, bool]) -> list[Seat]:
    return [
        Seat(WorkerId(name), "run" if wanted == "run" else "stop", alive)
        for name, wanted, alive in rows
    ]


THREE = seats(
    ("worker-1", "run", True), ("worker-2", "stop", False), ("worker-10", "run", True)
)


def test_ids_sort_as_people_count() -> None:
    names = ["worker-10", "worker-2", "alpha", "worker-1", "2b"]
    ordered = sorted(names, key=roster.natural)
    assert ordered == ["2b", "alpha", "worker-1", "worker-2", "worker-10"]


def test_the_lowest_free_ids_are_taken() -> None:
    assert roster.lowest_free({"worker-1", "worker-3"}, 3) == [
        "worker-2",
        "worker-4",
        "worker-5",
    ]


def test_scaling_up_takes_back_stopped_workers_first() -> None:
    assert roster.scale(THREE, 4).start == ("worker-2", "worker-3")


def test_scaling_down_takes_the_idle_dead_and_then_the_highest() -> None:
    assert roster.scale(THREE, 1) == Change(remove=(WorkerId("worker-10"),))
    dead = seats(("worker-1", "run", False), ("worker-2", "run", True))
    assert roster.scale(dead, 1).remove == ("worker-1",)


def test_specialists_are_neither_counted_nor_taken() -> None:
    special = Seat(WorkerId("worker-3"), "run", alive=True, restricted=True)
    resting = Seat(WorkerId("worker-4"), "stop", restricted=True)
    everyone = [*THREE, special, resting]
    assert roster.scale(everyone, 2) == Change()
    assert roster.scale(everyone, 4).start == ("worker-2", "worker-5")
    assert roster.scale(everyone, 0).remove == ("worker-10", "worker-1")


def test_the_right_number_changes_nothing() -> None:
    assert roster.scale(THREE, 2) == Change()


def test_additional_workers_get_the_lowest_names_that_do_not_run() -> None:
    assert roster.fresh(THREE, 3) == ["worker-2", "worker-3", "worker-4"]


def test_what_a_person_chose_overrides_the_configuration() -> None:
    assert roster.at_start(THREE, 2, 7) == Change()
    assert len(roster.at_start(THREE, None, 7).start) == 5
