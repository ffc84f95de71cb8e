"""Varlink clients that others wrote, which know of us what introspection tells them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import varlink
from asyncvarlink import (
    GenericVarlinkErrorReply,
    VarlinkClientProtocol,
    VarlinkMethodCall,
    connect_unix_varlink,
)
from asyncvarlink.serviceinterface import InterfaceNotFound, VarlinkServiceInterface

from support.foreign_types import Described
from support.system import System

TICKET = {
    "title": "From outside",
    "description_md": "",
    "instructions": "",
    "board": "main",
    "agent": "noop",
    "labels": ["foreign"],
    "task_type": "general",
    "depends_on": [],
    "depends_on_keys": [],
}
END = "completed"


def test_the_package_varlink_lists_adds_and_follows(system: System) -> None:
    system.worker_running()
    with varlink.Client(address=f"unix:{system.socket}") as client:
        assert client.get_interfaces() == ["org.varlink.service", "io.kanban"]
        with client.open("io.kanban", namespaced=True) as kanban:
            [worker] = kanban.Workers().workers
            assert (worker.worker_id, worker.state) == ("worker-1", "RUNNING")
            before = kanban.Events(limit=1).cursor
            added = kanban.Add(ticket={"title": "Mine", "agent": "noop"}, ready=True)
            assert added.created
            assert added.ticket.title == "Mine"
            with pytest.raises(varlink.VarlinkError) as refused:
                kanban.Show(id=added.id + 1)
            assert refused.value.error() == "io.kanban.NotFound"
        with client.open("io.kanban") as kanban:
            states = []
            for reply in kanban.Events(since=before, follow=True, _more=True):
                mine = [e for e in reply["events"] if e.get("ticket_id") == added.id]
                states += [event["payload"].get("to") for event in mine]
                if END in states:
                    break
            assert [each for each in states if each] == [
                "ready",
                "assigned",
                "working",
                END,
            ]


class Strict:
    """``asyncvarlink``, every word checked against the description."""

    def __init__(self, protocol: VarlinkClientProtocol, described: Described) -> None:
        self._protocol = protocol
        self._described = described

    async def more(self, name: str, **given: Any) -> AsyncGenerator[Any, None]:
        method = self._described.methods[name]
        wish = VarlinkMethodCall(
            f"{self._described.name}.{name}", method.parameters.tojson(given), more=True
        )
        async for reply, _ in self._protocol.call_more(wish):
            yield method.reply.fromjson(reply.parameters)

    async def call(self, name: str, **given: Any) -> Any:
        method = self._described.methods[name]
        wish = VarlinkMethodCall(
            f"{self._described.name}.{name}", method.parameters.tojson(given)
        )
        answered = await self._protocol.call(wish)
        assert answered is not None
        reply = answered[0]
        if reply.error is None:
            return method.reply.fromjson(reply.parameters)
        kind = self._described.errors[reply.error.removeprefix("io.kanban.")]
        raise GenericVarlinkErrorReply(reply.error, kind.fromjson(reply.parameters))


async def introspect(protocol: VarlinkClientProtocol) -> Described:
    service = protocol.make_proxy(VarlinkServiceInterface)
    info = await service.GetInfo()
    assert info["product"] == "kanband"
    with pytest.raises(InterfaceNotFound):
        await service.GetInterfaceDescription(interface="io.nobody")
    [name] = set(info["interfaces"]) - {"org.varlink.service"}
    told = await service.GetInterfaceDescription(interface=name)
    return Described(told["description"])


@asynccontextmanager
async def connected(system: System) -> AsyncGenerator[Strict, None]:
    transport, protocol = await connect_unix_varlink(
        VarlinkClientProtocol, system.socket
    )
    try:
        yield Strict(protocol, await introspect(protocol))
    finally:
        transport.close()
        # The transport closes its socket in the loop's next turn.
        await asyncio.sleep(0)


def test_the_package_asyncvarlink_finds_every_reply_as_it_is_described(
    system: System,
) -> None:
    async def add_and_follow() -> int:
        async with connected(system) as kanban:
            [worker] = (await kanban.call("Workers"))["workers"]
            assert worker["worker_id"] == "worker-1"
            status = await kanban.call("Status", workers=[])
            assert status["daemon"]["pid"] == system.daemon.pid
            last = await kanban.call("Events", types=[], follow=False, limit=1)
            added = await kanban.call("Add", ticket=TICKET, ready=True)
            events = kanban.more(
                "Events",
                since=last["cursor"],
                ticket_id=added["id"],
                types=["state_change"],
                follow=True,
                limit=100,
            )
            async for reply in events:
                if any(event["payload"]["to"] == END for event in reply["events"]):
                    break
            # Its connection goes with it; what it had still to say is nobody's.
            return int(added["id"])

    async def look_at(ticket_id: int) -> None:
        async with connected(system) as kanban:
            shown = await kanban.call("Show", id=ticket_id)
            assert shown["ticket"]["labels"] == ["foreign"]
            [run] = (await kanban.call("Runs", ticket_id=ticket_id, limit=5))["runs"]
            assert (await kanban.call("RunShow", run=run["id"]))["run"] == run
            with pytest.raises(GenericVarlinkErrorReply) as refused:
                await kanban.call("Show", id=ticket_id + 1)
            assert refused.value.name == "io.kanban.NotFound"

    system.worker_running()
    ticket_id = asyncio.run(add_and_follow())
    asyncio.run(look_at(ticket_id))
