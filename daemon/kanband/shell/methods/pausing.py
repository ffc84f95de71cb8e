"""What ``QueuePause`` and ``QueueResume`` have in common."""

from kanban_ipc.control import NotFound
from kanband.shell.methods.answers import Declined
from kanband.shell.methods.arguments import check_name
from kanband.shell.ports import Daemon


async def set_paused(daemon: Daemon, board: str | None, *, paused: bool) -> None:
    """The queue, or one board. Raises ``Declined``."""
    check_name("board", board)
    now_ms = daemon.clock.now_ms()
    outcome = await daemon.store.do(
        lambda verbs: verbs.pause(paused=paused, board=board, now_ms=now_ms),
    )
    if isinstance(outcome, NotFound):
        raise Declined(outcome)
    if not paused:
        daemon.runs.wake()
