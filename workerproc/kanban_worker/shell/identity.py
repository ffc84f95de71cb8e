"""Who a process is: boot, pid and start time together.

A pid alone is no identity, since pids are reused; with the time of its start and the
boot it names one process for ever. Absent: watching and signalling.
"""

from kanban_ipc.link import ProcessId
from kanban_worker.shim import boot_id, start_ticks


def process_id(pid: int) -> ProcessId | None:
    """The identity of the process that has this pid now."""
    ticks = start_ticks(pid)
    return ProcessId(boot_id(), pid, ticks) if ticks else None
