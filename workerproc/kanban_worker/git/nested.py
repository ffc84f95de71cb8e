"""Repositories that an agent made inside of its worktree.

Theory. Git records of a repository in a repository at most the number of its commit,
and nothing at all of one without a commit: `git add` fails there. So its files and
commits are on no branch of ours, and its folder is the only place that has them.
"""

import os
from pathlib import Path
from typing import Final

from kanban_worker.git.tree import Tree

GITLINK: Final = b"160000"
NAMED_MAX: Final = 5
_BARE: Final = frozenset({"HEAD", "objects", "refs"})


def without_commit(tree: Tree) -> list[str]:
    """Untracked ones that cannot be added, relative to the worktree."""
    listing = tree.run("ls-files", "--others", "--exclude-standard", "-z")
    # Git lists what is in other folders file by file, so a folder is a repository.
    folders = [name[:-1] for name in listing.split(b"\0") if name.endswith(b"/")]
    return [name for each in folders if _is_empty(tree, name := os.fsdecode(each))]


def _is_empty(tree: Tree, name: str) -> bool:
    asked = ("-C", name, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return not tree.run(*asked, accept=(0, 1, 128))


def gitlinks(tree: Tree, base: str, head: str) -> list[str]:
    """Those that the change added or moved, submodules excepted."""
    span = ("--raw", "-z", "--no-renames", "--ignore-submodules=none", base, head)
    fields = tree.run("diff", *span, "--").split(b"\0")
    pairs = zip(fields[::2], fields[1::2], strict=False)
    names = [name for about, name in pairs if about.split(b" ")[1:2] == [GITLINK]]
    known = _submodules(tree) if names else set()
    return [os.fsdecode(name) for name in names if name not in known]


def _submodules(tree: Tree) -> set[bytes]:
    file = ("config", "--blob", "HEAD:.gitmodules", "-z")
    found = tree.run(*file, "--get-regexp", r"\.path$", accept=(0, 1, 128))
    return {each.partition(b"\n")[2] for each in found.split(b"\0") if each}


def notes(empty: list[str], links: list[str]) -> tuple[str, ...]:
    """What people must know of them."""
    said = []
    if empty:
        said.append(
            f"{_named(empty)} has no commit of its own, so git cannot take it up: "
            "it is only in the worktree",
        )
    if links:
        said.append(
            f"{_named(links)} is a repository of its own: the branch has the number of "
            "its commit, not its files; these are only in the worktree",
        )
    return tuple(said)


def _named(names: list[str]) -> str:
    more = "…" if len(names) > NAMED_MAX else ""
    shown = (each.encode("utf-8", "replace").decode() for each in names[:NAMED_MAX])
    return ", ".join(shown) + more


def find_one(worktree: Path) -> str:
    """Any repository below the worktree, ignored or not; empty if there is none.

    By the files alone: git does not look into what it ignores. Raises ``OSError`` for a
    folder that cannot be read, as what is in there is not known.
    """
    for folder, folders, files in os.walk(worktree, onerror=_raise):
        names = {*folders, *files}
        if folder != str(worktree) and (".git" in names or names >= _BARE):
            return os.path.relpath(folder, worktree)
        if ".git" in folders:  # the worktree's own is a file
            folders.remove(".git")
    return ""


def _raise(error: OSError) -> None:
    raise error
