"""The beginning of a program run: prepare, launch, or know why it never will be.

Decided here: what each refusal means. What the ticket's owner must mend is a launch
error; a full disk is waited for; what the machine lacks for now, and a repository that
somebody else is busy with, put the run off; a shim of ours that does not come up is a
loss, and the run is tried again elsewhere.
"""

import asyncio

from kanban_worker.agents.program import SetupError
from kanban_worker.core.obstacles import lasts
from kanban_worker.core.routing import Ended
from kanban_worker.git.command import GitError, Interrupted, PassingError
from kanban_worker.shell.blocking import in_thread
from kanban_worker.shell.hand import PAUSE_S, Hand
from kanban_worker.shell.launch import LaunchError, LaunchRefusedError
from kanban_worker.shell.persistence import is_no_space
from kanban_worker.shell.preparing import Ready, make_ready
from kanban_worker.shell.rundir import Lost, Prepared, state_of


async def launch(hand: Hand) -> Ended | None:
    """None: look again, it was launched by us or by somebody else. Else it never is."""
    try:
        ready = await hand.persist("The worktree", lambda: _make_ready(hand))
        hand.stop_if_ordered()
        launcher, spec = hand.shared.launcher, ready.spec
        await in_thread(lambda: launcher.launch(hand.run_dir, spec))
    except Interrupted:
        return Ended(stopped=hand.order or "cancelled")
    except LaunchRefusedError:
        return None
    except LaunchError as error:
        return await _not_launched(hand, error)
    except (SetupError, GitError, OSError) as error:
        return _refused(error)
    return None


def _make_ready(hand: Hand) -> Ready:
    shared = hand.shared
    ready = make_ready(hand.git, shared.places, hand.assign, shared.own_env)
    if workspace := ready.workspace:
        for note in workspace.notes:
            hand.log.line("warn", note)
        where = f"{workspace.path}, branch {workspace.branch or '(in place)'}"
        hand.log.line("info", f"works in {where}, at {workspace.head[:12]}")
    return ready


def _refused(error: Exception) -> Ended:
    passes = isinstance(error, PassingError) or (
        isinstance(error, OSError) and not lasts(error.errno)
    )
    return Ended(put_off=str(error)) if passes else Ended(launch_error=str(error))


async def _not_launched(hand: Hand, error: LaunchError) -> Ended | None:
    hand.log.line("error", str(error))
    state = await in_thread(lambda: state_of(hand.run_dir))
    if isinstance(state, Prepared) and is_no_space(error.__cause__):
        hand.trouble("The launch", error, PAUSE_S)
        await asyncio.sleep(PAUSE_S)
        return None
    if isinstance(state, Prepared | Lost):
        if isinstance(cause := error.__cause__, OSError) and not lasts(cause.errno):
            return Ended(put_off=str(error))
        return Ended(lost="worker_lost", lost_detail=str(error))
    return None
