"""The methods of ``io.kanban``: one module each, named as the method.

A method is ``async def name(daemon, call) -> reply``; one that streams is an async
generator of replies whose last is wrapped in ``End``. A refusal is raised as
``Declined`` around one of the interface's errors. Modules that are no method hold
what several methods share.

To add one: its structs and its line in a topic of ``kanban_ipc.control``, its text in
``io.kanban.varlink``, a module here, and a line in ``ONCE`` or ``STREAMS``.
"""

from typing import Final

from kanban_ipc import bounds
from kanban_ipc.control import INTERFACE, METHODS
from kanband.shell.methods.add import add
from kanband.shell.methods.agents import agents
from kanband.shell.methods.answer import answer
from kanband.shell.methods.api import Api, Once, Stream
from kanband.shell.methods.backup import backup
from kanband.shell.methods.block import block
from kanband.shell.methods.board import board
from kanband.shell.methods.boards_add import boards_add
from kanband.shell.methods.boards_delete import boards_delete
from kanband.shell.methods.boards_edit import boards_edit
from kanband.shell.methods.boards_list import boards_list
from kanband.shell.methods.boards_rename import boards_rename
from kanband.shell.methods.cancel import cancel
from kanband.shell.methods.comment import comment
from kanband.shell.methods.delete import delete
from kanband.shell.methods.doctor import doctor
from kanband.shell.methods.drain import drain
from kanband.shell.methods.edit import edit
from kanband.shell.methods.events import events
from kanband.shell.methods.export import export
from kanband.shell.methods.gc import gc
from kanband.shell.methods.import_ import import_
from kanband.shell.methods.list_ import list_
from kanband.shell.methods.logs import logs
from kanband.shell.methods.move import move
from kanband.shell.methods.queue_pause import queue_pause
from kanband.shell.methods.queue_resume import queue_resume
from kanband.shell.methods.queue_status import queue_status
from kanband.shell.methods.ready import ready
from kanband.shell.methods.reload import reload
from kanband.shell.methods.reset_failed import reset_failed
from kanband.shell.methods.restart_worker import restart_worker
from kanband.shell.methods.retry import retry
from kanband.shell.methods.run_cancel import run_cancel
from kanband.shell.methods.run_diff import run_diff
from kanband.shell.methods.run_events import run_events
from kanband.shell.methods.run_logs import run_logs
from kanband.shell.methods.run_show import run_show
from kanband.shell.methods.runs import runs
from kanband.shell.methods.scale import scale
from kanband.shell.methods.schedule_add import schedule_add
from kanband.shell.methods.schedule_list import schedule_list
from kanband.shell.methods.schedule_pause import schedule_pause
from kanband.shell.methods.schedule_remove import schedule_remove
from kanband.shell.methods.schedule_resume import schedule_resume
from kanband.shell.methods.schedule_show import schedule_show
from kanband.shell.methods.show import show
from kanband.shell.methods.shutdown import shutdown
from kanband.shell.methods.start_worker import start_worker
from kanband.shell.methods.status import status
from kanband.shell.methods.stop_worker import stop_worker
from kanband.shell.methods.upgrade import upgrade
from kanband.shell.methods.wait import wait
from kanband.shell.methods.why import why
from kanband.shell.methods.workers import workers

ONCE: Final[dict[str, Once]] = {
    "Status": status,
    "Workers": workers,
    "StartWorker": start_worker,
    "StopWorker": stop_worker,
    "RestartWorker": restart_worker,
    "Scale": scale,
    "ResetFailed": reset_failed,
    "Add": add,
    "Import": import_,
    "List": list_,
    "Show": show,
    "Ready": ready,
    "Move": move,
    "Edit": edit,
    "Comment": comment,
    "Block": block,
    "Delete": delete,
    "Retry": retry,
    "Answer": answer,
    "Cancel": cancel,
    "Why": why,
    "Wait": wait,
    "Runs": runs,
    "RunShow": run_show,
    "RunCancel": run_cancel,
    "Board": board,
    "BoardsAdd": boards_add,
    "BoardsDelete": boards_delete,
    "BoardsEdit": boards_edit,
    "BoardsList": boards_list,
    "BoardsRename": boards_rename,
    "QueueStatus": queue_status,
    "QueuePause": queue_pause,
    "QueueResume": queue_resume,
    "Reload": reload,
    "Agents": agents,
    "Doctor": doctor,
    "Backup": backup,
    "Gc": gc,
    "ScheduleAdd": schedule_add,
    "ScheduleList": schedule_list,
    "ScheduleShow": schedule_show,
    "SchedulePause": schedule_pause,
    "ScheduleResume": schedule_resume,
    "ScheduleRemove": schedule_remove,
    "Drain": drain,
    "Shutdown": shutdown,
    "Upgrade": upgrade,
}
STREAMS: Final[dict[str, Stream]] = {
    "Logs": logs,
    "RunLogs": run_logs,
    "RunDiff": run_diff,
    "RunEvents": run_events,
    "Events": events,
    "Export": export,
}
WAITING: Final = frozenset(("Wait", "Doctor"))
"""They change nothing and may last for long: they end with their client."""
CONTROL: Final = Api(
    interface=INTERFACE,
    methods=METHODS,
    once=ONCE,
    streams=STREAMS,
    waiting=WAITING,
    request_bytes_max=bounds.CONTROL_REQUEST_BYTES_MAX,
)
