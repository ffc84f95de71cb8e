"""Bounds of what calls may carry; each refusal names the field and what is allowed."""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

from kanban_ipc.bounds import LIST_LIMIT_MAX
from kanban_ipc.words import WORKER_ID
from kanband.shell.methods.answers import invalid

INTEGER_MAX: Final = (1 << 63) - 1
"""What SQLite holds."""
IDS_MAX: Final = LIST_LIMIT_MAX
NAME_CHARS_MAX: Final = 200
PATH_CHARS_MAX: Final = 4_000
"""The kernel's PATH_MAX (4096) with room for a worktree's own files."""
LINES_MAX: Final = 1_000_000
DISK_PATIENCE_S: Final = 5.0
"""A stat on a dead network file system never ends; nobody shall wait for it."""


def check_number(field: str, value: int, low: int, high: int = INTEGER_MAX) -> None:
    """``low`` to ``high``, both allowed."""
    if not low <= value <= high:
        natural = high == INTEGER_MAX and value < low
        limit = f"at least {low}" if natural else f"from {low} to {high}"
        raise invalid(field, f"is {value}; allowed: {limit}")


def check_id(value: int, field: str = "id") -> None:
    """A ticket's number."""
    check_number(field, value, 1)


def check_ids(ids: Sequence[int]) -> list[int]:
    """Tickets' numbers, at least one; each once, in order."""
    if not 1 <= len(ids) <= IDS_MAX:
        raise invalid("ids", f"has {len(ids)} numbers; allowed: from 1 to {IDS_MAX}")
    for each in ids:
        check_id(each, "ids")
    return list(dict.fromkeys(ids))


def check_limit(limit: int) -> None:
    """How many of a list."""
    check_number("limit", limit, 1, LIST_LIMIT_MAX)


def check_name(field: str, text: str | None) -> None:
    """A board's, an agent's, a label's: one line of printable characters."""
    if text is None:
        return
    if not 0 < len(text) <= NAME_CHARS_MAX or not text.isprintable():
        raise invalid(
            field,
            f"must have from 1 to {NAME_CHARS_MAX} characters, all of them printable",
        )


def check_worker_id(text: str, field: str = "worker_id") -> None:
    """As ``WORKER_ID`` has it."""
    if not WORKER_ID.fullmatch(text):
        raise invalid(
            field,
            f"is {text!r:.80}; allowed: up to 63 of a-z 0-9 . _ - , "
            "beginning with a letter or a digit",
        )


async def canonical(field: str, path: str | None) -> str | None:
    """An absolute path with its links followed, so that a repository has one name."""
    if path is None:
        return None
    if not path.startswith("/") or "\0" in path or len(path) > PATH_CHARS_MAX:
        raise invalid(field, f"is {path!r:.120}; allowed: an absolute path")
    try:
        async with asyncio.timeout(DISK_PATIENCE_S):
            return await asyncio.to_thread(os.path.realpath, path)
    except TimeoutError:
        raise invalid(field, f"{path} does not answer; is its disk away?") from None
