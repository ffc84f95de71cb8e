"""``Retry``: tickets that stopped are tried again, with a new budget of attempts."""

from kanban_ipc.control import RetryCall, TicketsReply
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.entering_ready import check_ready
from kanband.shell.methods.stored import granted, tickets
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.values import Moved
from kanband.store.verbs import Verbs


async def retry(daemon: Daemon, call: RetryCall) -> TicketsReply:
    """All of them or none."""
    ids = check_ids(call.ids)
    await check_ready(daemon, await tickets(daemon, ids))
    now_ms = daemon.clock.now_ms()

    def retry_all(verbs: Verbs) -> list[Moved]:
        outcomes = verbs.retry(ids, fresh=call.fresh, now_ms=now_ms)
        return [granted(each) for each in outcomes]

    moved = await daemon.store.do(retry_all)
    found = [each.ticket for each in moved]
    wake(daemon, woke=any(each.woke for each in moved), tickets=found)
    return TicketsReply(tickets=found)
