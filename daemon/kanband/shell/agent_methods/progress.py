"""``Progress``: how far a run is."""

from kanban_ipc.agent import HeardReply, ProgressCall
from kanban_ipc.bounds import STEP_CHARS_MAX, STEPS_MAX
from kanband.shell.agent_methods.holding import held, stale
from kanband.shell.agent_methods.texts import bounded
from kanband.shell.methods.arguments import check_number
from kanband.shell.ports import Daemon
from kanband.store.values import RunMark


async def progress(daemon: Daemon, call: ProgressCall) -> HeardReply:
    """Seen at once, kept within a second."""
    holder, _work = held(daemon, call.token)
    check_number("percent", call.percent, 0, 100)
    check_number("step", call.step, 0, STEPS_MAX)
    check_number("total_steps", call.total_steps, 0, STEPS_MAX)
    mark = RunMark(
        run_id=holder.run_id,
        epoch=holder.epoch,
        percent=call.percent,
        step=" ".join(bounded("text", call.text, STEP_CHARS_MAX).split()),
        current_step=call.step,
        total_steps=call.total_steps,
    )
    if not daemon.runs.mark(mark):
        raise stale(holder)
    return HeardReply()
