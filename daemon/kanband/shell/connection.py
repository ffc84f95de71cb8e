"""One client of the control socket: bytes in, calls answered in order, bytes out.

Theory. Bytes are cut into messages as fast as there is room for them: at most
``CONTROL_CALLS_QUEUED_MAX`` calls wait, then reading stops, so that a flood waits in
the client's own buffers. One task answers the calls one after the other and ends when
none is left. Writing follows the transport's flow control: a stream rests while its
client does not read, and costs one buffer; a client that leaves a reply larger than
``CONTROL_BACKLOG_BYTES_MAX`` unread for long is dropped.

A client that has gone ends what only it waited for (``Answerer.ends_with_client``);
everything else that it asked for is carried out, since it may have asked for much and
closed at once. Bytes that are no call are answered once and end the connection.

Absent: what a call means (``calls``), how many connections there may be (``control``).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Protocol

import msgspec

from kanban_ipc import bounds, varlink
from kanban_ipc.errors import PeerError
from kanband.shell.peer import has_hung_up, peer_uid

WRITE_BUFFER_BYTES: Final = 256 << 10
"""Where writing begins to wait: one chunk of a stream."""


class ClientGone(Exception):
    """Nobody is there to read an answer."""


class Patience(msgspec.Struct, frozen=True):
    """How long a client may take."""

    partial_s: float = bounds.CONTROL_IDLE_PARTIAL_S
    """From a request's first byte to its last; and for the answers to one that has
    closed its sending side."""
    unread_s: float = 10.0
    """For a reply over the bound to be read below it."""


class Answerer(Protocol):
    """Who knows what calls mean."""

    async def answer(
        self, request: varlink.Request, send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Send every reply to one call. Raises ``ClientGone`` as ``send`` does."""

    def ends_with_client(self, request: varlink.Request) -> bool:
        """Whether a call has no effect but its reply, and may take for ever."""

    def shutting_down(self) -> bytes:
        """The reply to what was asked when the daemon leaves."""


class Host(Protocol):
    """Who owns the connections."""

    answerer: Answerer
    patience: Patience
    request_bytes_max: int

    def admit(self, connection: "Connection", uid: int) -> bytes | None:
        """None, or the refusal to send before hanging up."""

    def forget(self, connection: "Connection") -> None:
        """Its client is gone; what it asked for may still be under way."""

    def ended(self, connection: "Connection") -> None:
        """Nothing is left of it."""


