"""The built-in profile ``noop``: a callable that does nothing, at the queue's speed."""

from kanban_ipc.link import Work
from kanban_worker.agents.python import Context


def noop(work: Work, context: Context) -> None:
    """Succeed at once."""
    del work, context
