"""``Why`` of a worker: in each state the reason, its next start, and what to do."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from kanban_ipc.control import (
    CurrentRun,
    LastExit,
    WhyCall,
    WhyReply,
    WorkerInfo,
)
from kanban_ipc.words import WorkerState
from support.control_server import served
from support.daemon_double import worker
from support.varlink_client import Answered

RUN = CurrentRun(
    ticket_id=7, run_id="r", title="T", progress=0, stale="ok", running_s=1.0
)
KILLED = LastExit(
    code=None,
    signal=9,
    reason="killed by SIGKILL",
    at_ms=0,
    last_lines=["ImportError: no module", "T info [Worker] worker-1 Leaving"],
)
DIED = replace(KILLED, code=1, signal=None, reason="exit code 1 before hello")
CASES: list[tuple[WorkerState, dict[str, object], list[str]]] = [
    (
        "FATAL",
        {"last_exit": DIED},
        [
            "more than 5 starts in 60 s came to nothing",
            "(exit code 1 before hello; its last words: ImportError: no module)",
            "kanbanctl logs worker-1",
            "kanbanctl reset-failed worker-1",
        ],
    ),
    (
        "BACKOFF",
        {"last_exit": DIED, "next_start_in_s": 12.0},
        ["exit code 1", "started again in 12 s", "kanbanctl start-worker worker-1"],
    ),
    (
        "UNKNOWN",
        {"pid": 77, "doubt": "it does not hold its lock file"},
        [
            "cannot be verified: it does not hold its lock file",
            "ps -fp 77",
            "workers/worker-1.lock",
            "kanbanctl reset-failed worker-1 --end",
        ],
    ),
    (
        "UNKNOWN",
        {"pid": None, "doubt": "another holds it"},
        ["another holds it", "lslocks"],
    ),
    ("STOPPED", {"wanted": "stop"}, ["stopped on request", "start-worker worker-1"]),
    ("STOPPED", {}, ["about to be started"]),
    ("STARTING", {"pid": None}, ["being forked", "no spawner runs yet"]),
    ("STARTING", {"pid": 77}, ["process 77", "not said hello", "after 10 s"]),
    ("RUNNING", {}, ["nothing is wrong", "waits for work", "kanbanctl why TICKET"]),
    ("RUNNING", {"agents": ["a", "b"]}, ["started for agent a or b alone"]),
    ("RUNNING", {"current": [RUN]}, ["does ticket 7 (of 2 slots)"]),
    (
        "RUNNING",
        {"current": [RUN], "renewal": "it runs version 1"},
        ["replaced when it has no run, because it runs version 1"],
    ),
    ("RUNNING", {"connected": False}, ["not heard of for 0.1 s", "after 30 s"]),
    ("STOPPING", {"wanted": "stop"}, ["told to stop and leaves within seconds"]),
    ("STOPPING", {"current": [RUN]}, ["then started again: it", "ticket 7", "--now"]),
    ("EXITED", {"next_start_in_s": 0.0}, ["as was expected", "again at once"]),
    ("EXITED", {"by_hand": True}, ["kanban-worker --connect --id worker-1"]),
]


def why(tmp_path: Path, info: WorkerInfo) -> WhyReply:
    async def ask() -> WhyReply:
        async with served(tmp_path) as it:
            it.daemon.fleet.workers.append(info)
            call = WhyCall(worker_id=info.worker_id)
            return await it.client.call(call, WhyReply)

    return asyncio.run(ask())


@pytest.mark.parametrize(("state", "changes", "said"), CASES)
def test_each_state_says_why_and_what_to_do(
    tmp_path: Path, state: WorkerState, changes: dict[str, object], said: list[str]
) -> None:
    info = replace(worker(), state=state, **changes)
    reply = why(tmp_path, info)
    assert (reply.ticket, reply.worker) == (None, info)
    reason = reply.reasons[0]
    assert reason.code == state.lower()
    assert [each for each in said if each not in reason.text] == []
    assert (reason.next_try_ms is not None) == ("next_start_in_s" in changes)


def test_one_that_runs_again_tells_how_it_ended_before(tmp_path: Path) -> None:
    first, last = why(tmp_path, worker(last_exit=KILLED)).reasons
    assert first.code == "running"
    assert last.code == "last_exit"
    assert "(killed by SIGKILL; its last words: ImportError: no module)" in last.text


def test_a_ticket_or_a_worker_is_asked_about_and_there_is_one(tmp_path: Path) -> None:
    async def ask() -> None:
        async with served(tmp_path) as it:
            for call in (WhyCall(), WhyCall(id=1, worker_id="worker-1")):
                with pytest.raises(Answered, match="InvalidArgument"):
                    await it.client.call(call, WhyReply)
            with pytest.raises(Answered, match="NotFound"):
                await it.client.call(WhyCall(worker_id="worker-9"), WhyReply)

    asyncio.run(ask())
