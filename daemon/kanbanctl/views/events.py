"""The journal, a line for each event."""

from typing import Final

from kanban_ipc.control.events import Event
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell

SENDER_STYLES: Final = {"user": "strong", "system": "faint"}


def show_event(output: Output, event: Event) -> None:
    """``12 2025-01-31 09:09:10 user state_change #7 from=ready to=blocked``."""
    ticket = "" if event.ticket_id is None else f" #{event.ticket_id}"
    output.pieces(
        Cell(f"{event.seq:>6} {times.local(event.ts_ms)} ", "faint"),
        Cell(f"{event.sender:<12} ", SENDER_STYLES.get(event.sender, "")),
        Cell(f"{event.type}{ticket}", "heading"),
        Cell(_payload(event)),
    )


def _payload(event: Event) -> str:
    shown = (
        _shown(name, value)
        for name, value in event.payload.items()
        if name not in {"task_id", "ticket_id"} and value not in {None, ""}
    )
    return "".join(shown)


def _shown(name: str, value: str | float | bool | None) -> str:
    """Milliseconds as people read them; ``--json`` has the numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name == "duration_ms":
            return f" duration={_value(times.duration(value / 1000))}"
        if name.endswith("_ms"):
            return f" {name.removesuffix('_ms')}={_value(times.local(int(value)))}"
    return f" {name}={_value(value)}"


def _value(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return f"'{text}'" if " " in text else text
