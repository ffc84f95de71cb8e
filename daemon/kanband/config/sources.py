"""Where values come from: the file, the environment, the flags.

Each source is a ``Layer``: values shaped like the file, and the place of each for a
refusal. The names that older documents gave to four settings are kept
(``WORKER_MODE``, ``QUEUE_CONCURRENCY``, ``WORKER_COUNT``, ``DB_PATH``); every other
one is ``KANBAN_<SECTION>_<KEY>``. An unknown key of a known section is refused; other
``KANBAN_`` names are somebody else's (a client's, an agent's).
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

from kanband.config.check import one_of
from kanband.config.lines import KeyPath, key_lines, line_of
from kanband.config.sections import Section, Settings
from kanband.errors import ConfigError

FILE_BYTES_MAX: Final = 1 << 20
"""A configuration is kilobytes; what is larger is some other file."""

TOP_LEVEL_NAMES: Final = {
    "WORKER_MODE": "mode",
    "QUEUE_CONCURRENCY": "slots",
    "WORKER_COUNT": "worker_count",
    "DB_PATH": "db_path",
    "KANBAN_DEFAULT_AGENT": "default_agent",
}
_PREFIX: Final = "KANBAN_"
_WHOLE: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?", re.ASCII)


class Layer(NamedTuple):
    """One source of values."""

    values: dict[str, object]
    place: Callable[[KeyPath], str]
    """Where a key's value stands and what it is called there."""


def file_layer(path: Path) -> Layer:
    """kanban.toml. Raises ``ConfigError`` when it cannot be read."""
    text = _read(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply to be meant") from error
    lines = key_lines(text)

    def place(key: KeyPath) -> str:
        line = line_of(lines, key)
        where = f"{path}, line {line}" if line else str(path)
        return f"{where}: {'.'.join(key)}"

    return Layer(values, place)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(
            f"the configuration {path} cannot be read: {error.strerror}; "
            "name another with --config",
        ) from error
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(f"{path} has more than {FILE_BYTES_MAX} bytes")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: is not UTF-8") from error


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """What the environment sets. Raises ``ConfigError`` for names it cannot mean."""
    keys = environment_names()
    unknown = [name for name in sorted(environ) if _is_ours(name) and name not in keys]
    if unknown:
        raise ConfigError("\n".join(_unknown_name(name, keys) for name in unknown))
    values: dict[str, object] = {}
    for name, (path, kind) in keys.items():
        if name in environ:
            table = values if len(path) == 1 else values.setdefault(path[0], {})
            assert isinstance(table, dict)
            table[path[-1]] = _read_as(environ[name], kind)
    called = {path: name for name, (path, _) in keys.items()}
    return Layer(values, lambda key: f"{called.get(key, key)} in the environment")


def environment_names() -> dict[str, tuple[KeyPath, inspect.Type]]:
    """Every name the environment may set: the key it sets, and that key's type."""
    tables = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    types = {field.name: field.type for field in _fields(Settings)}
    names: dict[str, tuple[KeyPath, inspect.Type]] = {
        name: ((key,), types[key]) for name, key in TOP_LEVEL_NAMES.items()
    }
    for section, kind in tables.items():
        if isinstance(kind, type) and issubclass(kind, Section):
            for field in _fields(kind):
                name = f"{_PREFIX}{section}_{field.name}".upper()
                names[name] = ((section, field.name), field.type)
    return names


def _fields(kind: type) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info.fields


def _is_ours(name: str) -> bool:
    """Whether nobody else can have meant this name."""
    sections = {path[0] for path, _ in environment_names().values() if len(path) > 1}
    known = [f"{_PREFIX}{section}_".upper() for section in (*sections, "agents")]
    renamed = [f"{_PREFIX}{key}".upper() for key in TOP_LEVEL_NAMES.values()]
    return name in renamed or name.startswith(tuple(known))


def _unknown_name(name: str, keys: Mapping[str, object]) -> str:
    key = name.removeprefix(_PREFIX).lower()
    for right, meant in TOP_LEVEL_NAMES.items():
        if key == meant:
            return f"{name} in the environment is called {right}"
    if key.startswith("agents_"):
        return (
            f"{name} in the environment is not known: profiles are set in the file, "
            "as [agents.NAME]"
        )
    section = key.split("_")[0]
    near = [known for known in keys if known.startswith(f"{_PREFIX}{section}_".upper())]
    return f"{name} in the environment is not known{one_of(name, near)}"


def _read_as(text: str, kind: inspect.Type) -> object:
    """The text as its key's type; what does not read as one is left to the check."""
    match kind:
        case inspect.UnionType():  # with None: it is not set
            of_value = (t for t in kind.types if not isinstance(t, inspect.NoneType))
            return _read_as(text, next(of_value))
        case inspect.IntType() if _WHOLE.fullmatch(text.strip()):
            return int(text)
        case inspect.FloatType() if _DECIMAL.fullmatch(text.strip()):
            return float(text)
        case _:
            return text


def flag_layer(flags: Mapping[str, tuple[str, object]]) -> Layer:
    """``flags``: key to (the flag's name, its value), only those that were given."""
    values = {key: value for key, (_, value) in flags.items()}
    return Layer(values, lambda key: flags[key[0]][0])
