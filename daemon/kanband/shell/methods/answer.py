"""``Answer``: what a ticket's agent asked is answered, and it goes on.

Decided here: what an answer may be. Where the question names choices it is one of them,
as the question writes it, so that a script may compare; unless the caller says that it
is free.
"""

from collections.abc import Sequence

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanban_ipc.control import AnswerCall, TicketReply
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import check_id
from kanband.shell.methods.entering_ready import check_ready
from kanband.shell.methods.stored import granted, one_ticket
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon


async def answer(daemon: Daemon, call: AnswerCall) -> TicketReply:
    """``needs_input`` → ``ready``."""
    check_id(call.id)
    text = _checked(call.text)
    ticket = await one_ticket(daemon, call.id)
    if ticket.question is not None:
        await check_ready(daemon, [ticket])
        if not call.free:
            text = _chosen(text, ticket.question.choices)
    now_ms = daemon.clock.now_ms()
    moved = granted(
        await daemon.store.do(
            lambda verbs: verbs.answer(call.id, text, now_ms=now_ms),
        )
    )
    wake(daemon, woke=moved.woke, tickets=[moved.ticket])
    return TicketReply(ticket=moved.ticket)


def _checked(text: str) -> str:
    if not text.strip():
        raise invalid("text", "is empty; say what the agent shall know")
    if "\0" in text:
        raise invalid("text", "contains a NUL byte, which no program can be given")
    if len(text) > MESSAGE_CHARS_MAX:
        raise invalid(
            "text",
            f"has {len(text)} characters, and at most {MESSAGE_CHARS_MAX} are taken; "
            "put the rest into a file, and name it",
        )
    return text.strip()


def _chosen(text: str, choices: Sequence[str]) -> str:
    """The choice that is meant, as the question writes it."""
    for choice in choices:
        if choice.casefold() == text.casefold():
            return choice
    if choices:
        raise invalid(
            "text",
            f"is {text!r:.80}, none of the choices: {', '.join(choices)}; give one of "
            "them, or say that it is meant so: --free",
        )
    return text
