"""What a callable says on its way to the event loop."""

from kanban_ipc.bounds import STEPS_MAX
from kanban_ipc.link import Work
from kanban_ipc.words import Epoch, RunId, TicketId
from kanban_worker.agents.python import (
    Call,
    CallEnded,
    CallEvent,
    CallLine,
    CallProgress,
    Context,
    Threads,
)
from support.deadline import eventually

WORK = Work(ticket_id=TicketId(1), title="t")


def chatters(work: Work, context: Context) -> None:
    del work
    for percent in range(100):
        context.progress(percent, f"step {percent}")
    context.log("half-way")
    for _ in range(50_000):
        context.progress(100, "last")


def miscounts(work: Work, context: Context) -> None:
    del work
    context.progress(10, "many", 1 << 70)


def miscalls(work: Work, context: Context) -> None:
    del work
    context.log("beware", "warning")  # type: ignore[arg-type]  # the mistake


def called(target: str) -> list[CallEvent]:
    """Everything that one call told, with nobody listening until its end."""
    threads = Threads(1, lambda: None)
    threads.submit(Call(RunId("run"), Epoch(1), f"{__name__}:{target}", WORK))
    eventually(
        lambda: any(type(each) is CallEnded for each in threads._events), "its end"
    )
    events = threads.collect()
    threads.close()
    return events


def test_however_often_progress_is_told_its_last_word_alone_waits() -> None:
    events = called("chatters")
    told = [each for each in events if type(each) is CallProgress]
    assert [(each.percent, each.step) for each in told] == [(100, "last")]
    assert [each.message for each in events if type(each) is CallLine] == ["half-way"]


def test_progress_told_after_it_was_heard_is_heard_as_well() -> None:
    threads = Threads(1, lambda: None)
    context = Context(Call(RunId("run"), Epoch(1), "", WORK), threads._tell)
    heard = []
    for percent in (10, 20, 20):
        context.progress(percent)
        heard += threads.collect()
    assert [each.percent for each in heard if type(each) is CallProgress] == [
        10,
        20,
        20,
    ]
    assert threads.collect() == []


def test_a_number_of_steps_that_no_message_can_hold_is_bounded() -> None:
    events = called("miscounts")
    told = [each.total_steps for each in events if type(each) is CallProgress]
    assert told == [STEPS_MAX]


def test_a_level_that_there_is_not_fails_the_call_and_reaches_nobody() -> None:
    *_, ended = events = called("miscalls")
    assert type(ended) is CallEnded
    assert ended.how == "failed"
    assert "'warning' is none of debug, info, warn, error" in ended.text
    levels = {each.level for each in events if type(each) is CallLine}
    assert levels == {"error"}
