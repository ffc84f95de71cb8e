"""What a shell may offer for an argument: asked of the daemon, if it is quick.

Each is a click ``shell_complete`` function. Imported with the commands, so nothing else
is imported before a shell asks; whoever has no daemon gets no offer, and no error.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from kanbanctl.client import Client

PATIENCE_S: Final = 1.0
"""Somebody waits with the finger on the key."""
OFFERED_MAX: Final = 200
Items = list["CompletionItem"]


def ticket_words(_ctx: click.Context, _param: click.Parameter, text: str) -> Items:
    """Tickets that are not done, newest first, with their titles."""
    return _offer(text, _tickets)


def ticket_or_worker_words(
    _ctx: click.Context, _param: click.Parameter, text: str
) -> Items:
    """Workers, and tickets that are not done."""
    return _offer(text, _workers) + _offer(text, _tickets)


def worker_words(_ctx: click.Context, _param: click.Parameter, text: str) -> Items:
    """Workers, with their states."""
    return _offer(text, _workers)


def source_words(_ctx: click.Context, _param: click.Parameter, text: str) -> Items:
    """What ``logs`` knows: the daemon, and the workers."""
    return _offer(text, _sources)


def run_words(_ctx: click.Context, _param: click.Parameter, text: str) -> Items:
    """The latest runs, with their tickets."""
    return _offer(text, _runs)


def _tickets(client: "Client") -> Iterator[tuple[str, str]]:
    from kanban_ipc.control.reading import ListCall, ListReply  # noqa: PLC0415

    call = ListCall(descending=True, limit=OFFERED_MAX)
    for ticket in client.call("List", call, ListReply).tickets:
        if ticket.column != "Done":
            yield str(ticket.id), ticket.title


def _workers(client: "Client") -> Iterator[tuple[str, str]]:
    from kanban_ipc.control.workers import WorkersCall, WorkersReply  # noqa: PLC0415

    for worker in client.call("Workers", WorkersCall(), WorkersReply).workers:
        yield worker.worker_id, worker.state


def _sources(client: "Client") -> Iterator[tuple[str, str]]:
    yield "daemon", "kanband itself"
    yield from _workers(client)


def _runs(client: "Client") -> Iterator[tuple[str, str]]:
    from kanban_ipc.control.runs import RunsCall, RunsReply  # noqa: PLC0415

    for run in client.call("Runs", RunsCall(), RunsReply).runs:
        yield run.id, f"#{run.ticket_id} {run.title}"


def _offer(text: str, ask: "Callable[[Client], Iterator[tuple[str, str]]]") -> Items:
    import os  # noqa: PLC0415

    from click.shell_completion import CompletionItem  # noqa: PLC0415

    from kanbanctl import places  # noqa: PLC0415
    from kanbanctl.client import Client  # noqa: PLC0415
    from kanbanctl.failures import Failure  # noqa: PLC0415
    from kanbanctl.wording import one_line  # noqa: PLC0415

    try:
        with Client(lambda: places.find(None, os.environ), PATIENCE_S) as client:
            return [
                CompletionItem(word, help=one_line(about)[:60])
                for word, about in ask(client)
                if word.startswith(text)
            ]
    except Failure:
        return []
