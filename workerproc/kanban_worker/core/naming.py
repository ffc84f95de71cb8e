"""How a ticket's branch and worktree are called.

``<ticket>-<slug>`` is the worktree's folder, ``kanban/<ticket>-<slug>`` the branch.
When the first choice cannot be used (a fresh start, a branch that somebody has
checked out elsewhere) a number is appended: the ``nth`` name, counted from 1.
"""

import re
import unicodedata
from typing import Final

BRANCH_PREFIX: Final = "kanban/"
SLUG_CHARS_MAX: Final = 40
"""Keeps ``git branch`` readable; a path component may have 255 bytes."""

_OTHER: Final = re.compile(r"[^a-z0-9]+")


def slug(title: str) -> str:
    """Lower-case ASCII letters, digits and single dashes; never empty."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = _OTHER.sub("-", plain.lower()).strip("-")
    return words[:SLUG_CHARS_MAX].rstrip("-") or "ticket"


def folder(ticket_id: int, title: str, nth: int = 1) -> str:
    """Name of the worktree's folder."""
    name = f"{ticket_id}-{slug(title)}"
    return name if nth == 1 else f"{name}-{nth}"


def branch(folder_name: str) -> str:
    """The branch that belongs to a worktree's folder."""
    return BRANCH_PREFIX + folder_name
