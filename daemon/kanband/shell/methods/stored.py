"""Asking the store for what a call names, and telling when it is not there."""

from collections.abc import Iterable, Sequence

import msgspec

from kanban_ipc.control import Run, Ticket
from kanban_ipc.words import RunId
from kanband.shell.methods.answers import Declined, invalid, not_found
from kanband.shell.methods.arguments import INTEGER_MAX, NAME_CHARS_MAX
from kanband.shell.ports import Daemon
from kanband.store.runs import PREFIX_CHARS_MIN, is_ticket_number
from kanband.store.values import Cancelling, Moved, MoveRefusal

LIVE = frozenset(("queued", "running"))
"""A run's states before its end."""


async def one_ticket(daemon: Daemon, ticket_id: int) -> Ticket:
    """The ticket. Raises ``Declined``."""
    return (await tickets(daemon, [ticket_id]))[0]


async def tickets(daemon: Daemon, ids: Sequence[int]) -> list[Ticket]:
    """The tickets, in order; all of them, or ``Declined`` for the first that is not."""
    found = await daemon.store.read(lambda reads: [reads.ticket(each) for each in ids])
    return [
        _existing(ticket, ticket_id)
        for ticket, ticket_id in zip(found, ids, strict=True)
    ]


def _existing(ticket: Ticket | None, ticket_id: int) -> Ticket:
    if ticket is None:
        raise not_found(
            "ticket",
            f"there is no ticket {ticket_id}; kanbanctl list shows those there are",
        )
    return ticket


async def one_run(daemon: Daemon, text: str) -> Run:
    """The run that ``text`` names: its id, the beginning of one, a ticket's number."""
    if (
        not 0 < len(text) <= NAME_CHARS_MAX
        or not text.isascii()
        or not text.isprintable()
    ):
        raise invalid("run", "must be a run's id, or a ticket's number")
    if text.isdigit() and int(text) > INTEGER_MAX:
        raise not_found("run", f"there is no ticket {text}")
    found = await daemon.store.read(lambda reads: reads.find_runs(text))
    if not found:
        if len(text) < PREFIX_CHARS_MIN and not is_ticket_number(text):
            raise invalid(
                "run",
                f"{text} is too short for the beginning of a run's id; give at least "
                f"{PREFIX_CHARS_MIN} characters of it, or a ticket's number",
            )
        raise not_found(
            "run",
            f"there is no run {text}; kanbanctl runs shows the latest ones, and a "
            "ticket's number stands for its latest run",
        )
    if len(found) > 1:
        some = ", ".join(run.id for run in found)
        raise invalid("run", f"{text} begins more than one id: {some}")
    return as_now(daemon, found[0])


async def runs(daemon: Daemon, ids: Iterable[RunId]) -> list[Run]:
    """The runs that exist, in order."""
    wanted = list(ids)
    found = await daemon.store.read(lambda reads: [reads.run(each) for each in wanted])
    return [as_now(daemon, run) for run in found if run is not None]


def as_now(daemon: Daemon, run: Run) -> Run:
    """A run with what is not kept in the store: where it is, and a live one's
    progress.
    """
    run_dir = str(daemon.config.state_dir / run.run_dir)
    if run.status not in LIVE:
        return msgspec.structs.replace(run, run_dir=run_dir)
    mark = daemon.runs.progress(run.id)
    if mark is None:
        return msgspec.structs.replace(run, run_dir=run_dir)
    return msgspec.structs.replace(
        run,
        run_dir=run_dir,
        progress=mark.percent,
        step=mark.step,
        current_step=mark.current_step,
        total_steps=mark.total_steps,
    )


def granted(outcome: Moved | MoveRefusal) -> Moved:
    """The move, or its refusal as the answer."""
    if isinstance(outcome, Moved):
        return outcome
    raise Declined(outcome)


def granted_or_live(outcome: Moved | Cancelling | MoveRefusal) -> Moved | Cancelling:
    """A cancellation, done or begun, or its refusal as the answer."""
    if isinstance(outcome, Moved | Cancelling):
        return outcome
    raise Declined(outcome)
