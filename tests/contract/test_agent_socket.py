"""agent.sock: what a run's token opens, and that it opens nothing else."""

import asyncio
import logging
from pathlib import Path

import pytest

from kanban_ipc import agent, bounds, varlink
from kanban_ipc.agent import AskCall, HeardReply, NoteCall, ProgressCall, ShowReply
from kanban_ipc.control import Call
from kanban_ipc.link import Result
from support.agent_server import InRun, in_run
from support.varlink_client import Answered


def calls(token: str) -> dict[str, Call]:
    """One of each method."""
    return {
        "Progress": ProgressCall(token=token, percent=40),
        "Note": NoteCall(token=token, message="so far"),
        "Ask": AskCall(token=token, question="Which?"),
        "Show": agent.ShowCall(token=token),
    }


def test_a_token_opens_every_method_of_its_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            for method, wish in calls(run.token).items():
                await run.call(method, wish, agent.METHODS[method].reply)

    asyncio.run(main())


def test_progress_is_a_mark_of_the_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            call = ProgressCall(
                token=run.token, percent=40, text="two\nlines", step=2, total_steps=5
            )
            await run.call("Progress", call, HeardReply)
            (mark,) = run.served.daemon.runs.marks
            assert (mark.run_id, mark.epoch) == (run.claim.run_id, run.claim.epoch)
            said = (mark.percent, mark.step, mark.current_step, mark.total_steps)
            assert said == (40, "two lines", 2, 5)

    asyncio.run(main())


def test_a_note_is_kept_when_it_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            call = NoteCall(token=run.token, message="careful", level="warn")
            await run.call("Note", call, HeardReply)
            log = await run.served.daemon.store.read(
                lambda reads: reads.run_log(run.claim.run_id, limit=10)
            )
            assert [(line.level, line.message) for line in log] == [("warn", "careful")]

    asyncio.run(main())


def test_a_question_is_kept_and_asked_when_the_run_has_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            daemon, claim = run.served.daemon, run.claim
            call = AskCall(
                token=run.token,
                question="May I?",
                choices=["yes", "no", "yes"],
                kind="permission",
            )
            await run.call("Ask", call, HeardReply)
            ended = Result(outcome="error", failure="agent_error", exit_code=1)
            await daemon.settle(claim.run_id, claim.epoch, ended)
            ticket = await daemon.store.read(lambda reads: reads.ticket(1))
            assert ticket is not None
            assert ticket.state == "needs_input"
            assert ticket.question is not None
            assert ticket.question.choices == ["yes", "no"]

    asyncio.run(main())


def test_an_agent_is_shown_its_own_ticket(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            wish = agent.ShowCall(token=run.token)
            task = (await run.call("Show", wish, ShowReply)).task
            assert (task.id, task.title, task.labels) == (1, "T", ["a"])
            assert (task.run_id, task.epoch) == (run.claim.run_id, run.claim.epoch)

    asyncio.run(main())


async def everything_refused(run: InRun, token: str) -> set[str]:
    return {await run.refused(name, wish) for name, wish in calls(token).items()}


def test_what_is_no_token_opens_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            before = await run.served.daemon.store.read(lambda r: r.last_seq())
            other = run.token_of(run.claim.epoch + 1).rpartition(".")[2]
            forged = f"{run.claim.run_id}.{run.claim.epoch}.{other}"
            for text in ("", "x", forged, run.token[:-1], f"{run.token}\0"):
                assert await everything_refused(run, text) == {"NotPermitted"}
            after = await run.served.daemon.store.read(lambda r: r.last_seq())
            assert after == before

    asyncio.run(main())


def test_a_token_dies_with_its_run_and_an_old_epoch_is_stale(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            old = run.token_of(run.claim.epoch - 1 or 7)
            assert await everything_refused(run, old) == {"StaleEpoch"}
            run.over()
            assert await everything_refused(run, run.token) == {"StaleEpoch"}

    asyncio.run(main())


def test_what_the_store_says_of_an_epoch_is_stronger(tmp_path: Path) -> None:
    """The run ended while the call was on its way: the dispatch knew it as live."""

    async def main() -> None:
        async with in_run(tmp_path) as run:
            claim = run.claim
            finished = Result(outcome="finished")
            await run.served.daemon.settle(claim.run_id, claim.epoch, finished)
            wishes = calls(run.token)
            for method in ("Note", "Ask"):
                assert await run.refused(method, wishes[method]) == "StaleEpoch"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("Progress", {"percent": 101}),
        ("Progress", {"percent": -1}),
        ("Progress", {"percent": 1, "step": -1}),
        ("Progress", {"percent": 1, "text": "x" * 201}),
        ("Note", {"message": " "}),
        ("Note", {"message": "x" * 4_001}),
        ("Note", {"message": "a\0b"}),
        ("Ask", {"question": ""}),
        ("Ask", {"question": "x" * 4_001}),
        ("Ask", {"question": "x", "choices": ["a"] * 21}),
        ("Ask", {"question": "x", "choices": [""]}),
        ("Ask", {"question": "x", "choices": ["a" * 201]}),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    tmp_path: Path, method: str, fields: dict[str, object]
) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            wish = agent.METHODS[method].call(token=run.token, **fields)
            assert await run.refused(method, wish) == "InvalidArgument"

    asyncio.run(main())


def test_the_control_interface_is_not_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            client = run.served.client
            client.raw(varlink.request("io.kanban.Status"))
            response = await client.response()
            assert response.error == f"{varlink.SERVICE}.InterfaceNotFound"
            client.raw(varlink.request(f"{varlink.SERVICE}.GetInfo"))
            info, _ = await client.receive(varlink.ServiceInfo)  # type: ignore[type-var]
            assert info.interfaces == [varlink.SERVICE, agent.INTERFACE]

    asyncio.run(main())


def test_a_call_that_is_too_long_ends_the_connection(tmp_path: Path) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            message = "x" * bounds.AGENT_REQUEST_BYTES_MAX
            wish = NoteCall(token=run.token, message=message)
            client = run.served.client
            client.raw(varlink.request(f"{agent.INTERFACE}.Note", wish))
            response = await client.response()
            assert response.error == f"{varlink.SERVICE}.InvalidParameter"
            assert await client.hung_up()

    asyncio.run(main())


def test_no_token_is_told_or_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with in_run(tmp_path) as run:
            caplog.set_level(logging.DEBUG)
            await run.served.daemon.store.close()
            said = []
            for method, wish in calls(run.token).items():
                try:
                    await run.call(method, wish, agent.METHODS[method].reply)
                except Answered as answered:
                    said.append(str(answered))
            run.over()
            for method, wish in calls(run.token).items():
                with pytest.raises(Answered) as refused:
                    await run.call(method, wish, agent.METHODS[method].reply)
                said.append(str(refused.value))
            secret = run.token.rpartition(".")[2]
            assert len(said) >= 4
            assert secret not in "".join(said)
            assert secret not in caplog.text

    asyncio.run(main())
