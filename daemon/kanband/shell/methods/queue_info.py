"""The queue's counts, with what only the daemon knows."""

from collections.abc import Sequence

import msgspec

from kanban_ipc.control import BoardQueue, Cooling, QueueInfo, QueueReply, WorkerInfo
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads


def ask(reads: Reads) -> tuple[QueueInfo, list[BoardQueue]]:
    """The whole queue, with what cools down, and by board."""
    cooling = [
        Cooling(provider=each.provider, in_a_row=each.in_a_row, until_ms=each.until_ms)
        for each in reads.cooldowns()
        if each.until_ms is not None
    ]
    return msgspec.structs.replace(reads.queue(), cooling=cooling), reads.boards()


def completed(
    queue: QueueInfo, boards: Sequence[BoardQueue], infos: Sequence[WorkerInfo]
) -> QueueInfo:
    """``active_workers``: those that are connected."""
    return msgspec.structs.replace(
        queue,
        active_workers=sum(each.connected for each in infos),
        paused_boards=[each.board for each in boards if each.paused],
    )


async def queue_reply(daemon: Daemon) -> QueueReply:
    """The whole queue, and by board."""
    queue, boards = await daemon.store.read(ask)
    infos = daemon.fleet.infos()
    return QueueReply(queue=completed(queue, boards, infos), boards=boards)
