"""Boards: over a real socket and a real store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kanban_ipc.control import (
    AddCall,
    AddReply,
    BoardCall,
    BoardReply,
    BoardsAddCall,
    BoardsDeleteCall,
    BoardsEditCall,
    BoardsListCall,
    BoardsRenameCall,
    BoardsReply,
    Call,
    CancelCall,
    CancelledReply,
    NewTicket,
    QueueReply,
    QueueStatusCall,
    ShowCall,
    ShowReply,
    WhyCall,
    WhyReply,
)
from kanban_ipc.words import COLUMNS
from support.control_server import Served, served
from support.daemon_double import worker
from support.varlink_client import Answered

Fact = Callable[[Served], Awaitable[None]]


def prove(tmp_path: Path, fact: Fact) -> None:
    async def main() -> None:
        async with served(tmp_path) as it:
            it.daemon.fleet.workers.append(worker())
            await fact(it)

    asyncio.run(main())


async def add(it: Served, *, ready: bool = True, **more: Any) -> int:
    new = NewTicket(**{"title": "T", "agent": "noop", **more})
    return (await it.client.call(AddCall(ticket=new, ready=ready), AddReply)).id


async def boards(it: Served, call: Call) -> list[tuple[str, int | None]]:
    reply = await it.client.call(call, BoardsReply)
    return [(each.board, each.wip_limit) for each in reply.boards]


def test_boards_are_made_changed_renamed_and_deleted(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        assert await boards(it, BoardsListCall()) == [("main", None)]
        made = await boards(it, BoardsAddCall(name="web", wip_limit=2))
        assert made == [("main", None), ("web", 2)]
        woken = it.daemon.runs.woken
        call = BoardsEditCall(name="web", position=1, wip_limit=0)
        assert await boards(it, call) == [("web", None), ("main", None)]
        assert it.daemon.runs.woken == woken + 1
        renamed = await boards(it, BoardsRenameCall(name="main", to="old"))
        assert renamed == [("web", None), ("old", None)]
        assert await boards(it, BoardsDeleteCall(name="old")) == [("web", None)]

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (BoardsAddCall(name="main"), "Refused"),
        (BoardsAddCall(name=""), "InvalidArgument"),
        (BoardsAddCall(name="a\tb"), "InvalidArgument"),
        (BoardsAddCall(name="a", position=0), "InvalidArgument"),
        (BoardsAddCall(name="a", wip_limit=-1), "InvalidArgument"),
        (BoardsEditCall(name="main"), "InvalidArgument"),
        (BoardsEditCall(name="no", position=1), "NotFound"),
        (BoardsRenameCall(name="no", to="a"), "NotFound"),
        (BoardsRenameCall(name="main", to=""), "InvalidArgument"),
        (BoardsDeleteCall(name="no"), "NotFound"),
        (BoardsDeleteCall(name="main"), "Refused"),
        (BoardCall(name="no"), "NotFound"),
        (BoardCall(limit=0), "InvalidArgument"),
        (QueueStatusCall(board="no"), "NotFound"),
    ],
)
def test_what_cannot_be_is_refused_by_its_kind(
    tmp_path: Path, call: Call, error: str
) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        with pytest.raises(Answered) as caught:
            await it.client.call(call, BoardsReply)
        assert caught.value.name == error, caught.value

    prove(tmp_path, fact)


def test_a_board_is_shown_by_its_columns(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        low = await add(it, priority="low")
        urgent = await add(it, priority="urgent", instructions="x" * 3_000)
        gone = await add(it)
        backlog = await add(it, ready=False)
        await add(it, board="side")
        await it.client.call(CancelCall(ids=[gone]), CancelledReply)
        reply = await it.client.call(BoardCall(), BoardReply)
        assert reply.board.board == "main"
        assert [each.column for each in reply.columns] == list(COLUMNS)
        shown = {each.column: [t.id for t in each.tickets] for each in reply.columns}
        assert shown["Backlog"] == [backlog]
        assert shown["Ready"] == [urgent, low]
        assert shown["Done"] == []
        assert len(reply.columns[1].tickets[0].instructions) == 2_001
        reply = await it.client.call(BoardCall(name="main", limit=1), BoardReply)
        assert (len(reply.columns[1].tickets), reply.columns[1].total) == (1, 2)

    prove(tmp_path, fact)


def test_why_names_the_full_board_and_what_is_on_it(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await boards(it, BoardsAddCall(name="web site", wip_limit=1))
        for _ in range(2):
            await add(it, board="web site")
        await it.daemon.claim()
        shown = await it.client.call(ShowCall(id=2), ShowReply)
        assert shown.ticket.waits_for == "wip"
        reply = await it.client.call(WhyCall(id=2), WhyReply)
        (reason,) = reply.reasons
        assert reason.code == "wip"
        assert "1 of 1 (1); the next begins when one of them ends" in reason.text
        assert reason.text.endswith("kanbanctl boards edit 'web site' --wip 2")

    prove(tmp_path, fact)


def test_a_limit_below_what_runs_is_told_the_number_that_helps(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for _ in range(3):
            await add(it, board="side")
        await it.daemon.claim()
        await it.daemon.claim()
        await boards(it, BoardsEditCall(name="side", wip_limit=1))
        (reason,) = (await it.client.call(WhyCall(id=3), WhyReply)).reasons
        assert "2 of 1 (1, 2)" in reason.text
        assert reason.text.endswith("kanbanctl boards edit side --wip 3")

    prove(tmp_path, fact)


def test_the_queue_may_be_asked_for_one_board(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it, board="side")
        reply = await it.client.call(QueueStatusCall(board="side"), QueueReply)
        assert [each.board for each in reply.boards] == ["side"]

    prove(tmp_path, fact)
