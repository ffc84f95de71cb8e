"""What an upgrade has done, and what it leaves to be done by itself."""

from kanban_ipc.control.service import UpgradeReply
from kanban_ipc.control.status import StatusReply
from kanbanctl.output import Output
from kanbanctl.wording import listed


def show_upgraded(output: Output, before: UpgradeReply, after: StatusReply) -> None:
    """Two lines at most."""
    daemon = after.daemon
    if before.version == daemon.version:
        output.line(
            f"kanband {daemon.version} was started anew (process {daemon.pid}); no "
            "other version is installed.",
            "good",
        )
    else:
        output.line(
            f"kanband {before.version} became {daemon.version} (process {daemon.pid}).",
            "good",
        )
    old = [worker.worker_id for worker in after.workers if worker.renewal]
    if old:
        are = "is" if len(old) == 1 else "are"
        output.line(
            f"{listed(old)} {are} replaced as soon as there is no run in hand; runs go "
            "on. See 'kanbanctl status'."
        )
