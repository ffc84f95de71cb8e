"""An agent that says how far it is, and asks: through ``kanbanctl`` alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.deadline import eventually
from support.gate import Gate
from support.system import System

TALKS = """
case "$KANBAN_ANSWER" in
"")
    kanbanctl progress 40 --step 2/5 "Looking at colours"
    kanbanctl note --level warn "There are two"
    echo begun > begun.txt
    kanbanctl ask "Which colour?" --choice red --choice blue
    {end}
    ;;
*)
    test -e begun.txt
    grep -q "Which colour?" "$KANBAN_PROMPT_FILE"
    echo "$KANBAN_QUESTION $KANBAN_ANSWER" > colour.txt
    ;;
esac
"""


def add(system: System, script: str, *words: str) -> str:
    """A ticket of the built-in shell agent, ready; its number."""
    done = system.ctl(
        "add", "Paint", "--agent", "shell", "-i", script, "--ready", "-q", *words
    )
    return done.stdout.strip()


def state(system: System, ticket: str) -> Any:
    return system.ctl_json("show", ticket)["ticket"]


@pytest.mark.parametrize("end", ["exit 0", "exit 3", "exit 75", "kill -9 $$"])
def test_an_agent_asks_is_answered_and_goes_on_where_it_was(
    system: System, repository: Path, end: str
) -> None:
    ticket = add(system, TALKS.replace("{end}", end), "--repo", str(repository))
    system.ctl("wait", ticket)
    asked = state(system, ticket)
    assert (asked["state"], asked["column"]) == ("needs_input", "Blocked")
    assert asked["question"]["choices"] == ["red", "blue"]
    assert asked["retry_count"] == 0
    for words in (("show", ticket), ("why", ticket), ("list",)):
        assert "Which colour?" in system.ctl(*words).stdout
    run = system.ctl("run", "show", ticket).stdout
    assert "2 of 5, Looking at colours" in run
    assert "There are two" in run

    refused = system.ctl("answer", ticket, "green", check=False)
    assert refused.returncode == 1
    assert "red, blue" in refused.stderr
    system.ctl("answer", ticket, "Blue")
    system.ctl("wait", ticket)
    rested = state(system, ticket)
    assert rested["state"] == "in_review"
    assert (rested["branch"], rested["retry_count"]) == (asked["branch"], 0)
    diff = system.ctl("run", "diff", ticket).stdout
    assert "+Which colour? blue" in diff
    again = system.ctl("answer", ticket, "red", check=False)
    assert again.returncode == 1
    assert "asks nothing" in again.stderr


def test_a_slot_is_free_while_its_ticket_needs_input(
    new_system: Callable[..., System],
) -> None:
    system = new_system(slots=1).start()
    asking = add(system, "kanbanctl ask --permission 'May I?'")
    system.ctl("wait", asking)
    assert state(system, asking)["question"]["kind"] == "permission"
    other = add(system, "true")
    system.ctl("wait", other)
    assert state(system, other)["state"] == "in_review"
    assert state(system, asking)["state"] == "needs_input"


def test_an_agent_that_asks_and_goes_on_is_asked_for_when_it_ends(
    system: System, gate: Gate, started: Gate
) -> None:
    script = f"kanbanctl ask Why?\necho {started.tell}\n{gate.pause}\n"
    ticket = add(system, script)
    started.line()
    seen = state(system, ticket)
    assert (seen["state"], seen["question"]) == ("working", None)
    assert "Why?" in system.ctl("run", "show", ticket).stdout
    gate.open()
    system.ctl("wait", ticket)
    assert state(system, ticket)["state"] == "needs_input"


def test_progress_is_shown_while_it_runs_and_outlives_the_daemon(
    system: System, gate: Gate, started: Gate
) -> None:
    script = (
        "kanbanctl progress 40 Sorting\n"
        f"echo {started.tell}\n{gate.pause}\n"
        "kanbanctl note 'still here'\nkanbanctl ask 'And now?'\n"
    )
    ticket = add(system, script)
    started.line()
    assert "40% (Sorting)" in system.ctl("status").stdout
    # A hand over writes what a crash would lose for a second at most.
    system.ctl("shutdown", "--keep-workers")
    assert system.daemon.wait(30) == 0
    system.start()
    run = system.ctl_json("run", "show", ticket)["run"]
    assert (run["status"], run["progress"], run["step"]) == ("running", 40, "Sorting")
    gate.open()
    system.ctl("wait", ticket)
    assert state(system, ticket)["question"]["text"] == "And now?"
    assert "still here" in system.ctl("run", "show", ticket).stdout


def test_outside_of_a_run_nobody_is_asked(system: System) -> None:
    done = system.ctl("ask", "Why?", check=False)
    assert done.returncode == 1
    assert "inside a run" in done.stderr


def test_what_is_said_while_the_daemon_is_away_is_delivered_when_it_is_back(
    system: System, gate: Gate, started: Gate, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    script = (
        f"echo {started.tell}\n{gate.pause}\n"
        "kanbanctl progress 70 --step 3/4 Away\nkanbanctl note 'nobody hears'\n"
        "echo poison > $KANBAN_SPOOL_DIR/0.json\n"
        f"kanbanctl ask 'Anybody there?'\ntouch {asked}\n"
    )
    ticket = add(system, script)
    started.line()
    system.kill_daemon()
    gate.open()
    eventually(asked.exists, "the agent went on without its daemon", 15)
    system.start()
    system.ctl("wait", ticket)
    rested = state(system, ticket)
    assert rested["state"] == "needs_input"
    assert rested["question"]["text"] == "Anybody there?"
    shown = system.ctl("run", "show", ticket).stdout
    assert "nobody hears" in shown
    assert "progress 70 %, step 3 of 4: Away" in shown
    run = system.ctl_json("run", "show", ticket)["run"]
    folder = Path(run["run_dir"])
    assert [one.name for one in (folder / "spool.refused").iterdir()] == ["0.json"]
    eventually(lambda: not list((folder / "spool").iterdir()), "an empty spool")


@pytest.mark.parametrize("mode", ["inline", "standalone"])
def test_agents_ask_whoever_started_their_worker(
    new_system: Callable[..., System], mode: str
) -> None:
    system = new_system({"mode": mode}, slots=1).start()
    if mode == "standalone":
        system.by_hand("--id", "worker-1", "--slots", "1")
    asking = add(system, 'test -n "$KANBAN_ANSWER" || kanbanctl ask "Tea or coffee?"')
    system.ctl("wait", asking)
    assert state(system, asking)["question"]["text"] == "Tea or coffee?"
    system.ctl("comment", asking, "-m", "Ask the cook.")
    system.ctl("edit", asking, "--title", "Brew")
    assert state(system, asking)["state"] == "needs_input"
    system.ctl("answer", asking, "Tea")
    system.ctl("wait", asking)
    assert state(system, asking)["state"] == "in_review"
