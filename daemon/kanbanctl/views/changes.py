"""A wish about several tickets: each was granted or refused by itself."""

from kanban_ipc.control.tickets import ChangedReply, Denial
from kanbanctl.failures import EXIT_REFUSED
from kanbanctl.output import complain
from kanbanctl.session import Session
from kanbanctl.views.tickets import WAITS_FOR, say_ticket


def say_changed(session: Session, reply: ChangedReply, *, reason: bool = True) -> int:
    """A line for each ticket; the exit code: 1 when one was refused."""
    output = session.output
    if output.as_json:
        output.reply(reply)
    else:
        for ticket in reply.tickets:
            say_ticket(output, ticket, reason=reason)
            if ticket.waits_for:
                output.line(f"  it waits for {WAITS_FOR[ticket.waits_for]}", "faint")
        for note in reply.notes:
            output.note(note)
    return say_refused(reply.refused)


def say_refused(refused: list[Denial]) -> int:
    """Why, on standard error; the exit code."""
    for denial in refused:
        complain(f"#{denial.ticket_id}: {denial.message}")
    return EXIT_REFUSED if refused else 0
