"""What a branch changed against its base: the patch on disk, the counts in memory.

Decided here: the patch is whole and binary-safe (``git apply`` takes it), without the
user's external diff programs or text conversions, up to ``DIFF_BYTES_MAX``; past that
it is cut and says so. The counts are always those of the whole change.
"""

from pathlib import Path
from typing import Final

from kanban_worker.core.changes import Changes, read
from kanban_worker.git.command import Git

DIFF_BYTES_MAX: Final = 32 << 20
"""GitHub shows no diff over 1 MB; this is for a tool to apply, not for a reader."""
_PLAIN: Final = (
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--no-relative",
    "--ignore-submodules=none",
)
_APPLICABLE: Final = (
    "--binary",
    "--full-index",
    "--unified=3",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
"""Each against a setting of the user's with which `git apply` would refuse it."""


def changes(git: Git, worktree: Path, base: str, head: str) -> Changes:
    """Files and lines changed. Raises ``GitError``."""
    span = (*_PLAIN, base, head, "--")
    names = git.run(worktree, "diff", "--name-status", "-z", *span)
    stat = git.run(worktree, "diff", "--shortstat", *span)
    return read(names, stat)


def write_patch(git: Git, worktree: Path, base: str, head: str, to: Path) -> None:
    """The patch into the file ``to``. Raises ``GitError`` and ``OSError``."""
    command = ("diff", *_APPLICABLE, *_PLAIN, base, head, "--")
    part = to.with_name(to.name + ".part")
    with part.open("wb") as file:
        if not git.copy(worktree, command, file, DIFF_BYTES_MAX):
            file.write(
                f"\n# cut here after {DIFF_BYTES_MAX} bytes; the whole change: "
                f"git diff {base} {head}\n".encode(),
            )
    part.rename(to)
