"""``kanbanctl`` as a process, against a scripted server on a real socket."""

import json
import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kanban_ipc import varlink
from kanban_ipc.control import (
    AddReply,
    BoardQueue,
    Event,
    EventsReply,
    ImportReply,
    InvalidTransition,
    LastExit,
    ListReply,
    NotFound,
    QueueReply,
    Reason,
    Refusal,
    RunLogsReply,
    RunsReply,
    ShowReply,
    StatusReply,
    StoppedReply,
    StopProof,
    TextReply,
    Ticket,
    TicketReply,
    TicketsReply,
    WaitReply,
    WhyReply,
)
from support.control_samples import BUSY, CURRENT, NOW_MS, RUN, RUN_ID, STATUS, TICKET
from support.ctl import TIMEOUT_S, command_line, environment, kanbanctl
from support.varlink_server import CLOSE, HANG, Answer, refusing, serving

OK: Mapping[str, Answer] = {"Status": varlink.reply(STATUS)}
NOTHING_HERE = NotFound(what="ticket", message="There is no ticket 99.")

STATUS_PAGE = """\
kanband 0.1.0 running, healthy, up 3 h 3 min, managed, pid 4242
queue 3 in the backlog, 12 ready (2 waiting), 2 in progress, 1 blocked, 4 in review, \
10,250 done, 1 worker connected

WORKER    STATE    ACTIVITY  TICKETS  RUNS  RESTARTS     SEEN   UP  MEMORY   PID
worker-1  RUNNING  busy      #17 40%   123         1  1 s ago  3 h  30 MiB  5001
worker-2  FATAL    -         -         123         6        -    -       -     -

worker-2 is FATAL: exit code 1, it ended before it said hello, 6 times in 60 s.
  | Traceback (most recent call last):
  | ImportError: no zmq
  It is not started again by itself. Mend the cause, then: kanbanctl reset-failed \
worker-2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def ask(
    path: Path, *arguments: str, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Run it in the socket's directory, with this socket."""
    return kanbanctl(path.parent, *arguments, "--socket", str(path), **settings)


# ----------------------------------------------------------------------------- status


