"""What an agent's texts must be."""

from kanban_ipc.bounds import MESSAGE_CHARS_MAX
from kanband.shell.methods.answers import invalid


def checked(field: str, text: str, chars_max: int = MESSAGE_CHARS_MAX) -> str:
    """Not empty, not too long, no NUL: it goes into files and variables."""
    if not text.strip():
        raise invalid(field, "is empty; say it in a word at least")
    return bounded(field, text, chars_max).strip()


def bounded(field: str, text: str, chars_max: int) -> str:
    """As ``checked``; it may be empty."""
    if "\0" in text:
        raise invalid(field, "contains a NUL byte, which no program can be given")
    if len(text) > chars_max:
        raise invalid(
            field,
            f"has {len(text)} characters, and at most {chars_max} are taken; leave the "
            "rest in a file, and name it",
        )
    return text
