"""The methods about tickets, over a real socket and a real store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from kanban_ipc.control import (
    AddCall,
    AddReply,
    CancelCall,
    CancelledReply,
    EventsCall,
    EventsReply,
    ImportCall,
    ImportReply,
    ListCall,
    ListReply,
    MoveCall,
    NewTicket,
    QueuePauseCall,
    QueueReply,
    QueueResumeCall,
    QueueStatusCall,
    ReadyCall,
    RetryCall,
    ShowCall,
    ShowReply,
    StatusCall,
    StatusReply,
    TicketReply,
    TicketsReply,
    WaitCall,
    WaitReply,
    WhyCall,
    WhyReply,
)
from kanban_ipc.link import Result
from support.control_server import Served, served
from support.daemon_double import worker
from support.varlink_client import Answered

Fact = Callable[[Served], Awaitable[None]]
FINISHED = Result(outcome="finished", proof="subreaper", branch="kanban/1-a")
FAILED = Result(outcome="error", failure="setup", message="No such program.")


def prove(tmp_path: Path, fact: Fact, toml: str = "") -> None:
    async def main() -> None:
        async with served(tmp_path, toml) as it:
            it.daemon.fleet.workers.append(worker())
            await fact(it)

    asyncio.run(main())


async def add(
    it: Served, title: str = "T", *, ready: bool = True, **more: object
) -> int:
    new = NewTicket(title=title, **{"agent": "noop", **more})  # type: ignore[arg-type]
    return (await it.client.call(AddCall(ticket=new, ready=ready), AddReply)).id


async def why(it: Served, number: int = 1) -> dict[str, str]:
    reply = await it.client.call(WhyCall(id=number), WhyReply)
    return {reason.code: reason.text for reason in reply.reasons}


async def move(it: Served, number: int, to: str, **more: bool) -> str:
    call = MoveCall(id=number, to=to, **more)  # type: ignore[arg-type]
    return (await it.client.call(call, TicketReply)).ticket.state


# ---------------------------------------------------------------------- adding


@pytest.mark.parametrize(
    ("new", "field", "said"),
    [
        ({"title": " "}, "ticket", "title is empty"),
        ({"title": "a\nb"}, "ticket.title", "one line of printable"),
        ({"title": "x" * 501}, "ticket", "title is too long"),
        ({"instructions": "a\0b"}, "ticket.instructions", "NUL"),
        ({"description_md": "x" * (1 << 18) + "y"}, "ticket", "too long"),
        ({"agent": "nobody"}, "ticket.agent", "there are: any, shell, noop"),
        ({"board": "a\tb"}, "ticket.board", "printable"),
        ({"labels": ["a\x1b[1m"]}, "ticket.labels", "printable"),
        ({"base_branch": "--upload-pack=x"}, "ticket.base_branch", "not a branch's"),
        ({"repo_path": "relative"}, "ticket.repo_path", "an absolute path"),
        ({"repo_path": "/a\0b"}, "ticket.repo_path", "an absolute path"),
        ({"depends_on": [0]}, "ticket.depends_on", "at least 1"),
        ({"depends_on": [1 << 70]}, "ticket.depends_on", "from 1 to"),
        ({"priority": "low", "priority_number": 3}, "ticket", "not both"),
        ({"max_retries": 1 << 40}, "ticket.max_retries", "from 0 to 1000"),
        ({"timeout_s": 0}, "ticket", "more than 0"),
        ({"timeout_s": 1e300}, "ticket.timeout_s", "at most 30 d"),
        ({"scheduled_at_ms": -1}, "ticket.scheduled_at_ms", "at least 0"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_field(
    tmp_path: Path, new: dict[str, object], field: str, said: str
) -> None:
    async def fact(it: Served) -> None:
        with pytest.raises(Answered) as caught:
            await add(it, **{"title": "T", **new})  # type: ignore[arg-type]
        assert caught.value.name == "InvalidArgument", caught.value
        assert caught.value.parameters["field"].startswith(field)
        assert said in caught.value.message
        assert (await it.client.call(ListCall(), ListReply)).total == 0

    prove(tmp_path, fact)


def test_a_known_key_gives_the_ticket_it_names(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        new = NewTicket(title="A", agent="noop", key="k")
        first = await it.client.call(AddCall(ticket=new), AddReply)
        again = await it.client.call(AddCall(ticket=new), AddReply)
        assert (first.id, first.created, again.id, again.created) == (1, True, 1, False)

    prove(tmp_path, fact)


def test_an_unknown_dependency_is_refused(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        with pytest.raises(Answered, match="99"):
            await add(it, depends_on=[99])

    prove(tmp_path, fact)


def test_adding_wakes_the_dispatch_and_sets_the_clock(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        assert it.daemon.runs.woken == 1
        later = it.daemon.clock.now_ms() + 60_000
        await add(it, scheduled_at_ms=later)
        assert it.daemon.runs.due == [later]

    prove(tmp_path, fact)


def test_a_repository_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "repo")

    async def fact(it: Served) -> None:
        await add(it, agent="shell", repo_path=str(tmp_path / "link" / ".." / "repo"))
        await add(it, agent="shell", repo_path=str(tmp_path / "link"))
        call = ListCall(repo=str(tmp_path / "repo"))
        assert (await it.client.call(call, ListReply)).total == 2

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (None, "cannot be used: No such file or directory"),
        ("repo", "has no .git"),
    ],
)
def test_a_missing_repository_keeps_a_ticket_out_of_ready_only(
    tmp_path: Path, made: str | None, said: str
) -> None:
    if made:
        (tmp_path / made).mkdir()

    async def fact(it: Served) -> None:
        repo = str(tmp_path / "repo")
        with pytest.raises(Answered, match=said):
            await add(it, agent="shell", repo_path=repo)
        number = await add(it, agent="shell", repo_path=repo, ready=False)
        for attempt in (
            it.client.call(ReadyCall(ids=[number]), TicketsReply),
            it.client.call(MoveCall(id=number, to="Ready"), TicketReply),
        ):
            with pytest.raises(Answered, match=said):
                await attempt
        # A callable has no use for a repository on this machine.
        await add(it, agent="noop", repo_path=repo)

    prove(tmp_path, fact)


def test_a_git_file_is_a_repository_too(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")

    async def fact(it: Served) -> None:
        await add(it, agent="shell", repo_path=str(tmp_path))

    prove(tmp_path, fact)


def test_any_without_a_default_is_refused_and_says_what_to_set(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        with pytest.raises(Answered, match=r"set default_agent in kanban\.toml"):
            await add(it, agent="any")
        number = await add(it, agent="any", ready=False)
        with pytest.raises(Answered, match=r"set default_agent in kanban\.toml"):
            await it.client.call(ReadyCall(ids=[number]), TicketsReply)

    prove(tmp_path, fact)


def test_any_means_the_only_configured_profile(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it, agent="any")

    prove(tmp_path, fact, '[agents.a]\nargv = ["true"]')


def test_a_ticket_that_nobody_can_do_is_taken_and_said_so(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.daemon.fleet.workers[:] = [worker(agents=["shell"])]
        new = NewTicket(title="T", agent="noop")
        reply = await it.client.call(AddCall(ticket=new, ready=True), AddReply)
        said = "no connected worker takes agent noop; start one that does"
        assert said in reply.notes[0]
        status = await it.client.call(StatusCall(), StatusReply)
        assert status.daemon.healthy
        assert said in status.daemon.problems[0]
        assert said in (await why(it))["no_worker"]

    prove(tmp_path, fact)


def test_an_import_is_all_or_nothing(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        good = NewTicket(title="good", agent="noop")
        for bad in (
            NewTicket(title="", agent="noop"),
            NewTicket(title="bad", agent="nobody"),
            NewTicket(title="bad", agent="any"),
            NewTicket(title="bad", agent="noop", depends_on=[77]),
        ):
            call = ImportCall(tickets=[good, bad, good], ready=True)
            reply = await it.client.call(call, ImportReply)
            assert (reply.ids, reply.created) == ([], 0)
            assert [each.index for each in reply.refused] == [1]
            assert reply.refused[0].reason
        reply = await it.client.call(ImportCall(tickets=[good, good]), ImportReply)
        assert reply.ids == [1, 2]

    prove(tmp_path, fact)


def test_a_list_cuts_long_texts_and_show_has_them_whole(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        text = "é" * 3_000
        await add(it, instructions=text)
        listed = await it.client.call(ListCall(), ListReply)
        assert len(listed.tickets[0].instructions) == 2_001
        shown = await it.client.call(ShowCall(id=1), ShowReply)
        assert shown.ticket.instructions == text

    prove(tmp_path, fact)


# ------------------------------------------------------------------------ moving


def test_what_does_not_exist_is_not_found(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for call in (
            ShowCall(id=9),
            WhyCall(id=9),
            MoveCall(id=9, to="Ready"),
            ReadyCall(ids=[9]),
            RetryCall(ids=[9]),
            CancelCall(ids=[9]),
            WaitCall(ids=[9]),
            QueuePauseCall(board="nope"),
        ):
            with pytest.raises(Answered) as caught:
                await it.client.call(call, ShowReply)
            assert caught.value.name == "NotFound", call

    prove(tmp_path, fact)


def test_ready_moves_all_or_none(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for _ in range(2):
            await add(it, ready=False)
        await add(it)
        await it.daemon.claim()
        with pytest.raises(Answered):
            await it.client.call(ReadyCall(ids=[1, 3]), TicketsReply)
        first = await it.client.call(ShowCall(id=1), ShowReply)
        assert first.ticket.state == "backlog"
        reply = await it.client.call(ReadyCall(ids=[1, 2, 1]), TicketsReply)
        assert [each.state for each in reply.tickets] == ["ready", "ready"]
        await it.client.call(ReadyCall(ids=[1]), TicketsReply)

    prove(tmp_path, fact)


def test_an_illegal_move_is_refused(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        for to in ("In Progress", "Done", "Review"):
            with pytest.raises(Answered, match="InvalidTransition"):
                await move(it, 1, to)
        assert await move(it, 1, "Backlog") == "backlog"

    prove(tmp_path, fact)


def test_a_live_run_locks_its_ticket_unless_the_move_cancels(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        claim = await it.daemon.claim()
        with pytest.raises(Answered, match="TicketLocked"):
            await move(it, 1, "Blocked")
        for impossible in ("Done", "Review"):
            with pytest.raises(Answered, match="moved to Backlog, Ready or Blocked"):
                await move(it, 1, impossible, cancel=True)
        assert it.daemon.runs.cancelled == []
        assert await move(it, 1, "Blocked", cancel=True) == "blocked"
        assert it.daemon.runs.cancelled == [claim.run_id]
        assert await move(it, 1, "Ready") == "ready"
        await it.daemon.claim()
        assert await move(it, 1, "Ready", cancel=True) == "ready"
        await it.daemon.claim()
        assert await move(it, 1, "Backlog", cancel=True) == "backlog"

    prove(tmp_path, fact)


def test_a_move_throws_away_no_result_that_came_meanwhile(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        claim = await it.daemon.claim()
        with (
            it.daemon.ends_meanwhile(claim, FINISHED),
            pytest.raises(Answered, match="is in_review and cannot be moved"),
        ):
            await move(it, 1, "Backlog", cancel=True)
        assert it.daemon.runs.cancelled == []
        assert set(await why(it)) == {"in_review"}

    prove(tmp_path, fact)


def test_a_cancel_ends_the_run_and_answers_with_proof(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for _ in range(2):
            await add(it)
        claim = await it.daemon.claim()
        reply = await it.client.call(CancelCall(ids=[1, 2]), CancelledReply)
        assert [each.state for each in reply.tickets] == ["cancelled", "cancelled"]
        assert [(run.id, run.proof) for run in reply.runs] == [
            (claim.run_id, "subreaper")
        ]

    prove(tmp_path, fact)


def test_a_cancel_is_all_or_none(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        await it.daemon.claim()
        with pytest.raises(Answered, match="NotFound"):
            await it.client.call(CancelCall(ids=[1, 2]), CancelledReply)
        assert it.daemon.runs.cancelled == []

    prove(tmp_path, fact)


def test_a_failed_ticket_is_retried(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        claim = await it.daemon.claim()
        await it.daemon.settle(claim.run_id, claim.epoch, FAILED)
        assert "No such program" in (await why(it))["failed"]
        reply = await it.client.call(RetryCall(ids=[1], fresh=True), TicketsReply)
        assert reply.tickets[0].state == "ready"

    prove(tmp_path, fact)


# -------------------------------------------------------------------- waiting, why


def test_a_wait_ends_when_the_ticket_rests(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        it.client.send(WaitCall(ids=[1]))
        claim = await it.daemon.claim()
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        reply, _ = await it.client.receive(TicketsReply)
        assert reply.tickets[0].column == "Review"
        await it.client.call(WaitCall(ids=[1], states=["in_review"]), TicketsReply)

    prove(tmp_path, fact)


def test_why_names_what_holds_a_ready_ticket(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        assert await add(it) == 1
        assert set(await why(it)) == {"next"}
        await add(it, depends_on=[1])
        assert "ticket 1 (T), which is ready" in (await why(it, 2))["depends"]
        await add(it, scheduled_at_ms=it.daemon.clock.now_ms() + 7_200_000)
        said = (await why(it, 3))["scheduled"]
        assert "is scheduled to begin in 2 h. At once: kanbanctl retry 3" in said
        paused = await it.client.call(QueuePauseCall(), QueueReply)
        assert paused.queue.paused
        assert "queue resume" in (await why(it))["paused"]
        await it.client.call(QueueResumeCall(), QueueReply)
        await it.client.call(QueuePauseCall(board="main"), QueueReply)
        assert "--board main" in (await why(it))["board_paused"]
        await it.client.call(QueueResumeCall(board="main"), QueueReply)
        claim = await it.daemon.claim()
        assert f"run {claim.run_id} runs on worker-1" in (await why(it))["leased"]
        it.daemon.fleet.workers.clear()
        assert "worker-1 is not connected now" in (await why(it))["leased"]
        it.daemon.life.state = "draining"
        assert set(await why(it, 2)) == {"depends", "draining", "no_worker"}

    prove(tmp_path, fact)


def test_a_wait_looks_or_is_patient_and_says_what_nobody_moves(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it, ready=False)
        await add(it, depends_on=[1])
        await add(it)
        for patience_s in (0, 0.001):
            call = WaitCall(ids=[1, 2, 3], patience_s=patience_s)
            reply = await it.client.call(call, WaitReply)
            assert not reply.reached
            assert [each.state for each in reply.tickets] == [
                *("backlog", "ready", "ready")
            ]
            first, second = reply.notes
            assert "do so: kanbanctl ready 1 (more: kanbanctl why 1)" in first
            assert "will not come by itself: kanbanctl ready 1" in second
        there = WaitCall(ids=[1], states=["backlog"], patience_s=0)
        assert (await it.client.call(there, WaitReply)).reached
        many = [await add(it, ready=False) for _ in range(6)]
        reply = await it.client.call(WaitCall(ids=many, patience_s=0), WaitReply)
        assert len(reply.notes) == 6
        assert reply.notes[-1].startswith("others wait as well")
        with pytest.raises(Answered, match="at least 0"):
            await it.client.call(WaitCall(ids=[1], patience_s=-1), WaitReply)

    prove(tmp_path, fact)


def test_a_cancelled_dependency_is_told_with_what_brings_it_back(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        await add(it, depends_on=[1])
        await it.client.call(CancelCall(ids=[1]), CancelledReply)
        said = (await why(it, 2))["depends"]
        assert said.endswith("it will not come by itself: kanbanctl retry 1")

    prove(tmp_path, fact)


def test_what_was_accepted_is_completed_once_it_is_merged(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)

    async def fact(it: Served) -> None:
        await add(it, repo_path=str(tmp_path / "repo"))
        await add(it, depends_on=[1])
        claim = await it.daemon.claim()
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        assert await move(it, 1, "Done") == "approved"
        assert (await why(it))["approved"] == (
            f"it was accepted; merge its branch kanban/1-a (git -C {tmp_path}/repo "
            "merge kanban/1-a), then: kanbanctl move 1 done --merged"
        )
        with pytest.raises(Answered, match=r"If it is merged: .* move 1 done --merged"):
            await it.client.call(ReadyCall(ids=[1]), TicketsReply)
        woken = it.daemon.runs.woken
        assert await move(it, 1, "Done") == "approved"
        assert it.daemon.runs.woken == woken
        assert await move(it, 1, "Done", merged=True) == "completed"
        assert it.daemon.runs.woken == woken + 1
        assert set(await why(it, 2)) == {"next"}

    prove(tmp_path, fact)


def test_ready_does_not_do_reviewed_work_again(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)

    async def fact(it: Served) -> None:
        await add(it, repo_path=str(tmp_path / "repo"))
        await add(it, ready=False)
        claim = await it.daemon.claim()
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        for use in ("kanbanctl retry 1", "kanbanctl move 1 ready"):
            with pytest.raises(Answered, match=f"use {use}"):
                await it.client.call(ReadyCall(ids=[2, 1]), TicketsReply)
            shown = await it.client.call(ShowCall(id=2), ShowReply)
            assert shown.ticket.state == "backlog"
            await move(it, 1, "Done")

    prove(tmp_path, fact)


def test_an_import_names_the_known_and_those_it_leaves_in_the_backlog(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        await add(it, key="a", ready=False)
        await add(it, key="b")
        tickets = [
            NewTicket(title=key, agent="noop", key=key) for key in ("a", "b", "c")
        ]
        call = ImportCall(tickets=tickets, ready=True)
        reply = await it.client.call(call, ImportReply)
        assert (reply.ids, reply.created, reply.known) == ([1, 2, 3], 1, [1, 2])
        (note,) = reply.notes
        assert note.endswith("still in Backlog; do: kanbanctl ready 1")

    prove(tmp_path, fact)


def test_what_stands_still_is_said_when_something_is_added(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        await it.client.call(QueuePauseCall(board="main"), QueueReply)
        it.daemon.life.state = "draining"
        new = NewTicket(title="T", agent="noop")
        reply = await it.client.call(AddCall(ticket=new, ready=True), AddReply)
        paused, draining = reply.notes
        assert "resume --board main" in paused
        assert "kanbanctl shutdown --keep-workers, then kanband" in draining
        assert (await why(it))["draining"] == draining
        other = NewTicket(title="T", agent="noop", board="other")
        reply = await it.client.call(AddCall(ticket=other, ready=True), AddReply)
        assert reply.notes == ["the board other is new", draining]
        reply = await it.client.call(AddCall(ticket=new), AddReply)
        assert reply.notes == []

    prove(tmp_path, fact)


def test_resuming_says_what_is_still_held(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        for board in (None, "main"):
            await it.client.call(QueuePauseCall(board=board), QueueReply)
        resumed = await it.client.call(QueueResumeCall(), QueueReply)
        (note,) = resumed.notes
        assert "board main is paused; go on with" in note
        status = await it.client.call(StatusCall(), StatusReply)
        assert status.queue.paused_boards == ["main"]
        it.daemon.life.state = "draining"
        resumed = await it.client.call(QueueResumeCall(board="main"), QueueReply)
        assert "still, the daemon is draining" in resumed.notes[0]

    prove(tmp_path, fact)


def test_why_names_a_retry_and_its_time(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it)
        claim = await it.daemon.claim()
        bad = Result(outcome="error", failure="agent_error", message="Exit code 1.")
        await it.daemon.settle(claim.run_id, claim.epoch, bad)
        reply = await it.client.call(WhyCall(id=1), WhyReply)
        assert reply.reasons[0].code == "retry"
        assert reply.ticket is not None
        assert reply.reasons[0].next_try_ms == reply.ticket.due_at_ms
        said = reply.reasons[0].text
        assert "(agent_error). The agent failed. Retry 1 of 3 follows. Exit" in said
        assert said.count(" in ") == 1, "one time only"
        assert "kanbanctl run logs 1" in said

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("agent", "more"),
    [("shell", "max_runs_per_repo"), ("place", "a run of place has the checkout")],
)
def test_why_names_who_holds_a_repository_and_what_gives_more(
    tmp_path: Path, agent: str, more: str
) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    other = {"shell": "place", "place": "shell"}[agent]
    toml = (
        "[queue]\nmax_runs_per_repo = 1\n"
        '[agents.place]\nkind = "shell"\nargv = ["true"]\nworktree = false\n'
    )

    async def fact(it: Served) -> None:
        for each in (other, agent, agent):
            await add(it, agent=each, repo_path=str(tmp_path / "repo"))
        await add(it)
        for _ in range(3):
            await it.daemon.claim()
        said = (await why(it, 3))["repository"]
        assert "limit of runs: ticket 2 on worker-1 for" in said, "its like alone"
        assert "kanbanctl run logs -f 2" in said
        assert more in said

    prove(tmp_path, fact, toml)


def test_why_says_what_would_refuse_the_command_it_names(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it, ready=False, agent="any")
        said = (await why(it))["backlog"]
        assert "kanbanctl ready 1; but first mend this: its agent is any" in said

    prove(tmp_path, fact)


def test_why_has_an_answer_for_every_resting_state(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it, ready=False)
        assert set(await why(it)) == {"backlog"}
        await move(it, 1, "Blocked")
        assert set(await why(it)) == {"blocked"}
        await move(it, 1, "Ready")
        claim = await it.daemon.claim()
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        assert "kanbanctl run diff 1" in (await why(it))["in_review"]
        await move(it, 1, "Done")
        assert set(await why(it)) == {"completed"}
        await add(it)
        await it.client.call(CancelCall(ids=[2]), CancelledReply)
        assert set(await why(it, 2)) == {"cancelled"}

    prove(tmp_path, fact)


# ------------------------------------------------------------------------ events


def test_events_are_read_by_cursor_without_a_gap(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for title in "abc":
            await add(it, title)
        whole = await it.client.call(EventsCall(since=0), EventsReply)
        assert [each.seq for each in whole.events] == list(
            range(1, len(whole.events) + 1)
        )
        cursor, seen = 0, []
        while True:
            page = await it.client.call(EventsCall(since=cursor, limit=1), EventsReply)
            if not page.events:
                break
            cursor = page.cursor
            seen += page.events
        assert seen == whole.events
        last = await it.client.call(EventsCall(limit=2), EventsReply)
        assert last.events == whole.events[-2:]
        one = await it.client.call(EventsCall(ticket_id=1), EventsReply)
        assert {each.ticket_id for each in one.events} == {1}
        with pytest.raises(Answered, match="the journal ends at"):
            await it.client.call(EventsCall(since=10_000), EventsReply)

    prove(tmp_path, fact)


def test_following_events_gives_what_happens_from_now_on(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await add(it, "before")
        it.client.send(EventsCall(follow=True), more=True)
        first, continues = await it.client.receive(EventsReply)
        assert continues
        assert first.events == []
        claim = await it.daemon.claim()
        seen: list[int | None] = []
        while not seen:
            page, _ = await it.client.receive(EventsReply)
            seen += [each.ticket_id for each in page.events]
        assert set(seen) == {claim.work.ticket_id}

    prove(tmp_path, fact)


CLOUD = """
[agents.fast]
provider = "cloud"
[agents.slow]
provider = "cloud"
"""


def test_why_tells_of_a_provider_that_cools_down_and_how_to_end_it(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        await add(it, agent="fast")
        claim = await it.daemon.claim()
        refused = Result(outcome="error", failure="rate_limited")
        await it.daemon.settle(claim.run_id, claim.epoch, refused, provider="cloud")
        await add(it, agent="slow")
        reasons = await why(it, 2)
        assert "cools down" in reasons["cooldown"]
        end = QueueResumeCall(provider="cloud")
        assert reasons["cooldown"].endswith("kanbanctl queue resume --provider cloud")
        assert "logs 1" in (await why(it, 1))["cooldown"]
        status = await it.client.call(QueueStatusCall(), QueueReply)
        assert [(one.provider, one.in_a_row) for one in status.queue.cooling] == [
            ("cloud", 1)
        ]
        woken = it.daemon.runs.woken
        reply = await it.client.call(end, QueueReply)
        assert (reply.queue.cooling, it.daemon.runs.woken) == ([], woken + 1)
        assert set(await why(it, 2)) == {"next"}
        with pytest.raises(Answered, match="does not cool down"):
            await it.client.call(end, QueueReply)

    prove(tmp_path, fact, CLOUD)


def test_a_ticket_that_only_labels_keep_from_a_worker_says_so(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        (only,) = it.daemon.fleet.workers
        it.daemon.fleet.workers[:] = [msgspec.structs.replace(only, labels=["gpu"])]
        new = NewTicket(title="A", agent="noop", labels=["red"])
        reply = await it.client.call(AddCall(ticket=new, ready=True), AddReply)
        said = (await why(it))["no_worker"]
        assert "with labels (none of theirs)" in said
        assert f"{only.worker_id} asks for gpu" in said
        assert reply.notes == [f"it waits: {said}"]
        status = await it.client.call(StatusCall(), StatusReply)
        assert status.daemon.problems == [f"ticket 1 cannot be done now: {said}"]
        await add(it, labels=["gpu", "red"])
        assert set(await why(it, 2)) == {"next"}

    prove(tmp_path, fact)
