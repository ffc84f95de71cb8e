"""``--watch``: the same answer again and again, until Ctrl-C.

A terminal is painted over in place, and no more than fits; into a pipe an answer is
printed when it differs from the last one, with ``--json`` as one line. A daemon that
goes away and comes back is no reason to end. Once a second, because ages in the answer
turn with the clock, not only with the journal.
"""

import io
import os
import sys
import time
from collections.abc import Callable
from typing import Final

from kanbanctl.failures import NoAnswer, NobodyListens, TimedOut
from kanbanctl.output import write
from kanbanctl.session import Session

EVERY_S: Final = 1.0
_HOME: Final = "\x1b[H"
_CLEAR_LINE: Final = "\x1b[K"
_CLEAR_REST: Final = "\x1b[J"


def watch(session: Session, show: Callable[[], object]) -> int:
    """``show`` prints to ``session.output``. The exit code, after Ctrl-C."""
    on_terminal = sys.stdout.isatty() and not session.as_json
    if on_terminal:
        write(sys.stdout, _HOME + _CLEAR_REST)
    before = None
    try:
        while True:
            text = _picture(session, show)
            if text != before:
                _paint(text) if on_terminal else _print(text, before)
                before = text
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return 0


def _picture(session: Session, show: Callable[[], object]) -> str:
    canvas = session.canvas = io.StringIO()
    try:
        show()
    except (NobodyListens, NoAnswer, TimedOut) as failure:
        session.report(failure)
    finally:
        session.canvas = None
    return canvas.getvalue()


def _print(text: str, before: str | None) -> None:
    gap = "\n" if before is not None and not text.startswith("{") else ""
    write(sys.stdout, gap + text)
    sys.stdout.flush()


def _paint(text: str) -> None:
    lines = text.rstrip("\n").split("\n")
    room = os.get_terminal_size(sys.stdout.fileno()).lines - 1
    # A terminal that does not know its height says 0.
    if 0 < room < len(lines):
        lines = [*lines[: room - 1], f"… and {len(lines) - room + 1} lines more"]
    painted = "".join(f"{line}{_CLEAR_LINE}\n" for line in lines)
    write(sys.stdout, f"{_HOME}{painted}{_CLEAR_REST}")
    sys.stdout.flush()
