"""``List``: a page of tickets."""

from typing import Final

import msgspec

from kanban_ipc.control import ListCall, ListReply, Ticket
from kanband.shell.methods.arguments import (
    canonical,
    check_limit,
    check_name,
    check_number,
)
from kanband.shell.ports import Daemon

TEXT_CHARS_MAX: Final = 2_000
"""Of a description and of instructions in a list: 1,000 tickets stay a few megabytes.
``Show`` has them whole."""


async def list_(daemon: Daemon, call: ListCall) -> ListReply:
    """Long texts are cut, and end with an ellipsis."""
    check_limit(call.limit)
    check_number("offset", call.offset, 0)
    for field in ("board", "agent", "text"):
        check_name(field, getattr(call, field))
    for label in call.labels:
        check_name("labels", label)
    query = msgspec.structs.replace(call, repo=await canonical("repo", call.repo))
    found, total = await daemon.store.read(lambda reads: reads.tickets(query))
    return ListReply(tickets=[short_texts(each) for each in found], total=total)


def short_texts(ticket: Ticket) -> Ticket:
    """The ticket as a list has it."""
    longest = max(len(ticket.description_md), len(ticket.instructions))
    if longest <= TEXT_CHARS_MAX:
        return ticket
    return msgspec.structs.replace(
        ticket,
        description_md=_short(ticket.description_md),
        instructions=_short(ticket.instructions),
    )


def _short(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + "…"
