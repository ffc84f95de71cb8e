"""The queue as a whole: what waits, what is paused, what cools down."""

from typing import Final

from kanban_ipc.control.base import Call, Data, Method, Reply


class Cooling(Data, frozen=True, kw_only=True):
    """A provider that refused (rate limit); nothing of it begins before its time."""

    provider: str
    in_a_row: int
    """How often it refused since it last worked."""
    until_ms: int


class QueueInfo(Data, frozen=True, kw_only=True):
    depth: int
    """Ready tickets, the waiting ones included."""
    waiting: int
    """Of these: waiting for a time, a dependency, their repository, their board or
    their provider."""
    backlog: int
    ready: int
    in_progress: int
    blocked: int
    review: int
    done: int
    cancelled: int
    active_workers: int
    paused: bool
    paused_boards: list[str] = []
    """Boards that are paused by themselves."""
    cooling: list[Cooling] = []
    """Providers that cool down now."""


class BoardQueue(Data, frozen=True, kw_only=True):
    board: str
    paused: bool
    backlog: int
    ready: int
    in_progress: int
    blocked: int
    review: int
    done: int
    position: int = 1
    """Its place among the boards, from 1."""
    wip_limit: int | None = None
    """How many of its tickets may be in progress."""


class QueueStatusCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    """Only this one among ``boards``; absent: every one."""


class QueuePauseCall(Call, frozen=True, kw_only=True):
    board: str | None = None


class QueueResumeCall(Call, frozen=True, kw_only=True):
    board: str | None = None
    provider: str | None = None
    """End this provider's cool-down instead of a pause."""


class QueueReply(Reply, frozen=True, kw_only=True):
    queue: QueueInfo
    boards: list[BoardQueue]
    notes: list[str] = []
    """After ``QueueResume``: what still keeps tickets from being begun."""


PART: Final[dict[str, Method]] = {
    "QueueStatus": Method(QueueStatusCall, QueueReply),
    "QueuePause": Method(QueuePauseCall, QueueReply),
    "QueueResume": Method(QueueResumeCall, QueueReply),
}
