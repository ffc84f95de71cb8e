"""``Delete``: tickets that nobody needs any more, each by itself.

Absent: files. What runs wrote, and the worktree with what is not committed in it, are
worth more than a row, and stay.
"""

from kanban_ipc.control import DeleteCall, DeleteReply, Refused
from kanband.shell.methods.arguments import check_ids
from kanband.shell.methods.denied import sorted_out
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.values import EditRefusal, Removed
from kanband.store.verbs import Verbs


async def delete(daemon: Daemon, call: DeleteCall) -> DeleteReply:
    """Who depends on whom is no obstacle among those that all go."""
    ids = check_ids(call.ids)
    now_ms = daemon.clock.now_ms()
    answers = await daemon.store.do(lambda verbs: _delete_all(verbs, ids, now_ms))
    removed, denied = sorted_out(ids, answers)
    wake(daemon, woke=any(each.woke for each in removed))
    return DeleteReply(deleted=[each.deleted for each in removed], refused=denied)


def _delete_all(
    verbs: Verbs, ids: list[int], now_ms: int
) -> list[Removed | EditRefusal]:
    """Again and again what is left, as long as something of it can go."""
    answers: dict[int, Removed | EditRefusal] = {}
    left = ids
    while left:
        outcomes = verbs.delete(left, now_ms=now_ms)
        answers |= dict(zip(left, outcomes, strict=True))
        still = [each for each in left if isinstance(answers[each], Refused)]
        if len(still) == len(left):
            break
        left = still
    return [answers[each] for each in ids]
