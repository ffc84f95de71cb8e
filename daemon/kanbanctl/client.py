"""One conversation with the daemon: calls, answers, streams, and their deadlines.

A plain blocking socket; no call waits longer than it was told to. What comes back is
the method's struct, or a ``Failure`` that says in plain words what happened.
"""

import os
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

import msgspec

from kanban_ipc import varlink
from kanban_ipc.bounds import SOCKET_PATH_BYTES_MAX
from kanban_ipc.control.base import INTERFACE, Call, Method, Reply
from kanban_ipc.errors import PeerError
from kanbanctl import places
from kanbanctl.failures import BadInput, Failure, NoAnswer, NobodyListens, TimedOut
from kanbanctl.refusals import garbage, refusal

CONNECT_TIMEOUT_S: Final = 10.0
"""A listener that does not even accept is stuck, however patient the call is."""
REPLY_BYTES_MAX: Final = 256 << 20
"""A page of 1,000 tickets with the longest texts would be twice as long; real ones are
a thousandth of it. It only keeps a mad peer from filling our memory."""
READ_BYTES: Final = 256 << 10

R = TypeVar("R", bound=Reply)


class Deadline(NamedTuple):
    """When a wait ends, on the monotonic clock; ``None`` is never."""

    at: float | None
    timeout_s: float | None
    patient: bool = False

    @classmethod
    def after(cls, timeout_s: float | None, *, patient: bool = False) -> "Deadline":
        """From now. ``patient``: the answer comes when the work is done."""
        at = None if timeout_s is None else time.monotonic() + timeout_s
        return cls(at, timeout_s, patient)

    def remaining_s(self) -> float | None:
        """What remains. Raises ``TimedOut`` when nothing does."""
        if self.at is None:
            return None
        if (remaining := self.at - time.monotonic()) > 0:
            return remaining
        if self.patient:
            raise TimedOut(
                f"not done within {self.timeout_s:g} s. kanband goes on with it; only "
                "the waiting is over: look with 'kanbanctl status', or give a longer "
                "--timeout.",
            )
        raise TimedOut(
            f"no answer from kanband within {self.timeout_s:g} s. It may go on with "
            "it: look with 'kanbanctl status', or be more patient with --timeout.",
        )


