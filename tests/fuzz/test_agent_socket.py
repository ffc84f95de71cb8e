"""Hostile bytes on agent.sock, from a run with a genuine token, reach nothing else."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from kanban_ipc import agent, varlink
from kanban_ipc.agent import HeardReply, NoteCall
from support.agent_server import InRun, in_run
from support.control_server import until
from support.varlink_client import varlink_client

MESSAGES = 5_000
AT_ONCE = 20
ANSWERS = frozenset(
    (
        *(f"{agent.INTERFACE}.{name}" for name in agent.ERRORS),
        *(
            f"{varlink.SERVICE}.{name}"
            for name in ("InvalidParameter", "MethodNotFound", "InterfaceNotFound")
        ),
        None,
    )
)
VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    40,
    1 << 63,
    1e308,
    "",
    "x",
    "\ud7ff\0",
    "../../kanban.db",
    "x" * 5_000,
    [],
    ["a"] * 30,
    {},
    {"a": {"b": []}},
)
FIELDS = (
    "percent",
    "text",
    "step",
    "total_steps",
    "message",
    "level",
    "question",
    "choices",
    "kind",
    "id",
)


def hostile(rng: random.Random, token: str) -> bytes:
    """A call that is nearly one, or bytes."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(100)) + b"\0"
    name = rng.choice((*agent.METHODS, "Status", "__class__", "Show.x"))
    interface = rng.choice((agent.INTERFACE, agent.INTERFACE, "io.kanban"))
    fields = {rng.choice(FIELDS): rng.choice(VALUES) for _ in range(rng.randrange(4))}
    fields["token"] = rng.choice((token, token, token[:-2] + "AA", 1, None, ""))
    call = {"method": f"{interface}.{name}", "parameters": fields}
    data = bytearray(msgspec.json.encode(call))
    if rng.random() < 0.2:
        data[rng.randrange(len(data))] = rng.randrange(1, 256)
    return bytes(data) + b"\0"


async def one_client(run: InRun, rng: random.Random) -> int:
    """A few calls; each is answered by a reply or by an error of the interface."""
    sent = 0
    async with varlink_client(run.served.path) as client:
        for _ in range(rng.choice((1, 5, 20))):
            client.raw(hostile(rng, run.token))
            sent += 1
            try:
                response = await client.response()
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            assert response.error in ANSWERS
    return sent


def test_hostile_calls_of_a_genuine_run_reach_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure with
    rng = random.Random(seed)

    async def main() -> None:
        async with in_run(tmp_path) as run:
            sent = 0
            while sent < MESSAGES:
                clients = (one_client(run, rng) for _ in range(AT_ONCE))
                sent += sum(await asyncio.gather(*clients))
            await until(lambda: len(run.served.server) <= 1, "the others are gone")
            call = NoteCall(token=run.token, message="still heard")
            await run.call("Note", call, HeardReply)
            daemon = run.served.daemon
            events = await daemon.store.read(
                lambda reads: reads.events(since=0, limit=1_000_000)
            )
            kinds = {event.type for event in events}
            assert kinds <= {
                "task_created",
                "task_assign",
                "run_started",
                "state_change",
                "question_asked",
            }
            tickets = {event.ticket_id for event in events}
            assert tickets == {1}
            log = await daemon.store.read(
                lambda reads: reads.run_log(run.claim.run_id, limit=1)
            )
            assert log[0].message == "still heard"
            assert run.token.rpartition(".")[2] not in caplog.text
            assert "a bug" not in caplog.text

    asyncio.run(main())
