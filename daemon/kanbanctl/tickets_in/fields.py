"""One ticket out of named values, whoever wrote them.

The names are those of ``add``'s options and of ``NewTicket``'s fields; both are
understood everywhere. Values may be text, as CSV and Markdown have them, or typed, as
JSON has them. Whether a ticket makes sense (does its repository exist?) is the
daemon's to say; here it only has to be well-formed and within bounds.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from kanban_ipc.control.tickets import NewTicket
from kanban_ipc.words import PRIORITIES
from kanbanctl import times
from kanbanctl.paths import NoSuchUser, absolute
from kanbanctl.tickets_in.limits import Malformed, check

ALIASES: Final[Mapping[str, str]] = {
    "description": "description_md",
    "repo": "repo_path",
    "base": "base_branch",
    "label": "labels",
    "type": "task_type",
    "depends": "depends_on",
    "at": "scheduled_at_ms",
    "scheduled_at": "scheduled_at_ms",
    "time_limit": "timeout_s",
    "timeout": "timeout_s",
    "estimate": "estimated_duration_s",
    "retries": "max_retries",
}
STATE: Final = "state"
"""A column of what ``export`` writes; it says of a ticket only whether it is done."""
FIELDS: Final = frozenset(NewTicket.__struct_fields__)
_SEPARATORS: Final = re.compile(r"[,;\s]+")
_LABEL_SEPARATORS: Final = re.compile(r"\s*[,;]\s*")
DIGITS_MAX: Final = 18
_NUMBER: Final = re.compile(r"#?([0-9]{1,18})")


class Surroundings(NamedTuple):
    """What an item's values depend on besides themselves."""

    base_dir: str
    """Where a relative repository path begins; absolute."""
    now_ms: int
    defaults: Mapping[str, Any] = {}
    """For what an item does not say; labels are added to its own."""


def ticket(values: Mapping[str, Any], around: Surroundings) -> NewTicket:
    """The ticket. Raises ``Malformed``."""
    fields = _named(values)
    defaults = _named(around.defaults)
    if {"priority", "priority_number"} & fields.keys():
        defaults.pop("priority", None)
    labels = [
        *_labels(fields.pop("labels", [])),
        *_labels(defaults.pop("labels", [])),
    ]
    merged = {**defaults, **fields}
    if labels:
        merged["labels"] = list(dict.fromkeys(labels))
    for name, convert in CONVERTERS.items():
        if name in merged:
            convert(merged, around)
    try:
        made = msgspec.convert(merged, NewTicket)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise Malformed(str(error).replace("`", "'")) from error
    check(made)
    return made


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values under their fields' names, without the absent ones."""
    named: dict[str, Any] = {}
    for given, value in values.items():
        name = ALIASES.get(given, given)
        if name not in FIELDS:
            raise Malformed(
                f"there is no field {given!r:.60}; there are title, description, "
                "instructions, repo, agent, priority, labels, depends, key, at, "
                "time_limit and those of 'kanbanctl add'",
            )
        if value is None:
            continue
        if name in named:
            raise Malformed(f"{given!r} says again what another field has said")
        named[name] = value
    return named


# -------------------------------------------------------------- values, by their field


def _listed(value: Any) -> Any:
    """A list in JSON where a cell can hold only text; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return msgspec.json.decode(value, type=list[str])
        except msgspec.DecodeError:
            return value
    return value


def _labels(value: Any) -> list[str]:
    value = _listed(value)
    if isinstance(value, str):
        return [label for label in _LABEL_SEPARATORS.split(value.strip()) if label]
    if not isinstance(value, (list, tuple)):
        raise Malformed("labels are a list")
    if not all(isinstance(label, str) for label in value):
        raise Malformed("labels are texts")
    return list(value)


def _repo_path(fields: dict[str, Any], around: Surroundings) -> None:
    path = fields["repo_path"]
    if not isinstance(path, str):
        return
    if "\0" in path:
        raise Malformed("the repository's path contains a NUL")
    try:
        fields["repo_path"] = absolute(path, around.base_dir)
    except NoSuchUser as error:
        raise Malformed(f"the repository's path: {error}") from error


def _priority(fields: dict[str, Any], _around: Surroundings) -> None:
    value = fields["priority"]
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value[:DIGITS_MAX])
    if isinstance(value, int) and not isinstance(value, bool):
        del fields["priority"]
        fields["priority_number"] = value
    elif isinstance(value, str) and value.strip().lower() in PRIORITIES:
        fields["priority"] = value.strip().lower()
    else:
        raise Malformed(
            f"priority {value!r:.40} is none: {', '.join(PRIORITIES)}, or 1 to 10",
        )


def _depends(fields: dict[str, Any], _around: Surroundings) -> None:
    value = fields.pop("depends_on")
    if isinstance(value, str):
        value = [part for part in _SEPARATORS.split(value) if part]
    elif isinstance(value, int) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise Malformed("depends is a list of ticket numbers and keys")
    ids: list[Any] = []
    keys: list[Any] = []
    for one in value:
        if isinstance(one, str) and not _NUMBER.fullmatch(one):
            keys.append(one)
        else:
            ids.append(int(one.lstrip("#")) if isinstance(one, str) else one)
    fields["depends_on"] = ids
    if keys:
        fields["depends_on_keys"] = [*_keys(fields.get("depends_on_keys", [])), *keys]


def _depends_keys(fields: dict[str, Any], _around: Surroundings) -> None:
    fields["depends_on_keys"] = _keys(fields["depends_on_keys"])


def _keys(value: Any) -> list[Any]:
    value = _listed(value)
    if isinstance(value, str):
        return [part for part in _SEPARATORS.split(value) if part]
    if isinstance(value, (list, tuple)):
        return list(value)
    raise Malformed("depends_on_keys is a list of keys")


def _scheduled(fields: dict[str, Any], around: Surroundings) -> None:
    value = fields["scheduled_at_ms"]
    if isinstance(value, str):
        try:
            fields["scheduled_at_ms"] = times.parse_time(value, around.now_ms)
        except ValueError as error:
            raise Malformed(str(error)) from error


def _seconds(name: str) -> "Converter":
    def convert(fields: dict[str, Any], _around: Surroundings) -> None:
        if isinstance(fields[name], str):
            try:
                fields[name] = times.parse_duration(fields[name])
            except ValueError as error:
                raise Malformed(str(error)) from error

    return convert


def _integer(name: str) -> "Converter":
    def convert(fields: dict[str, Any], _around: Surroundings) -> None:
        if isinstance(fields[name], str):
            if not _NUMBER.fullmatch(fields[name].strip()):
                raise Malformed(f"{name} {fields[name]!r:.40} is not a whole number")
            fields[name] = int(fields[name])

    return convert


Converter = Callable[[dict[str, Any], Surroundings], None]
CONVERTERS: Final[Mapping[str, Converter]] = {
    "repo_path": _repo_path,
    "priority": _priority,
    "priority_number": _integer("priority_number"),
    "depends_on": _depends,
    "depends_on_keys": _depends_keys,
    "scheduled_at_ms": _scheduled,
    "timeout_s": _seconds("timeout_s"),
    "estimated_duration_s": _seconds("estimated_duration_s"),
    "max_retries": _integer("max_retries"),
}
