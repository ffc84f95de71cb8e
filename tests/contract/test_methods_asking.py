"""``Answer``, and what ``Why`` and ``Show`` say of a ticket that asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kanban_ipc.control import (
    AddCall,
    AddReply,
    AnswerCall,
    NewTicket,
    RunShowCall,
    RunShowReply,
    ShowCall,
    ShowReply,
    TicketReply,
    WhyCall,
    WhyReply,
)
from kanban_ipc.link import Result
from kanban_ipc.words import QuestionKind
from kanband.store.values import RunQuestion
from support.control_server import Served, served
from support.varlink_client import Answered


@asynccontextmanager
async def asking(
    root: Path,
    *,
    choices: tuple[str, ...] = (),
    kind: QuestionKind = "clarification",
) -> AsyncIterator[Served]:
    """Ticket 1 asks."""
    async with served(root, 'default_agent = "shell"\n') as it:
        new = NewTicket(title="T", agent="shell", instructions="true")
        await it.client.call(AddCall(ticket=new, ready=True), AddReply)
        claim = await it.daemon.claim()
        question = RunQuestion(
            run_id=claim.run_id,
            epoch=claim.epoch,
            asked_ms=it.daemon.clock.now_ms(),
            kind=kind,
            text="Tea or coffee?",
            choices=choices,
        )
        await it.daemon.store.do(
            lambda verbs: verbs.ask([question], now_ms=question.asked_ms)
        )
        await it.daemon.settle(claim.run_id, claim.epoch, Result(outcome="finished"))
        yield it


def test_an_answer_makes_it_ready_and_wakes_the_dispatch(tmp_path: Path) -> None:
    async def main() -> None:
        async with asking(tmp_path) as it:
            it.daemon.runs.woken = 0
            reply = await it.client.call(AnswerCall(id=1, text=" Tea "), TicketReply)
            assert reply.ticket.state == "ready"
            assert it.daemon.runs.woken == 1
            shown = await it.client.call(RunShowCall(run="1"), RunShowReply)
            assert shown.run.question is not None
            assert shown.run.question.answer == "Tea"

    asyncio.run(main())


def test_an_answer_is_one_of_the_choices_as_the_question_writes_it(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with asking(tmp_path, choices=("Tea", "Coffee")) as it:
            with pytest.raises(Answered, match="Tea, Coffee") as refused:
                await it.client.call(AnswerCall(id=1, text="Milk"), TicketReply)
            assert refused.value.name == "InvalidArgument"
            shown = await it.client.call(ShowCall(id=1), ShowReply)
            assert shown.ticket.state == "needs_input"
            await it.client.call(AnswerCall(id=1, text="coffee"), TicketReply)
            shown = await it.client.call(ShowCall(id=1), ShowReply)
            assert shown.runs[0].question is not None
            assert shown.runs[0].question.answer == "Coffee"

    asyncio.run(main())


def test_a_free_answer_is_none_of_the_choices(tmp_path: Path) -> None:
    async def main() -> None:
        async with asking(tmp_path, choices=("Tea",)) as it:
            call = AnswerCall(id=1, text="Milk", free=True)
            reply = await it.client.call(call, TicketReply)
            assert reply.ticket.state == "ready"

    asyncio.run(main())


@pytest.mark.parametrize("text", ["", "  \n", "a\0b", "x" * 4_001])
def test_what_is_no_answer_is_refused(tmp_path: Path, text: str) -> None:
    async def main() -> None:
        async with asking(tmp_path) as it:
            with pytest.raises(Answered) as refused:
                await it.client.call(AnswerCall(id=1, text=text), TicketReply)
            assert refused.value.name == "InvalidArgument"
            assert refused.value.parameters["field"] == "text"

    asyncio.run(main())


def test_who_asks_nothing_is_not_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with asking(tmp_path) as it:
            await it.client.call(AnswerCall(id=1, text="Tea"), TicketReply)
            with pytest.raises(Answered, match="asks nothing") as refused:
                await it.client.call(AnswerCall(id=1, text="Tea"), TicketReply)
            assert refused.value.name == "InvalidTransition"
            with pytest.raises(Answered) as refused:
                await it.client.call(AnswerCall(id=2, text="Tea"), TicketReply)
            assert refused.value.name == "NotFound"

    asyncio.run(main())


def test_why_says_the_question_its_choices_and_the_command(tmp_path: Path) -> None:
    async def main() -> None:
        async with asking(tmp_path, kind="permission", choices=("yes", "no")) as it:
            (reason,) = (await it.client.call(WhyCall(id=1), WhyReply)).reasons
            assert reason.code == "needs_input"
            assert "asks for permission: Tea or coffee?" in reason.text
            assert "yes, no" in reason.text
            said = "kanbanctl answer 1 yes, or kanbanctl answer 1 no"
            assert said in reason.text
            assert "kanbanctl edit 1" in reason.text
            assert "kanbanctl retry 1" in reason.text

    asyncio.run(main())
