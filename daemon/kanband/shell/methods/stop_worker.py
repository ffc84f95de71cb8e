"""``StopWorker``: want workers stopped, with proof."""

from kanban_ipc.control import StoppedReply, StopWorkerCall
from kanband.shell.methods.worker_ids import meant
from kanband.shell.ports import Daemon


async def stop_worker(daemon: Daemon, call: StopWorkerCall) -> StoppedReply:
    """They stay stopped until somebody starts them."""
    stopped = await daemon.fleet.stop(meant(daemon, call), now=call.now, wait=call.wait)
    return StoppedReply(stopped=stopped)
