"""Everything that is printed goes through here.

Answers go to standard output, everything else to standard error. Colour is for
terminals: not with ``--no-color``, ``NO_COLOR`` or ``TERM=dumb``. Tables are cut to
the terminal's width, or to ``COLUMNS`` where that is set; into a pipe they are whole.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, TextIO

import msgspec

from kanbanctl import jsonform
from kanbanctl.paragraphs import wrap
from kanbanctl.tables import GAP, Cell, Column, cells_wide, layout
from kanbanctl.wording import harmless

STYLES: Final[Mapping[str, str]] = {
    "heading": "1",
    "strong": "1",
    "faint": "2",
    "good": "32",
    "warn": "33",
    "bad": "31",
    "busy": "36",
}
WIDTH_LEAST: Final = 20


class Output:
    """Where a command's answer goes, in one of two forms."""

    def __init__(
        self,
        *,
        as_json: bool,
        color_wanted: bool = True,
        environ: Mapping[str, str] = os.environ,
        canvas: TextIO | None = None,
    ) -> None:
        """``as_json``: one JSON document (or one a line, for streams), nothing else.

        ``canvas`` gets everything, as standard output would have: a picture of it.
        """
        self.as_json = as_json
        self._canvas = canvas
        self._environ = environ
        self._color = (
            color_wanted
            and not environ.get("NO_COLOR")
            and environ.get("TERM") != "dumb"
            and sys.stdout.isatty()
        )

    # ------------------------------------------------------------- for programs

    def document(self, content: dict[str, Any]) -> None:
        """One JSON document, indented; on a canvas a line."""
        encoded = msgspec.json.encode(content)
        if self._canvas is not None:
            write(self._canvas, encoded.decode() + "\n")
            return
        write(self._stream, msgspec.json.format(encoded, indent=2).decode() + "\n")

    def reply(self, reply: msgspec.Struct) -> None:
        """A reply as one document."""
        self.document(jsonform.of_reply(reply))

    def record(self, content: dict[str, Any]) -> None:
        """One JSON document on a line of its own, at once."""
        write(self._stream, msgspec.json.encode(content).decode() + "\n")
        self._stream.flush()

    # --------------------------------------------------------------- for people

    def line(self, text: str = "", style: str = "") -> None:
        """One line; nothing in it commands the terminal but our own colour."""
        write(self._stream, self.styled(text, style) + "\n")

    def pieces(self, *pieces: Cell) -> None:
        """One line of differently styled pieces."""
        line = [Cell(text.replace("\n", " "), style) for text, style in pieces]
        write(self._stream, self._joined(line, "") + "\n")

    def flowing(self, first: Cell, *rest: Cell) -> None:
        """Pieces with commas between them, on as many lines as the width asks for."""
        line, used = [self.styled(*first)], cells_wide(first.text)
        separator = " "
        for cell in (cell for cell in rest if cell.text):
            length = len(separator) + cells_wide(cell.text)
            # One more for the comma that may have to follow.
            if self.width is not None and used + length + 1 > self.width:
                line.append(separator.rstrip() + "\n  ")
                used = length = len("  ") + cells_wide(cell.text)
            else:
                line.append(separator)
                used += length
            line.append(self.styled(*cell))
            separator = ", "
        write(self._stream, "".join(line) + "\n")

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        """A table that fits; see ``tables``."""
        for line in layout(columns, rows, self.width):
            write(self._stream, self._joined(line, GAP).rstrip() + "\n")

    def fields(self, pairs: Iterable[tuple[str, str | Cell]]) -> None:
        """``name  value`` lines; those without a value are left out."""
        kept = [(name, value) for name, value in pairs if value not in {"", Cell("")}]
        wide = max((len(name) for name, _ in kept), default=0)
        for name, value in kept:
            cell = value if isinstance(value, Cell) else Cell(value)
            lines = wrap(cell.text.replace("\n", " "), self._room(wide + len(GAP)))
            for title, line in zip_longest([name], lines, fillvalue=""):
                head = Cell(f"{title:<{wide}}{GAP}", "faint")
                self.pieces(head, Cell(line, cell.style))

    def paragraphs(self, text: str, style: str = "", *, indent: str = "") -> None:
        """Prose, each line of it wrapped to the width and below its own indent."""
        for line in text.splitlines():
            bare = line.lstrip(" ")
            margin = indent + " " * (len(line) - len(bare))
            for part in wrap(bare, self._room(len(margin))):
                self.line(f"{margin}{part}".rstrip(), style)

    def raw(self, text: str, *, to_stderr: bool = False) -> None:
        """An agent's or a log's own bytes, as they are, at once."""
        stream = sys.stderr if to_stderr else sys.stdout
        write(stream, text)
        stream.flush()

    def flush(self) -> None:
        """Let it be seen at once, in a pipe too."""
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something to know, beside the answer."""
        sys.stdout.flush()
        write(self._canvas or sys.stderr, f"note: {harmless(text)}\n")

    def styled(self, text: str, style: str) -> str:
        """The harmless text in a colour, if there is colour."""
        safe = harmless(text)
        if not (style and self._color and safe):
            return safe
        return f"\x1b[{STYLES[style]}m{safe}\x1b[0m"

    @property
    def _stream(self) -> TextIO:
        return sys.stdout if self._canvas is None else self._canvas

    @property
    def width(self) -> int | None:
        """Cells in a line; ``None`` is any number."""
        told = self._environ.get("COLUMNS", "")
        if told.isascii() and told.isdigit() and int(told) > 0:
            return max(int(told), WIDTH_LEAST)
        try:
            columns = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            return None
        return max(columns, WIDTH_LEAST) if columns else None

    def _room(self, taken: int) -> int | None:
        width = self.width
        return None if width is None else max(width - taken, WIDTH_LEAST)

    def _joined(self, cells: Iterable[Cell], gap: str) -> str:
        return gap.join(self.styled(cell.text, cell.style) for cell in cells)


def complain(message: str) -> None:
    """What went wrong, on standard error."""
    sys.stdout.flush()
    write(sys.stderr, f"kanbanctl: {harmless(message)}\n")


def write(stream: TextIO, text: str) -> None:
    """Text to a stream, whatever its encoding cannot say replaced."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
