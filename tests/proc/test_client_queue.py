"""kanbanctl in a queue of callers that is full: it waits its turn, but not for ever."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanban_ipc.control.editing import CommentCall, CommentReply
from kanbanctl import client
from kanbanctl.client import Client, Deadline, connect
from kanbanctl.failures import NoAnswer, TimedOut
from kanbanctl.places import Place


@pytest.fixture
def full_queue(tmp_path: Path) -> Iterator[tuple[Place, socket.socket]]:
    """A listener that takes nobody, and as many callers as its queue holds."""
    path = str(tmp_path / "control.sock")
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(1)
        with contextlib.suppress(BlockingIOError):
            while True:
                caller = held.enter_context(socket.socket(socket.AF_UNIX))
                caller.setblocking(False)
                caller.connect(path)
        yield Place(path, "the test"), listener


def test_a_caller_waits_until_there_is_room(
    full_queue: tuple[Place, socket.socket],
) -> None:
    place, listener = full_queue
    made: list[socket.socket] = []
    waiting = threading.Thread(
        target=lambda: made.append(connect(place, Deadline.after(30)))
    )
    waiting.start()
    listener.settimeout(30)
    accepted = [listener.accept()[0] for _ in range(3)]
    waiting.join(30)
    for each in (*made, *accepted):
        each.close()
    assert len(made) == 1


def test_a_caller_that_nobody_takes_is_told_so(
    full_queue: tuple[Place, socket.socket],
) -> None:
    place, _ = full_queue
    with pytest.raises(TimedOut, match="too many clients"):
        connect(place, Deadline.after(0.05))


def test_a_patient_caller_outlasts_a_daemon_that_is_slow_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long it waits to be taken says nothing of how long it waits to be read."""
    monkeypatch.setattr(client, "CONNECT_TIMEOUT_S", 0.05)
    place = Place(str(tmp_path / "control.sock"), "the test")
    call = CommentCall(ids=[1], body_md="x" * (4 << 20))
    read: list[int] = []

    def read_late(listener: socket.socket) -> None:
        caller, _ = listener.accept()
        with caller:
            threading.Event().wait(0.2)
            while not (data := caller.recv(1 << 20)).endswith(b"\0"):
                read.append(len(data))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place.path)
        listener.listen(1)
        reader = threading.Thread(target=read_late, args=(listener,), daemon=True)
        reader.start()
        with pytest.raises(NoAnswer, match="hung up"), Client(lambda: place, None) as c:
            c.call("Comment", call, CommentReply)
        reader.join(30)
    assert sum(read) > 1 << 20
