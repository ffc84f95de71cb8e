"""``kanban-worker --prune-worktree``: what is in it alone keeps it."""

import subprocess
import sys
from pathlib import Path

import pytest

from kanban_worker.git.command import Git
from kanban_worker.git.worktree import Wanted, Workspace, prepare
from support.repositories import git, make_repository


class Place:
    """A repository, and one worktree of a ticket."""

    def __init__(self, folder: Path) -> None:
        self.repo = make_repository(folder / "repo")
        self.locks = folder / "locks"
        wanted = Wanted(7, "Mend it", str(self.repo), "", "", "", fresh=False)
        made: Workspace = prepare(Git(), folder / "worktrees", self.locks, wanted)
        self.path, self.branch = Path(made.path), made.branch

    def commit(self, name: str = "work") -> None:
        (self.path / name).write_text("work\n")
        git(self.path, "add", ".")
        git(self.path, "commit", "--quiet", "-m", name)

    def prune(self, *options: str) -> str:
        """Why it stays."""
        places = {"--repo": self.repo, "--locks": self.locks}
        words = [str(part) for item in places.items() for part in item]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "kanban_worker", "--prune-worktree"),
                *(str(self.path), *words, *options),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Place(tmp_path)


def branches(place: Place) -> str:
    return git(place.repo, "branch", "--list", place.branch)


def test_an_empty_one_goes_and_its_branch_stays(place: Place) -> None:
    assert place.prune("--dry-run") == ""
    assert place.path.is_dir()
    assert place.prune() == ""
    assert not place.path.exists()
    assert place.branch in branches(place)


def test_a_merged_one_goes_and_an_unmerged_one_stays(place: Place) -> None:
    place.commit()
    said = place.prune()
    assert said == f"its branch {place.branch} has 1 commits that are not merged"
    assert (place.path / "work").exists()
    git(place.repo, "merge", "--quiet", place.branch)
    assert place.prune() == ""
    assert not place.path.exists()


@pytest.mark.parametrize("name", ["README", "new"])
def test_uncommitted_work_keeps_it(place: Place, name: str) -> None:
    (place.path / name).write_text("not committed\n")
    assert place.prune() == "it has uncommitted changes"
    assert (place.path / name).read_text() == "not committed\n"


def test_commits_without_a_branch_keep_it(place: Place) -> None:
    git(place.path, "checkout", "--quiet", "--detach")
    place.commit()
    assert place.prune() == "its HEAD is on no branch; look into it"
    assert place.path.is_dir()


def test_what_is_no_worktree_of_the_repository_is_not_touched(
    place: Place, tmp_path: Path
) -> None:
    place.path = tmp_path / "repo"
    assert "stays as it is" in place.prune()
    place.path = tmp_path / "other"
    place.path.mkdir()
    assert "stays as it is" in place.prune()
    assert place.path.is_dir()


def test_a_repository_of_the_agent_s_own_keeps_it(place: Place) -> None:
    make_repository(place.path / "ignored" / "inner")
    (place.repo / ".git" / "info" / "exclude").write_text("ignored\n")
    assert place.prune().startswith("it holds another repository, ignored/inner")
    assert (place.path / "ignored" / "inner" / "README").exists()
