"""Varlink: messages to bytes and back, and cutting a byte stream into messages.

Source: the protocol's page (varlink.org, "Protocol"). A message is one JSON object
and a NUL. A call is ``{method, parameters, more, oneway}``; a reply
``{parameters, continues, error}``. Pure: no socket is known here.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from kanban_ipc.errors import PeerError

SERVICE: Final = "org.varlink.service"
NUL: Final = b"\0"

_ENCODER: Final = msgspec.json.Encoder()


class Request(msgspec.Struct, frozen=True):
    """A call as it came in; its parameters are decoded by the method's struct."""

    method: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    more: bool = False
    oneway: bool = False
    upgrade: bool = False

    @property
    def interface(self) -> str:
        """The part before the last dot."""
        return self.method.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The part after the last dot."""
        return self.method.rpartition(".")[2]


class Response(msgspec.Struct, frozen=True):
    """A reply as it came in."""

    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    continues: bool = False
    error: str | None = None


_REQUEST: Final = msgspec.json.Decoder(Request)
_RESPONSE: Final = msgspec.json.Decoder(Response)


def request(
    method: str,
    parameters: msgspec.Struct | None = None,
    *,
    more: bool = False,
    oneway: bool = False,
) -> bytes:
    """A call, with its NUL. ``method`` is fully qualified."""
    body: dict[str, object] = {"method": method}
    if parameters is not None:
        body["parameters"] = parameters
    if more:
        body["more"] = True
    if oneway:
        body["oneway"] = True
    return _ENCODER.encode(body) + NUL


def reply(parameters: msgspec.Struct | None, *, continues: bool = False) -> bytes:
    """A reply, with its NUL; with ``continues`` more of them follow."""
    body: dict[str, object] = {"parameters": {} if parameters is None else parameters}
    if continues:
        body["continues"] = True
    return _ENCODER.encode(body) + NUL


def error(
    name: str, parameters: msgspec.Struct | dict[str, str] | None = None
) -> bytes:
    """An error reply, with its NUL. ``name`` is fully qualified."""
    body = {"error": name, "parameters": {} if parameters is None else parameters}
    return _ENCODER.encode(body) + NUL


def parse_request(message: bytes) -> Request:
    """One message without its NUL. Raises ``PeerError``."""
    try:
        parsed = _REQUEST.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise PeerError(f"not a Varlink call: {failure}") from failure
    if "." not in parsed.method:
        raise PeerError(
            f"the method {parsed.method!r:.80} has no interface; write it as "
            "'io.kanban.Status'",
        )
    return parsed


def parse_response(message: bytes) -> Response:
    """One message without its NUL. Raises ``PeerError``."""
    try:
        return _RESPONSE.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise PeerError(f"not a Varlink reply: {failure}") from failure


class Splitter:
    """Cuts a stream into messages; holds at most ``bytes_max`` of an unfinished one."""

    def __init__(self, bytes_max: int) -> None:
        """``bytes_max``: the longest message, without its NUL."""
        self._bytes_max = bytes_max
        self._pending = bytearray()

    @property
    def has_partial(self) -> bool:
        """Whether a message was begun and not ended."""
        return bool(self._pending)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Whole messages, in order. Raises ``PeerError`` when one is too long."""
        searched = len(self._pending)
        self._pending += data
        while (end := self._pending.find(NUL, searched)) >= 0:
            self._check(end)
            message = bytes(self._pending[:end])
            del self._pending[: end + 1]
            searched = 0
            yield message
        self._check(len(self._pending))

    def _check(self, length: int) -> None:
        if length > self._bytes_max:
            self._pending.clear()
            raise PeerError(
                f"a message of more than {self._bytes_max} bytes; "
                "send it in smaller calls",
            )


class ServiceInfo(msgspec.Struct, frozen=True):
    """Reply of ``org.varlink.service.GetInfo``."""

    vendor: str
    product: str
    version: str
    url: str
    interfaces: list[str]


class InterfaceDescription(msgspec.Struct, frozen=True):
    """Reply of ``org.varlink.service.GetInterfaceDescription``."""

    description: str


class DescriptionWanted(msgspec.Struct, frozen=True):
    """Parameters of ``org.varlink.service.GetInterfaceDescription``."""

    interface: str


SERVICE_DESCRIPTION: Final = """\
# What every Varlink service answers about itself.
interface org.varlink.service

method GetInfo() -> (
  vendor: string, product: string, version: string, url: string,
  interfaces: []string
)

method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
"""
