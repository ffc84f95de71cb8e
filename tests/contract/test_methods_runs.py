"""The methods about runs, logs, workers and the daemon's own course."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kanban_ipc.bounds import STREAM_CHUNK_BYTES_MAX
from kanban_ipc.control import (
    AddCall,
    AddReply,
    Call,
    DoneReply,
    DrainCall,
    EventsReply,
    LogsCall,
    NewTicket,
    RestartWorkerCall,
    RunCancelCall,
    RunDiffCall,
    RunEventsCall,
    RunLogsCall,
    RunLogsReply,
    RunReply,
    RunsCall,
    RunShowCall,
    RunShowReply,
    RunsReply,
    ScaleCall,
    ShutdownCall,
    StartWorkerCall,
    StatusCall,
    StatusReply,
    StoppedReply,
    StopWorkerCall,
    TextReply,
    WorkersCall,
    WorkersReply,
)
from kanban_ipc.link import Result
from kanband.store.errors import StoreFailed
from kanband.store.values import Claim
from support.control_server import Served, served
from support.daemon_double import worker
from support.varlink_client import Answered

Fact = Callable[[Served], Awaitable[None]]
FINISHED = Result(outcome="finished", proof="subreaper")


def prove(tmp_path: Path, fact: Fact) -> None:
    async def main() -> None:
        async with served(tmp_path) as it:
            it.daemon.fleet.workers.append(worker())
            await fact(it)

    asyncio.run(main())


async def running(it: Served) -> tuple[Claim, Path]:
    """A live run, and its directory."""
    new = NewTicket(title="T", agent="noop")
    await it.client.call(AddCall(ticket=new, ready=True), AddReply)
    claim = await it.daemon.claim()
    reply = await it.client.call(RunShowCall(run=claim.run_id), RunShowReply)
    directory = Path(reply.run.run_dir)
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test
    return claim, directory


async def stream(
    it: Served, call: Call, kind: type[RunLogsReply]
) -> list[RunLogsReply]:
    it.client.send(call, more=True)
    found = []
    continues = True
    while continues:
        reply, continues = await it.client.receive(kind)
        found.append(reply)
    return found


# -------------------------------------------------------------------------- runs


def test_a_run_is_found_by_id_by_its_beginning_and_by_its_ticket(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        claim, _ = await running(it)
        for text in (claim.run_id, "1"):
            reply = await it.client.call(RunShowCall(run=text), RunShowReply)
            assert reply.run.id == claim.run_id
            assert (reply.run.progress, reply.run.step) == (40, "thinking")
        listed = await it.client.call(RunsCall(worker_id="worker-1"), RunsReply)
        assert [run.id for run in listed.runs] == [claim.run_id]
        await running(it)
        with pytest.raises(Answered, match="begins more than one id"):
            await it.client.call(RunShowCall(run=claim.run_id[:8]), RunShowReply)
        for text in ("nope", "77", "9" * 40):
            with pytest.raises(Answered, match="NotFound"):
                await it.client.call(RunShowCall(run=text), RunShowReply)
        with pytest.raises(Answered, match="InvalidArgument"):
            await it.client.call(RunShowCall(run="../x\0"), RunShowReply)
        for text in ("01a", "0"):
            with pytest.raises(Answered, match=f"{text} is too short.* at least 4"):
                await it.client.call(RunShowCall(run=text), RunShowReply)

    prove(tmp_path, fact)


def test_cancelling_a_run_ends_it_with_proof_and_only_once(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await running(it)
        reply = await it.client.call(RunCancelCall(run="1", requeue=True), RunReply)
        assert (reply.run.status, reply.run.proof) == ("aborted", "subreaper")
        with pytest.raises(Answered, match="has ended already"):
            await it.client.call(RunCancelCall(run="1"), RunReply)

    prove(tmp_path, fact)


def test_a_diff_is_there_when_the_run_has_ended(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        claim, directory = await running(it)
        with pytest.raises(Answered, match="has not ended"):
            await it.client.call(RunDiffCall(run="1"), TextReply)
        (directory / "diff.patch").write_text("+a\n")
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        assert (await it.client.call(RunDiffCall(run="1"), TextReply)).text == "+a\n"
        (directory / "diff.patch").unlink()
        assert (await it.client.call(RunDiffCall(run="1"), TextReply)).text == ""

    prove(tmp_path, fact)


# -------------------------------------------------------------------------- logs


def test_logs_of_a_run_are_whole_or_the_last_lines(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        _, directory = await running(it)
        (directory / "stdout.log").write_bytes(b"one\ntwo\nthr\xff\n")
        (directory / "stderr.log").write_text("oh")
        replies = await stream(it, RunLogsCall(run="1"), RunLogsReply)
        assert [(each.stream, each.text) for each in replies] == [
            ("stdout", "one\ntwo\nthr\N{REPLACEMENT CHARACTER}\n"),
            ("stderr", "oh"),
        ]
        last = RunLogsCall(run="1", stream="stdout", lines=1)
        reply = await it.client.call(last, RunLogsReply)
        assert reply.text == "thr\N{REPLACEMENT CHARACTER}\n"
        none = RunLogsCall(run="1", stream="stderr", lines=0)
        assert (await it.client.call(none, RunLogsReply)).text == ""

    prove(tmp_path, fact)


def test_a_long_log_comes_in_chunks_and_needs_more(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        _, directory = await running(it)
        text = "é" * STREAM_CHUNK_BYTES_MAX
        (directory / "stdout.log").write_text(text)
        call = RunLogsCall(run="1")
        replies = await stream(it, call, RunLogsReply)
        assert "".join(each.text for each in replies) == text
        assert len(replies) == 2
        with pytest.raises(Answered, match="ExpectedMore"):
            await it.client.call(call, RunLogsReply)

    prove(tmp_path, fact)


def test_a_hole_in_a_log_is_one_marked_line(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        _, directory = await running(it)
        log = directory / "stdout.log"
        log.write_bytes(b"head\n" + b"\0" * 10_000 + b"tail\n")
        (directory / "cuts.json").write_text('{"stdout.log": [5, 10005]}')
        call = RunLogsCall(run="1", stream="stdout")
        text = "".join(each.text for each in await stream(it, call, RunLogsReply))
        assert text == (
            "head\n\n[10000 bytes were cut here: the log was over its limit]\ntail\n"
        )
        few = RunLogsCall(run="1", stream="stdout", lines=5)
        assert (await it.client.call(few, RunLogsReply)).text == "tail\n"

    prove(tmp_path, fact)


def test_following_a_run_ends_with_it_and_misses_nothing(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        claim, directory = await running(it)
        it.client.send(RunLogsCall(run="1", follow=True), more=True)
        log = directory / "stdout.log"
        log.write_text("one\n")
        assert (await it.client.receive(RunLogsReply))[0].text == "one\n"
        with log.open("a") as file:
            file.write("two\n")
        assert (await it.client.receive(RunLogsReply))[0].text == "two\n"
        with log.open("a") as file:
            file.write("last\n")
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        rest, continues = "", True
        while continues:
            reply, continues = await it.client.receive(RunLogsReply)
            rest += reply.text
        assert rest == "last\n"

    prove(tmp_path, fact)


def test_following_a_runs_events_ends_with_what_came_of_it(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        claim, _directory = await running(it)
        it.client.send(RunEventsCall(run="1", follow=True), more=True)
        page, _ = await it.client.receive(EventsReply)
        assert [event.type for event in page.events][:1] == ["task_assign"]
        await it.daemon.settle(claim.run_id, claim.epoch, FINISHED)
        told, continues = list(page.events), True
        while continues:
            page, continues = await it.client.receive(EventsReply)
            told += page.events
        assert told[-1].payload["to"] == "in_review"
        assert {event.payload["run_id"] for event in told} == {claim.run_id}
        again = RunEventsCall(run=claim.run_id, since=told[0].seq)
        assert (await it.client.call(again, EventsReply)).events == told[1:]
        with pytest.raises(Answered, match="the journal ends at"):
            await it.client.call(RunEventsCall(run="1", since=10**6), EventsReply)

    prove(tmp_path, fact)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, kind: str) -> None:
    async def fact(it: Served) -> None:
        _, directory = await running(it)
        log = directory / "stdout.log"
        match kind:
            case "link":
                log.symlink_to("/etc/passwd")
            case "pipe":
                os.mkfifo(log)
            case _:
                log.mkdir()
        assert (await it.client.call(RunLogsCall(run="1"), RunLogsReply)).text == ""

    prove(tmp_path, fact)


def test_a_followed_log_goes_on_after_its_rotation(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        log = it.daemon.config.state_dir / "logs" / "daemon.log"
        log.write_text("a\nb\n")
        it.client.send(LogsCall(source="daemon", lines=1, follow=True), more=True)
        assert (await it.client.receive(TextReply))[0].text == "b\n"
        with log.open("a") as file:
            file.write("c\n")
        log.rename(log.with_suffix(".log.1"))
        log.write_text("d\n")
        text = ""
        while text != "c\nd\n":
            text += (await it.client.receive(TextReply))[0].text
            assert "c\nd\n".startswith(text)

    prove(tmp_path, fact)


@pytest.mark.parametrize("source", ["../daemon", "", "a/b", "Daemon"])
def test_a_logs_name_is_no_path(tmp_path: Path, source: str) -> None:
    async def fact(it: Served) -> None:
        with pytest.raises(Answered, match="InvalidArgument"):
            await it.client.call(LogsCall(source=source), TextReply)
        with pytest.raises(Answered, match="NotFound"):
            await it.client.call(LogsCall(source="worker-9"), TextReply)
        assert (await it.client.call(LogsCall(source="worker-1"), TextReply)).text == ""

    prove(tmp_path, fact)


# ----------------------------------------------------------------------- workers


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (StartWorkerCall(count=0), "allowed: from 1 to 256"),
        (StartWorkerCall(slots=0), "allowed: from 1 to 256"),
        (StartWorkerCall(worker_id="Bad!"), "beginning with a letter"),
        (StartWorkerCall(worker_id="w", count=2), "one worker is named"),
        (StartWorkerCall(agents=["x"]), "there is no profile 'x'"),
        (StopWorkerCall(), "name workers, or say all"),
        (StopWorkerCall(worker_ids=["a"], all=True), "not both"),
        (StopWorkerCall(worker_ids=["w-9"]), "there is no worker w-9"),
        (RestartWorkerCall(worker_ids=["w-9"]), "there is no worker w-9"),
        (StatusCall(workers=["w-9"]), "there is no worker w-9"),
        (ScaleCall(count=-1), "allowed: from 0 to 256"),
    ],
)
def test_a_wish_about_workers_that_makes_no_sense_is_refused(
    tmp_path: Path, call: Call, said: str
) -> None:
    async def fact(it: Served) -> None:
        with pytest.raises(Answered) as caught:
            await it.client.call(call, WorkersReply)
        assert said in caught.value.message
        assert it.daemon.fleet.asked == []

    prove(tmp_path, fact)


def test_wishes_about_workers_reach_the_fleet(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        start = StartWorkerCall(agents=["shell"], repo=str(tmp_path), wait=False)
        await it.client.call(start, WorkersReply)
        await it.client.call(StopWorkerCall(all=True, wait=False), StoppedReply)
        assert it.daemon.fleet.asked == [
            ("start", None, 1, None, ["shell"], str(tmp_path), False),
            ("stop", ["worker-1"], False, False),
        ]
        reply = await it.client.call(WorkersCall(), WorkersReply)
        assert [each.worker_id for each in reply.workers] == ["worker-1"]

    prove(tmp_path, fact)


def test_status_is_unhealthy_while_something_needs_attention(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        reply = await it.client.call(StatusCall(), StatusReply)
        assert (reply.daemon.healthy, reply.queue.active_workers) == (True, 1)
        it.daemon.fleet.troubles.append("worker-2 is FATAL")
        reply = await it.client.call(StatusCall(), StatusReply)
        assert not reply.daemon.healthy
        assert reply.daemon.problems == ["worker-2 is FATAL"]

    prove(tmp_path, fact)


def test_status_tells_of_a_store_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fact(it: Served) -> None:
        async def refuse() -> None:
            raise StoreFailed("The store failed.")

        monkeypatch.setattr(it.daemon.store, "read", lambda _call: refuse())
        reply = await it.client.call(StatusCall(), StatusReply)
        assert not reply.daemon.healthy
        [problem] = reply.daemon.problems
        assert "not known (0 is no figure): The store failed." in problem
        assert [each.worker_id for each in reply.workers] == ["worker-1"]

    prove(tmp_path, fact)


def test_the_daemons_course_is_asked_for(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for wait in (True, False):
            drained = await it.client.call(DrainCall(wait=wait), DoneReply)
            assert "shutdown --keep-workers, then kanband" in drained.message
        assert it.daemon.life.state == "draining"
        await it.client.call(ShutdownCall(keep_workers=True), DoneReply)
        assert it.daemon.life.left == [(False, True)]
        with pytest.raises(Answered, match="say one"):
            await it.client.call(ShutdownCall(now=True, keep_workers=True), DoneReply)

    prove(tmp_path, fact)
