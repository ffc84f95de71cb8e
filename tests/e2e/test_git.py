"""What a ticket's work leaves in a real repository."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kanban_ipc import control
from support import traces
from support.gate import Gate
from support.repositories import git
from support.system import System

NewSystem = Callable[..., System]


def everything_committed(repository: Path) -> str:
    """Every patch that any branch can reach."""
    return git(repository, "log", "--all", "--patch", "--format=%s")


def test_good_work_is_on_its_branch_in_review_and_the_repository_is_untouched(
    system: System, repository: Path
) -> None:
    lines = "echo four >> poem.txt\necho new > more.txt\n"
    ticket = system.add("Go on writing", repo_path=repository, instructions=lines)

    [rested] = system.wait(ticket)

    assert rested.state == "in_review"
    branch = f"kanban/{ticket}-go-on-writing"
    assert rested.branch == branch
    run = system.run(ticket)
    assert sorted(run.files_changed) == ["A more.txt", "M poem.txt"]
    assert (run.insertions, run.deletions) == (2, 0)
    assert run.head_before == git(repository, "rev-parse", "main")
    assert run.head_after == git(repository, "rev-parse", branch)
    assert Path(run.run_dir) == system.run_dir(run)
    diff = system.ctl("run", "diff", str(ticket)).stdout
    assert "+four" in diff
    assert git(repository, "diff", "--full-index", "main", branch) == diff.strip()
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "log", "-1", "--format=%s", "main") == "The beginning"


def test_no_change_is_an_empty_diff_in_review_unless_one_is_expected(
    new_system: NewSystem, repository: Path
) -> None:
    settings = {
        "agents.changer.argv": ["true"],
        "agents.changer.expects_change": True,
        "agents.looker.argv": ["true"],
    }
    system = new_system(settings).start()
    looks = system.add("Look", repo_path=repository, agent="looker")
    changes = system.add("Change", repo_path=repository, agent="changer", max_retries=0)

    system.wait(looks, changes)

    assert system.ticket(looks).state == "in_review"
    assert system.run(looks).files_changed_count == 0
    assert system.ticket(changes).state == "failed"
    assert system.run(changes).failure == "agent_error"


def test_a_retry_goes_on_in_the_same_worktree(system: System, repository: Path) -> None:
    lines = "echo more >> poem.txt\n[ $(grep -c more poem.txt) -ge 2 ]\n"
    ticket = system.add("Twice", repo_path=repository, instructions=lines)
    [rested] = system.wait(ticket)
    assert rested.state == "in_review"
    again, first = system.runs(ticket)
    assert (first.failure, again.status) == ("agent_error", "finished")
    assert first.branch == again.branch
    assert again.insertions == 2


@pytest.mark.parametrize("end", ["fails", "is cancelled", "is killed with its shim"])
def test_uncommitted_work_survives_a_fresh_start(
    system: System, repository: Path, started: Gate, gate: Gate, end: str
) -> None:
    lines = (
        f"echo hard won $KANBAN_EPOCH >> poem.txt\necho $$ {started.tell}\n"
        f"{gate.pause}\nexit 1\n"
    )
    ticket = system.add(
        "Work hard", repo_path=repository, instructions=lines, max_retries=0
    )
    started.line()
    if end == "fails":
        gate.open()
        system.wait(ticket)
    elif end == "is cancelled":
        system.ctl("cancel", str(ticket))
    else:
        traces.kill(system.shim(system.run(ticket))["pid"])
        started.line()
        system.ctl("cancel", str(ticket))

    worktree = system.ticket(ticket).worktree
    assert worktree is not None
    kept = (Path(worktree) / "poem.txt").read_text()
    system.ctl("retry", "--fresh", str(ticket))
    started.line()

    [fresh] = system.wait(ticket, states=["working"])
    assert fresh.worktree is not None
    assert "hard won 1" not in (Path(fresh.worktree) / "poem.txt").read_text()
    won = [line for line in kept.splitlines() if line.startswith("hard won")]
    assert won
    for line in won:
        assert f"+{line}" in everything_committed(repository)


def test_uncommitted_work_of_a_good_run_is_committed(
    system: System, repository: Path
) -> None:
    lines = "echo loose > loose.txt\ngit add loose.txt\necho looser > looser.txt\n"
    ticket = system.add("Be loose", repo_path=repository, instructions=lines)
    system.wait(ticket)
    branch = system.ticket(ticket).branch
    assert branch is not None
    files = git(repository, "ls-tree", "--name-only", branch).split()
    assert {"loose.txt", "looser.txt"} <= set(files)


def test_runs_in_place_take_turns_in_one_repository(
    new_system: NewSystem, repository: Path, started: Gate, gate: Gate
) -> None:
    script = (
        f"mkdir taken || exit 9; echo $KANBAN_TICKET_ID {started.tell}; "
        f"{gate.pause}; rmdir taken"
    )
    settings = {
        "agents.inplace.argv": ["sh", "-euc", script],
        "agents.inplace.worktree": False,
    }
    system = new_system(settings, workers=2).start()
    tickets = [
        system.add(f"Turn {n}", repo_path=repository, agent="inplace", max_retries=0)
        for n in range(3)
    ]
    for expected in tickets:
        assert int(started.line()) == expected
        waiting = [system.ticket(t).waits_for for t in tickets if t > expected]
        assert set(waiting) <= {"repo"}
        gate.open()
    rested = system.wait(*tickets)
    assert {ticket.state for ticket in rested} == {"in_review"}


def test_a_folder_that_is_no_repository_is_refused_before_it_is_tried(
    system: System, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    words = ("add", "Work", "--agent", "shell", "-i", "true", "--ready", "--repo")
    refused = system.ctl(*words, str(plain), check=False)
    assert refused.returncode == 1
    assert ".git" in refused.stderr
    assert str(plain) in refused.stderr
    tickets = system.ask(control.ListCall(), control.ListReply).tickets
    assert all(ticket.state != "ready" for ticket in tickets)


def test_a_repository_that_went_missing_fails_its_ticket_as_setup(
    system: System, repository: Path
) -> None:
    ticket = system.add(
        "Too late", ready=False, repo_path=repository, instructions="true"
    )
    (repository / ".git" / "HEAD").write_text("nonsense")
    system.ctl("ready", str(ticket))
    [rested] = system.wait(ticket)
    assert (rested.state, rested.failure) == ("failed", "setup")
    assert str(repository) in rested.reason