def test_status_shows_daemon_queue_and_workers(path: Path) -> None:
    with serving(path, OK):
        done = ask(path, "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == STATUS_PAGE


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_a_table_fits_the_terminal(path: Path, columns: int) -> None:
    with serving(path, OK):
        done = ask(path, "status", extra={"COLUMNS": str(columns)})
    table = done.stdout.partition("worker-2 is FATAL")[0]
    assert max(map(len, table.splitlines())) <= columns


def test_problems_of_the_daemon_are_shown(path: Path) -> None:
    daemon = msgspec.structs.replace(
        STATUS.daemon,
        healthy=False,
        problems=["The disk is full: free some space."],
    )
    reply = StatusReply(daemon=daemon, queue=STATUS.queue, workers=[])
    with serving(path, {"Status": varlink.reply(reply)}):
        done = ask(path, "status")
    assert done.returncode == 0
    assert "NOT HEALTHY" in done.stdout
    assert "  ! The disk is full: free some space." in done.stdout
    assert "kanbanctl start-worker" in done.stdout


@pytest.mark.parametrize("order", [("status", "--json"), ("--json", "status")])
def test_json_may_be_asked_for_anywhere(path: Path, order: tuple[str, str]) -> None:
    with serving(path, OK):
        done = ask(path, *order)
    status = json.loads(done.stdout)
    assert list(status) == ["schema", "daemon", "queue", "workers"]
    assert status["daemon"]["started_at"] == "2025-06-15T12:03:20.000Z"


def test_status_tells_nobody_listens_from_no_answer(path: Path) -> None:
    assert ask(path, "status").returncode == 3
    with serving(path, {"Status": HANG}):
        assert ask(path, "status", "--timeout", "0.2").returncode == 4
    with serving(path, {"Status": CLOSE}):
        assert ask(path, "status").returncode == 4
    with serving(path, {"Status": refusing(NOTHING_HERE)}):
        assert ask(path, "status", "nobody").returncode == 1


# ----------------------------------------------------------------- failures, in words


def test_a_daemon_that_does_not_run_is_said_with_what_starts_it(path: Path) -> None:
    done = ask(path, "list")
    assert done.returncode == 69
    assert f"kanband is not running: there is no socket at {path}" in done.stderr
    assert "Start it with 'kanband'" in done.stderr
    usual = kanbanctl(path.parent, "list")
    assert usual.returncode == 69
    assert str(path.parent / ".local/state/kanban/run/control.sock") in usual.stderr


def test_a_socket_left_behind_is_told(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    done = ask(path, "list")
    assert done.returncode == 69
    assert "left from an earlier one" in done.stderr


def test_a_path_that_is_no_socket_is_told(path: Path) -> None:
    path.write_text("")
    done = ask(path, "list")
    assert done.returncode == 69
    assert "is not a socket" in done.stderr
    long = kanbanctl(path.parent, "list", "--socket", "/" + "x" * 200)
    assert long.returncode == 69
    assert "107 bytes" in long.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root is permitted everything")
def test_somebody_elses_socket_is_told(path: Path) -> None:
    with serving(path, OK):
        path.chmod(0)
        done = ask(path, "status")
        assert done.returncode == 4
        assert "not permitted" in done.stderr
        assert ask(path, "list").returncode == 69


@pytest.mark.parametrize(
    "garbage",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n\0", b"\0", b"{}}\0", b"[" * 50_000 + b"\0"],
)
def test_an_answer_that_is_none_is_told(path: Path, garbage: bytes) -> None:
    with serving(path, {"List": garbage}):
        done = ask(path, "list")
    assert done.returncode == 69
    assert "does not speak as kanband does" in done.stderr


def test_a_reply_of_another_shape_is_told(path: Path) -> None:
    with serving(path, {"List": varlink.reply(TextReply(text=""))}):
        done = ask(path, "list")
    assert done.returncode == 69
    assert "same version" in done.stderr


def test_half_an_answer_is_told(path: Path) -> None:
    with serving(path, {"List": b'{"parameters":{' + CLOSE}):
        done = ask(path, "list")
    assert done.returncode == 69
    assert "hung up" in done.stderr


def test_no_answer_in_time_is_75(path: Path) -> None:
    with serving(path, {"Wait": HANG}):
        done = ask(path, "wait", "4", "--timeout", "0.2")
    assert done.returncode == 75
    assert "no answer from kanband within 0.2 s" in done.stderr


def test_a_wait_that_is_over_does_not_blame_the_daemon(path: Path) -> None:
    with serving(path, {"StopWorker": HANG}):
        done = ask(path, "stop-worker", "worker-1", "--timeout", "0.2")
    assert done.returncode == 75
    assert "not done within 0.2 s. kanband goes on with it" in done.stderr


def waiting() -> bytes:
    """Of a daemon with a ticket that nobody releases."""
    idle = msgspec.structs.replace(TICKET, state="backlog", column="Backlog")
    there = msgspec.structs.replace(TICKET, id=18, state="in_review", column="Review")
    notes = ["ticket 17 is backlog: nobody has released it"]
    reply = WaitReply(tickets=[idle, there], reached=False, notes=notes)
    return varlink.reply(reply)


def test_a_wait_says_at_once_what_nobody_moves_and_then_who_is_late(path: Path) -> None:
    with serving(path, {"Wait": waiting()}) as server:
        done = ask(path, "wait", "17", "18", "--timeout", "5s")
    assert [call["patience_s"] for _, call, _ in server.calls] == [0, 5]
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == (
        "note: ticket 17 is backlog: nobody has released it\n"
        "kanbanctl: not there after 5 s: #17 is backlog. What a ticket waits for: "
        "kanbanctl why 17\n"
    )


def test_a_wait_for_what_is_there_asks_once(path: Path) -> None:
    answer = varlink.reply(WaitReply(tickets=[TICKET]))
    with serving(path, {"Wait": answer}) as server:
        done = ask(path, "wait", "17")
    assert len(server.calls) == 1
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MethodNotFound", "another version"),
        ("InvalidParameter", "does not accept a value"),
        ("PermissionDenied", "does not answer this account"),
        ("Strange", "Strange"),
    ],
)
def test_what_the_service_itself_refuses_is_told(
    path: Path,
    name: str,
    words: str,
) -> None:
    answer = varlink.error(f"org.varlink.service.{name}", {"parameter": "x"})
    with serving(path, {"List": answer}):
        done = ask(path, "list")
    assert done.returncode == 1
    assert words in done.stderr


