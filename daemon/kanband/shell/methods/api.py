"""An interface that a socket serves: its methods, and who answers them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from kanban_ipc.control import Method, Reply
from kanband.shell.methods.answers import End
from kanband.shell.ports import Daemon

# The call's type differs from method to method; ``methods`` says which it is.
Once: TypeAlias = Callable[[Daemon, Any], Awaitable[Reply]]
Stream: TypeAlias = Callable[[Daemon, Any], AsyncGenerator[Reply | End, None]]


class Api(NamedTuple):
    """See the module."""

    interface: str
    methods: Mapping[str, Method]
    once: Mapping[str, Once]
    streams: Mapping[str, Stream]
    waiting: frozenset[str]
    """They change nothing and may wait for ever: they end with their client."""
    request_bytes_max: int
