"""Worktrees are git's, and the daemon runs no git: a worker's program gives them back.

``kanban-worker --prune-worktree``, one process for each. Decided here: its patience.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from kanban_ipc.control import Ticket
from kanban_ipc.layout import REPO_LOCKS_DIR
from kanband.config import Config
from kanband.shell.unconfined import unconfined

PATIENCE_S: Final = 360.0
"""Longer than the worker waits for a repository that is in use (300 s)."""


async def prune_worktree(config: Config, ticket: Ticket, *, dry_run: bool) -> str:
    """Empty when it is gone (or would be), else why it stays."""
    assert ticket.worktree is not None
    assert ticket.repo_path is not None
    command = [
        *(sys.executable, "-m", "kanban_worker"),
        *("--prune-worktree", ticket.worktree),
        *("--repo", ticket.repo_path),
        *("--base", ticket.base_branch or ""),
        *("--locks", str(Path(config.state_dir, REPO_LOCKS_DIR))),
        *(["--dry-run"] if dry_run else []),
    ]
    process = await asyncio.create_subprocess_exec(
        *unconfined(config.units, command, patience_s=PATIENCE_S),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"git took longer than {PATIENCE_S:g} s"
    if process.returncode != 0:
        return errors.decode("utf-8", "replace").strip()[-500:] or "it was killed"
    return said.decode("utf-8", "replace").strip()
