"""The control socket: who may speak, in which order, and what bad manners cost."""

import asyncio
import os
import resource
import socket
import stat
from collections.abc import Awaitable, Callable, Sized
from functools import partial
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import bounds, varlink
from kanban_ipc.control import (
    METHODS,
    AddCall,
    AddReply,
    EventsCall,
    EventsReply,
    ImportCall,
    ImportReply,
    ListCall,
    ListReply,
    NewTicket,
    QueuePauseCall,
    QueueStatusCall,
    StatusCall,
    StatusReply,
    StopWorkerCall,
    WaitCall,
)
from kanband.shell.connection import Patience
from kanband.shell.control import ACCEPTED_AT_ONCE
from kanband.shell.listening import Listening, SocketTaken
from kanband.shell.methods import ONCE, STREAMS
from support.control_server import Served, served, until
from support.daemon_double import worker
from support.varlink_client import Answered, varlink_client

Fact = Callable[[Served], Awaitable[None]]


def prove(
    tmp_path: Path,
    fact: Fact,
    *,
    toml: str = "",
    uids: frozenset[int] | None = None,
    patience: Patience | None = None,
) -> None:
    async def main() -> None:
        async with served(tmp_path, toml, uids=uids, patience=patience) as it:
            await fact(it)

    asyncio.run(main())


def ticket(title: str = "A ticket") -> AddCall:
    return AddCall(ticket=NewTicket(title=title, agent="noop"), ready=True)


def _are(things: Sized, count: int) -> bool:
    return len(things) == count


async def empty(it: Served) -> None:
    await until(lambda: len(it.server) == 0, "nobody is connected")


def test_every_method_of_the_interface_is_answered() -> None:
    assert set(METHODS) == set(ONCE) | set(STREAMS)
    assert {name for name, method in METHODS.items() if method.streams} == set(STREAMS)


