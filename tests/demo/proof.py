"""The sums at the end: what must hold however the evening went."""

from collections import Counter
from typing import NamedTuple

from kanban_ipc.control import Run, Ticket
from support.leftovers import SOCKETS
from support.system import System

MEANT_TO_FAIL = {"hang"}


class Sums(NamedTuple):
    """What the store says, before the daemon leaves."""

    tickets: list[Ticket]
    runs: list[Run]


def faults(sums: Sums, expected: int) -> list[str]:
    """Everything that is not as it should be."""
    found = []
    if len(sums.tickets) != expected:
        found.append(f"{len(sums.tickets)} tickets where there were {expected}")
    finished = Counter(r.ticket_id for r in sums.runs if r.status == "finished")
    for ticket in sums.tickets:
        good = ticket.column in {"Review", "Done"}
        if good == (ticket.key in MEANT_TO_FAIL):
            found.append(f"#{ticket.id} {ticket.title}: {ticket.state} {ticket.reason}")
        if finished[ticket.id] != int(good):
            found.append(f"#{ticket.id} has {finished[ticket.id]} finished runs")
    found += [f"run {r.id} is still {r.status}" for r in sums.runs if not r.ended_at_ms]
    return found


def left(system: System) -> list[str]:
    """Processes and sockets that outlived the shutdown."""
    found = system.processes()
    sockets = [name for name in SOCKETS if (system.runtime / name).exists()]
    return [f"{pid} {command}" for pid, command in found] + sockets


def line(sums: Sums) -> str:
    """The line that says it all; only when there was no fault."""
    states = Counter(ticket.column for ticket in sums.tickets)
    where = ", ".join(
        f"{count} in {column}" + " as meant" * (column == "Blocked")
        for column, count in states.items()
    )
    tried = len(sums.runs)
    count = len(sums.tickets)
    return (
        f"Proof: {count} of {count} tickets accounted for ({where}); {tried} runs, "
        "at most one finished for each ticket; no process, no socket left."
    )
