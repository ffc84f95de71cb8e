"""``Events``: the journal by cursor; what is pushed is only a hint to read on."""

from collections.abc import AsyncGenerator

from kanban_ipc.control import CursorExpired, EventsCall, EventsReply
from kanband.shell.methods.answers import Declined, End, invalid
from kanband.shell.methods.arguments import check_id, check_limit, check_number
from kanband.shell.methods.hints import hints
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads


async def events(
    daemon: Daemon, call: EventsCall
) -> AsyncGenerator[EventsReply | End, None]:
    """With ``follow`` it ends with its client only."""
    check_limit(call.limit)
    if call.ticket_id is not None:
        check_id(call.ticket_id, "ticket_id")
    if call.since is not None:
        check_number("since", call.since, 0)
    if not call.follow:
        yield End(await daemon.store.read(lambda reads: _latest(reads, call)))
        return
    async with hints(daemon) as journal:
        cursor = await daemon.store.read(lambda reads: _start(reads, call))
        first = True
        async for _ in journal:
            while True:
                page = await _page(daemon, call, cursor)
                cursor = page.cursor
                if page.events or first:
                    yield page
                first = False
                if len(page.events) < call.limit:
                    break


async def _page(daemon: Daemon, call: EventsCall, cursor: int) -> EventsReply:
    return await daemon.store.read(lambda reads: _after(reads, call, cursor))


def _start(reads: Reads, call: EventsCall) -> int:
    return reads.last_seq() if call.since is None else call.since


def _after(reads: Reads, call: EventsCall, cursor: int) -> EventsReply:
    """A page after the cursor, and the cursor after it."""
    base, head = reads.journal_base(), reads.last_seq()
    if cursor < base:
        raise Declined(
            CursorExpired(
                base=base,
                message=f"events up to {base} are no longer kept, and {cursor} is "
                f"before that, so some were missed; read the state anew (kanbanctl "
                f"list), and go on from {head}: kanbanctl events -f --since {head}",
            ),
        )
    if cursor > head:
        raise invalid("since", f"is {cursor}, and the journal ends at {head}")
    found = reads.events(
        since=cursor,
        limit=call.limit,
        ticket_id=call.ticket_id,
        types=call.types,
    )
    full = len(found) == call.limit
    last = found[-1].seq if found else cursor
    return EventsReply(events=found, cursor=last if full else max(last, head))


def _latest(reads: Reads, call: EventsCall) -> EventsReply:
    """After ``since``; without it the last ones, looked for ever further back."""
    if call.since is not None:
        return _after(reads, call, call.since)
    base, head = reads.journal_base(), reads.last_seq()
    span = call.limit
    while True:
        since = max(head - span, base)
        found = reads.events(
            since=since, limit=span, ticket_id=call.ticket_id, types=call.types
        )
        if len(found) >= call.limit or since == base:
            break
        span *= 4
    cursor = max(head, found[-1].seq) if found else head
    return EventsReply(events=found[-call.limit :], cursor=cursor)
