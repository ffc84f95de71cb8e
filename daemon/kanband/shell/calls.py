"""What a call on the control socket means: which method, with which arguments.

Decided here: how each way a call can end is told. A refusal is the method's own
error; a failed store is ``StoreFailed``; a bug is logged with its traceback and told
as ``Refused``, and the connection lives. The methods themselves are in ``methods``.
"""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from importlib import resources
from typing import Final, TypeAlias

import msgspec

from kanban_ipc import control, varlink
from kanban_ipc.control import Call, Data, Reply
from kanband.errors import KanbandError
from kanband.shell.connection import ClientGone
from kanband.shell.methods.answers import Declined, End
from kanband.shell.methods.api import Api
from kanband.shell.ports import Daemon
from kanband.shell.version import version
from kanband.store import errors as store

Send: TypeAlias = Callable[[bytes], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)
_WHERE: Final = re.compile(r" - at `\$\.?(?P<field>.*)`$")
_UNKNOWN: Final = re.compile(r"(?:unknown|required) field `(?P<field>[^`]*)`")


class Calls:
    """Answers calls for a daemon."""

    def __init__(self, daemon: Daemon, api: Api) -> None:
        """``daemon``: what the methods may use."""
        self._daemon = daemon
        self._api = api
        self.closed = False
        """Set when the daemon leaves: every call is answered ``ShuttingDown``."""
        description = resources.files("kanban_ipc") / f"{api.interface}.varlink"
        self._descriptions = {
            api.interface: description.read_text("utf-8"),
            varlink.SERVICE: varlink.SERVICE_DESCRIPTION,
        }

    def ends_with_client(self, request: varlink.Request) -> bool:
        """A stream, or a method that changes nothing and waits."""
        return request.name in (
            self._api.streams if request.more else self._api.waiting
        )

    async def answer(self, request: varlink.Request, send: Send) -> None:
        """Send every reply to one call."""
        try:
            if self.closed:
                await send(self.shutting_down())
            elif request.upgrade:
                await send(_invalid("upgrade"))
            elif request.interface == varlink.SERVICE:
                await send(self._service(request))
            elif request.interface == self._api.interface:
                await self._method(request, send)
            else:
                interface = {"interface": request.interface}
                await send(_service_error("InterfaceNotFound", interface))
        except Declined as declined:
            await send(self.refusal(declined.error))
        except store.StoreError as failure:
            await send(self.refusal(control.StoreFailed(message=str(failure))))
        except KanbandError as reason:
            await send(self.refusal(control.Refused(message=str(reason))))
        except ClientGone:
            raise
        except Exception as bug:  # noqa: BLE001 - one bad call ends no connection
            _LOG.exception("a bug in the method %s", request.method)
            await send(self.refusal(_apology(request, bug)))

    def refusal(self, error: Data) -> bytes:
        """One of the interface's errors."""
        return varlink.error(f"{self._api.interface}.{type(error).__name__}", error)

    def shutting_down(self) -> bytes:
        """The reply to calls of a daemon that leaves."""
        message = "kanband is leaving; call again when it is back"
        return self.refusal(control.ShuttingDown(message=message))

    async def _method(self, request: varlink.Request, send: Send) -> None:
        method = self._api.methods.get(request.name)
        if method is None:
            await send(_service_error("MethodNotFound", {"method": request.method}))
            return
        call = _decode(request.parameters, method.call)
        if not method.streams:
            await send(
                varlink.reply(await self._api.once[request.name](self._daemon, call))
            )
        elif getattr(call, "follow", False) and not request.more:
            await send(_service_error("ExpectedMore", {}))
        else:
            pieces = self._api.streams[request.name](self._daemon, call)
            async with aclosing(pieces):
                await _stream(pieces, send, more=request.more)

    def _service(self, request: varlink.Request) -> bytes:
        match request.name:
            case "GetInfo":
                info = varlink.ServiceInfo(
                    vendor="kanband",
                    product="kanband",
                    version=version(),
                    url="",
                    interfaces=[varlink.SERVICE, self._api.interface],
                )
                return varlink.reply(info)
            case "GetInterfaceDescription":
                return self._described(request)
            case _:
                return _service_error("MethodNotFound", {"method": request.method})

    def _described(self, request: varlink.Request) -> bytes:
        try:
            wanted = msgspec.json.decode(
                request.parameters, type=varlink.DescriptionWanted
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _invalid("interface")
        text = self._descriptions.get(wanted.interface)
        if text is None:
            found = {"interface": wanted.interface}
            return _service_error("InterfaceNotFound", found)
        return varlink.reply(varlink.InterfaceDescription(description=text))


async def _stream(
    pieces: AsyncIterator[Reply | End], send: Send, *, more: bool
) -> None:
    """Send pieces until the last; without ``more`` the first must be the last."""
    async for piece in pieces:
        if isinstance(piece, End):
            await send(varlink.reply(piece.reply))
            return
        if not more:
            await send(_service_error("ExpectedMore", {}))
            return
        await send(varlink.reply(piece, continues=True))
    raise AssertionError("a stream must say which piece is its last")


def _decode(parameters: msgspec.Raw, kind: type[Call]) -> Call:
    try:
        return msgspec.json.decode(parameters, type=kind)
    except msgspec.ValidationError as error:
        raise Declined(_unfit(str(error))) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Declined(
            control.InvalidArgument(field="", message=f"the call is not JSON: {error}"),
        ) from error


def _unfit(text: str) -> control.InvalidArgument:
    """Msgspec's sentence, and the field it is about."""
    where, unknown = _WHERE.search(text), _UNKNOWN.search(text)
    parts = [where["field"]] if where and where["field"] else []
    if unknown:
        parts.append(unknown["field"])
    field = ".".join(parts)
    sentence = _WHERE.sub("", text)
    return control.InvalidArgument(field=field, message=f"{field}: {sentence}")


def _service_error(name: str, parameters: dict[str, str]) -> bytes:
    return varlink.error(f"{varlink.SERVICE}.{name}", parameters)


def _invalid(parameter: str) -> bytes:
    return _service_error("InvalidParameter", {"parameter": parameter})


def _apology(request: varlink.Request, bug: Exception) -> control.Refused:
    return control.Refused(
        message=f"kanband made a mistake over {request.name} ({type(bug).__name__}); "
        "the details are in its log: kanbanctl logs daemon",
    )
