"""The worktree of a ticket: found again or made, never lost.

Theory. A ticket works on a branch of its own in a folder of its own. A retry goes on
where the last attempt stopped: its folder is known by its path (``tree``) and brought
back to the branch (``resume``); ``fresh`` starts at the next free name. A name is
taken when its branch or its folder exists, unless both are ours and *pristine* (the
branch stands at the base, nothing is changed): then an earlier start was killed
before its agent ran, and the folder is used. What stands in the way is never deleted
or overwritten: the next name is taken instead (a branch that somebody has checked out
elsewhere, a folder that git does not know).

All of it happens under the repository's lock. That is also why lock files found in a
worktree of ours are stale: no git of ours lives, and the agent's processes are gone.
"""

from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kanban_worker.core import naming
from kanban_worker.git.base import base_of, record_base
from kanban_worker.git.command import Git, GitError
from kanban_worker.git.head import AstrayError, branch_at_head, keep_commit
from kanban_worker.git.lock import repository_lock
from kanban_worker.git.remove import remove_worktree
from kanban_worker.git.repository import (
    Repository,
    Worktree,
    commit_of,
    open_repository,
    resolve_base,
    worktrees,
)
from kanban_worker.git.resume import resume
from kanban_worker.git.stale import remove_stale_locks
from kanban_worker.git.standing import exists, is_pristine
from kanban_worker.git.tree import Tree, find_tree

NAMES_MAX: Final = 1_000


class Wanted(NamedTuple):
    """What a run needs."""

    ticket_id: int
    title: str
    repo_path: str
    base_branch: str
    branch: str
    """Of the last attempt; empty for the first."""
    worktree: str
    fresh: bool


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run works. Paths are absolute."""

    path: str
    """The worktree; in place: the repository."""
    directory: str
    """Where the agent starts: the worktree, or the ticket's folder inside of it."""
    branch: str
    """Empty in place."""
    base: str
    """The commit that the work is compared with."""
    head: str
    """The commit it stands at now."""
    common_dir: str
    in_place: bool = False
    notes: tuple[str, ...] = ()
    """What was unusual, for the run's log."""


class _Name(NamedTuple):
    path: Path
    branch: str


def prepare(git: Git, state_dir: Path, locks: Path, wanted: Wanted) -> Workspace:
    """The ticket's worktree, ready for an agent. ``state_dir`` holds the worktrees.

    Raises ``GitError`` when the repository cannot be used.
    """
    repository = open_repository(git, wanted.repo_path)
    root = state_dir.resolve()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with repository_lock(git, locks, repository.common_dir) as lock:
        return _Preparation(git, repository, root, wanted, lock).workspace()


def in_place(git: Git, repo_path: str) -> Workspace:
    """The repository itself, for a profile without worktrees. Raises ``GitError``."""
    repository = open_repository(git, repo_path)
    head = resolve_base(git, repository, "")
    return Workspace(
        path=repo_path,
        directory=repo_path,
        branch="",
        base=head,
        head=head,
        common_dir=str(repository.common_dir),
        in_place=True,
    )


