"""What the audience sees: lines that stay, and below them the board as it is now.

On a terminal the board is drawn over itself; anywhere else only what changed is
written, one line each.
"""

import shutil
import sys
import time
from collections import Counter

from kanban_ipc.control import Run, Ticket
from kanban_ipc.words import COLUMNS

MARKS = {"ready": "·", "assigned": "~", "working": ">", "failed": "!", "backlog": "-"}
DONE_MARK = "+"


class Screen:
    """Standard output."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._drawn = 0
        self._seen: dict[int, str] = {}

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def act(self, title: str) -> None:
        """A heading."""
        self._write(["", self._bold(f"== {title}")])

    def say(self, text: str) -> None:
        """A line that stays, with the time it was said."""
        self._write([f"{self.seconds:6.1f} s  {text}"])

    def plain(self, text: str) -> None:
        """Lines that stay, as they are."""
        self._write(text.splitlines())

    def board(self, tickets: list[Ticket], workers: str) -> None:
        """The board as it is now."""
        if self._is_terminal:
            self._erase()
            rows = ["", *(self._row(ticket) for ticket in tickets), f"  {workers}"]
            # A wrapped line would be two to erase.
            width = shutil.get_terminal_size().columns - 1
            lines = [row[:width] for row in rows]
            print("\n".join(lines), flush=True)
            self._drawn = len(lines)
            return
        for ticket in tickets:
            now = f"{ticket.state} {ticket.run_id}"
            if self._seen.get(ticket.id) != now:
                self._seen[ticket.id] = now
                self.say(self._row(ticket).strip())

    def columns(self, tickets: list[Ticket], runs: list[Run]) -> None:
        """The last board: its columns, what is in them, and how they got there."""
        tries = Counter(run.ticket_id for run in runs)
        for column in COLUMNS:
            inside = [ticket for ticket in tickets if ticket.column == column]
            self.plain(self._bold(f"  {column} ({len(inside)})"))
            for ticket in inside:
                count = tries[ticket.id]
                what = f"{ticket.title:<46}{count} run{'s' if count > 1 else ' '}"
                # Who is in Review has a branch; who is not has a reason.
                why = ticket.reason.partition(". ")[0]
                where = ticket.branch if ticket.column == "Review" else why
                self.plain(f"    #{ticket.id:<3}{what}  {where or ''}")

    def _row(self, ticket: Ticket) -> str:
        mark = MARKS.get(ticket.state, DONE_MARK)
        who = ticket.worker_id or ""
        if ticket.waits_for:
            who = {
                "due": "waits for its retry",
                "depends": "waits for another",
                "repo": "waits for its turn",
            }[ticket.waits_for]
        title = f"{ticket.title:.46}"
        return f"  {mark} #{ticket.id:<3}{title:<47}{ticket.state:<11}{who}"

    def _write(self, lines: list[str]) -> None:
        self._erase()
        print("\n".join(lines), flush=True)

    def _erase(self) -> None:
        if self._drawn:
            # ECMA-48: cursor to the line's begin and up, erase to the end.
            print(f"\x1b[{self._drawn}F\x1b[J", end="")
            self._drawn = 0

    def _bold(self, text: str) -> str:
        if not self._is_terminal:
            return text
        width = shutil.get_terminal_size().columns
        return f"\x1b[1m{text:.{width}}\x1b[0m"
