"""Values against the keys they claim to be: every fault, in words for people.

``msgspec`` would stop at the first fault and not say what is allowed. So the types
of ``sections`` are walked here, and are converted only when nothing was found.
"""

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import inspect

from kanband.config.lines import KeyPath

SHOWN_CHARS_MAX: Final = 60


class Fault(NamedTuple):
    """What is wrong with one value."""

    path: KeyPath
    text: str


def faults(value: object, kind: type) -> Iterator[Fault]:
    """Everything in ``value`` (as TOML or JSON has it) that is not a ``kind``."""
    return _walk(value, inspect.type_info(kind), ())


def _walk(value: object, kind: inspect.Type, path: KeyPath) -> Iterator[Fault]:
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            yield from _struct(value, kind, path)
        case inspect.DictType() if isinstance(value, dict):
            for name, item in value.items():
                yield from _walk(name, kind.key_type, (*path, name))
                yield from _walk(item, kind.value_type, (*path, name))
        case inspect.VarTupleType() if isinstance(value, list):
            for item in value:
                yield from _walk(item, kind.item_type, path)
        case _:
            if not _fits(value, kind):
                yield Fault(path, f"is {_shown(value)}; allowed: {allowed(kind)}")


def _struct(
    value: dict[str, object], kind: inspect.StructType, path: KeyPath
) -> Iterator[Fault]:
    fields = {field.name: field.type for field in kind.fields}
    for name, item in value.items():
        if name in fields:
            yield from _walk(item, fields[name], (*path, name))
        else:
            yield Fault((*path, name), f"is not known{one_of(name, fields)}")


def _fits(value: object, kind: inspect.Type) -> bool:  # noqa: PLR0911 - a table
    match kind:
        case inspect.UnionType():
            return any(_fits(value, each) for each in kind.types)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return _is_number(value, int) and _within(value, kind)
        case inspect.FloatType():
            return _is_number(value, (int, float)) and _within(value, kind)
        case inspect.StrType():
            return isinstance(value, str) and _is_text(value, kind)
        case inspect.LiteralType():
            return value in kind.values
        case _:
            return False


def _is_number(value: object, kinds: type | tuple[type, ...]) -> bool:
    # True is an int to Python, and not to anybody who writes a configuration.
    return isinstance(value, kinds) and not isinstance(value, bool)


def _within(value: object, kind: inspect.IntType | inspect.FloatType) -> bool:
    assert isinstance(value, int | float)
    low = -math.inf if kind.ge is None else kind.ge
    high = math.inf if kind.le is None else kind.le
    return math.isfinite(value) and low <= value <= high


def _is_text(value: str, kind: inspect.StrType) -> bool:
    if "\0" in value or len(value) < (kind.min_length or 0):
        return False
    pattern = kind.pattern
    return pattern is None or re.fullmatch(pattern.strip("^$"), value) is not None


def allowed(kind: inspect.Type) -> str:  # noqa: PLR0911 - a table
    """What a value may be, in words."""
    match kind:
        case inspect.UnionType():
            return " or ".join(
                allowed(each)
                for each in kind.types
                if not isinstance(each, inspect.NoneType)
            )
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_range(kind)}"
        case inspect.FloatType():
            return f"a number{_range(kind)}"
        case inspect.StrType(pattern=str() as pattern):
            return f"a string that matches {pattern.strip('^$')}"
        case inspect.StrType():
            return "a string that is not empty" if kind.min_length else "a string"
        case inspect.LiteralType():
            return ", ".join(f'"{each}"' for each in kind.values)
        case inspect.VarTupleType():
            return f"a list, each {allowed(kind.item_type)}"
        case _:
            return "a table"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is None or kind.le is None:
        return ""
    return f" from {_plain(kind.ge)} to {_plain(kind.le)}"


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def one_of(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest one, and all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    meant = f", did you mean {near[0]}?" if near else ""
    return f"{meant}; allowed: {', '.join(names)}"


def _shown(value: object) -> str:
    match value:
        case bool():
            text = str(value).lower()
        case str():
            text = f'"{value}"'
        case dict():
            text = "a table"
        case _:
            text = repr(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"
