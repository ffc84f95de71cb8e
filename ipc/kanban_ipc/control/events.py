"""The journal, for those who follow it by cursor."""

from typing import Final

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.words import Sender


class Event(Data, frozen=True, kw_only=True):
    seq: int
    ts_ms: int
    sender: Sender
    type: str
    ticket_id: int | None
    payload: dict[str, str | int | float | bool | None]


class EventsCall(Call, frozen=True, kw_only=True):
    since: int | None = None
    """Events after this cursor; absent: with ``follow`` the new ones only, else the
    last ``limit``."""
    ticket_id: int | None = None
    types: list[str] = []
    follow: bool = False
    limit: int = 100


class RunEventsCall(Call, frozen=True, kw_only=True):
    run: str
    since: int | None = None
    """Events after this cursor; absent: all that the journal still has."""
    follow: bool = False


class EventsReply(Reply, frozen=True, kw_only=True):
    events: list[Event]
    cursor: int
    """Pass it as ``since`` to go on without a gap."""


PART: Final[dict[str, Method]] = {
    "RunEvents": Method(RunEventsCall, EventsReply, streams=True),
    "Events": Method(EventsCall, EventsReply, streams=True),
}
