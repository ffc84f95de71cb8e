"""The queue's counts, with what only the daemon knows."""

from collections.abc import Sequence

import msgspec

from kanban_ipc.control import QueueInfo, QueueReply, WorkerInfo
from kanband.shell.ports import Daemon


def with_workers(queue: QueueInfo, infos: Sequence[WorkerInfo]) -> QueueInfo:
    """``active_workers``: those that are connected."""
    active = sum(each.connected for each in infos)
    return msgspec.structs.replace(queue, active_workers=active)


async def queue_reply(daemon: Daemon) -> QueueReply:
    """The whole queue, and by board."""
    queue, boards = await daemon.store.read(
        lambda reads: (reads.queue(), reads.boards()),
    )
    infos = daemon.fleet.infos()
    return QueueReply(queue=with_workers(queue, infos), boards=boards)