def test_an_error_of_a_newer_daemon_is_told(path: Path) -> None:
    with serving(path, {"List": varlink.error("io.kanban.Newer", {})}):
        done = ask(path, "list")
    assert done.returncode == 1
    assert "io.kanban.Newer" in done.stderr


def test_a_refusal_is_printed_as_the_daemon_words_it(path: Path) -> None:
    error = InvalidTransition(
        state="completed",
        to="ready",
        message="Ticket 7 is completed. Reopen it first: kanbanctl move 7 review",
    )
    with serving(path, {"Move": refusing(error)}) as server:
        done = ask(path, "move", "#7", "in-progress")
        assert server.calls == [
            (
                "Move",
                {"id": 7, "to": "In Progress", "cancel": False, "merged": False},
                False,
            ),
        ]
        for_programs = ask(path, "move", "7", "READY", "--json")
    assert done.returncode == 1
    assert done.stderr == f"kanbanctl: {error.message}\n"
    assert json.loads(for_programs.stdout) == {
        "schema": 1,
        "error": {
            "kind": "InvalidTransition",
            "state": "completed",
            "to": "ready",
            "message": error.message,
        },
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "no command 'nothing'"),
        (["stauts"], "Did you mean 'status'?"),
        (["show"], "Missing argument"),
        (["show", "x"], "not a ticket's number"),
        (["show", "0"], "not a ticket's number"),
        (["move", "1", "nowhere"], "none of backlog"),
        (["wait", "1", "--for", "x"], "none of backlog"),
        (["list", "--timeout", "soon"], "not a duration"),
        (["stop-worker"], "--all"),
        (["stop-worker", "a", "--all"], "--all"),
        (["start-worker", "a", "-n", "2"], "-n is for workers without a name"),
        (["scale", "-1"], "No such option"),
        (["scale", "x"], "'x' is not a number"),
        (["start-worker", "-n", "0"], "0 is not a number from 1 on"),
        (["list", "--limit", "9" * 30], "not a number from 0 on"),
        (["add", " "], "title is empty"),
        (["add", "x", "--priority", "11"], "1 to 10"),
        (["import", "x.txt"], "--format"),
        (["import", "x.md", "--priority", "huge"], "'huge' is none"),
        (["shutdown", "--now", "--keep-workers"], "give one of them"),
        (["list", "--timeout", "99999999999999"], "more than a year"),
        (["list", "--repo", "~nosuchuser/x"], "~nosuchuser is nobody's home"),
        (["start-worker", "--repo", "~nosuchuser/x"], "~nosuchuser is nobody's home"),
        (["add", "x", "--repo", "~nosuchuser/x"], "~nosuchuser is nobody's home"),
        (["import", "x.md", "--repo", "~nosuchuser/x"], "~nosuchuser is nobody's home"),
    ],
)
def test_usage_is_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = kanbanctl(tmp_path, *arguments)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("add", "bad\udcff"), ("list", "--label", "\udcff"), ("run", "show", "\udcff")],
)
def test_what_is_no_unicode_is_not_sent(path: Path, arguments: tuple[str, ...]) -> None:
    with serving(path, OK) as server:
        done = ask(path, *arguments)
        assert server.calls == []
    assert done.returncode == 1
    assert "is not valid UTF-8; nothing was sent" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    (gone := tmp_path / "gone").mkdir()
    command = [*command_line(), "add", "x"]
    script = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *command]
    done = subprocess.run(
        script,
        capture_output=True,
        cwd=gone,
        env=environment(tmp_path),
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "the working directory does not exist any more" in done.stderr


def test_help_and_version_need_no_daemon(tmp_path: Path) -> None:
    for arguments in (["-h"], ["add", "--help"], ["run", "-h"], ["--version"]):
        done = kanbanctl(tmp_path, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout
    listing = kanbanctl(tmp_path, "list", "-h").stdout
    assert "CONVERT" not in listing
    assert "--state STATE" in listing
    assert "--limit NUMBER" in listing


# ---------------------------------------------------------------------------- commands


def test_add_sends_what_was_typed(path: Path) -> None:
    reply = AddReply(
        id=17, created=False, ticket=TICKET, notes=["No worker can do it."]
    )
    arguments = (
        *("add", "Format it", "-d", "All", "-i", "ruff format .", "--repo", "."),
        *("--agent", "shell", "--priority", "9", "--label", "a b", "--label", "c"),
        *("--depends-on", "3", "--depends-on", "sort", "--key", "k", "--ready"),
        *("--time-limit", "20m", "--max-retries", "0"),
    )
    with serving(path, {"Add": varlink.reply(reply)}) as server:
        done = ask(path, *arguments)
        quiet = ask(path, "add", "--file", "-", "x", "-q", given="é".encode())
    (_, sent, _), (_, second, _) = server.calls
    ticket = sent["ticket"]
    given = {
        "title": "Format it",
        "description_md": "All",
        "instructions": "ruff format .",
        "repo_path": str(path.parent),
        "agent": "shell",
        "priority_number": 9,
        "labels": ["a b", "c"],
        "depends_on": [3],
        "depends_on_keys": ["sort"],
        "key": "k",
        "timeout_s": 1200.0,
        "max_retries": 0,
    }
    assert sent["ready"] is True
    assert {name: ticket[name] for name in given} == given
    assert done.stdout == "#17 working: Sort the imports of every module\n"
    assert "the key was known" in done.stderr
    assert "note: No worker can do it." in done.stderr
    assert second["ticket"]["description_md"] == "é"
    assert (quiet.stdout, quiet.returncode) == ("17\n", 0)


def import_answers(parameters: dict[str, Any]) -> bytes:
    count = len(parameters["tickets"])
    return varlink.reply(
        ImportReply(ids=list(range(5, 5 + count)), created=count, refused=[]),
    )


def test_an_import_lists_what_is_new_and_what_was_known(path: Path) -> None:
    (path.parent / "b.jsonl").write_text('{"title":"t"}\n' * 6)
    reply = ImportReply(
        ids=[1, 2, 7, 4, 8, 9],
        created=3,
        refused=[],
        known=[1, 2, 4],
        notes=["known before, and still in Backlog; do: kanbanctl ready 2"],
    )
    with serving(path, {"Import": varlink.reply(reply)}):
        done = ask(path, "import", "b.jsonl", "--ready")
        document = json.loads(ask(path, "import", "b.jsonl", "--json").stdout)
        waiting = ask(path, "import", "b.jsonl")
    assert "nothing begins" not in done.stderr
    assert "let them begin: kanbanctl ready 7 8 9\n" in waiting.stderr
    assert done.stdout == (
        "3 tickets added: #7 to #9; 3 known by their keys: #1, #2 and #4\n"
    )
    assert done.stderr.endswith("do: kanbanctl ready 2\n")
    assert (document["created"], document["known"]) == (3, [1, 2, 4])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.md", "", "no open box"),
        ("a.md", "# T\n\n- [x] done\n- plain\n", "no open box"),
        ("a.csv", "title\n", "no row below"),
        ("a.jsonl", "\n", "no line"),
    ],
)
def test_a_file_without_tickets_is_refused(
    path: Path, name: str, text: str, said: str
) -> None:
    (path.parent / name).write_text(text)
    done = ask(path, "import", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no ticket in {name}: " in done.stderr
    assert said in done.stderr


def test_a_file_is_imported_in_pages(path: Path) -> None:
    rows = "".join(f'{{"title":"t{n}"}}\n' for n in range(2_500))
    (path.parent / "backlog.jsonl").write_text(rows)
    with serving(path, {"Import": import_answers}) as server:
        done = ask(path, "import", "backlog.jsonl", "--agent", "shell")
        quiet = ask(
            path, "import", "-", "--format", "csv", "-q", given=b"title\na\nb\n"
        )
    assert done.stdout == "2,500 tickets added: #5 to #2004\n"
    assert [len(p["tickets"]) for _, p, _ in server.calls] == [2_000, 500, 2]
    assert server.calls[0][1]["tickets"][0]["agent"] == "shell"
    assert quiet.stdout == "5\n6\n"


def test_a_file_with_a_malformed_line_sends_nothing(path: Path) -> None:
    (path.parent / "backlog.md").write_text("- [ ] good\n- [] bad\n- [ ]\n")
    with serving(path, {}) as server:
        done = ask(path, "import", "backlog.md")
    assert server.calls == []
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "kanbanctl: backlog.md:2: an open box is written '[ ]', with a space",
        "backlog.md:3: the title is empty",
        "Nothing was imported.",
    ]