def test_the_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        assert stat.S_IMODE(it.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(it.path.parent.stat().st_mode) == 0o700

    prove(tmp_path, fact)
    assert not list((tmp_path / "state" / "run").iterdir())


def test_another_user_is_told_so_and_hung_up_on(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.client.send(StatusCall())
        with pytest.raises(Answered, match="NotPermitted") as caught:
            await it.client.receive(StatusReply)
        assert f"does not answer user {os.geteuid()}" in caught.value.message
        assert await it.client.hung_up()
        assert len(it.server) == 0

    prove(tmp_path, fact, uids=frozenset((4711,)))


def test_a_client_waits_while_there_is_no_descriptor_and_the_log_stays_small(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fact(it: Served) -> None:
        old = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket(socket.AF_UNIX) as late:
            late.setblocking(False)
            lowest_free = os.dup(late.fileno())
            os.close(lowest_free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, old[1]))
            try:
                late.connect(str(it.path))
                await until(lambda: "out of system resource" in caplog.text, "EMFILE")
                for _ in range(10):
                    it.client.send(StatusCall())
                    await it.client.receive(StatusReply)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, old)
            assert len(caplog.records) <= ACCEPTED_AT_ONCE
            await until(lambda: len(it.server) == 2, "it was let in")

    prove(tmp_path, fact)


def test_calls_of_one_connection_are_answered_in_order(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for title in "abcdefgh":
            it.client.send(ticket(title))
        replies = [(await it.client.receive(AddReply))[0] for _ in "abcdefgh"]
        assert [reply.ticket.title for reply in replies] == list("abcdefgh")
        assert [reply.id for reply in replies] == list(range(1, 9))

    prove(tmp_path, fact)


def test_more_calls_than_are_queued_are_all_answered(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        count = 40 * bounds.CONTROL_CALLS_QUEUED_MAX
        for _ in range(count):
            it.client.send(QueueStatusCall())
        for _ in range(count):
            assert (await it.client.response()).error is None

    prove(tmp_path, fact)


def test_a_long_call_delays_only_its_own_connection(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.daemon.fleet.workers.append(worker())
        it.client.send(StopWorkerCall(all=True))
        async with varlink_client(it.path) as other:
            status = await other.call(StatusCall(), StatusReply)
        assert status.daemon.state == "running"
        it.daemon.fleet.stopping.set()
        assert (await it.client.response()).error is None

    prove(tmp_path, fact)


def test_a_call_that_is_oneway_is_carried_out_and_not_answered(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.client.send(ticket("first"), oneway=True)
        it.client.raw(varlink.request("io.kanban.Nonsense", oneway=True))
        listed = await it.client.call(ListCall(), ListReply)
        assert [each.title for each in listed.tickets] == ["first"]

    prove(tmp_path, fact)


def test_what_was_called_before_hanging_up_is_carried_out(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await it.client.call(ticket("first"), AddReply)
        async with varlink_client(it.path) as other:
            other.send(WaitCall(ids=[1]))
            other.send(ticket("second"), oneway=True)
        it.client.send(EventsCall(since=0, follow=True), more=True)
        added: set[int | None] = set()
        while 2 not in added:
            page, _ = await it.client.receive(EventsReply)
            added |= {event.ticket_id for event in page.events}

    prove(tmp_path, fact)


def test_a_stream_ends_when_its_client_goes(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        async with varlink_client(it.path) as other:
            other.send(EventsCall(follow=True), more=True)
            await other.receive(EventsReply)
            assert it.daemon.feed.subscribers == 1
        await it.client.close()
        await empty(it)
        await until(lambda: it.daemon.feed.subscribers == 0, "the stream has ended")

    prove(tmp_path, fact)


def test_a_wait_ends_when_its_client_goes(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await it.client.call(ticket(), AddReply)
        it.client.send(WaitCall(ids=[1]))
        await until(lambda: it.daemon.feed.subscribers == 1, "the wait has begun")
        await it.client.close()
        await empty(it)
        await until(lambda: it.daemon.feed.subscribers == 0, "the wait has ended")

    prove(tmp_path, fact)


def test_who_closes_the_sending_side_is_still_answered(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.client.send(StatusCall())
        it.client.send(QueueStatusCall())
        it.client.writer.write_eof()
        assert (await it.client.response()).error is None
        assert (await it.client.response()).error is None
        assert await it.client.hung_up()

    prove(tmp_path, fact)


def test_a_closing_server_ends_streams_and_takes_nothing_new(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.client.send(EventsCall(follow=True), more=True)
        await it.client.receive(EventsReply)
        await it.server.close()
        with pytest.raises(Answered, match="ShuttingDown"):
            await it.client.receive(EventsReply)
        assert await it.client.hung_up()
        assert not it.path.exists()

    prove(tmp_path, fact)


def test_a_reader_that_rests_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for _ in range(20):
            it.client.send(ticket("x" * 400))
        for _ in range(20):
            await it.client.response()
        with socket.socket(socket.AF_UNIX) as sleeper:
            sleeper.connect(str(it.path))
            page = varlink.request("io.kanban.List", ListCall())
            sleeper.setblocking(False)
            for _ in range(200):
                try:
                    sleeper.send(page)
                except BlockingIOError:
                    break
            await it.client.call(StatusCall(), StatusReply)
            async with asyncio.timeout(5):
                await it.server.close()

    prove(tmp_path, fact)


# ------------------------------------------------------------- org.varlink.service


def service(it: Served, name: str, parameters: dict[str, str]) -> None:
    body = {"method": f"org.varlink.service.{name}", "parameters": parameters}
    it.client.raw(msgspec.json.encode(body) + b"\0")


def test_the_service_describes_itself(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        service(it, "GetInfo", {})
        info = msgspec.json.decode((await it.client.response()).parameters)
        assert info["product"] == "kanband"
        for interface in info["interfaces"]:
            service(it, "GetInterfaceDescription", {"interface": interface})
            found = msgspec.json.decode((await it.client.response()).parameters)
            assert f"\ninterface {interface}\n" in found["description"]
        assert info["interfaces"] == ["org.varlink.service", "io.kanban"]

    prove(tmp_path, fact)


@pytest.mark.parametrize(
    ("request_", "error", "parameters"),
    [
        (
            b'{"method":"io.kanban.Nope"}',
            "org.varlink.service.MethodNotFound",
            {"method": "io.kanban.Nope"},
        ),
        (
            b'{"method":"io.other.Status"}',
            "org.varlink.service.InterfaceNotFound",
            {"interface": "io.other"},
        ),
        (
            b'{"method":"org.varlink.service.Nope"}',
            "org.varlink.service.MethodNotFound",
            {"method": "org.varlink.service.Nope"},
        ),
        (
            b'{"method":"org.varlink.service.GetInterfaceDescription"}',
            "org.varlink.service.InvalidParameter",
            {"parameter": "interface"},
        ),
        (
            (
                b'{"method":"org.varlink.service.GetInterfaceDescription",'
                b'"parameters":{"interface":"io.x"}}'
            ),
            "org.varlink.service.InterfaceNotFound",
            {"interface": "io.x"},
        ),
        (
            b'{"method":"io.kanban.Status","upgrade":true}',
            "org.varlink.service.InvalidParameter",
            {"parameter": "upgrade"},
        ),
        (
            b'{"method":"io.kanban.Events","parameters":{"follow":true}}',
            "org.varlink.service.ExpectedMore",
            {},
        ),
        (
            b'{"method":"io.kanban.Show","parameters":{"id":"x"}}',
            "io.kanban.InvalidArgument",
            {"field": "id", "message": "id: Expected `int`, got `str`"},
        ),
        (
            b'{"method":"io.kanban.Show","parameters":{"id":1,"x":2}}',
            "io.kanban.InvalidArgument",
            {"field": "x", "message": "x: Object contains unknown field `x`"},
        ),
        (
            b'{"method":"io.kanban.Add","parameters":{"ticket":{}}}',
            "io.kanban.InvalidArgument",
            {
                "field": "ticket.title",
                "message": "ticket.title: Object missing required field `title`",
            },
        ),
    ],
)
def test_a_call_that_cannot_be_answered_is_told_why(
    tmp_path: Path, request_: bytes, error: str, parameters: dict[str, str]
) -> None:
    async def fact(it: Served) -> None:
        it.client.raw(request_ + b"\0")
        response = await it.client.response()
        assert response.error == error
        assert msgspec.json.decode(response.parameters) == parameters
        await it.client.call(StatusCall(), StatusReply)

    prove(tmp_path, fact)


def test_a_bug_in_a_method_is_logged_and_the_connection_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fact(it: Served) -> None:
        infos = it.daemon.fleet.infos
        it.daemon.fleet.infos = None  # type: ignore[assignment,method-assign]
        with pytest.raises(Answered, match=r"kanband made a mistake over Status"):
            await it.client.call(StatusCall(), StatusReply)
        it.daemon.fleet.infos = infos  # type: ignore[method-assign]
        await it.client.call(StatusCall(), StatusReply)

    prove(tmp_path, fact)
    assert "Traceback" in caplog.text
    assert "io.kanban.Status" in caplog.text


def test_a_store_that_refuses_is_told_as_such(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        await it.daemon.close()
        with pytest.raises(Answered, match="StoreFailed"):
            await it.client.call(QueuePauseCall(), StatusReply)

    prove(tmp_path, fact)


# ------------------------------------------------------------------- bad manners


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0",
        b"hello\0",
        b"[]\0",
        b'{"method":3}\0',
        b'{"method":"Status"}\0',
        b"\xff\0",
    ],
)
def test_bytes_that_are_no_call_end_the_connection(
    tmp_path: Path, garbage: bytes
) -> None:
    async def fact(it: Served) -> None:
        it.client.send(StatusCall())
        it.client.raw(garbage)
        it.client.send(ticket())
        assert (await it.client.response()).error is None
        told = await it.client.response()
        assert told.error == "org.varlink.service.InvalidParameter"
        assert await it.client.hung_up()
        async with varlink_client(it.path) as other:
            assert (await other.call(ListCall(), ListReply)).total == 0

    prove(tmp_path, fact)


def test_a_message_over_the_bound_ends_the_connection(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.client.raw(b"x" * (bounds.CONTROL_REQUEST_BYTES_MAX + 1))
        told = await it.client.response()
        assert told.error == "org.varlink.service.InvalidParameter"
        assert await it.client.hung_up()

    prove(tmp_path, fact)


def test_a_call_may_come_byte_by_byte(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        for byte in varlink.request("io.kanban.Status"):
            it.client.raw(bytes([byte]))
            await asyncio.sleep(0)
        assert (await it.client.response()).error is None

    prove(tmp_path, fact)


def test_a_call_that_is_never_ended_is_given_up(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        it.client.send(StatusCall())
        assert (await it.client.response()).error is None
        it.client.raw(b'{"method":')
        told = await it.client.response()
        assert b"begun and not ended within 0.1 s" in bytes(told.parameters)
        assert await it.client.hung_up()

    prove(tmp_path, fact, patience=Patience(partial_s=0.1))


def test_a_silent_client_keeps_its_connection(tmp_path: Path) -> None:
    async def fact(it: Served) -> None:
        async with varlink_client(it.path) as other:
            other.raw(b'{"method":')
            assert (await other.response()).error is not None
        await it.client.call(StatusCall(), StatusReply)

    prove(tmp_path, fact, patience=Patience(partial_s=0.1))


def test_a_reply_over_the_bound_that_is_not_read_costs_the_connection(
    tmp_path: Path,
) -> None:
    async def fact(it: Served) -> None:
        text = "x" * 1_999
        new = NewTicket(title="t", description_md=text, instructions=text)
        for _ in range(2):
            await it.client.call(ImportCall(tickets=[new] * 1_000), ImportReply)
        with socket.socket(socket.AF_UNIX) as sleeper:
            sleeper.connect(str(it.path))
            page = ListCall(limit=bounds.LIST_LIMIT_MAX)
            sleeper.sendall(varlink.request("io.kanban.List", page) * 3)
            await until(lambda: len(it.server) == 2, "it is connected")
            await until(lambda: len(it.server) == 1, "it was dropped")

    prove(tmp_path, fact, patience=Patience(unread_s=0.1))


def test_the_longest_idle_client_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CONTROL_CONNECTIONS_MAX", 3)

    async def fact(it: Served) -> None:
        it.client.send(EventsCall(follow=True), more=True)
        await it.client.receive(EventsReply)
        async with (
            varlink_client(it.path) as idle,
            varlink_client(it.path) as used,
            varlink_client(it.path) as late,
        ):
            await used.call(StatusCall(), StatusReply)
            await late.call(StatusCall(), StatusReply)
            assert await idle.hung_up()
            await used.call(StatusCall(), StatusReply)
            assert len(it.server) == 3

    prove(tmp_path, fact)


def test_when_all_are_busy_a_newcomer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CONTROL_CONNECTIONS_MAX", 1)

    async def fact(it: Served) -> None:
        it.client.send(EventsCall(follow=True), more=True)
        await it.client.receive(EventsReply)
        async with varlink_client(it.path) as late:
            late.send(StatusCall())
            with pytest.raises(Answered, match="all 1 connections to kanband are busy"):
                await late.receive(StatusReply)

    prove(tmp_path, fact)


def test_who_hangs_up_frees_a_place_though_what_was_asked_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CONTROL_CONNECTIONS_MAX", 3)
    stop = StopWorkerCall(worker_ids=["worker-1"], wait=True)

    async def fact(it: Served) -> None:
        it.daemon.fleet.workers = [worker()]
        asked = it.daemon.fleet.asked
        # More than there are places, and more than are let go on without a client.
        for count in range(1, 9):
            async with varlink_client(it.path) as client:
                client.send(stop)
                await until(partial(_are, asked, count), "it is under way")
            await until(lambda: len(it.server) == 1, "its place is free")
        await it.client.call(StatusCall(), StatusReply)
        assert len(asyncio.all_tasks()) < 8
        it.daemon.fleet.stopping.set()

    prove(tmp_path, fact)


# -------------------------------------------------------------------- the file


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listening = Listening(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listening.socket.close()
    listening.remove()
    assert not path.exists()


def test_a_living_daemons_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    first = Listening(path)
    with pytest.raises(SocketTaken, match="somebody listens on"):
        Listening(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    first.socket.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(SocketTaken, match="is not a socket, and was left alone"):
        Listening(path)
    assert path.read_text() == "precious"


def test_a_socket_that_another_made_meanwhile_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    first = Listening(path)
    first.socket.close()
    second = Listening(path)
    first.remove()
    assert path.exists()
    second.socket.close()
