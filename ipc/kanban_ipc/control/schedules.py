"""Schedules: templates that make tickets at due times."""

from typing import Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.tickets import NewTicket


class Upcoming(Data, frozen=True, kw_only=True):
    at_ms: int


class ScheduleInfo(Data, frozen=True, kw_only=True):
    """A template that makes a ticket at each due time."""

    id: int
    cron: str
    zone: str
    missed: Literal["once", "skip"]
    paused: bool
    ticket: NewTicket
    upcoming: list[Upcoming]
    """The next due times; none while it is paused."""
    last_ticket_id: int | None
    created_at_ms: int


class ScheduleAddCall(Call, frozen=True, kw_only=True):
    cron: str
    """Minute, hour, day of the month, month, day of the week."""
    ticket: NewTicket
    zone: str = "UTC"
    """A name of the time zone database, such as Europe/Berlin."""
    missed: Literal["once", "skip"] = "once"
    """What becomes of due times at which nothing could be made."""


class ScheduleReply(Reply, frozen=True, kw_only=True):
    schedule: ScheduleInfo


class ScheduleListCall(Call, frozen=True, kw_only=True):
    pass


class ScheduleListReply(Reply, frozen=True, kw_only=True):
    schedules: list[ScheduleInfo]


class ScheduleShowCall(Call, frozen=True, kw_only=True):
    id: int


class SchedulePauseCall(Call, frozen=True, kw_only=True):
    id: int


class ScheduleResumeCall(Call, frozen=True, kw_only=True):
    id: int


class ScheduleRemoveCall(Call, frozen=True, kw_only=True):
    id: int


PART: Final[dict[str, Method]] = {
    "ScheduleAdd": Method(ScheduleAddCall, ScheduleReply),
    "ScheduleList": Method(ScheduleListCall, ScheduleListReply),
    "ScheduleShow": Method(ScheduleShowCall, ScheduleReply),
    "SchedulePause": Method(SchedulePauseCall, ScheduleReply),
    "ScheduleResume": Method(ScheduleResumeCall, ScheduleReply),
    "ScheduleRemove": Method(ScheduleRemoveCall, ScheduleReply),
}
