"""A configuration as TOML again, with every default: ``kanband --print-config``.

What it prints is read back to the same configuration. Places and built-in profiles
are not keys of the file, and are printed as comments.
"""

import json
from collections.abc import Iterator

import msgspec

from kanband.config.sections import Config, Section, Settings


def print_config(config: Config) -> str:
    """The whole text."""
    return "\n".join([*_places(config), "", *_settings(config), *_agents(config), ""])


def _places(config: Config) -> Iterator[str]:
    yield f"# configuration: {config.config_file or 'none, defaults only'}"
    yield f"# state directory: {config.state_dir}"
    yield f"# runtime directory: {config.runtime_dir}"
    built_in = [name for name in config.agents if name not in config.configured]
    yield f"# built-in profiles: {', '.join(built_in) or 'none, all replaced'}"


def _settings(config: Config) -> Iterator[str]:
    tables: list[tuple[str, Section]] = []
    for name in Settings.__struct_fields__:
        value = getattr(config, name)
        if isinstance(value, Section):
            tables.append((name, value))
        else:
            yield f"{name} = {shown(value)}"
    for name, table in tables:
        yield f"\n[{name}]"
        yield from _keys(table)


def _agents(config: Config) -> Iterator[str]:
    for name in sorted(config.configured):
        yield f"\n[agents.{_string(name) if '.' in name else name}]"
        yield from _keys(config.agents[name])


def _keys(table: Section) -> Iterator[str]:
    for name, value in _set(table):
        # It is not for the file.
        if name != "callable":
            yield f"{name} = {shown(value)}"


def _set(table: Section) -> Iterator[tuple[str, object]]:
    """A key that is not set has no TOML."""
    for field in msgspec.structs.fields(table):
        value = getattr(table, field.name)
        if value is not None:
            yield field.name, value


def shown(value: object) -> str:
    """A value as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case tuple():
            return f"[{', '.join(_string(each) for each in value)}]"
        case Section():
            pairs = (f"{key} = {shown(item)}" for key, item in _set(value))
            return f"{{ {text} }}" if (text := ", ".join(pairs)) else "{}"
        case dict():
            pairs = (f"{name} = {_string(each)}" for name, each in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case _:
            return _string(str(value))


def _string(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, and DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
