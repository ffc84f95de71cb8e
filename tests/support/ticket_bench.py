"""One ticket of one repository, prepared, worked on and harvested without a worker."""

from pathlib import Path

from kanban_worker.git.command import Git
from kanban_worker.git.harvest import Harvest, harvest
from kanban_worker.git.worktree import Wanted, Workspace, in_place, prepare
from support.repositories import git, make_repository


class TicketBench:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.repo = make_repository(folder / "repo")
        self.root = folder / "worktrees"
        self.locks = folder / "locks"
        self.patch = folder / "patch"
        self.git = Git()

    def prepare(
        self,
        earlier: Workspace | None = None,
        *,
        repo: Path | None = None,
        base: str = "",
        fresh: bool = False,
    ) -> Workspace:
        wanted = Wanted(
            ticket_id=7,
            title="Mend it",
            repo_path=str(repo or self.repo),
            base_branch=base,
            branch=earlier.branch if earlier else "",
            worktree=earlier.path if earlier else "",
            fresh=fresh,
        )
        return prepare(self.git, self.root, self.locks, wanted)

    def work(self, workspace: Workspace, name: str) -> str:
        """Some committed work; the commit."""
        path = Path(workspace.path)
        (path / name).write_text(f"{name}\n")
        git(path, "add", name)
        git(path, "commit", "--quiet", "-m", name)
        return git(path, "rev-parse", "HEAD")

    def harvest(self, workspace: Workspace, message: str = "message") -> Harvest:
        """The end of a good run; its patch is ``self.patch``."""
        return harvest(self.git, self.locks, workspace, message, self.patch)

    def in_place(self, repo: Path) -> Workspace:
        """Without a worktree."""
        return in_place(self.git, str(repo))
