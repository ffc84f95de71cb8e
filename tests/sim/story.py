"""A seed that failed, told as shortly as it can be: fewer faults, fewer lines."""

import re
import time
from typing import Final

import msgspec

from sim.swarm import Swarm, draw
from sim.world import Outcome, simulate

LINES_MAX: Final = 60
PATIENCE_S: Final = 60.0
_KEPT: Final = frozenset(
    ("hours", "beat_s", "workers", "slots", "clients", "latency_s")
)
_TICKET: Final = re.compile(r"ticket (\d+)")


def shrink(seed: int, outcome: Outcome) -> tuple[Swarm, Outcome]:
    """Leave out every kind of fault without which something is wrong all the same."""
    swarm, none = draw(seed), Swarm()
    end = time.monotonic() + PATIENCE_S
    for name in Swarm.__struct_fields__:
        calm = getattr(none, name)
        if time.monotonic() > end:
            break
        if name in _KEPT or getattr(swarm, name) == calm:
            continue
        fewer = msgspec.structs.replace(swarm, **{name: calm})
        again = simulate(seed, fewer)
        if again.violations:
            swarm, outcome = fewer, again
    return swarm, outcome


def told(seed: int, swarm: Swarm, outcome: Outcome) -> str:
    """What was wrong, how to see it again, and what led to it."""
    tickets = {
        number for text in outcome.violations for number in _TICKET.findall(text)
    }
    faults = {
        name: value
        for name, value in msgspec.structs.asdict(swarm).items()
        if value != getattr(Swarm(), name)
    }
    return "\n".join(
        [
            f"seed {seed}: {outcome.violations[0]}",
            f"again: PYTHONPATH=tests .venv/bin/python -P -m sim {seed}",
            f"it takes no more than: {faults}",
            *_lines(outcome.trace, tickets),
        ]
    )


def _lines(trace: list[str], tickets: set[str]) -> list[str]:
    """Those that name the tickets, and what befell the machine around them."""
    marks = ("FAULT", "VIOLATION", "starts", "healed", "reaped")
    about = [
        line
        for line in trace
        if any(f" {number} " in f"{line} " for number in tickets)
        or (any(mark in line for mark in marks) and "message" not in line)
    ]
    return (about if tickets else trace)[-LINES_MAX:]