class Connection(asyncio.Protocol):
    """See the module."""

    def __init__(self, host: Host) -> None:
        """Not connected yet."""
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._splitter = varlink.Splitter(host.request_bytes_max)
        self._incoming: Iterator[bytes] | None = None
        self._calls: deque[varlink.Request | PeerError] = deque()
        self._current: varlink.Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._partial: asyncio.TimerHandle | None = None
        self._half_closed: asyncio.TimerHandle | None = None
        self._deaf = False
        self._lost = False
        self._ending = False

    # ------------------------------------------------------------ for the host

    @property
    def is_idle(self) -> bool:
        """Nothing is being answered, or nobody has read the answer for long."""
        return self._task is None or not self._writable.is_set()

    @property
    def descriptor(self) -> int:
        """Its number, while it is connected."""
        assert self._transport is not None
        number: int = self._transport.get_extra_info("socket").fileno()
        return number

    @property
    def is_busy(self) -> bool:
        """Something that was asked for is under way."""
        return self._task is not None

    def give_up_waiting(self) -> None:
        """End what is under way; what the store has taken is carried out anyway."""
        self._ending = True
        self._calls.clear()
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """Answer what is under way with ``ShuttingDown``, and hang up."""
        self.give_up_waiting()
        if self._task is not None:
            await asyncio.wait((self._task,))
        self._hang_up()

    def abort(self) -> None:
        """Hang up at once; what is unsent is lost."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or say why not."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        refusal = self._host.admit(self, peer_uid(transport))
        if refusal is not None:
            self._deaf = True
            transport.write(refusal)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Whatever came, in pieces of any size."""
        if self._deaf:
            return
        assert self._incoming is None, "reading goes on only when all was taken"
        self._incoming = self._splitter.feed(data)
        self._take()

    def eof_received(self) -> bool:
        """It sends nothing more. True: it may still read, so answer what it asked."""
        self._deaf = True
        self._watch_partial(begun_anew=False)
        if self._task is None or has_hung_up(self._transport):
            return False
        self._half_closed = self._after(self._host.patience.partial_s, self.abort)
        return True

    def pause_writing(self) -> None:
        """It does not read as fast as we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has read."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        del exc
        self._lost = True
        self._deaf = True
        self._watch_partial(begun_anew=False)
        if self._half_closed is not None:
            self._half_closed.cancel()
        self._writable.set()
        self._host.forget(self)
        if self._task is None or self._current is None:
            return
        if self._ends_now(self._current):
            self._task.cancel()

    # --------------------------------------------------------------- calls in

    def _take(self) -> None:
        """Cut calls out of what has come, as far as there is room."""
        whole = False
        try:
            while self._incoming is not None and self._has_room():
                message = next(self._incoming, None)
                if message is None:
                    self._incoming = None
                else:
                    whole = True
                    self._calls.append(varlink.parse_request(message))
        except PeerError as error:
            self._give_up(error)
        self._read_on(self._incoming is None and not self._deaf)
        self._watch_partial(begun_anew=whole)
        if self._calls and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    def _has_room(self) -> bool:
        return len(self._calls) < bounds.CONTROL_CALLS_QUEUED_MAX

    def _give_up(self, error: PeerError) -> None:
        """It does not speak our language: tell it so in its turn, and hang up."""
        self._incoming = None
        self._deaf = True
        self._calls.append(error)

    def _read_on(self, wanted: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _watch_partial(self, *, begun_anew: bool) -> None:
        """Hold a half-sent call to its time; ``begun_anew``: one was completed."""
        waits = self._splitter.has_partial and self._incoming is None and not self._deaf
        if self._partial is not None and (begun_anew or not waits):
            self._partial.cancel()
            self._partial = None
        if waits and self._partial is None:
            patience_s = self._host.patience.partial_s
            self._partial = self._after(patience_s, self._partial_is_late)

    def _partial_is_late(self) -> None:
        patience_s = self._host.patience.partial_s
        late = PeerError(f"a call was begun and not ended within {patience_s:g} s")
        self._give_up(late)
        self._take()

    def _after(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_s, call)

    # ------------------------------------------------------------- answers out

    async def _serve(self) -> None:
        """Answer what waits, in order, and end when nothing does."""
        try:
            while self._calls:
                call = self._calls.popleft()
                self._take()
                if isinstance(call, PeerError):
                    self._write(not_a_call(call))
                    break
                await self._answer(call)
        except asyncio.CancelledError:
            if not self._ending:
                raise
            if self._current is not None and not self._current.oneway:
                self._write(self._host.answerer.shutting_down())
        finally:
            self._current = None
            self._task = None
        if self._deaf:
            self._hang_up()
        if self._lost:
            self._host.ended(self)

    async def _answer(self, request: varlink.Request) -> None:
        """One call; that its client has gone says nothing of the next."""
        if self._lost and self._ends_now(request):
            return
        self._current = request
        send = _nowhere if request.oneway else self._send
        try:
            await self._host.answerer.answer(request, send)
        except ClientGone:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or self._ending or not self._lost:
                raise
            task.uncancel()
        self._current = None

    def _ends_now(self, request: varlink.Request) -> bool:
        return self._host.answerer.ends_with_client(request)

    async def _send(self, data: bytes) -> None:
        """Write one reply and wait until there is room for the next."""
        if self._lost:
            raise ClientGone
        self._write(data)
        assert self._transport is not None
        unread = self._transport.get_write_buffer_size()
        if unread <= bounds.CONTROL_BACKLOG_BYTES_MAX:
            await self._writable.wait()
            return
        try:
            async with asyncio.timeout(self._host.patience.unread_s):
                await self._writable.wait()
        except TimeoutError:
            self.abort()
            raise ClientGone from None

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._lost:
            self._transport.write(data)

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _nowhere(data: bytes) -> None:
    """Where the replies to ``oneway`` calls go."""


def not_a_call(error: PeerError) -> bytes:
    """The reply to bytes that are no call."""
    return varlink.error(
        f"{varlink.SERVICE}.InvalidParameter", {"parameter": str(error)}
    )
