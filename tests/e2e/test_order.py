"""Which ticket is next, and which must wait."""

import time
from collections.abc import Callable
from pathlib import Path

from support.gate import Gate
from support.system import System

NewSystem = Callable[..., System]


def test_urgent_before_old_and_old_before_new(
    new_system: NewSystem, started: Gate
) -> None:
    system = new_system(slots=1).start()
    system.ctl("queue", "pause")
    lines = f"echo $KANBAN_TICKET_TITLE {started.tell}\n"
    for title, priority in [
        ("low", "low"),
        ("medium-1", "medium"),
        ("high", "high"),
        ("medium-2", "medium"),
        ("urgent", "urgent"),
    ]:
        system.add(title, instructions=lines, priority=priority)
    system.ctl("queue", "resume")
    order = [started.line() for _ in range(5)]
    assert order == ["urgent", "high", "medium-1", "medium-2", "low"]


def test_a_paused_queue_gives_nothing_out_and_why_says_so(
    system: System, started: Gate
) -> None:
    system.ctl("queue", "pause")
    ticket = system.add("Wait", instructions=f"echo go {started.tell}")
    assert "pause" in system.ctl("why", str(ticket)).stdout
    assert system.ticket(ticket).state == "ready"
    system.ctl("queue", "resume")
    started.line()


def test_a_ticket_waits_until_those_it_depends_on_are_completed(
    system: System, started: Gate, gate: Gate
) -> None:
    say = f"echo $KANBAN_TICKET_TITLE {started.tell}\n{gate.pause}\n"
    first = system.add("first", instructions=say)
    second = system.add("second", instructions=say, depends_on=[first])
    assert started.line() == "first"
    assert system.ticket(second).waits_for == "depends"
    gate.open()
    assert system.wait(first)[0].state == "in_review"
    # Review is not the end: somebody must accept it.
    assert system.ticket(second).waits_for == "depends"
    assert str(first) in system.ctl("why", str(second)).stdout

    system.ctl("move", str(first), "done")

    assert started.line() == "second"
    gate.open()
    assert system.wait(second)[0].state == "in_review"


def test_a_noop_completes_and_opens_its_dependents(system: System) -> None:
    first = system.add("first", agent="noop")
    second = system.add("second", agent="noop", depends_on=[first])
    rested = system.wait(second)
    assert [ticket.state for ticket in rested] == ["completed"]
    assert system.ticket(first).state == "completed"


def test_a_scheduled_ticket_starts_at_its_time_and_not_before(
    system: System, started: Gate
) -> None:
    due_ms = int(time.time() * 1000) + 1500
    say = f"echo go {started.tell}"
    ticket = system.add("Later", instructions=say, scheduled_at_ms=due_ms)
    assert system.ticket(ticket).waits_for == "due"
    assert "running" not in system.ctl("why", str(ticket)).stdout
    started.line()
    assert due_ms <= time.time() * 1000 < due_ms + 1500


def test_any_without_a_default_agent_is_refused_and_says_what_to_set(
    system: System,
) -> None:
    refused = system.ctl("add", "Whoever", "-i", "true", "--ready", check=False)
    assert refused.returncode == 1
    assert "default_agent" in refused.stderr
    kept = system.add("Whoever", ready=False, agent="any", instructions="true")
    refused = system.ctl("ready", str(kept), check=False)
    assert refused.returncode == 1
    assert "default_agent" in refused.stderr
    assert system.ticket(kept).state == "backlog"


def test_any_is_the_only_agent_that_was_configured(
    new_system: NewSystem, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    settings = {"agents.toucher.argv": ["touch", str(mark)]}
    system = new_system(settings).start()
    ticket = system.add("Whoever", agent="any")
    assert system.wait(ticket)[0].state == "in_review"
    assert mark.exists()
    assert system.run(ticket).agent == "toucher"


def test_a_ticket_that_no_worker_may_do_stays_ready_and_why_says_so(
    new_system: NewSystem,
) -> None:
    system = new_system(workers=0).start()
    added = system.ctl("add", "Alone", "--agent", "noop", "--ready")
    assert "worker" in (added.stdout + added.stderr)
    assert "worker" in system.ctl("why", "1").stdout
    assert system.ticket(1).state == "ready"


def test_schedules_are_kept_shown_and_removed(system: System) -> None:
    words = ("--agent", "shell", "-i", "true", "--zone", "Europe/Berlin")
    added = system.ctl("schedule", "add", "0 3 * * *", "Nightly", *words).stdout
    assert "0 3 * * * (Europe/Berlin)" in added
    assert added.count(":00:00") == 5
    system.kill_daemon()
    system.start()
    assert "Nightly" in system.ctl("schedule", "list").stdout
    system.ctl("schedule", "pause", "1")
    assert "paused" in system.ctl("schedule", "show", "1").stdout
    shown = system.ctl_json("schedule", "resume", "1")["schedule"]
    assert shown["upcoming"][0]["at"].endswith("Z")
    system.ctl("schedule", "remove", "1")
    assert "No schedules" in system.ctl("schedule", "list").stdout


def test_a_worker_of_a_label_does_only_that_and_keeps_to_it(system: System) -> None:
    system.ctl("stop-worker", "worker-1")
    system.ctl("start-worker", "worker-1", "--label", "gpu")
    plain = system.add("Plain", instructions="true")
    assert "asks for gpu" in system.ctl("why", str(plain)).stdout
    system.ctl("restart-worker", "worker-1")
    labelled = system.add("Labelled", instructions="true", labels=["red", "gpu"])
    assert system.wait(labelled)[0].state == "in_review"
    assert system.ticket(plain).state == "ready"
    assert "label gpu" in system.ctl("workers").stdout
    system.ctl("start-worker")
    assert system.wait(plain)[0].worker_id is None
    assert system.run(plain).worker_id != "worker-1"
