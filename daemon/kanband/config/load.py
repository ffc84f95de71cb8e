"""kanban.toml < environment < flags → ``Config``, or every reason why not."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kanband.config import places
from kanband.config.check import faults
from kanband.config.lines import KeyPath
from kanband.config.profiles import BUILT_IN, profile_faults
from kanband.config.sections import (
    GC_INTERVAL_S_MIN,
    AgentConfig,
    AgentTable,
    Config,
    KanbanToml,
    Profile,
    Settings,
)
from kanband.config.sources import Layer, environment_layer, file_layer, flag_layer
from kanband.errors import ConfigError


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """The command line, as it was given; None: not given."""

    config: str | None = None
    state_dir: str | None = None
    runtime_dir: str | None = None
    mode: str | None = None
    workers: int | None = None


def load(flags: Flags, environ: Mapping[str, str]) -> Config:
    """Read and check everything; nothing is made or written.

    Raises ``ConfigError`` with one line for each fault: file and line (or variable,
    or flag), key, what is wrong, what is allowed.
    """
    path = places.config_file(flags.config, environ)
    layers = _layers(flags, environ, None if path is None else file_layer(path))
    _refuse(
        f"{layer.place(fault.path)} {fault.text}"
        for layer in layers
        for fault in faults(layer.values, KanbanToml)
    )
    settings = msgspec.convert(_merged(layers), KanbanToml)
    _refuse(f"{_place(layers, key)} {text}" for key, text in _contradictions(settings))
    state = places.state_dir(flags.state_dir, environ)
    return Config(
        **{name: getattr(settings, name) for name in Settings.__struct_fields__},
        agents=BUILT_IN | {n: _profile(a) for n, a in settings.agents.items()},
        configured=frozenset(settings.agents),
        defined_at={
            name: _place(layers, ("agents", name)).removesuffix(f": agents.{name}")
            for name in settings.agents
        },
        state_dir=state,
        runtime_dir=places.runtime_dir(flags.runtime_dir, environ, state),
        config_file=path,
        units=places.units(environ),
    )


def places_of(flags: Flags, environ: Mapping[str, str]) -> Config:
    """The defaults, at the places that flags and environment name: for whoever must go
    on although the file has a fault. Raises ``ConfigError`` for places that cannot be.
    """
    state = places.state_dir(flags.state_dir, environ)
    return Config(
        agents=BUILT_IN,
        state_dir=state,
        runtime_dir=places.runtime_dir(flags.runtime_dir, environ, state),
        units=places.units(environ),
    )


def _layers(
    flags: Flags, environ: Mapping[str, str], file: Layer | None
) -> list[Layer]:
    given = {
        key: (flag, value)
        for key, flag, value in (
            ("mode", "--mode", flags.mode),
            ("worker_count", "--workers", flags.workers),
        )
        if value is not None
    }
    layers = [environment_layer(environ), flag_layer(given)]
    return layers if file is None else [file, *layers]


def _refuse(complaints: Iterable[str]) -> None:
    if lines := list(complaints):
        raise ConfigError("\n".join(lines))


def _merged(layers: list[Layer]) -> dict[str, object]:
    """Later layers win, key by key."""
    merged: dict[str, object] = {}
    for layer in layers:
        for name, value in layer.values.items():
            below = merged.get(name)
            if isinstance(below, dict) and isinstance(value, dict):
                merged[name] = below | value
            else:
                merged[name] = value
    return merged


def _place(layers: list[Layer], key: KeyPath) -> str:
    """Where the value that counts stands; a default stands nowhere."""
    for layer in reversed(layers):
        value: object = layer.values
        for name in key:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return layer.place(key)
    return ".".join(key)


def _contradictions(settings: KanbanToml) -> Iterator[tuple[KeyPath, str]]:
    """Values that are each allowed, and not together."""
    lease, workers = settings.lease, settings.workers
    if not lease.warn_beats < lease.stale_beats < lease.dead_beats:
        text = (
            f"is {lease.stale_beats}; allowed: between warn_beats "
            f"({lease.warn_beats}) and dead_beats ({lease.dead_beats})"
        )
        yield ("lease", "stale_beats"), text
    if workers.backoff_initial_s > workers.backoff_max_s:
        text = (
            f"is {workers.backoff_initial_s:g}; allowed: at most backoff_max_s "
            f"({workers.backoff_max_s:g})"
        )
        yield ("workers", "backoff_initial_s"), text
    if 0 < settings.gc.every_s < GC_INTERVAL_S_MIN:
        text = (
            f"is {settings.gc.every_s:g}; allowed: 0 (never by itself), or at least "
            f"{GC_INTERVAL_S_MIN:g}"
        )
        yield ("gc", "every_s"), text
    names = [*settings.agents, *(n for n in BUILT_IN if n not in settings.agents)]
    if settings.default_agent and settings.default_agent not in names:
        text = (
            f'is "{settings.default_agent}", which is not a profile; '
            f"allowed: {', '.join(names)}"
        )
        yield ("default_agent",), text
    for name, table in settings.agents.items():
        for key, text in profile_faults(name, table):
            yield ("agents", name, *key), text


def _profile(table: AgentTable) -> AgentConfig:
    return AgentConfig(
        **{name: getattr(table, name) for name in Profile.__struct_fields__},
        kind=table.kind,
        callable=table.callable,
    )
