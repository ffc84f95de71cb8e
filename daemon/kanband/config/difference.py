"""What another configuration changes, and what of it a running daemon can take over.

Decided here: which keys hold until the daemon is started anew (where the store is, how
the daemon works, and the beat that workers were told at their hello), and when each of
the others counts. A variable's value in a profile's ``env`` may be a secret: only
names are told.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from kanban_ipc.words import Applies
from kanband.config.lines import KeyPath
from kanband.config.printed import shown
from kanband.config.sections import AgentConfig, Config, Section, Settings

_APPLIES: Final[dict[KeyPath, Applies]] = {
    ("mode",): "restart",
    ("db_path",): "restart",
    ("lease", "heartbeat_s"): "restart",
    ("slots",): "next_start",
    ("limits",): "next_run",
    ("agents",): "next_run",
}
"""By the longest beginning of a key; every other one counts now."""
_VARIABLES: Final = "env"


class Change(NamedTuple):
    """One key. ``None``: it was not there, or is not any more."""

    key: KeyPath
    before: str | None
    after: str | None

    @property
    def applies(self) -> Applies:
        """From when on: at once, for runs or workers begun later, or after a restart
        of the daemon.
        """
        for length in range(len(self.key), 0, -1):
            if (when := _APPLIES.get(self.key[:length])) is not None:
                return when
        return "now"


def difference(before: Config, after: Config) -> list[Change]:
    """Every key that differs, in the order of the file."""
    found = list(_of_settings(before, after))
    for name in sorted(before.configured | after.configured):
        found += _of_agent(name, _configured(before, name), _configured(after, name))
    return found


def take_over(before: Config, after: Config) -> Config:
    """``after``, but for what only a restart can change."""
    return replace(
        after,
        mode=before.mode,
        db_path=before.db_path,
        lease=replace(after.lease, heartbeat_s=before.lease.heartbeat_s),
        state_dir=before.state_dir,
        runtime_dir=before.runtime_dir,
        units=before.units,
    )


def _of_settings(before: Config, after: Config) -> Iterator[Change]:
    for name in Settings.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, Section):
            yield from _of_section((name,), old, new)
        elif old != new:
            yield Change((name,), shown(old), shown(new))


def _of_agent(
    name: str, before: AgentConfig | None, after: AgentConfig | None
) -> Iterator[Change]:
    key = ("agents", name)
    if before is not None and after is not None:
        yield from _of_section(key, before, after)
    elif before is not None or after is not None:
        yield Change(key, _summary(before), _summary(after))


def _of_section(key: KeyPath, before: Section, after: Section) -> Iterator[Change]:
    for field in msgspec.structs.fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            yield Change(
                (*key, field.name), _value(field.name, old), _value(field.name, new)
            )


def _value(name: str, value: object) -> str | None:
    if value is None:
        return None
    if name == _VARIABLES and isinstance(value, dict):
        return f"{{ {', '.join(f'{each} = …' for each in value)} }}" if value else "{}"
    return shown(value)


def _summary(agent: AgentConfig | None) -> str | None:
    return None if agent is None else f"kind = {shown(agent.kind)}"


def _configured(config: Config, name: str) -> AgentConfig | None:
    return config.agents[name] if name in config.configured else None
