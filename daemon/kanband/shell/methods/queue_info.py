"""The queue's counts, with what only the daemon knows."""

from collections.abc import Sequence

import msgspec

from kanban_ipc.control import BoardQueue, QueueInfo, QueueReply, WorkerInfo
from kanband.shell.ports import Daemon
from kanband.store.verbs import Reads


def ask(reads: Reads) -> tuple[QueueInfo, list[BoardQueue]]:
    """The whole queue, and by board."""
    return reads.queue(), reads.boards()


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
