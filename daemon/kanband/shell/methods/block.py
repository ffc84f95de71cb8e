"""``Block``: tickets out of the way, and why; each ticket by itself."""

import asyncio

from kanban_ipc.bounds import REASON_CHARS_MAX
from kanban_ipc.control import BlockCall, ChangedReply
from kanband.core.tickets import RUN_STATES
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.denied import sorted_out
from kanband.shell.methods.ending import end_runs, wish_end
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.values import Moved, MoveRefusal
from kanband.store.verbs import Verbs


async def block(daemon: Daemon, call: BlockCall) -> ChangedReply:
    """A live run is in the way, unless ``cancel`` ends it first."""
    ids = check_ids(call.ids)
    reason = " ".join(call.reason.split())
    if not reason or len(reason) > REASON_CHARS_MAX or not reason.isprintable():
        raise invalid(
            "reason",
            f"must have from 1 to {REASON_CHARS_MAX} characters, all of them printable",
        )
    ended = await _end(daemon, ids) if call.cancel else set[int]()
    now_ms = daemon.clock.now_ms()

    def block_each(verbs: Verbs) -> list[Moved | MoveRefusal]:
        answers: list[Moved | MoveRefusal] = []
        for number in ids:
            if number in ended:
                # From cancelled there is no way but over Ready, in one transaction.
                verbs.retry([number], fresh=False, now_ms=now_ms)
            answers += verbs.block([number], reason=reason, now_ms=now_ms)
        return answers

    moved, denied = sorted_out(ids, await daemon.store.do(block_each))
    wake(daemon, woke=any(each.woke for each in moved))
    return ChangedReply(tickets=[each.ticket for each in moved], refused=denied)


async def _end(daemon: Daemon, ids: list[int]) -> set[int]:
    """End the live runs of these tickets; whose run was ended."""
    found = await daemon.store.read(lambda reads: [reads.ticket(each) for each in ids])
    held = [
        each.id
        for each in found
        if each is not None and each.state in RUN_STATES and each.run_id is not None
    ]
    wishes = await asyncio.gather(*(wish_end(daemon, each) for each in held))
    live = [each for each in wishes if each is not None]
    await end_runs(daemon, live, wait=True)
    return {each.ticket.id for each in live}
