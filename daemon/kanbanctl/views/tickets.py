"""Tickets: a table, one in full, and what holds one up."""

from typing import Final

from kanban_ipc.control.reading import Reason
from kanban_ipc.control.tickets import Question, Ticket, TicketComment
from kanban_ipc.words import TicketState
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell, Column, cells

STATE_STYLES: Final[dict[TicketState, str]] = {
    "ready": "busy",
    "assigned": "busy",
    "working": "busy",
    "needs_input": "warn",
    "conflicted": "warn",
    "blocked": "warn",
    "failed": "bad",
    "in_review": "good",
    "approved": "good",
    "completed": "good",
    "cancelled": "faint",
}
PRIORITY_STYLES: Final = {"urgent": "bad", "high": "warn", "low": "faint"}
AUTHOR_STYLES: Final = {"user": "strong", "agent": "busy", "system": "faint"}
WAITS_FOR: Final = {
    "due": "a time",
    "depends": "a ticket",
    "repo": "its repository",
    "wip": "its board",
    "cooldown": "its provider, which cools down after a rate limit",
}
WAITS_SHORT: Final = {
    "depends": "ticket",
    "repo": "repo",
    "wip": "board",
    "cooldown": "provider",
}
"""``WAITS_FOR`` in a column; of a time it is told when it comes."""
WAITS: Final = Column("WAITS FOR")
BOARD: Final = Column("BOARD", rank=6)
COLUMNS: Final = (
    Column("ID", right=True),
    Column("STATE"),
    WAITS,
    BOARD,
    Column("PRIORITY", rank=2),
    Column("AGENT", rank=4),
    Column("TRIES", right=True, rank=5),
    Column("UPDATED", right=True, rank=3),
    Column("TITLE", flexible=True, least=20),
)


def show_tickets(output: Output, tickets: list[Ticket], now_ms: int) -> None:
    """A table; what says nothing about any of them has no column."""
    absent: set[Column] = set()
    if not any(ticket.waits_for for ticket in tickets):
        absent.add(WAITS)
    if len({ticket.board for ticket in tickets}) < 2:  # noqa: PLR2004 - one board
        absent.add(BOARD)
    shown = [i for i, column in enumerate(COLUMNS) if column not in absent]
    rows = [_row(ticket, now_ms) for ticket in tickets]
    output.table(
        [COLUMNS[i] for i in shown],
        [[row[i] for i in shown] for row in rows],
    )


def _row(ticket: Ticket, now_ms: int) -> list[Cell]:
    return cells(
        ticket.id,
        state_cell(ticket),
        waits_text(ticket, now_ms),
        ticket.board,
        Cell(ticket.priority, PRIORITY_STYLES.get(ticket.priority, "")),
        ticket.agent,
        ticket.retry_count,
        times.ago(ticket.updated_at_ms, now_ms),
        _title(ticket),
    )


def waits_text(ticket: Ticket, now_ms: int) -> str:
    """``in 3 min``, ``#5``, ``repo``; empty: for nothing but its turn."""
    if ticket.waits_for is None:
        return ""
    if ticket.waits_for == "due" and ticket.due_at_ms is not None:
        return times.ago(ticket.due_at_ms, now_ms)
    if ticket.waits_for == "depends" and len(ticket.depends_on) == 1:
        return f"#{ticket.depends_on[0]}"
    return WAITS_SHORT.get(ticket.waits_for, ticket.waits_for)


def _title(ticket: Ticket) -> str:
    """With what it needs to be told, since that is for its reader to do."""
    if ticket.question is None:
        return ticket.title
    return f"{ticket.title} (asks: {' '.join(ticket.question.text.split())})"


def state_cell(ticket: Ticket) -> Cell:
    """Its state, coloured."""
    return Cell(ticket.state, STATE_STYLES.get(ticket.state, ""))


def say_ticket(output: Output, ticket: Ticket, *, reason: bool = True) -> None:
    """One line: number, state, title, and why where there is a reason."""
    why = f" ({ticket.reason})" if reason and ticket.reason else ""
    output.pieces(
        Cell(f"#{ticket.id} ", "strong"),
        state_cell(ticket),
        Cell(f": {ticket.title}{why}"),
    )


