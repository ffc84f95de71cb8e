"""``Gc`` on the real store and real files: what goes, what stays, and why."""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kanban_ipc import layout
from kanban_ipc.control import (
    AddCall,
    AddReply,
    EventsCall,
    EventsReply,
    GcCall,
    GcReply,
    MoveCall,
    NewTicket,
    TicketReply,
)
from kanban_ipc.link import Result
from support.control_server import Served, served
from support.daemon_double import worker
from support.varlink_client import Answered

Fact = Callable[[Served], Awaitable[None]]
FINISHED = Result(outcome="finished", proof="subreaper")
NOW = GcCall(keep_s=0)


def prove(tmp_path: Path, fact: Fact) -> None:
    async def main() -> None:
        async with served(tmp_path) as it:
            it.daemon.fleet.workers.append(worker())
            await fact(it)

    asyncio.run(main())


async def gc(it: Served, call: GcCall = NOW) -> GcReply:
    return await it.client.call(call, GcReply)


def folder(it: Served, run_id: str, size_bytes: int = 0) -> Path:
    path = it.daemon.config.state_dir / layout.RUNS_DIR / run_id
    path.mkdir()
    (path / "stdout.log").write_bytes(b"x" * size_bytes)
    return path


async def one_run(it: Served, size_bytes: int = 0, *, done: bool = True) -> Path:
    """The directory of a run that has ended; its ticket is completed, or in Review."""
    new = NewTicket(title="T", agent="noop")
    added = await it.client.call(AddCall(ticket=new, ready=True), AddReply)
    claim = await it.daemon.claim()
    await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
    if done:
        await it.client.call(MoveCall(id=added.id, to="Done"), TicketReply)
    return folder(it, claim.run_id, size_bytes)


def test_the_run_of_a_done_ticket_goes_and_is_told(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        path = await one_run(it, 9_000)
        shown = await gc(it, GcCall(dry_run=True, keep_s=0))
        assert path.exists()
        reply = await gc(it)
        assert not path.exists()
        assert shown.freed == reply.freed
        [freed] = reply.freed
        assert (freed.kind, freed.path) == ("run", str(path))
        assert freed.size_bytes >= 9_000
        assert freed.text == "ticket 1, attempt 1, finished"
        assert reply.freed_bytes == freed.size_bytes
        assert (await gc(it)).freed == []

    prove(tmp_path, fact)


def test_what_is_young_reviewed_live_or_held_stays(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        young = await one_run(it)
        assert (await gc(it, GcCall(keep_s=3600))).freed == []
        reviewed = await one_run(it, done=False)
        new = NewTicket(title="T", agent="noop")
        await it.client.call(AddCall(ticket=new, ready=True), AddReply)
        live = folder(it, (await it.daemon.claim()).run_id)
        held = await one_run(it)
        lock = os.open(held / layout.RUN_SHIM_LOCK, os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_SH)
        reply = await gc(it)
        os.close(lock)
        assert [freed.path for freed in reply.freed] == [str(young)]
        assert [(k.path, k.reason) for k in reply.kept] == [
            (str(held), "its shim lives")
        ]
        assert reviewed.exists()
        assert live.exists()

    prove(tmp_path, fact)


def test_too_many_bytes_take_the_oldest_although_they_are_young(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        paths = [await one_run(it, 100_000) for _ in range(3)]
        reply = await gc(it, GcCall(keep_s=3600, keep_bytes=250_000))
        assert [freed.path for freed in reply.freed] == [str(paths[0])]

    prove(tmp_path, fact)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (precious := tmp_path / "precious").mkdir()
    (precious / "file").write_text("keep me")

    async def fact(it: Served) -> None:
        path = await one_run(it)
        (path / "link").symlink_to(precious)
        runs = it.daemon.config.state_dir / layout.RUNS_DIR
        (runs / "stray").symlink_to(precious)
        assert len((await gc(it)).freed) == 2

    prove(tmp_path, fact)
    assert (precious / "file").read_text() == "keep me"


def test_logs_of_former_workers_go_and_those_of_others_stay(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        logs = it.daemon.config.state_dir / layout.LOGS_DIR
        for name in ("daemon", "worker-1", "worker-9"):
            (logs / f"{name}.log").write_text("words\n")
        (logs / "worker-9.log.1").write_text("words\n")
        reply = await gc(it)
        assert sorted(Path(freed.path).name for freed in reply.freed) == [
            "worker-9.log",
            "worker-9.log.1",
        ]

    prove(tmp_path, fact)


def test_cursors_before_the_pruned_journal_have_expired(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for _ in range(3):
            await one_run(it)
        head = await it.daemon.store.read(lambda reads: reads.last_seq())
        shown = await gc(it, GcCall(dry_run=True, keep_s=0))
        assert (shown.journal_entries, shown.journal_base) == (head - 1, 0)
        reply = await gc(it)
        assert (reply.journal_entries, reply.journal_base) == (head - 1, head - 1)
        with pytest.raises(Answered, match="CursorExpired"):
            await it.client.call(EventsCall(since=1), EventsReply)
        left = await it.client.call(EventsCall(since=head - 1), EventsReply)
        assert [event.seq for event in left.events] == [head]

    prove(tmp_path, fact)


def test_an_impossible_age_is_refused(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for call in (GcCall(keep_s=-1), GcCall(keep_bytes=-1)):
            with pytest.raises(Answered, match="InvalidArgument"):
                await gc(it, call)

    prove(tmp_path, fact)
