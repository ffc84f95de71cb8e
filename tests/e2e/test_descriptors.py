"""Descriptors that run short, for clients that never hang up."""

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

from support.deadline import eventually
from support.system import System

CLIENTS = 60
ROOM = 24
"""For clients, of which ``troubles`` leaves some to others."""


def test_descriptors_that_run_short_are_told_and_clients_make_room(
    system: System,
) -> None:
    system.worker_running()
    most = used(system) + ROOM
    allow(system, most)
    with ExitStack() as stack:
        idle(system, stack, CLIENTS)
        found = system.status().daemon
        assert not found.healthy
        [problem] = found.problems
        assert f" of {most} file descriptors are in use: clients" in problem
        assert used(system) < most
        # Less than are open: accept(2) itself fails now.
        allow(system, used(system) - 5)
        ticket = system.add("Done all the same", instructions="true")
        allow(system, 1024)
        assert system.wait(ticket)[0].state == "in_review"
    eventually(lambda: system.status().daemon.healthy, "healthy by itself")


def used(system: System) -> int:
    return len(list(Path(f"/proc/{system.daemon.pid}/fd").iterdir()))


def allow(system: System, most: int) -> None:
    limits = (most, max(most, 1024))
    resource.prlimit(system.daemon.pid, resource.RLIMIT_NOFILE, limits)


def idle(system: System, stack: ExitStack, count: int) -> None:
    """Clients that connect and say nothing."""
    for _ in range(count):
        client = stack.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(str(system.socket))