class _Preparation:
    def __init__(
        self, git: Git, repository: Repository, root: Path, wanted: Wanted, lock: int
    ) -> None:
        self._git = git
        self._repository = repository
        self._root = root
        self._wanted = wanted
        self._lock = lock
        self._notes: list[str] = []
        self._trees = worktrees(git, repository.path)

    def workspace(self) -> Workspace:
        wanted = self._wanted
        if wanted.branch and not wanted.fresh:
            return self._go_on(_Name(self._known_path(), wanted.branch))
        base = resolve_base(self._git, self._repository, wanted.base_branch)
        if wanted.branch:
            self._leave_behind()
        return self._begin(start=base, base=base)

    def _known_path(self) -> Path:
        if self._wanted.worktree:
            return Path(self._wanted.worktree)
        return self._root / self._wanted.branch.removeprefix(naming.BRANCH_PREFIX)

    def _go_on(self, name: _Name) -> Workspace:
        if self._resume(name):
            return self._use(name, self._base_of(name))
        tip = commit_of(self._git, self._repository.path, f"refs/heads/{name.branch}")
        if tip is None:
            base = resolve_base(self._git, self._repository, self._wanted.base_branch)
            self._notes.append(f"the branch {name.branch} was gone; it is made anew")
            return self._begin(start=base, base=base)
        base = self._base_of(name)
        holder = self._holder(name)
        ours = holder is None or holder.path == name.path
        if ours and not exists(name.path):
            self._forget_missing(name)
            self._add(name, name.branch)
            return self._use(name, base)
        where = holder.path if holder is not None else name.path
        self._notes.append(
            f"{name.branch} goes on under a new name: {where} is in the way"
        )
        return self._begin(start=tip, base=base)

    def _resume(self, name: _Name) -> bool:
        """Whether the folder is ours and can be worked in, wherever its HEAD was."""
        tree = self._tree(name.path)
        if tree is None or commit_of(self._git, name.path, "HEAD") is None:
            return False
        try:
            note = resume(tree, name.branch)
        except AstrayError:
            return False
        if note:
            self._notes.append(note)
        return True

    def _base_of(self, name: _Name) -> str:
        base_branch = self._wanted.base_branch
        return base_of(self._git, self._repository, name.branch, base_branch)

    def _begin(self, *, start: str, base: str) -> Workspace:
        for nth in range(1, NAMES_MAX):
            folder = naming.folder(self._wanted.ticket_id, self._wanted.title, nth)
            name = _Name(self._root / folder, naming.branch(folder))
            tip = commit_of(
                self._git, self._repository.path, f"refs/heads/{name.branch}"
            )
            if tip is None and not exists(name.path):
                self._forget_missing(name)
                self._add(name, start, new=True)
                record_base(self._git, self._repository, name.branch, base)
                return self._use(name, base)
            if tip == start and self._is_untouched(name):
                record_base(self._git, self._repository, name.branch, base)
                return self._use(name, base)
        raise GitError(
            f"no free name for ticket {self._wanted.ticket_id} in {self._root}"
        )

    def _use(self, name: _Name, base: str) -> Workspace:
        directory = name.path / self._repository.prefix
        return Workspace(
            path=str(name.path),
            directory=str(directory if directory.is_dir() else name.path),
            branch=name.branch,
            base=base,
            head=self._git.line(name.path, "rev-parse", "HEAD"),
            common_dir=str(self._repository.common_dir),
            notes=tuple(self._notes),
        )

    def _holder(self, name: _Name) -> Worktree | None:
        """Where the branch is checked out."""
        trees = self._trees
        return next((each for each in trees if each.branch == name.branch), None)

    def _is_untouched(self, name: _Name) -> bool:
        tree = self._tree(name.path)
        if tree is None or branch_at_head(tree) != name.branch:
            return False
        return is_pristine(tree)

    def _tree(self, path: Path) -> Tree | None:
        common = self._repository.common_dir
        tree = find_tree(self._git, common, path, self._lock)
        if tree is not None:
            remove_stale_locks(tree)
        return tree

    def _add(self, name: _Name, commit: str, *, new: bool = False) -> None:
        branch = ("--no-track", "-b", name.branch) if new else ()
        command = ("worktree", "add", "--quiet", *branch, "--", str(name.path), commit)
        self._git.run(self._repository.path, *command, lock_fd=self._lock)

    def _forget_missing(self, name: _Name) -> None:
        """Drop git's entry for our folder that is gone, and its HEAD with it.

        Not ``worktree prune``: that would also drop the user's worktrees on a disk
        that is not mounted now.
        """
        path = name.path
        for each in self._trees:
            if each.path != path:
                continue
            if each.head and not each.branch:
                self._keep(name.branch, each.head)
            if path.is_dir():  # empty; git would refuse it for having no .git
                path.rmdir()
            command = ("worktree", "remove", "--force", "--force", "--", str(path))
            self._git.run(self._repository.path, *command, lock_fd=self._lock)

    def _keep(self, branch: str, commit: str) -> None:
        path = self._repository.path
        if left := keep_commit(self._git, path, branch, commit, self._lock):
            self._notes.append(f"what was done beside {branch} is on {left}")

    def _leave_behind(self) -> None:
        """Before a fresh start: keep the old branch, give its folder back."""
        path = self._known_path()
        if any(each.path == path for each in self._trees) and exists(path):
            branch = self._wanted.branch
            removal = remove_worktree(
                self._git, self._repository, path, branch, self._lock
            )
            if removal.left:
                self._notes.append(
                    f"{path} had commits beside {branch}; they are on {removal.left}"
                )
            if removal.stays:
                self._notes.append(f"{path} stays: {removal.stays}")
            self._trees = worktrees(self._git, self._repository.path)
