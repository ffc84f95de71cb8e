"""Prose that fits the terminal: lines are broken between words, and nowhere else."""

from kanbanctl.tables import cells_wide


def wrap(text: str, width: int | None) -> list[str]:
    """The lines of one paragraph; at least one. A word that is too long stands alone.

    ``None`` is any width: one line.
    """
    if width is None or cells_wide(text) <= width:
        return [text]
    lines: list[str] = []
    line, used = "", 0
    for word in text.split(" "):
        length = cells_wide(word)
        if line and used + 1 + length > width:
            lines.append(line)
            line, used = word, length
        elif lines or line:
            line, used = f"{line} {word}", used + 1 + length
        else:
            line, used = word, length
    return [*lines, line]
