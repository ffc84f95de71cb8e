"""What every topic of the interface is made of."""

from typing import Final, NamedTuple

import msgspec

INTERFACE: Final = "io.kanban"


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a method's parameters."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a method's reply."""


class TextReply(Reply, frozen=True, kw_only=True):
    text: str


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what replies are made of."""


class Method(NamedTuple):
    """One method of the interface."""

    call: type[Call]
    reply: type[Reply]
    streams: bool = False
    """May be called with ``more``."""