def test_what_the_daemon_refuses_is_told_by_line(path: Path) -> None:
    (path.parent / "backlog.md").write_text("# B\n\n- [ ] one\n\n- [ ] two\n")
    refused = [Refusal(index=1, title="two", reason="no such repository")]
    reply = ImportReply(ids=[], created=0, refused=refused)
    with serving(path, {"Import": varlink.reply(reply)}):
        done = ask(path, "import", "backlog.md")
    assert done.returncode == 1
    assert "backlog.md:5: no such repository" in done.stderr
    missing = ask(path, "import", "missing.md")
    assert missing.returncode == 1
    assert "cannot read missing.md: No such file" in missing.stderr


def test_a_relative_repository_begins_at_the_file(path: Path) -> None:
    (path.parent / "project").mkdir()
    (path.parent / "project" / "todo.md").write_text("- [ ] a {repo=.}\n")
    with serving(path, {"Import": import_answers}) as server:
        ask(path, "import", "project/todo.md", "--label", "x")
    (ticket,) = server.calls[0][1]["tickets"]
    assert ticket["repo_path"] == str(path.parent / "project")
    assert ticket["labels"] == ["x"]


def test_list_asks_for_pages_until_it_has_enough(path: Path) -> None:
    def page(parameters: dict[str, Any]) -> bytes:
        left = 2_300 - parameters["offset"]
        count = min(parameters["limit"], left)
        return varlink.reply(ListReply(tickets=[TICKET] * count, total=2_300))

    with serving(path, {"List": page}) as server:
        every = ask(path, "list", "--limit", "0", "-q")
        some = ask(path, "list", "--limit", "3", "--column", "in progress")
    asked = [(p["limit"], p["offset"]) for _, p, _ in server.calls]
    assert asked == [(1_000, 0), (1_000, 1_000), (1_000, 2_000), (3, 0)]
    assert len(every.stdout.splitlines()) == 2_300
    assert server.calls[3][1]["columns"] == ["In Progress"]
    assert len(some.stdout.splitlines()) == 4
    assert "3 of 2,300 tickets" in some.stderr


