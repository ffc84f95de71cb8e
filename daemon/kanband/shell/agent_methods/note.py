"""``Note``: a line of the run's execution log."""

from kanban_ipc.agent import HeardReply, NoteCall
from kanban_ipc.bounds import LINES_SAID_MAX
from kanband.shell.agent_methods.holding import held, stale
from kanband.shell.agent_methods.texts import checked
from kanband.shell.methods.answers import refused
from kanband.shell.ports import Daemon
from kanband.store.values import RunLog


async def note(daemon: Daemon, call: NoteCall) -> HeardReply:
    """Kept before it is answered."""
    holder, _work = held(daemon, call.token)
    line = RunLog(
        run_id=holder.run_id,
        epoch=holder.epoch,
        seq=0,
        ts_ms=daemon.clock.now_ms(),
        level=call.level,
        message=checked("message", call.message),
    )
    (outcome,) = await daemon.store.do(lambda verbs: verbs.say([line]))
    if outcome == "stale":
        raise stale(holder)
    if outcome == "full":
        raise refused(
            f"this run has kept {LINES_SAID_MAX} notes, and no more are taken; print "
            "the rest, its output is kept too",
        )
    return HeardReply()
