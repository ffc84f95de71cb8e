"""A worker in doubt, and a person's word on what its process is.

Decided here: what each word does. ``look``: whether it can be proven now, or has gone.
``end``: it is ours, or may end in any case; it is asked (SIGTERM), and killed after the
grace. Its runs are under shims and go on either way. ``disown``: it is a stranger's, so
there is no worker and another may be started; should it be ours after all, its lock
keeps the new one out, or its older incarnation keeps it out itself.

Absent: the doubt (``core.adoption``). Without such a word a process in doubt is neither
ended nor doubled.
"""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path
from typing import Final, get_args

from kanban_ipc.words import DoubtWord, WorkerState
from kanband.core.stopping import KILL_WAIT_S
from kanband.shell.member import Member
from kanband.shell.recovery import look_again

_LOG: Final = logging.getLogger(__name__)
_CERTAIN: Final = frozenset(get_args(WorkerState)) - {"UNKNOWN"}


async def resolve(
    member: Member, word: DoubtWord, state_dir: Path, grace_s: float
) -> None:
    """Do it; the worker may be in doubt still, as its state says."""
    if word != "look":
        _LOG.warning("%s: a person's word on its process: %s", member.worker_id, word)
    match word:
        case "look":
            look_again(member, state_dir)
        case "disown":
            member.doubt_ended("a person says that its process is another's")
        case "end":
            for number, patience_s in (
                (signal.SIGTERM, grace_s),
                (signal.SIGKILL, KILL_WAIT_S),
            ):
                if member.signal_doubted(number):
                    await _certain(member, patience_s)


async def _certain(member: Member, patience_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            await member.until(_CERTAIN)