def test_an_empty_list_tells_no_match_from_no_ticket(path: Path) -> None:
    def page(parameters: dict[str, Any]) -> bytes:
        total = 15 if parameters["cancelled"] else 0
        if parameters["offset"]:
            total = 7
        tickets = [TICKET] * (parameters["limit"] == 1)
        return varlink.reply(ListReply(tickets=tickets, total=total))

    with serving(path, {"List": page}):
        filtered = ask(path, "list", "--label", "x")
        beyond = ask(path, "list", "--offset", "100")
        quiet = ask(path, "list", "--label", "x", "-q")
    matches = "No ticket matches; there are 15, the cancelled ones included.\n"
    assert filtered.stdout == matches
    assert beyond.stdout == "No ticket after the first 100; there are 7.\n"
    assert (quiet.stdout, quiet.stderr) == ("", "")
    with serving(path, {"List": varlink.reply(ListReply(tickets=[], total=0))}):
        assert "Add one with" in ask(path, "list").stdout


def queue_reply(**more: Any) -> Answer:
    boards = [
        BoardQueue(
            board=name,
            paused=name == "side",
            backlog=0,
            ready=1,
            in_progress=0,
            blocked=0,
            review=0,
            done=0,
        )
        for name in ("main", "side")
    ]
    queue = msgspec.structs.replace(
        STATUS.queue, paused_boards=["side"], paused=bool(more.pop("paused", False))
    )
    return varlink.reply(QueueReply(queue=queue, boards=boards, **more))


def test_a_pause_is_shown_where_it_is(path: Path) -> None:
    still = "still, the board side is paused"
    answers = {
        "QueuePause": queue_reply(paused=True),
        "QueueResume": queue_reply(notes=[still]),
    }
    with serving(path, answers):
        paused = ask(path, "queue", "pause")
        resumed = ask(path, "queue", "resume")
    assert [line.split()[-1] for line in paused.stdout.splitlines()[-2:]] == ["all"] * 2
    shown = [line.split()[-1] for line in resumed.stdout.splitlines()[-2:]]
    assert shown == ["no", "paused"]
    assert "PAUSED board: side" in resumed.stdout
    assert resumed.stderr == f"note: {still}\n"


