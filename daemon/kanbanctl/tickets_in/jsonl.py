"""JSON Lines: one object a line, blank lines ignored. Source: jsonlines.org."""

from typing import Any

import msgspec

from kanbanctl.tickets_in.items import Cut, Item, Problem


def cut(text: str) -> Cut:
    """Items, one for each line that is not blank."""
    found = Cut([], [])
    # Not splitlines: JSON may contain U+2028 and its like as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.items.append(Item(number, _object(line)))
        except ValueError as error:
            found.problems.append(Problem(number, str(error)))
    return found


def _object(line: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(line.strip())
    except (msgspec.DecodeError, UnicodeError) as error:
        hint = "; write one object a line, not a list" if line.startswith("[") else ""
        raise ValueError(f"not JSON: {error}{hint}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 (a problem of the file, not of ours)
            'not an object; write {"title": "…"}',
        )
    return value
