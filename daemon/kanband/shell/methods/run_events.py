"""``RunEvents``: what the journal says of one run."""

from collections.abc import AsyncGenerator
from typing import Final

from kanban_ipc.control import EventsReply, Run, RunEventsCall
from kanban_ipc.words import RunId
from kanband.shell.methods.answers import End, invalid
from kanband.shell.methods.arguments import check_number
from kanband.shell.methods.hints import hints
from kanband.shell.methods.stored import LIVE, one_run
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads

PAGE: Final = 100
"""As many as ``Events`` tells at a time unless it is asked for more."""


async def run_events(
    daemon: Daemon, call: RunEventsCall
) -> AsyncGenerator[EventsReply | End, None]:
    """Oldest first; with ``follow`` until the run has ended."""
    if call.since is not None:
        check_number("since", call.since, 0)
    cursor = call.since or 0
    async with hints(daemon) as journal:
        run = await one_run(daemon, call.run)
        async for _ in journal:
            # Asked before reading: what is told last is read after the run has ended.
            run = await one_run(daemon, run.id)
            over = not call.follow or run.status not in LIVE
            page = await _page(daemon, run, cursor)
            while len(page.events) == PAGE:
                yield page
                page = await _page(daemon, run, page.cursor)
            cursor = page.cursor
            if over:
                yield End(page)
                return
            if page.events:
                yield page


async def _page(daemon: Daemon, run: Run, cursor: int) -> EventsReply:
    return await daemon.store.read(lambda reads: _after(reads, run, cursor))


def _after(reads: Reads, run: Run, cursor: int) -> EventsReply:
    """Up to a page after the cursor, and the cursor after it."""
    head = reads.last_seq()
    if cursor > head:
        raise invalid("since", f"is {cursor}, and the journal ends at {head}")
    found = reads.events_of_run(run.ticket_id, RunId(run.id), since=cursor, limit=PAGE)
    full = len(found) == PAGE
    last = found[-1].seq if found else cursor
    return EventsReply(events=found, cursor=last if full else max(last, head))