def test_an_accepted_ticket_is_told_what_completes_it(path: Path) -> None:
    accepted = msgspec.structs.replace(
        TICKET, state="approved", column="Review", branch="kanban/17-sort"
    )
    with serving(path, {"Move": varlink.reply(TicketReply(ticket=accepted))}):
        done = ask(path, "move", "17", "done")
    assert done.stderr == (
        "note: merge its branch kanban/17-sort, then: kanbanctl move 17 done --merged\n"
    )


def test_a_ticket_held_up_is_explained_once_and_within_the_width(path: Path) -> None:
    text = "it is tried again in 2 min (agent_error). " + "The agent failed. " * 5
    reason = Reason(code="retry", text=text.strip(), next_try_ms=NOW_MS)
    ticket = msgspec.structs.replace(TICKET, title="T", reason="The agent failed.")
    reply = WhyReply(ticket=ticket, reasons=[reason])
    with serving(path, {"Why": varlink.reply(reply)}):
        narrow = ask(path, "why", "17", extra={"COLUMNS": "40"})
        wide = ask(path, "why", "17")
    assert wide.stdout == f"#17 working: T\n  {reason.text}\n"
    lines = narrow.stdout.splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(" ".join(lines).split()) == " ".join(wide.stdout.split())


def test_a_ticket_in_full_is_wrapped_but_its_instructions_are_not(path: Path) -> None:
    long = "word " * 30
    ticket = msgspec.structs.replace(
        TICKET, reason=long, description_md=f"- {long}", instructions=long
    )
    with serving(path, {"Show": varlink.reply(ShowReply(ticket=ticket, runs=[]))}):
        done = ask(path, "show", "17", extra={"COLUMNS": "60"})
    over = [line for line in done.stdout.splitlines() if len(line) > 60]
    assert over == [long.rstrip()]


def test_a_list_shows_what_its_tickets_wait_for_and_their_boards(path: Path) -> None:
    def ready(number: int, **more: Any) -> Ticket:
        return msgspec.structs.replace(TICKET, id=number, state="ready", **more)

    due_ms = time.time_ns() // 1_000_000 + 185_000
    tickets = [
        ready(1, waits_for="due", due_at_ms=due_ms, board="side"),
        ready(2, waits_for="depends", depends_on=[1], title="long " * 20),
        ready(3, waits_for="repo"),
        msgspec.structs.replace(TICKET, id=4, state="needs_input"),
    ]
    reply = varlink.reply(ListReply(tickets=tickets, total=4))
    with serving(path, {"List": reply}):
        wide = ask(path, "list").stdout
        narrow = ask(path, "list", extra={"COLUMNS": "40"}).stdout
    assert wide.split("TITLE")[0].split()[:5] == [
        "ID",
        "STATE",
        "WAITS",
        "FOR",
        "BOARD",
    ]
    for there in (" in 3 min ", " #1 ", " repo ", " side "):
        assert there in wide
    assert "in 3 min" in narrow
    assert max(map(len, narrow.splitlines())) <= 40
    one = varlink.reply(ListReply(tickets=tickets[3:], total=1))
    with serving(path, {"List": one}):
        heading = ask(path, "list").stdout.splitlines()[0]
    assert "WAITS" not in heading
    assert "BOARD" not in heading


def test_a_named_worker_is_shown_with_its_runs_in_full(path: Path) -> None:
    with serving(path, {"Status": varlink.reply(STATUS)}):
        done = ask(path, "status", BUSY.worker_id, extra={"COLUMNS": "60"})
    assert CURRENT.title in " ".join(done.stdout.split())
    assert "for 1 min 12 s" in " ".join(done.stdout.split())


def test_a_named_worker_that_runs_again_is_shown_with_its_last_end(path: Path) -> None:
    last = LastExit(
        code=None, signal=9, reason="killed", at_ms=NOW_MS, last_lines=["the end"]
    )
    busy = msgspec.structs.replace(BUSY, last_exit=last)
    reply = msgspec.structs.replace(STATUS, workers=[busy])
    with serving(path, {"Status": varlink.reply(reply)}):
        named = ask(path, "status", BUSY.worker_id)
        all_of_them = ask(path, "status")
    assert "signal 9, killed" in named.stdout
    assert "| the end" in named.stdout
    assert "the end" not in all_of_them.stdout


