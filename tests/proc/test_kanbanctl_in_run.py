"""``kanbanctl`` inside a run: quick whatever the daemon does, and nothing is lost."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kanban_ipc import agent, varlink
from kanban_ipc.words import Epoch, RunId
from kanban_worker.core.spooled import read
from kanbanctl import voice
from support.ctl import kanbanctl

RUN = "01976f3a-2d00-7abc-8def-000000000001"
TOKEN = f"{RUN}.3.secretsecret"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@contextmanager
def listening(path: Path, answer: bytes | None) -> Iterator[list[bytes]]:
    """Somebody who hears one call, and answers it so, or not at all."""
    heard: list[bytes] = []
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(20)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(1 << 16))
                if answer is None:
                    done.wait(20)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield heard
        finally:
            done.set()
            thread.join()


def inside(path: Path, spool: Path) -> dict[str, str]:
    return {
        "KANBAN_API_URL": f"unix:{path}",
        "KANBAN_API_TOKEN": TOKEN,
        "KANBAN_RUN_ID": RUN,
        "KANBAN_EPOCH": "3",
        "KANBAN_SPOOL_DIR": str(spool),
    }


def only(spool: Path) -> dict[str, Any]:
    """The one file there, which a worker can read."""
    (file,) = spool.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secret" not in file.read_text()
    read(file.read_bytes(), RunId(RUN), Epoch(3))
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def test_a_daemon_that_is_gone_costs_nothing(tmp_path: Path, spool: Path) -> None:
    extra = inside(tmp_path / "agent.sock", spool)
    done = kanbanctl(tmp_path, "ask", "Why?", "--choice", "so", extra=extra)
    assert (done.returncode, done.stdout) == (0, "")
    assert "delivered later" in done.stderr
    found = only(spool)
    assert (found["run_id"], found["epoch"], found["method"]) == (RUN, 3, "Ask")
    assert found["parameters"] == {
        "question": "Why?",
        "choices": ["so"],
        "kind": "clarification",
    }


def test_a_daemon_that_is_stuck_is_not_waited_for(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "agent.sock"
    with listening(path, None) as heard:
        begun = time.monotonic()
        done = kanbanctl(tmp_path, "note", "hello", extra=inside(path, spool))
        took_s = time.monotonic() - begun
    assert done.returncode == 0
    assert len(heard) == 1
    assert only(spool)["method"] == "Note"
    assert voice.CALL_S <= took_s < 15  # 5 s on a machine that is not loaded


def test_a_longer_patience_is_not_granted() -> None:
    assert voice.CALL_S < 5


@pytest.mark.parametrize("error", ["ShuttingDown", "StoreFailed"])
def test_a_daemon_that_takes_nothing_now_is_told_later(
    tmp_path: Path, spool: Path, error: str
) -> None:
    path = tmp_path / "agent.sock"
    answer = varlink.error(f"{agent.INTERFACE}.{error}", {"message": "not now"})
    with listening(path, answer):
        words = ("--json", "progress", "40", "--step", "2/5", "Testing")
        done = kanbanctl(tmp_path, *words, extra=inside(path, spool))
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"schema": 1, "spooled": True}
    assert only(spool)["parameters"] == {
        "percent": 40,
        "text": "Testing",
        "step": 2,
        "total_steps": 5,
    }


def test_a_refusal_is_an_error_and_not_kept(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "agent.sock"
    stale = agent.StaleEpoch(run_id=RUN, epoch=3, message="it is over")
    answer = varlink.error(f"{agent.INTERFACE}.StaleEpoch", stale)
    with listening(path, answer) as heard:
        done = kanbanctl(tmp_path, "note", "hello", extra=inside(path, spool))
    assert done.returncode == 1
    assert done.stderr == "kanbanctl: it is over\n"
    assert TOKEN in heard[0].decode()
    assert list(spool.iterdir()) == []


def test_what_cannot_be_kept_either_is_said(tmp_path: Path) -> None:
    extra = inside(tmp_path / "agent.sock", tmp_path / "nowhere")
    done = kanbanctl(tmp_path, "note", "hello", extra=extra)
    assert done.returncode == 69
    assert "cannot be kept" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("step", ["x", "1/", "/2", "1/2/3", "-1"])
def test_a_step_is_a_number_of_a_number(tmp_path: Path, step: str) -> None:
    done = kanbanctl(tmp_path, "progress", "4", f"--step={step}")
    assert done.returncode == 2
    assert "2/5" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [{"KANBAN_API_URL": "http://x"}, {"KANBAN_API_TOKEN": ""}, {"KANBAN_EPOCH": "x"}],
)
def test_outside_of_a_run_nothing_is_said(
    tmp_path: Path, spool: Path, wrong: dict[str, str]
) -> None:
    extra = inside(tmp_path / "agent.sock", spool) | wrong
    done = kanbanctl(tmp_path, "note", "hello", extra=extra)
    assert done.returncode == 1
    assert "inside a run" in done.stderr
    assert list(spool.iterdir()) == []
