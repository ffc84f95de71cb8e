"""Words to the service manager."""

import os
import socket
import uuid
from pathlib import Path

import pytest

from kanband.shell.notify import Notifier

MINE = str(os.getpid())


def heard(address: str, variable: str) -> str:
    """What a manager at the address is told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(10)
        notifier = Notifier({"NOTIFY_SOCKET": variable})
        notifier.send(READY="1", STATUS="running: 2 runs")
        return manager.recv(4_096).decode()


def test_a_manager_at_a_path_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    assert heard(path, path) == "READY=1\nSTATUS=running: 2 runs"


def test_a_manager_at_an_abstract_address_is_told() -> None:
    name = f"kanband-test-{uuid.uuid4()}"
    assert heard(f"\0{name}", f"@{name}") == "READY=1\nSTATUS=running: 2 runs"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "/nonexistent/notify"},
        {"NOTIFY_SOCKET": "/" + "x" * 200},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
    ],
)
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    Notifier(environ).send(READY="1")


def test_the_watchdog_waits_while_another_version_starts(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
        notifier.reloading("handing over")
        said = manager.recv(4_096).decode().splitlines()
        assert said[0] == "RELOADING=1"
        assert "WATCHDOG_USEC=300000000" in said
        notifier.ready("running")
        said = manager.recv(4_096).decode().splitlines()
        assert {"READY=1", "WATCHDOG_USEC=30000000"} <= set(said)


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notifier = Notifier({"NOTIFY_SOCKET": path})
        for _ in range(2_000):
            notifier.send(WATCHDOG="1")


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": MINE}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "3²"}, None),
    ],
)
def test_the_watchdog_is_fed_when_it_watches_us(
    environ: dict[str, str], watchdog_s: float | None
) -> None:
    assert Notifier(environ).watchdog_s == watchdog_s
