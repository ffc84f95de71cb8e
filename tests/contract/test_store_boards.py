"""Boards: their order, their names, and the limit on what is in progress."""

import pytest

from kanban_ipc.control import NotFound, Refused, TicketEdit
from support.stores import Bench


def _add(
    store: Bench, name: str, position: int | None = None, limit: int = 0
) -> object:
    return store.do(
        lambda verbs: verbs.add_board(
            name, position=position, wip_limit=limit, now_ms=store.now_ms
        )
    )


def _edit(
    store: Bench, name: str, position: int | None = None, limit: int | None = None
) -> object:
    return store.do(
        lambda verbs: verbs.edit_board(
            name, position=position, wip_limit=limit, now_ms=store.now_ms
        )
    )


def _rename(store: Bench, name: str, to: str) -> object:
    return store.do(lambda verbs: verbs.rename_board(name, to, now_ms=store.now_ms))


def _delete(store: Bench, name: str) -> object:
    return store.do(lambda verbs: verbs.delete_board(name, now_ms=store.now_ms))


def _names(store: Bench) -> list[str]:
    boards = store.reads.boards()
    assert [each.position for each in boards] == list(range(1, len(boards) + 1))
    return [each.board for each in boards]


# ------------------------------------------------------------------- order and names


def test_boards_have_an_order(store: Bench) -> None:
    for name in ("b", "a"):
        assert _add(store, name) is True
    store.one(board="z")
    assert _names(store) == ["main", "b", "a", "z"]
    _add(store, "first", 1)
    assert _edit(store, "z", 2) is True
    assert _edit(store, "z", 2) is False
    assert _edit(store, "main", 99) is True
    assert _names(store) == ["first", "z", "b", "a", "main"]
    _delete(store, "b")
    assert _names(store) == ["first", "z", "a", "main"]


def test_a_name_is_there_once(store: Bench) -> None:
    assert isinstance(_add(store, "main"), Refused)
    _add(store, "side")
    assert isinstance(_rename(store, "side", "main"), Refused)
    for answer in (
        _edit(store, "none", 1),
        _rename(store, "none", "x"),
        _delete(store, "none"),
    ):
        assert isinstance(answer, NotFound)


def test_a_renamed_board_keeps_everything(store: Bench) -> None:
    _edit(store, "main", limit=2)
    numbers = store.add("a", "b")
    store.do(lambda verbs: verbs.pause(paused=True, board="main", now_ms=1))
    assert _rename(store, "main", "work") is True
    (board,) = store.reads.boards()
    assert (board.board, board.paused, board.wip_limit) == ("work", True, 2)
    assert board.ready == 2
    assert {store.ticket(number).board for number in numbers} == {"work"}
    assert store.claimed() == []
    store.do(lambda verbs: verbs.pause(paused=False, board="work", now_ms=1))
    assert store.claimed() == numbers


def test_only_an_empty_board_is_deleted(store: Bench) -> None:
    number = store.one(board="side", ready=False)
    answer = _delete(store, "side")
    assert isinstance(answer, Refused)
    assert "has a ticket" in answer.message
    store.do(lambda verbs: verbs.delete([number], now_ms=1))
    assert _delete(store, "side") is True
    assert _names(store) == ["main"]


# ----------------------------------------------------------------------- the limit


def test_a_full_board_gives_nothing_and_its_tickets_say_so(store: Bench) -> None:
    _edit(store, "main", limit=2)
    numbers = store.add(*"abcd")
    other = store.one(board="side")
    assert store.claimed() == [*numbers[:2], other]
    assert {store.ticket(n).waits_for for n in numbers[2:]} == {"wip"}
    queue = store.reads.queue()
    assert (queue.depth, queue.waiting, queue.in_progress) == (2, 2, 3)
    assert store.claimed() == []


@pytest.mark.parametrize("end", ["finished", "failed", "cancelled"])
def test_the_end_of_a_run_makes_room(store: Bench, end: str) -> None:
    _edit(store, "main", limit=1)
    store.one()
    (claim,) = store.claim()
    late = store.one(priority="low")
    urgent = store.one(priority="urgent")
    if end == "cancelled":
        ids = [claim.work.ticket_id]
        store.do(lambda verbs: verbs.cancel(ids, requeue=False, now_ms=1))
    outcome = store.settle(store.end(claim, "auth" if end == "failed" else None))
    assert outcome.woke
    assert store.ticket(late).waits_for is None
    assert store.claimed() == [urgent]
    assert store.ticket(late).waits_for == "wip"


def test_a_retry_gives_its_place_away(store: Bench) -> None:
    _edit(store, "main", limit=1)
    first = store.one(priority="urgent")
    (claim,) = store.claim()
    second = store.one()
    assert store.finish(claim, "worker_lost").state == "ready"
    assert store.claimed() == [first]
    assert store.ticket(second).waits_for == "wip"


def test_a_raised_or_lifted_limit_counts_at_once(store: Bench) -> None:
    _edit(store, "main", limit=1)
    numbers = store.add(*"abc")
    assert store.claimed() == numbers[:1]
    _edit(store, "main", limit=2)
    assert store.claimed() == numbers[1:2]
    _edit(store, "main", limit=0)
    assert store.claimed() == numbers[2:]


def test_a_lowered_limit_ends_nothing(store: Bench) -> None:
    numbers = store.add(*"abc")
    first, second = store.claim(2)
    _edit(store, "main", limit=1)
    store.finish(first)
    assert store.claimed() == []
    store.finish(second)
    assert store.claimed() == numbers[2:]


def test_a_board_and_a_repository_may_both_be_full(store: Bench) -> None:
    _edit(store, "main", limit=1)
    one, two = store.add("a", "b", repo_path="/r", agent="place")
    three = store.one(repo_path="/s", agent="place")
    side = store.one(board="side", repo_path="/r", agent="place")
    (claim,) = store.claim(5)
    assert claim.work.ticket_id == one
    assert store.ticket(three).waits_for == "wip"
    assert store.ticket(side).waits_for == "repo"
    store.finish(claim)
    assert store.claimed() == [two]
    assert store.ticket(side).waits_for == "repo"


def test_who_leaves_a_full_board_hands_its_repositorys_turn_on(store: Bench) -> None:
    store.add("busy")
    store.one(repo_path="/r", agent="place")
    busy, claim = store.claim(2)
    second, third = store.add("b", "c", repo_path="/r", agent="place")
    store.claim()
    _edit(store, "main", limit=1)
    store.finish(claim)
    assert [store.ticket(n).waits_for for n in (second, third)] == ["wip", "repo"]
    store.do(lambda verbs: verbs.delete([second], now_ms=1))
    assert store.ticket(third).waits_for == "wip"
    store.finish(busy)
    assert store.claimed() == [third]


def test_an_edit_to_another_board_leaves_a_full_one(store: Bench) -> None:
    _edit(store, "main", limit=1)
    first, second = store.add("a", "b")
    assert store.claimed() == [first]
    store.do(lambda verbs: verbs.edit([second], TicketEdit(board="side"), now_ms=1))
    assert store.ticket(second).waits_for is None
    assert store.claimed() == [second]
