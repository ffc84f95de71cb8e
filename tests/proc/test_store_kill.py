"""kill -9 of a process that writes through the store: what it acknowledged is there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kanban_ipc.control import ListCall, RunsCall
from kanband.core.history import check
from kanband.store.opening import open_store
from kanband.store.sqlite import SqliteReads

ALL = 1_000_000

_WRITER = '''
import asyncio, os, sys
from pathlib import Path
from kanban_ipc.control import NewTicket
from kanban_ipc.link import Result
from kanband.core.ids import RunIds
from kanband.store.values import *
from kanband.store.writer import StoreThread

ids = RunIds()
POLICY = ClaimPolicy(default_agent="a", agents={"a": AgentGate()})

async def stream(store, name):
    """Adds, claims and settles, and says what it was told is durable."""
    while True:
        new = [NewTicket(title="t", description_md="d" * 300) for _ in range(3)]
        out = await store.do(lambda v: v.add(new, ready=True, now_ms=1))
        say(*(f"added {one.ticket.id}" for one in out.added))
        run_ids = [ids.next(1, os.urandom(8)) for _ in range(2)]
        want = [Want(worker_id=name, count=2)]
        claims = await store.do(
            lambda v: v.claim(want, POLICY, run_ids=run_ids, now_ms=1)
        )
        say(*(f"claimed {one.work.ticket_id} {one.run_id}" for one in claims))
        ends = [RunEnd(run_id=one.run_id, epoch=one.epoch, seq=2, ended_ms=1,
                       result=Result(outcome="finished")) for one in claims[:1]]
        await store.do(lambda v: v.settle(ends, RetryPolicy(), now_ms=1))
        say(*(f"landed {one.work.ticket_id} {one.run_id}" for one in claims[:1]))

def say(*lines):
    os.write(1, "".join(line + "\\n" for line in lines).encode())

async def main():
    store = StoreThread(Path(sys.argv[1]))
    await asyncio.gather(*(stream(store, f"w{n}") for n in range(6)))

asyncio.run(main())
'''


@pytest.mark.parametrize("lines", [50, 400, 1_500])
def test_what_was_acknowledged_before_kill_9_is_there_after(
    tmp_path: Path, lines: int
) -> None:
    path = tmp_path / "kanban.db"
    said: list[str] = []
    for _restart in range(3):
        said += _written_until_killed(path, lines)
        db = open_store(path)
        _check(SqliteReads(db), said)
        db.close()


def _written_until_killed(path: Path, lines: int) -> list[str]:
    """The writer is killed while it writes, after so many lines were read of it."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, path],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    return [line.strip() for line in said if line.endswith("\n")]


def _check(reads: SqliteReads, said: list[str]) -> None:
    tickets = {one.id: one for one in reads.tickets(ListCall(limit=ALL))[0]}
    runs = {run.id: run for run in reads.runs(RunsCall(limit=ALL))}
    for line in said:
        kind, number, *run_id = line.split()
        ticket = tickets[int(number)]
        if kind == "added":
            assert ticket.title == "t"
        elif kind == "claimed":
            assert runs[run_id[0]].ticket_id == ticket.id
        else:
            assert (ticket.state, runs[run_id[0]].status) == ("in_review", "finished")
    events = reads.events(since=0, limit=ALL)
    assert check(list(tickets.values()), list(runs.values()), events) == []
