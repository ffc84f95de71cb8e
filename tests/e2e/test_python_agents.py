"""Profiles of kind ``python``: a user's own functions, called in the worker."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.deadline import eventually
from support.gate import Gate
from support.settings import Setting
from support.system import System

NewSystem = Callable[..., System]
EXAMPLE = Path(__file__).parents[1] / "example" / "src"
CALLS: dict[str, Setting] = {
    "agents.count.kind": "python",
    "agents.count.callable": "kanban_example.tasks:count_words",
    "agents.deaf.kind": "python",
    "agents.deaf.callable": "support.callables:wait_at",
    "agents.deaf.grace_s": 0.2,
    "agents.odd.kind": "python",
    "agents.odd.callable": "support.callables:returns_a_set",
    "retries.initial_s": 0.05,
}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were installed."""
    paths = [str(EXAMPLE), os.environ["PYTHONPATH"]]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    assert sys.version_info >= (3, 11)


@pytest.mark.usefixtures("example")
def test_a_call_s_output_metrics_and_log_are_kept_and_dependents_begin(
    new_system: NewSystem, tmp_path: Path
) -> None:
    system = new_system(CALLS).start()
    text = tmp_path / "text.txt"
    text.write_text("one two three")
    first = system.add("Count", agent="count", instructions=f"{text}\n{text}\n")
    after = system.add("After", agent="noop", depends_on=[first])
    [done, then] = system.wait(first, after)
    assert (done.state, then.state) == ("completed", "completed")

    shown = system.ctl_json("run", "show", str(first))
    assert shown["result"] == {
        "output": {str(text): 3},
        "metrics": {"words": 3, "files": 2},
    }
    assert shown["run"]["summary_md"] == "3 words in 2 files."
    page = system.ctl("run", "show", str(first)).stdout
    assert "words = 3" in page
    assert f'"{text}": 3' in page
    assert f"{text} has 3 words" in page


@pytest.mark.usefixtures("example")
def test_an_error_s_traceback_ends_in_the_run_s_log(new_system: NewSystem) -> None:
    system = new_system(CALLS).start()
    ticket = system.add("Nothing", agent="count", max_retries=0)
    odd = system.add("A set", agent="odd", max_retries=0)
    [failed, refused] = system.wait(ticket, odd, states=["failed"])
    assert "the ticket's instructions name no file" in failed.reason
    shown = system.ctl_json("run", "show", str(ticket))
    lines = [line["message"] for line in shown["log"]]
    assert lines[0] == "Traceback (most recent call last):"
    assert any("tasks.py" in line and "count_words" in line for line in lines)
    assert lines[-1] == "ValueError: the ticket's instructions name no file"
    assert not any("agents/python.py" in line for line in lines)
    assert "what JSON does not have" in refused.reason


@pytest.mark.parametrize("mode", ["managed", "inline"])
def test_a_call_that_nothing_stops_costs_a_restart_and_only_its_ticket_pays(
    new_system: NewSystem, mode: str, started: Gate, gate: Gate, tmp_path: Path
) -> None:
    system = new_system({**CALLS, "mode": mode}).start()
    name = "inline" if mode == "inline" else "worker-1"
    system.worker_running(name)
    pipe = tmp_path / "nobody-writes"
    os.mkfifo(pipe)
    words = f"echo $$ {started.tell}\n{gate.pause}"
    neighbour = system.add("Neighbour", instructions=words)
    agent = started.line()
    deaf = system.add("Deaf", agent="deaf", instructions=str(pipe), timeout_s=0.2)
    deaf_runs = eventually(
        lambda: [run for run in system.runs(deaf) if run.ended_at_ms], "it is given up"
    )
    assert deaf_runs[-1].failure == "timeout"
    assert "it did not heed this" in deaf_runs[-1].message
    system.ctl("cancel", str(deaf))

    system.worker_running(name)
    gate.open()
    [done] = system.wait(neighbour)
    assert done.state == "in_review"
    run = system.run(neighbour)
    assert (run.attempt, run.worker_id) == (1, name)
    assert agent
    after = system.add("After", agent="noop")
    [quick] = system.wait(after)
    assert quick.state == "completed"
    status = system.status().daemon
    if mode == "inline":
        assert any("did not heed" in problem for problem in status.problems)
    else:
        assert system.worker(name).restart_count >= 1
        assert status.problems == []
