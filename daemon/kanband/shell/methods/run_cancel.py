"""``RunCancel``: end a run."""

from kanban_ipc.control import Run, RunCancelCall, RunReply
from kanband.shell.methods.answers import refused
from kanband.shell.methods.ending import end_runs
from kanband.shell.methods.stored import LIVE, granted_or_live, one_run
from kanband.shell.ports import Daemon
from kanband.store.values import Cancelling
from kanband.store.verbs import Verbs


async def run_cancel(daemon: Daemon, call: RunCancelCall) -> RunReply:
    """Its ticket is cancelled too, unless ``requeue`` puts it back to Ready."""
    run = await one_run(daemon, call.run)
    now_ms = daemon.clock.now_ms()

    def cancel_this(verbs: Verbs) -> Cancelling:
        outcomes = verbs.cancel([run.ticket_id], requeue=call.requeue, now_ms=now_ms)
        begun = granted_or_live(outcomes[0])
        if isinstance(begun, Cancelling) and begun.run_id == run.id:
            return begun
        raise _over(run)

    if run.status not in LIVE:
        raise _over(run)
    await end_runs(daemon, [await daemon.store.do(cancel_this)], wait=call.wait)
    return RunReply(run=await one_run(daemon, run.id))


def _over(run: Run) -> Exception:
    return refused(
        f"run {run.id} has ended already ({run.status}); its ticket is "
        f"{run.ticket_id}: kanbanctl cancel {run.ticket_id}",
    )
