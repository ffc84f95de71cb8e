"""Edit, Comment, Block, Delete: over a real socket and a real store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kanban_ipc.control import (
    AddCall,
    AddReply,
    BlockCall,
    CancelCall,
    CancelledReply,
    ChangedReply,
    CommentCall,
    CommentReply,
    DeleteCall,
    DeleteReply,
    EditCall,
    ExportCall,
    ExportReply,
    NewTicket,
    ShowCall,
    ShowReply,
    Ticket,
    TicketEdit,
    WhyCall,
    WhyReply,
)
from kanban_ipc.link import Result
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


async def edit(it: Served, *ids: int, **fields: Any) -> ChangedReply:
    call = EditCall(ids=list(ids), edit=TicketEdit(**fields))
    return await it.client.call(call, ChangedReply)


async def why(it: Served, number: int) -> str:
    reply = await it.client.call(WhyCall(id=number), WhyReply)
    return reply.reasons[0].text


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({}, "edit", "changes nothing"),
        ({"title": ""}, "edit", "title is empty"),
        ({"title": "a\nb"}, "edit.title", "one line"),
        ({"agent": "nobody"}, "edit.agent", "there are: any, shell, noop"),
        ({"repo_path": "relative"}, "edit.repo_path", "an absolute path"),
        ({"add_labels": ["\x1b"]}, "edit.labels", "printable"),
        ({"remove_labels": [""]}, "edit.remove_labels", "printable"),
        ({"remove_depends_on": [0]}, "edit.remove_depends_on", "at least 1"),
        ({"actual_duration_s": 0.0}, "edit.actual_duration_s", "more than 0"),
        ({"timeout_s": 1e300}, "edit.timeout_s", "at most 30 d"),
        ({"model": "m", "clear": ["model"]}, "edit.clear", "at once"),
    ],
)
def test_an_edit_out_of_bounds_is_refused_by_its_field(
    tmp_path: Path, fields: dict[str, Any], field: str, said: str
) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        with pytest.raises(Answered) as caught:
            await edit(it, 1, **fields)
        assert caught.value.name == "InvalidArgument", caught.value
        assert caught.value.parameters["field"] == field
        assert said in caught.value.message

    prove(tmp_path, fact)


def test_each_ticket_is_changed_or_refused_by_itself(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        await add(it, ready=False)
        await it.daemon.claim()
        reply = await edit(it, 1, 2, 9, title="Z")
        assert [(each.id, each.title) for each in reply.tickets] == [(2, "Z")]
        assert [(each.ticket_id, each.error) for each in reply.refused] == [
            (1, "TicketLocked"),
            (9, "NotFound"),
        ]
        for number, name in ((1, "TicketLocked"), (9, "NotFound")):
            with pytest.raises(Answered) as caught:
                await edit(it, number, title="Z")
            assert caught.value.name == name

    prove(tmp_path, fact)


def test_an_edit_wakes_the_dispatch_and_sets_the_clock(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        later = it.daemon.clock.now_ms() + 60_000
        await add(it, scheduled_at_ms=later)
        await edit(it, 1, scheduled_at_ms=later + 1)
        assert (it.daemon.runs.woken, it.daemon.runs.due) == (0, [later, later + 1])
        await edit(it, 1, clear=["scheduled_at_ms"])
        assert it.daemon.runs.woken == 1

    prove(tmp_path, fact)


def test_a_ready_ticket_is_not_made_one_that_could_not_be_ready(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        await add(it, ready=False)
        missing = str(tmp_path / "missing")
        reply = await edit(it, 1, 2, agent="shell", repo_path=missing)
        assert [each.id for each in reply.tickets] == [2]
        (denial,) = reply.refused
        assert "could not be like that: its repository" in denial.message
        assert "kanbanctl move 1 backlog" in denial.message
        with pytest.raises(Answered, match="set default_agent"):
            await edit(it, 1, agent="any")

    prove(tmp_path, fact)


def test_an_edited_ticket_that_nobody_can_do_is_said_so(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.daemon.fleet.workers[:] = [worker(agents=["noop"])]
        await add(it)
        reply = await edit(it, 1, agent="shell")
        assert "no connected worker takes agent shell" in reply.notes[0]

    prove(tmp_path, fact)


def test_comments_are_shown_the_latest_of_many(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        for body in (" ", "a\0b", "x" * (1 << 16) + "y"):
            with pytest.raises(Answered, match="body_md"):
                await it.client.call(CommentCall(ids=[1], body_md=body), CommentReply)
        for number in range(101):
            call = CommentCall(ids=[1], body_md=str(number), author="agent")
            await it.client.call(call, CommentReply)
        shown = await it.client.call(ShowCall(id=1), ShowReply)
        assert shown.comments_count == 101
        assert [int(each.body_md) for each in shown.comments] == list(range(1, 101))
        assert {each.author for each in shown.comments} == {"agent"}

    prove(tmp_path, fact)


def test_why_shows_the_reason_of_a_block(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        for reason in ("", " \n ", "a\x1bb", "x" * 2_001):
            with pytest.raises(Answered, match="reason"):
                await it.client.call(BlockCall(ids=[1], reason=reason), ChangedReply)
        await it.client.call(BlockCall(ids=[1], reason="no\nlicence"), ChangedReply)
        assert await why(it, 1) == (
            "a person blocked it: no licence; release it: kanbanctl ready 1"
        )

    prove(tmp_path, fact)


def test_a_block_comes_too_late_for_a_run_that_ends_meanwhile(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        claim = await it.daemon.claim()
        call = BlockCall(ids=[1], reason="later", cancel=True)
        with it.daemon.ends_meanwhile(claim, Result(outcome="finished")):
            reply = await it.client.call(call, ChangedReply)
        assert reply.refused == []
        assert [each.state for each in reply.tickets] == ["blocked"]
        assert it.daemon.runs.cancelled == []

    prove(tmp_path, fact)


def test_a_block_ends_live_runs_only_when_asked(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        await add(it, ready=False)
        claim = await it.daemon.claim()
        call = BlockCall(ids=[1, 2], reason="later")
        reply = await it.client.call(call, ChangedReply)
        assert [each.id for each in reply.tickets] == [2]
        assert [each.error for each in reply.refused] == ["TicketLocked"]
        call = BlockCall(ids=[1, 2], reason="now", cancel=True)
        reply = await it.client.call(call, ChangedReply)
        assert it.daemon.runs.cancelled == [claim.run_id]
        assert [(each.state, each.reason) for each in reply.tickets] == [
            ("blocked", "now")
        ] * 2

    prove(tmp_path, fact)


def test_a_chain_is_deleted_in_one_call_whatever_its_order(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for number in range(3):
            await add(it, depends_on=[number] if number else [])
        kept = await add(it)
        reply = await it.client.call(DeleteCall(ids=[1, 2]), DeleteReply)
        assert reply.deleted == []
        assert [each.error for each in reply.refused] == ["Refused"] * 2
        reply = await it.client.call(DeleteCall(ids=[1, 3, 2, 9]), DeleteReply)
        assert [each.ticket_id for each in reply.deleted] == [1, 3, 2]
        assert [each.ticket_id for each in reply.refused] == [9]
        assert (await it.client.call(ShowCall(id=kept), ShowReply)).ticket.id == kept

    prove(tmp_path, fact)


def test_an_export_has_whole_texts_in_pieces(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        text = "x" * 200_000
        for number in range(4):
            await add(it, ready=False, instructions=text, title=str(number))
        await add(it, board="side")
        gone = await add(it)
        await it.client.call(CancelCall(ids=[gone]), CancelledReply)
        assert [len(each) for each in await export(it)] == [1, 1, 1, 2]
        pieces = await export(it, states=["backlog"])
        assert [each.instructions for piece in pieces for each in piece] == [text] * 4
        assert await ids_of(it, board="side") == [5]
        assert await ids_of(it, columns=["Backlog"]) == [1, 2, 3, 4]
        assert await ids_of(it, done=True, board="main") == [1, 2, 3, 4, 6]
        assert await ids_of(it, label="none") == []

    prove(tmp_path, fact)


async def export(it: Served, **fields: Any) -> list[list[Ticket]]:
    it.client.send(ExportCall(**fields), more=True)
    pieces: list[list[Ticket]] = []
    continues = True
    while continues:
        reply, continues = await it.client.receive(ExportReply)
        pieces.append(reply.tickets)
    return pieces


async def ids_of(it: Served, **fields: Any) -> list[int]:
    return [each.id for piece in await export(it, **fields) for each in piece]


def test_what_is_left_of_a_deleted_ticket_is_said(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        claim = await it.daemon.claim()
        with pytest.raises(Answered, match="TicketLocked"):
            await it.client.call(DeleteCall(ids=[1]), DeleteReply)
        result = Result(outcome="finished", branch="kanban/1-t", worktree="/w")
        await it.daemon.settle(claim.run_id, claim.epoch, result)
        reply = await it.client.call(DeleteCall(ids=[1]), DeleteReply)
        (deleted,) = reply.deleted
        assert (deleted.runs, deleted.branch, deleted.worktree) == (
            [claim.run_id],
            "kanban/1-t",
            "/w",
        )

    prove(tmp_path, fact)