class Client:
    """A connection to the daemon, made at the first call."""

    def __init__(
        self,
        find: Callable[[], places.Place],
        timeout_s: float | None,
        *,
        patient: bool = False,
        interface: str = INTERFACE,
        methods: Mapping[str, Method] | None = None,
    ) -> None:
        """``find`` names the socket; ``timeout_s`` bounds each call, ``None`` none.

        ``patient``: answers come when the work is done, and say so when it is not.
        ``methods``: of another ``interface``; without, each call's topic knows its own.
        """
        self._find = find
        self._timeout_s = timeout_s
        self._patient = patient
        self._interface = interface
        self._methods = methods
        self._socket: socket.socket | None = None
        self._splitter = varlink.Splitter(REPLY_BYTES_MAX)
        self._messages: deque[bytes] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; what was called and not answered is called off."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def call(self, method: str, parameters: Call, reply: type[R]) -> R:
        """One call and its answer."""
        declared = self._declared(method, parameters)
        assert declared[:2] == (type(parameters), reply), method
        deadline = Deadline.after(self._timeout_s, patient=self._patient)
        self._send(_request(f"{self._interface}.{method}", parameters), deadline)
        return self._answer(deadline, reply)[0]

    def stream(
        self,
        method: str,
        parameters: Call,
        reply: type[R],
        *,
        follow: bool = False,
    ) -> Iterator[R]:
        """A call whose answer comes in pieces; with ``follow`` they may be far apart.

        Ends with the daemon's last piece; raises ``NoAnswer`` when it hangs up before.
        """
        declared = self._declared(method, parameters)
        assert declared == (type(parameters), reply, True), method
        deadline = Deadline.after(self._timeout_s)
        self._send(
            _request(f"{self._interface}.{method}", parameters, more=True), deadline
        )
        continues = True
        while continues:
            # Each piece has the whole time: a long log is not a slow daemon.
            deadline = Deadline.after(None if follow else self._timeout_s)
            piece, continues = self._answer(deadline, reply)
            yield piece

    def _declared(self, method: str, parameters: Call) -> Method:
        """From the call's own topic: the table of all would load every other one."""
        topic = sys.modules[type(parameters).__module__]
        methods: Mapping[str, Method] = self._methods or topic.PART
        return methods[method]

    def _send(self, message: bytes, deadline: Deadline) -> None:
        if self._socket is None:
            self._socket = connect(self._find(), deadline)
        self._socket.settimeout(deadline.remaining_s())
        try:
            # SIGPIPE is for our standard output only.
            self._socket.sendall(message, socket.MSG_NOSIGNAL)
        except TimeoutError:
            deadline.remaining_s()
            raise
        except (BrokenPipeError, ConnectionResetError):
            # It hung up, and may have said why: that is read next.
            return

    def _answer(self, deadline: Deadline, reply: type[R]) -> tuple[R, bool]:
        """An answer, and whether more follow."""
        message = self._receive(deadline)
        try:
            response = varlink.parse_response(message)
            if response.error is None:
                answer = msgspec.json.decode(response.parameters, type=reply)
                return answer, response.continues
        except (PeerError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise garbage(str(error)) from error
        raise refusal(response.error, response.parameters)

    def _receive(self, deadline: Deadline) -> bytes:
        assert self._socket is not None
        while not self._messages:
            self._socket.settimeout(deadline.remaining_s())
            try:
                data = self._socket.recv(READ_BYTES)
            except TimeoutError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                raise NoAnswer(
                    "kanband hung up without an answer; it was stopped, or it crashed. "
                    "Look with 'kanbanctl status' and in its log.",
                    kind="HungUp",
                )
            try:
                self._messages.extend(self._splitter.feed(data))
            except PeerError as error:
                raise garbage(str(error)) from error
        return self._messages.popleft()


def connect(place: places.Place, deadline: Deadline) -> socket.socket:
    """A connection to the socket. Raises ``NobodyListens`` or ``NoAnswer``."""
    patience_s = deadline.remaining_s()
    if patience_s is None or patience_s > CONNECT_TIMEOUT_S:
        patience_s = CONNECT_TIMEOUT_S
    if len(os.fsencode(place.path)) > SOCKET_PATH_BYTES_MAX:
        raise NobodyListens(places.explain(place, OSError()))
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    _wait_in_the_queue_for(connection, patience_s)
    try:
        connection.connect(place.path)
    except OSError as error:
        connection.close()
        raise _unreachable(place, error) from error
    # It is for sending too, which has a deadline of its own, or none.
    _kernel_timeout(connection, 0)
    return connection


def _wait_in_the_queue_for(connection: socket.socket, patience_s: float) -> None:
    """The kernel's own timeout (unix(7)): with Python's, which makes the socket
    non-blocking, a full queue of callers is an error at once instead of a wait."""
    _kernel_timeout(connection, max(1, round(patience_s * 1_000_000)))


def _kernel_timeout(connection: socket.socket, timeout_us: int) -> None:
    """0 is none."""
    timeout = struct.pack("@ll", *divmod(timeout_us, 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)


def _unreachable(place: places.Place, error: OSError) -> Failure:
    if isinstance(error, (TimeoutError, BlockingIOError)):
        return TimedOut(
            f"kanband at {place.path} does not take the call: it is stuck, or busy "
            "with too many clients. Look in its log.",
        )
    if isinstance(error, PermissionError):
        return NoAnswer(places.explain(place, error), kind="NotPermitted")
    return NobodyListens(places.explain(place, error))


def _request(method: str, parameters: Call, *, more: bool = False) -> bytes:
    """``method`` is fully qualified. Raises ``BadInput``."""
    try:
        return varlink.request(method, parameters, more=more)
    except UnicodeEncodeError as error:
        raise BadInput(
            f"{error.object!r:.60} is not valid UTF-8; nothing was sent."
        ) from error
