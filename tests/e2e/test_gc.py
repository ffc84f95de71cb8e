"""``kanbanctl gc``: a merged ticket's worktree and run go, its commits stay."""

from pathlib import Path

from support.repositories import git
from support.system import System


def test_what_is_merged_is_freed_and_nothing_is_lost(
    system: System, repository: Path
) -> None:
    script = "echo four >> poem.txt"
    merged = system.add("Merged", instructions=script, repo_path=repository)
    system.wait(merged)
    open_one = system.add("Open", instructions=script, repo_path=repository)
    system.wait(open_one)
    branch = system.ticket(merged).branch
    assert branch is not None
    system.ctl("move", str(merged), "done")
    git(repository, "merge", "--quiet", branch)
    system.ctl("move", str(merged), "done", "--merged")
    worktrees = system.state / "worktrees"
    assert len(list(worktrees.iterdir())) == 2

    shown = system.ctl("gc", "--dry-run", "--keep", "0s").stdout
    assert "would be freed" in shown
    assert len(list(worktrees.iterdir())) == 2
    assert "its branch stays" in system.ctl("gc", "--keep", "0s").stdout

    assert [path.name for path in worktrees.iterdir()] == [f"{open_one}-open"]
    assert not system.run_dir(system.run(merged)).exists()
    assert system.run_dir(system.run(open_one)).exists()
    assert "four" in git(repository, "show", f"{branch}:poem.txt")
    assert system.ctl("doctor").returncode == 0
