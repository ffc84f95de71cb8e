"""A reply as ``--json`` prints it: the structs' fields, times as RFC 3339 UTC.

A field for a moment loses its ``_ms``: ``created_at_ms`` is ``created_at``. Durations
and everything else keep name and value. ``SCHEMA`` grows when a field is taken away
or changes its meaning, and only then.
"""

from typing import Any, Final

import msgspec

from kanbanctl.times import rfc3339

SCHEMA: Final = 1
DURATIONS: Final = frozenset({"cpu_ms"})
"""Fields in milliseconds that are no moments; ``tests/unit`` knows all of both."""


def document(parts: dict[str, Any]) -> dict[str, Any]:
    """A whole document: ``schema`` and the parts."""
    return {"schema": SCHEMA, **{name: plain(value) for name, value in parts.items()}}


def of_reply(reply: msgspec.Struct) -> dict[str, Any]:
    """A whole document out of a reply's fields."""
    return {"schema": SCHEMA, **plain(reply)}


def plain(value: Any) -> Any:
    """Structs as dictionaries, all the way down."""
    if isinstance(value, msgspec.Struct):
        fields = value.__struct_fields__
        return dict(_field(name, getattr(value, name)) for name in fields)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _field(name: str, value: Any) -> tuple[str, Any]:
    if not name.endswith("_ms") or name in DURATIONS:
        return name, plain(value)
    return name.removesuffix("_ms"), None if value is None else rfc3339(value)
