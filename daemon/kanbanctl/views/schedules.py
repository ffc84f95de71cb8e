"""Schedules, as a table and one by one. Times are the person's; the zone is stated."""

from typing import Final

from kanban_ipc.control.schedules import ScheduleInfo
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells

COLUMNS: Final = (
    Column("ID", right=True),
    Column("CRON"),
    Column("ZONE", rank=3),
    Column("NEXT", rank=1),
    Column("LAST", right=True, rank=4),
    Column("MISSED", rank=5),
    Column("TITLE", flexible=True),
)


def show_schedules(output: Output, schedules: list[ScheduleInfo], now_ms: int) -> None:
    """A table."""
    if not schedules:
        output.line(
            "No schedules. Add one with kanbanctl schedule add '0 3 * * *' TITLE"
        )
        return
    output.table(COLUMNS, [_row(each, now_ms) for each in schedules])


def _row(each: ScheduleInfo, now_ms: int) -> list[Cell]:
    return cells(
        each.id,
        each.cron,
        each.zone,
        _next(each, now_ms),
        "-" if each.last_ticket_id is None else f"#{each.last_ticket_id}",
        each.missed,
        each.ticket.title,
    )


def _next(each: ScheduleInfo, now_ms: int) -> Cell:
    if each.paused:
        return Cell("paused", "warn")
    if not each.upcoming:
        return Cell("never again", "warn")
    return Cell(times.ago(each.upcoming[0].at_ms, now_ms))


def show_schedule(output: Output, each: ScheduleInfo, now_ms: int) -> None:
    """What it makes, and when."""
    output.pieces(Cell(f"schedule {each.id}: {each.ticket.title}", "strong"))
    made = "none yet" if each.last_ticket_id is None else f"#{each.last_ticket_id}"
    output.fields(
        [
            ("cron", f"{each.cron} ({each.zone})"),
            ("next", _next(each, now_ms)),
            ("missed", "one ticket for all" if each.missed == "once" else "skipped"),
            ("agent", each.ticket.agent),
            ("board", each.ticket.board),
            ("repository", each.ticket.repo_path or ""),
            ("labels", ", ".join(each.ticket.labels)),
            ("last ticket", made),
            ("created", times.ago(each.created_at_ms, now_ms)),
        ],
    )
    if each.upcoming:
        output.line()
        output.line("Next times (yours)", "heading")
        for one in each.upcoming:
            output.line(f"  {times.local(one.at_ms)}")
