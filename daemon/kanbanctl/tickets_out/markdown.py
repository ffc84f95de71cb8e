"""A Markdown checklist: what is done is ticked.

A title or a value that the reader would take for something else is found by reading it:
an item that does not come back as it is is written in a safer form, or refused.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

from kanbanctl.failures import BadInput
from kanbanctl.tickets_in import markdown
from kanbanctl.tickets_out.portable import DONE, text_of

_TICKS: Final = re.compile(r"`+")
_LISTS: Final = ("labels", "depends_on_keys")
_BELOW: Final = ("title", "description", "instructions", "state")


def write(items: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The checklist. Raises ``BadInput`` for what it cannot hold."""
    for item in items:
        wanted = _values(item)
        for is_fenced in (False, True):
            text = _entry(wanted, done=False, is_fenced=is_fenced)
            if _reads_as(text, wanted):
                break
        else:
            raise BadInput(
                f"a checklist cannot hold the ticket {item['title']!r:.80} (key "
                f"{item['key']!r:.60}) so that it can be read back; use --format jsonl."
            )
        is_done = item.get("state") in DONE
        yield _entry(wanted, done=is_done, is_fenced=is_fenced)


def _values(item: dict[str, Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in item.items():
        if name in _LISTS:
            values[name] = _joined(value)
        elif name != "state":
            values[name] = text_of(value)
    return values


def _joined(words: list[str]) -> str:
    """As a person would write it, where nothing in it separates."""
    if any(re.search(r"[\s,;\[]", word) for word in words):
        import msgspec  # noqa: PLC0415 (start-up time)

        return msgspec.json.encode(words).decode()
    return ",".join(words)


def _reads_as(text: str, wanted: dict[str, str]) -> bool:
    found = markdown.cut(text)
    return not found.problems and [one.values for one in found.items] == [wanted]


def _entry(values: dict[str, str], *, done: bool, is_fenced: bool) -> str:
    options = " ".join(
        f"{name}={shlex.quote(value)}"
        for name, value in values.items()
        if name not in _BELOW
    )
    lines = [f"- [{'x' if done else ' '}] {values['title']} {{{options}}}"]
    if description := values.get("description"):
        told = description.split("\n")
        lines += _fence(description, "description") if is_fenced else _indented(told)
    if instructions := values.get("instructions"):
        lines += _fence(instructions, "sh" if instructions.strip() else "")
    return "\n".join(lines) + "\n"


def _fence(text: str, info: str) -> list[str]:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    mark = "`" * max(3, longest + 1)
    return [f"  {mark}{info}", *_indented(text.split("\n")), f"  {mark}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]
