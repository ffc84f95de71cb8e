"""What carries an old epoch, said over the real link by a real worker."""

import secrets
from collections.abc import Callable, Iterator

import pytest
import zmq

from kanban_ipc import bounds, control, frames, layout
from kanban_ipc.link import (
    Ack,
    Drop,
    Finished,
    Hello,
    ProcessId,
    Refused,
    Result,
    Started,
    identity,
)
from kanban_ipc.words import Epoch, RunId, WorkerId
from support.gate import Gate
from support.link_tap import LinkTap
from support.system import System

NewSystem = Callable[..., System]

WON = Result(outcome="finished", exit_code=0, summary_md="a late finisher's")


class Tapped:
    """A system of one worker, with a tap in its link."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.tap = LinkTap(system.runtime)
        system.ask(control.ScaleCall(count=1), control.RestartedReply)


@pytest.fixture
def tapped(new_system: NewSystem) -> Iterator[Tapped]:
    tapped = Tapped(new_system(workers=0).start())
    yield tapped
    tapped.tap.close()


def test_an_older_epoch_changes_nothing(
    tapped: Tapped, started: Gate, gate: Gate
) -> None:
    system, tap = tapped.system, tapped.tap
    lines = f"echo $$ {started.tell}\n{gate.pause}\n"
    ticket = system.add("Be fenced", instructions=lines)
    started.line()
    first = system.run(ticket)
    wish = control.CancelCall(ids=[ticket], requeue=True)
    system.ask(wish, control.CancelledReply)
    started.line()
    system.wait(ticket, states=["working"])
    second = system.runs(ticket)[0]
    assert (first.epoch, second.epoch) == (1, 2)

    acks = sum(isinstance(message, Ack) for message in tap.heard)
    drops = sum(isinstance(message, Drop) for message in tap.heard)
    tap.inject(Started(RunId(first.id), Epoch(1), 98, 0, branch="kanban/stolen"))
    tap.inject(Finished(RunId(first.id), Epoch(1), 99, 0, WON))
    tap.inject(Finished(RunId(second.id), Epoch(1), 99, 0, WON))
    tap.await_heard(Ack, acks + 3)
    tap.await_heard(Drop, drops + 2)

    now = system.ticket(ticket)
    assert (now.state, now.epoch, now.run_id) == ("working", 2, second.id)
    assert now.branch is None
    again, before = system.runs(ticket)
    assert (again.status, before.status) == ("running", "aborted")
    assert "late finisher" not in before.summary_md
    stale = control.EventsCall(since=0, ticket_id=ticket, limit=1000)
    types = [e.type for e in system.ask(stale, control.EventsReply).events]
    assert any("stale" in kind for kind in types), types


def test_after_the_old_epoch_the_true_run_still_lands(
    tapped: Tapped, started: Gate, gate: Gate
) -> None:
    system, tap = tapped.system, tapped.tap
    lines = f"echo $$ {started.tell}\n{gate.pause}\n"
    ticket = system.add("Land once", instructions=lines)
    started.line()
    system.wait(ticket, states=["working"])
    run = system.run(ticket)
    drops = sum(isinstance(message, Drop) for message in tap.heard)
    tap.inject(Finished(RunId(run.id), Epoch(0), 99, 0, WON))
    tap.await_heard(Drop, drops + 1)
    assert system.ticket(ticket).state == "working"
    gate.open()
    assert system.wait(ticket)[0].state == "in_review"


def test_a_result_told_twice_lands_once(tapped: Tapped) -> None:
    system, tap = tapped.system, tapped.tap
    ticket = system.add("Say it twice", instructions="true")
    system.wait(ticket)
    [told] = [each for each in tap.said if isinstance(each, Finished)]
    before = system.ticket(ticket)

    acks = sum(isinstance(message, Ack) for message in tap.heard)
    tap.inject(told)
    tap.await_heard(Ack, acks + 1)

    assert system.ticket(ticket) == before
    assert system.run(ticket).status == "finished"


def test_a_stranger_without_the_secret_is_refused(system: System) -> None:
    system.worker_running()
    stranger = WorkerId("worker-1")
    incarnation = secrets.token_hex(8)
    hello = Hello(
        bounds.LINK_VERSION,
        stranger,
        incarnation,
        "not the secret",
        ProcessId("", 1, 1),
        slots=64,
    )
    ticket = system.add("Not for strangers", ready=False, instructions="true")
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.ROUTING_ID, identity(stranger, incarnation))
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.RCVTIMEO, 10_000)
        dealer.connect(f"ipc://{system.runtime / layout.LINK_SOCKET}")
        dealer.send(frames.join([frames.encode(hello)]))
        [answer] = frames.from_daemon(dealer.recv())
        assert isinstance(answer, Refused)
        assert answer.code in {"secret", "fenced"}
    assert system.worker().state == "RUNNING"
    system.ctl("ready", str(ticket))
    assert system.wait(ticket)[0].state == "in_review"
