"""``--watch`` and shell completion, as a terminal and a shell see them."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kanban_ipc import varlink
from kanban_ipc.control import ListReply, RunsReply, StatusReply, WorkersReply
from support.control_samples import BUSY, QUEUE, RUN, STATUS, TICKET
from support.ctl import command_line, environment, kanbanctl
from support.varlink_server import serving

PATIENCE_S = 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def growing(
    reply: Callable[[int], StatusReply | ListReply],
) -> Callable[[object], bytes]:
    """Another reply each time: the nth is for ``n``."""
    asked = 0

    def answer(_parameters: object) -> bytes:
        nonlocal asked
        asked += 1
        return varlink.reply(reply(asked))

    return answer


def status(ready: int) -> StatusReply:
    return replace(STATUS, queue=replace(QUEUE, ready=ready, depth=ready))


def read_until(descriptor: int, wanted: str) -> str:
    """Everything that came until these words did."""
    seen, deadline = b"", time.monotonic() + PATIENCE_S
    while wanted.encode() not in seen:
        left_s = deadline - time.monotonic()
        assert left_s > 0, seen
        if select.select([descriptor], [], [], left_s)[0]:
            seen += os.read(descriptor, 65536)
    # A read ends anywhere, also within a character.
    return seen.decode(errors="replace")


@contextlib.contextmanager
def watched(
    home: Path, socket: Path, output: int, *words: str
) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        command_line("--socket", str(socket), *words, "--watch"),
        stdin=subprocess.DEVNULL,
        stdout=output,
        env=environment(home, {"TERM": "xterm"}),
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_terminal_is_painted_over_and_cut_to_its_height(
    tmp_path: Path, path: Path
) -> None:
    workers = [replace(BUSY, worker_id=f"worker-{n}") for n in range(1, 61)]
    answer = growing(lambda n: replace(status(n), workers=workers))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with (
        serving(path, {"Status": answer}),
        watched(tmp_path, path, theirs, "status") as process,
    ):
        os.close(theirs)
        seen = read_until(ours, "lines more")
        seen += read_until(ours, "lines more")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    os.close(ours)
    assert seen.count("\x1b[H") >= 2
    assert "worker-1 " in seen
    assert "worker-60" not in seen


def test_a_pipe_gets_a_line_of_json_for_each_change(tmp_path: Path, path: Path) -> None:
    ticket = replace(TICKET, state="in_review", column="Review")
    replies = [[TICKET], [TICKET], [ticket]]
    answer = growing(
        lambda n: ListReply(tickets=replies[min(n, len(replies)) - 1], total=1)
    )
    reading, writing = os.pipe()
    with (
        serving(path, {"List": answer}),
        watched(tmp_path, path, writing, "list", "--json") as process,
    ):
        os.close(writing)
        seen = read_until(reading, "in_review")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    os.close(reading)
    lines = [json.loads(line) for line in seen.splitlines()]
    assert [line["tickets"][0]["state"] for line in lines] == ["working", "in_review"]


def test_a_daemon_that_goes_and_comes_back_is_watched_on(
    tmp_path: Path, path: Path
) -> None:
    reading, writing = os.pipe()
    with watched(tmp_path, path, writing, "status") as process:
        os.close(writing)
        read_until(reading, "kanband is not running")
        with serving(path, {"Status": growing(status)}):
            read_until(reading, "worker-1")
        read_until(reading, "kanband is not running")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    os.close(reading)


def offers(home: Path, path: Path, words: str) -> list[str]:
    """What a bash is offered after these words; the last one is begun."""
    done = kanbanctl(
        home,
        extra={
            "_KANBANCTL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
            "KANBAN_SOCKET": str(path),
        },
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_commands_and_ids_are_offered(tmp_path: Path, path: Path) -> None:
    answers = {
        "List": varlink.reply(ListReply(tickets=[TICKET], total=1)),
        "Workers": varlink.reply(WorkersReply(workers=[BUSY])),
        "Runs": varlink.reply(RunsReply(runs=[RUN])),
    }
    with serving(path, answers):
        assert offers(tmp_path, path, "kanbanctl st") == [
            "status",
            "start-worker",
            "stop-worker",
        ]
        assert offers(tmp_path, path, "kanbanctl show ") == ["17"]
        assert offers(tmp_path, path, "kanbanctl show 2") == []
        assert offers(tmp_path, path, "kanbanctl block ") == ["17"]
        assert offers(tmp_path, path, "kanbanctl stop-worker w") == ["worker-1"]
        assert offers(tmp_path, path, "kanbanctl logs d") == ["daemon"]
        assert offers(tmp_path, path, "kanbanctl run show ") == [RUN.id]
        assert "--watch" in offers(tmp_path, path, "kanbanctl list --w")
    assert offers(tmp_path, path, "kanbanctl show ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_can_read(tmp_path: Path, shell: str) -> None:
    done = kanbanctl(tmp_path, "completion", shell)
    assert done.returncode == 0
    assert f"_KANBANCTL_COMPLETE={shell}_complete" in done.stdout
    if (program := shutil.which(shell)) is None:
        return
    script = tmp_path / "script"
    script.write_text(done.stdout)
    subprocess.run([program, "-n", str(script)], check=True, timeout=30)