def test_runs_keep_status_and_title_on_a_narrow_terminal(path: Path) -> None:
    with serving(path, {"Runs": varlink.reply(RunsReply(runs=[RUN]))}):
        done = ask(path, "runs", extra={"COLUMNS": "40"})
    assert done.stdout.splitlines()[0].split() == ["TICKET", "STATUS", "TITLE"]
    assert max(map(len, done.stdout.splitlines())) <= 40


def test_nothing_to_be_shown_is_said(path: Path) -> None:
    answers: dict[str, Answer] = {
        "RunDiff": varlink.reply(TextReply(text="")),
        "RunLogs": varlink.reply(RunLogsReply(stream="stdout", text="")),
    }
    with serving(path, answers):
        diff = ask(path, "run", "diff", "17")
        logs = ask(path, "run", "logs", "17", "--stream", "stdout")
    assert (diff.stdout, logs.stdout) == ("", "")
    assert "changed no file" in diff.stderr
    assert "wrote nothing to stdout" in logs.stderr


def test_a_worker_that_left_when_asked_has_drained(path: Path) -> None:
    proof = StopProof(
        worker_id="worker-1",
        state="STOPPED",
        signalled=["drain 60 s"],
        escalated=False,
        survivors=[],
        runs_ended=[],
        proof="subreaper",
    )
    with serving(path, {"StopWorker": varlink.reply(StoppedReply(stopped=[proof]))}):
        done = ask(path, "stop-worker", "worker-1")
    assert done.stdout == (
        "worker-1 STOPPED: drained; no survivors (proof: subreaper)\n"
    )


def test_a_worker_that_survived_its_stop_is_a_failure(path: Path) -> None:
    proof = StopProof(
        worker_id="worker-1",
        state="STOPPING",
        signalled=["drain", "SIGTERM 12", "SIGKILL 12"],
        escalated=True,
        survivors=[12],
        runs_ended=[RUN_ID],
        proof="none",
    )
    with serving(path, {"StopWorker": varlink.reply(StoppedReply(stopped=[proof]))}):
        done = ask(path, "stop-worker", "worker-1", "--now")
    assert done.returncode == 1
    assert done.stdout == (
        "worker-1 STOPPING: drain, SIGTERM 12, SIGKILL 12; it did not leave when "
        "asked; 1 run ended; STILL THERE: process 12\n"
    )


def test_text_from_outside_cannot_command_the_terminal(path: Path) -> None:
    evil = msgspec.structs.replace(TICKET, title="a\x1b]0;x\x07b\nc")
    with serving(
        path,
        {
            "Ready": varlink.reply(TicketsReply(tickets=[evil])),
            "Move": varlink.reply(TicketReply(ticket=evil)),
        },
    ):
        for arguments in (["ready", "17"], ["move", "17", "ready"]):
            done = ask(path, *arguments)
            assert done.stdout.count("\n") == 1
            assert not set("\x1b\x07") & set(done.stdout)


# ----------------------------------------------------------------------------- streams

LOGS = varlink.reply(
    RunLogsReply(stream="stdout", text="out\x1b[0m\n"), continues=True
) + varlink.reply(RunLogsReply(stream="stderr", text="err\n"))


def test_an_agents_output_goes_where_it_came_from(path: Path) -> None:
    with serving(path, {"RunLogs": LOGS}) as server:
        done = ask(path, "run", "logs", "#17")
        lines = ask(path, "run", "logs", "17", "--json").stdout.splitlines()
    assert (done.stdout, done.stderr) == ("out\x1b[0m\n", "err\n")
    assert server.calls[0][1]["run"] == "17"
    assert server.calls[0][2] is True
    assert [json.loads(line)["stream"] for line in lines] == ["stdout", "stderr"]


def event(seq: int) -> bytes:
    one = Event(
        seq=seq,
        ts_ms=NOW_MS,
        sender="user",
        type="state_change",
        ticket_id=17,
        payload={"from": "ready", "to": "blocked", "why": "not now", "task_id": 17},
    )
    return varlink.reply(EventsReply(events=[one], cursor=seq), continues=True)


