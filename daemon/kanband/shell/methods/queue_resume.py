"""``QueueResume``: undo ``QueuePause``, or end a provider's cool-down."""

import msgspec

from kanban_ipc.control import InvalidArgument, QueueReply, QueueResumeCall
from kanband.shell.methods.answers import Declined, refused
from kanband.shell.methods.arguments import check_name
from kanband.shell.methods.pausing import set_paused
from kanband.shell.methods.queue_info import queue_reply
from kanband.shell.methods.standstill import standstill
from kanband.shell.ports import Daemon


async def queue_resume(daemon: Daemon, call: QueueResumeCall) -> QueueReply:
    """What became claimable is claimed at once; what did not is said."""
    if call.provider is None:
        await set_paused(daemon, call.board, paused=False)
    else:
        await _warm(daemon, call.provider, call.board)
    reply = await queue_reply(daemon)
    left = standstill(daemon, reply.queue, reply.boards)
    return msgspec.structs.replace(reply, notes=[f"still, {r.text}" for r in left])


async def _warm(daemon: Daemon, provider: str, board: str | None) -> None:
    check_name("provider", provider)
    if board is not None:
        text = "a board is paused and a provider cools down; resume one at a time"
        raise Declined(InvalidArgument(field="provider", message=text))
    now_ms = daemon.clock.now_ms()
    ended = await daemon.store.do(
        lambda verbs: verbs.end_cooldown(provider, now_ms=now_ms)
    )
    if not ended:
        cooling = (await queue_reply(daemon)).queue.cooling
        names = ", ".join(each.provider for each in cooling) or "none"
        raise refused(f"{provider} does not cool down (what does: {names})")
    daemon.runs.wake()
