"""``Cancel``: tickets, and their live runs with proof of their end."""

from collections.abc import Sequence

from kanban_ipc.control import CancelCall, CancelledReply
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.ending import end_runs
from kanband.shell.methods.stored import granted_or_live, runs, tickets
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.values import Cancelling, Moved
from kanband.store.verbs import Verbs


async def cancel(daemon: Daemon, call: CancelCall) -> CancelledReply:
    """All of them or none; from the commit on none of them is assigned again."""
    ids = check_ids(call.ids)
    begun = await begin(daemon, ids, requeue=call.requeue)
    live = [each for each in begun if isinstance(each, Cancelling)]
    await end_runs(daemon, live, wait=call.wait)
    return CancelledReply(
        tickets=await tickets(daemon, ids),
        runs=await runs(daemon, [each.run_id for each in live]),
    )


async def begin(
    daemon: Daemon, ids: Sequence[int], *, requeue: bool
) -> list[Moved | Cancelling]:
    """Commit the wish; what is ``Cancelling`` must be ended by the caller."""
    now_ms = daemon.clock.now_ms()

    def cancel_all(verbs: Verbs) -> list[Moved | Cancelling]:
        outcomes = verbs.cancel(ids, requeue=requeue, now_ms=now_ms)
        return [granted_or_live(each) for each in outcomes]

    begun = await daemon.store.do(cancel_all)
    woke = any(isinstance(each, Moved) and each.woke for each in begun)
    wake(daemon, woke=woke)
    return begun
