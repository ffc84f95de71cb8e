"""``Shutdown``: end the daemon."""

from kanban_ipc.control import DoneReply, ShutdownCall
from kanband.shell.methods.answers import invalid
from kanband.shell.ports import Daemon


async def shutdown(daemon: Daemon, call: ShutdownCall) -> DoneReply:
    """Answers at once; the daemon is gone when its socket is."""
    if call.now and call.keep_workers:
        raise invalid("now", "ends running work, and keep_workers keeps it; say one")
    daemon.life.shutdown(now=call.now, keep_workers=call.keep_workers)
    if call.keep_workers:
        return DoneReply(message="kanband leaves; workers and runs go on without it")
    how = "ending what runs" if call.now else "after what runs has ended"
    return DoneReply(message=f"kanband leaves, {how}")