LEAVING = varlink.error("io.kanban.Refused", {"message": "kanband is leaving"})


@pytest.mark.parametrize(("end", "code"), [(CLOSE, 69), (LEAVING, 1)])
def test_following_ends_with_the_daemon_and_says_how_to_go_on(
    path: Path, end: bytes, code: int
) -> None:
    with serving(path, {"Events": event(1) + event(2) + end}):
        done = ask(path, "events", "-f")
    assert done.returncode == code
    assert done.stdout.splitlines()[1] == (
        "     2 2025-06-15 15:06:40 user         state_change #17 "
        "from=ready to=blocked why='not now'"
    )
    assert "kanbanctl events -f --since 2" in done.stderr


def test_ctrl_c_ends_following_with_130_and_no_words(path: Path) -> None:
    with serving(path, {"Events": event(1)}):
        arguments = command_line("events", "-f", "--socket", str(path))
        process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(path.parent),
        )
        assert process.stdout is not None
        # Its first line is there at once, though the stream goes on.
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert errors.strip() == b""


def test_a_reader_that_leaves_ends_it_without_a_word(path: Path) -> None:
    piece = varlink.reply(RunLogsReply(stream="stdout", text="x\n" * 10_000))
    answer = piece[:-2] + b',"continues":true}\0'
    with serving(path, {"RunLogs": answer * 20}):
        arguments = command_line("run", "logs", "17", "--socket", str(path))
        process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(path.parent),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"x\n"
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        process.stderr.close()
        assert process.wait(TIMEOUT_S) == -signal.SIGPIPE
    assert errors == b""


@pytest.mark.parametrize(("command", "code"), [("status", 0), ("list", 69)])
def test_streams_that_its_caller_has_closed_change_no_exit_code(
    path: Path, command: str, code: int
) -> None:
    """As some hooks and cron jobs do."""
    closed = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    socket_path = path if code == 0 else path.with_name("nobody.sock")
    with serving(path, OK):
        done = subprocess.run(
            [*closed, *command_line(command, "--socket", str(socket_path))],
            env=environment(path.parent),
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == code


# ------------------------------------------------------------------------------ colour


def on_a_terminal(path: Path, *arguments: str, **extra: str) -> str:
    """What it prints when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    extra = {"TERM": "xterm", **extra}
    with serving(path, OK):
        done = subprocess.run(
            command_line(*arguments, "--socket", str(path)),
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=environment(path.parent, extra),
            timeout=TIMEOUT_S,
            check=True,
        )
    os.close(theirs)
    assert done.stderr == b""
    text = os.read(ours, 1 << 16).decode()
    os.close(ours)
    return text


def test_colour_is_for_terminals_that_want_it(path: Path) -> None:
    assert "\x1b[32mRUNNING" in on_a_terminal(path, "status")
    assert "\x1b" not in on_a_terminal(path, "status", "--no-color")
    assert "\x1b" not in on_a_terminal(path, "--no-color", "status")
    assert "\x1b" not in on_a_terminal(path, "status", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(path, "status", TERM="dumb")
    with serving(path, OK):
        assert "\x1b" not in ask(path, "status").stdout


def test_a_terminal_that_cannot_say_a_letter_gets_another(path: Path) -> None:
    with serving(path, {"Ready": varlink.reply(TicketsReply(tickets=[TICKET]))}):
        extra = {"PYTHONIOENCODING": "ascii"}
        done = ask(path, "ready", "17", extra=extra)
        assert done.returncode == 0


def test_only_what_a_command_needs_is_imported(path: Path) -> None:
    heavy = {"asyncio", "rich", "csv", "shlex", "pathlib", "kanbanctl.tickets_in"}
    heavy |= {"kanban_ipc.control.whole", "kanban_ipc.control.tickets"}
    program = (
        "import sys; from kanbanctl.cli import run; "
        f"run(['status', '--socket', {str(path)!r}]); "
        f"print(sorted({heavy!r} & sys.modules.keys()))"
    )
    with serving(path, OK):
        done = subprocess.run(
            [command_line()[0], "-c", program],
            capture_output=True,
            env=environment(path.parent),
            timeout=TIMEOUT_S,
            check=True,
        )
    assert done.stdout.decode().splitlines()[-1] == "[]"
