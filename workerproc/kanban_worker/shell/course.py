"""The course of a program run: from its assignment to its result on disk.

Theory. The run's directory tells how far it has come, and every step may be the first
that this incarnation does:

    assignment on disk → prepared → launched → over → result on disk

``course`` asks the directory where it stands and goes on from there. Each step is
durable before the next begins and may be done again. The worker holds nothing of the
agent but a wait for its shim, so leaving in the middle costs the run nothing.

A fault of ours ends in a result too, after all that lives of the run was ended: no
run vanishes without a word, and none is said to have failed while it goes on.
"""

import asyncio
from functools import partial
from typing import Final, assert_never

import msgspec

from kanban_ipc import layout
from kanban_ipc.link import Assign, Result, Started
from kanban_worker.core.routing import Ended
from kanban_worker.git.command import Git, Interrupted
from kanban_worker.shell import attach
from kanban_worker.shell.blocking import in_thread
from kanban_worker.shell.finishing import End, end_of_record, finish
from kanban_worker.shell.hand import PAUSE_S, Hand
from kanban_worker.shell.launching import launch
from kanban_worker.shell.orders import read_order
from kanban_worker.shell.preparing import read_workspace
from kanban_worker.shell.reaping import bury, reap
from kanban_worker.shell.results import make_run_dir, read_result, write_result
from kanban_worker.shell.rundir import (
    Absent,
    Alive,
    Exited,
    Lost,
    Prepared,
    ShimIdentity,
    State,
    read_identity,
    state_of,
    write_durable,
)

STARTING_PAUSE_S: Final = 0.02
"""A shim that somebody has just launched names itself within some 30 ms."""


async def course(hand: Hand) -> Result:
    """Do all that is left; the result is on disk. Raises ``Interrupted``: dropped."""
    try:
        return await _course(hand)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001  see the module
        return await _keep(hand, await _give_up(hand, error))


async def _course(hand: Hand) -> Result:
    hand.assign = await hand.persist("The assignment", lambda: _remember(hand))
    found = await in_thread(lambda: read_result(hand.run_dir))
    if found is not None:
        return found
    hand.order = hand.order or await in_thread(lambda: read_order(hand.run_dir))
    end = await _to_the_end(hand, await in_thread(lambda: state_of(hand.run_dir)))
    hand.stop_if_dropped()
    hand.stage, hand.root_pid = "finishing", 0
    hand.git = Git()  # an order that came before the end was for the old one
    return await _keep(
        hand, await hand.persist("Finishing", lambda: _finish(hand, end))
    )


def _remember(hand: Hand) -> Assign:
    """Take the assignment on disk; by it a predecessor has begun."""
    path = hand.run_dir / layout.RUN_ASSIGN
    if hand.assign.adopt and path.exists():
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=Assign)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            hand.log.line("warn", f"{path.name} is damaged; it is written anew")
    make_run_dir(hand.run_dir)
    write_durable(path, msgspec.msgpack.encode(hand.assign))
    return hand.assign


async def _to_the_end(hand: Hand, state: State) -> End:
    while True:
        match state:
            case Absent() | Prepared():
                never = await launch(hand)
                if never is not None:
                    return await _bury(hand, never)
            case Alive():
                await _attend(hand, state.identity)
            case Exited():
                _say_started(hand)
                return end_of_record(hand.assign, state.record, hand.order)
            case Lost():
                return await _bury(hand, _loss(hand, state))
            case _:
                assert_never(state)
        state = await in_thread(lambda: state_of(hand.run_dir))


async def _attend(hand: Hand, identity: ShimIdentity | None) -> None:
    hand.stage = "running"
    if hand.order is not None or hand.dropped:
        hand.tell(hand.assign.limits.grace_s)
    if identity is None:
        # It names itself in a moment; there is no event to wait for.
        await asyncio.sleep(STARTING_PAUSE_S)
        return
    hand.root_pid = identity.pid
    _say_started(hand)
    await attach.ended(hand.run_dir)


def _say_started(hand: Hand) -> None:
    identity = read_identity(hand.run_dir)
    if identity is None or hand.box.begun:
        return
    workspace = read_workspace(hand.run_dir)
    message = Started(
        run_id=hand.assign.run_id,
        epoch=hand.assign.epoch,
        seq=hand.box.next_seq(),
        started_ms=identity.started_ms,
        branch=workspace.branch if workspace else "",
        worktree=workspace.path if workspace and workspace.branch else "",
        head_before=workspace.head if workspace else "",
        agent_pid=identity.agent_pid,
    )
    hand.box.keep(message)
    hand.voice.post(message)
    hand.log.line("info", f"the agent runs as process {identity.agent_pid}")


def _loss(hand: Hand, state: Lost) -> Ended:
    return Ended(
        stopped=hand.order,
        lost="host_lost" if state.host_restarted else "worker_lost",
        lost_detail=state.detail,
    )


async def _bury(hand: Hand, ended: Ended) -> End:
    """Make sure that nothing of it lives and that nobody launches it later."""
    hand.stop_if_dropped()
    grace_s = hand.assign.limits.grace_s
    buried = await in_thread(lambda: bury(hand.run_dir, grace_s))
    if buried.exit is not None:
        return end_of_record(hand.assign, buried.exit, hand.order)
    return End(ended=ended, proof=buried.proof)


def _finish(hand: Hand, end: End) -> Result:
    workspace = read_workspace(hand.run_dir)
    return finish(hand.git, hand.shared.places, hand.assign, workspace, end)


async def _keep(hand: Hand, result: Result) -> Result:
    write = partial(write_result, hand.run_dir, result)
    await hand.persist("Writing the result", write, whatever=True)
    return result


async def _give_up(hand: Hand, error: Exception) -> Result:
    hand.voice.say("error", "A fault", run=hand.assign.run_id, error=repr(error))
    while True:
        try:
            reaped = await reap(hand.run_dir, hand.assign.limits.grace_s)
        except OSError as again:
            hand.trouble("Ending the run", again, PAUSE_S)
            await asyncio.sleep(PAUSE_S)
        else:
            return Result(
                outcome="error",
                failure="worker_lost",
                message=f"a fault of kanband: {type(error).__name__}: {error}",
                proof=reaped.proof,
            )
