"""Telling the dispatch what a change has made claimable, now or later."""

from collections.abc import Iterable

from kanban_ipc.control import Ticket
from kanband.shell.ports import Daemon


def wake(daemon: Daemon, *, woke: bool, tickets: Iterable[Ticket] = ()) -> None:
    """``woke``: something is claimable now; ``tickets`` may become so by the clock."""
    if woke:
        daemon.runs.wake()
    due = [
        each.due_at_ms
        for each in tickets
        if each.waits_for == "due" and each.due_at_ms is not None
    ]
    if due:
        daemon.runs.due_at(min(due))