def show_ticket(output: Output, ticket: Ticket, now_ms: int) -> None:
    """Everything that a person may want to know about it."""
    output.pieces(Cell(f"#{ticket.id} {ticket.title}", "strong"))
    state = Cell(f"{ticket.state} ({ticket.column})", state_cell(ticket).style)
    output.fields(
        [
            ("state", state),
            ("since", times.ago(ticket.state_changed_at_ms, now_ms)),
            ("reason", "" if ticket.question else ticket.reason),
            ("failure", Cell(ticket.failure, "bad") if ticket.failure else ""),
            ("waits for", WAITS_FOR[ticket.waits_for] if ticket.waits_for else ""),
            ("due", _moment(ticket.due_at_ms, now_ms)),
            ("scheduled", _moment(ticket.scheduled_at_ms, now_ms)),
            ("board", ticket.board),
            ("priority", f"{ticket.priority} ({ticket.priority_number} of 10)"),
            (
                "agent",
                ticket.agent + (f", model {ticket.model}" if ticket.model else ""),
            ),
            ("type", ticket.task_type),
            ("labels", ", ".join(ticket.labels)),
            ("depends on", ", ".join(f"#{other}" for other in ticket.depends_on)),
            ("repository", ticket.repo_path or ""),
            ("base branch", ticket.base_branch or ""),
            ("branch", ticket.branch or ""),
            ("worktree", ticket.worktree or ""),
            ("worker", ticket.worker_id or ""),
            ("run", ticket.run_id or ""),
            ("retries", f"{ticket.retry_count} of {ticket.max_retries} used"),
            ("time limit", _span(ticket.timeout_s)),
            ("estimated", _span(ticket.estimated_duration_s)),
            ("took", _span(ticket.actual_duration_s)),
            ("key", ticket.key or ""),
            ("created", times.ago(ticket.created_at_ms, now_ms)),
            ("completed", _moment(ticket.completed_at_ms, now_ms)),
        ],
    )
    if ticket.question is not None:
        output.line()
        show_question(output, ticket.question, now_ms)
        output.note(f"answer it: kanbanctl answer {ticket.id} TEXT")
    if ticket.description_md.strip():
        output.line()
        output.line("Description", "heading")
        output.paragraphs(ticket.description_md.rstrip())
    if ticket.instructions.strip():
        output.line()
        output.line("Instructions", "heading")
        # As it is: it may be a program.
        output.line(ticket.instructions.rstrip())


def show_comments(
    output: Output, comments: list[TicketComment], count: int, now_ms: int
) -> None:
    """Who said what, and when."""
    hidden = count - len(comments)
    for place, comment in enumerate(comments):
        if place or hidden:
            output.line()
        if hidden and not place:
            output.line(f"… {hidden:,} earlier", "faint")
        output.pieces(
            Cell(comment.author, AUTHOR_STYLES.get(comment.author, "")),
            Cell(f", {times.ago(comment.created_at_ms, now_ms)}", "faint"),
        )
        output.paragraphs(comment.body_md.rstrip(), indent="  ")


def show_question(output: Output, question: Question, now_ms: int) -> None:
    """What an agent asked, and what it was told."""
    what = "Permission" if question.kind == "permission" else "Question"
    output.line(f"{what}, asked {times.ago(question.asked_at_ms, now_ms)}", "heading")
    output.paragraphs(question.text.rstrip())
    for choice in question.choices:
        output.line(f"  - {choice}")
    if question.answer is not None:
        output.line()
        output.line("Answer", "heading")
        output.paragraphs(question.answer.rstrip())


def _moment(ms: int | None, now_ms: int) -> str:
    return "" if ms is None else f"{times.ago(ms, now_ms)} ({times.local(ms)})"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else times.duration(seconds)


def show_reasons(output: Output, reasons: list[Reason]) -> None:
    """A paragraph for each thing that holds a ticket up."""
    for reason in reasons:
        output.paragraphs(reason.text, indent="  ")
