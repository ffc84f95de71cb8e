"""Which kanband this is."""

from kanban_ipc.version import VERSION


def version() -> str:
    """As every program of kanband says it."""
    return VERSION
