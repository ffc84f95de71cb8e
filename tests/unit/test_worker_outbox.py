"""Reliable messages: numbered, kept until they are acknowledged, bounded."""

from kanban_ipc.link import Finished, Result, Started
from kanban_ipc.words import Epoch, RunId
from kanban_worker.core.outbox import LINES_MAX, SEQ_LAST, Outbox, RunBox

RUN, EPOCH = RunId("run"), Epoch(1)


def started(box: RunBox) -> Started:
    message = Started(box.run_id, box.epoch, box.next_seq(), 0)
    box.keep(message)
    return message


def finished(box: RunBox) -> Finished:
    message = Finished(box.run_id, box.epoch, box.last_seq(), 0, Result("finished"))
    box.keep(message)
    return message


def test_messages_are_numbered_from_1_and_said_again_until_acknowledged() -> None:
    outbox = Outbox()
    box = outbox.open(RUN, EPOCH, taken_over=False)
    first, line, last = started(box), box.line(0, "info", "x"), finished(box)
    assert line is not None
    assert [first.seq, line.seq, last.seq] == [1, 2, 3]
    assert list(outbox.unacknowledged()) == [first, line, last]
    assert not outbox.acknowledge(RUN, EPOCH, 2)
    assert list(outbox.unacknowledged()) == [last]
    assert outbox.acknowledge(RUN, EPOCH, 3)
    assert not outbox.acknowledge(RUN, EPOCH, 3)
    assert not list(outbox.unacknowledged())


def test_an_acknowledgement_of_everything_so_far_does_not_end_a_run() -> None:
    outbox = Outbox()
    box = outbox.open(RUN, EPOCH, taken_over=False)
    started(box)
    assert not outbox.acknowledge(RUN, EPOCH, 1)
    assert finished(box).seq == 2


def test_a_run_taken_over_ends_above_all_that_its_predecessor_said() -> None:
    box = Outbox().open(RUN, EPOCH, taken_over=True)
    assert started(box).seq == 1
    assert finished(box).seq == SEQ_LAST
    assert box.last_seq() == SEQ_LAST


def test_lines_are_bounded_and_what_is_lost_is_counted() -> None:
    box = Outbox().open(RUN, EPOCH, taken_over=False)
    lines = [box.line(0, "info", "x") for _ in range(LINES_MAX + 5)]
    assert sum(line is None for line in lines) == 5
    box.acknowledge(10)
    line = box.line(0, "info", "y")
    assert line is not None
    assert line.message == "(5 earlier lines were lost) y"


def test_a_dropped_run_is_forgotten_and_another_epoch_is_another_run() -> None:
    outbox = Outbox()
    box = outbox.open(RUN, EPOCH, taken_over=False)
    other = outbox.open(RUN, Epoch(2), taken_over=False)
    started(box)
    kept = started(other)
    outbox.drop(RUN, EPOCH)
    outbox.keep(finished(box))
    assert list(outbox.unacknowledged()) == [kept]
    assert not outbox.acknowledge(RUN, EPOCH, 9)
