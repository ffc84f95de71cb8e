"""The daemon put together: what is opened in which order, and closed in which.

Order of a start: held locks → store → leases → link → fleet (adoption) → agents' socket
→ control socket → READY. So nobody is answered before recovery is done, and a second
daemon has touched nothing. Leaving is the same backwards, in one of four ways:

* *stop* (SIGTERM, SIGINT, ``kanbanctl shutdown``): nothing new is assigned, workers
  drain, then everything ends; asked again, it hurries;
* *hand over* (SIGUSR1, ``--keep-workers``): let go and leave workers and runs to the
  next daemon;
* *replace* (``kanbanctl upgrade``): the same, and the next daemon is executed in this
  process (``succession``);
* *fatal*: the disk failed under the store; leave at once with 111, workers go on.
"""

import asyncio
import contextlib
import errno
import logging
import os
import random
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, MutableMapping
from typing import Any, Final

from kanban_ipc import layout
from kanban_ipc.control import ReloadReply, StopProof
from kanban_ipc.guests import Pass
from kanband.config import Config, prepare_places
from kanband.core.staleness import GAP_BEATS
from kanband.errors import EXIT_BUG, EXIT_SYSTEM, ConfigError, KanbandError
from kanband.shell import descriptors, logs, succession
from kanband.shell.agent_methods import AGENT
from kanband.shell.clock import SystemClock
from kanband.shell.control import ControlServer
from kanband.shell.crew import InlineSlots
from kanband.shell.dispatch import Dispatch
from kanband.shell.feed import Feed
from kanband.shell.fleet import Fleet
from kanband.shell.life import Course, Way
from kanband.shell.link import INPROC, Link
from kanband.shell.lock import HeldLock
from kanband.shell.notify import Notifier
from kanband.shell.orphans import Orphans
from kanband.shell.passes import Passes, read_key
from kanband.shell.profiles import Profiles
from kanband.shell.reception import Reception
from kanband.shell.reloading import Reloading
from kanband.shell.succession import Inheritance
from kanband.shell.tidying import Tidying
from kanband.shell.troubles import Troubles
from kanband.store.errors import StoreBusy, StoreClosed, StoreError, StoreFailed
from kanband.store.values import ClaimPolicy
from kanband.store.writer import StoreThread

_LEAVE_MARGIN_S: Final = 30.0
"""After drain and cancellation: SIGKILL, reaping, the last commits, the spawner."""
_SHORT: Final = (errno.EMFILE, errno.ENFILE)
_LOG: Final = logging.getLogger(__name__)


class Kanband:
    """Implements ``ports.Daemon``: everything a control method may use."""

    def __init__(
        self, read_config: Callable[[], Config], environ: MutableMapping[str, str]
    ) -> None:
        """Reads the configuration, and again at each reload; no other I/O yet.
        ``environ`` tells of the service manager, and of the daemon before this one in
        the same process. Raises ``ConfigError``."""
        self._read_config = read_config
        self._environ = environ
        self.successor: list[str] = []
        """What is to be executed in our place once we have let go of everything."""
        config = read_config()
        self.profiles = Profiles(config)
        self.clock = SystemClock()
        self.feed = Feed()
        self._notifier = Notifier(environ)
        self._background: set[asyncio.Task[None]] = set()

    @property
    def config(self) -> Config:
        """What is in force."""
        return self.profiles.config

    @property
    def claim_policy(self) -> ClaimPolicy:
        """What is in force, as a claim needs it."""
        return self.profiles.claim_policy

    def problems(self) -> list[str]:
        """See ``ports.Daemon``."""
        return self._troubles.problems()

    async def reload(self) -> ReloadReply:
        """See ``ports.Daemon``."""
        reply = await self._reloading.reload()
        self._tidying.reloaded()
        return reply

    async def run(self) -> int:
        """Serve until asked to leave; returns the exit code."""
        config = self.config
        prepare_places(config)
        with contextlib.ExitStack() as held:
            self._inheritance = Inheritance(self._environ)
            held.callback(self._inheritance.close)
            for path, option in (
                (config.state_dir / layout.DAEMON_LOCK, "--state-dir"),
                (config.runtime_dir / layout.SOCKETS_LOCK, "--runtime-dir"),
            ):
                held.callback(HeldLock(path, option).release)
            logs.set_up(config.state_dir / layout.LOGS_DIR, os.environ, logging.INFO)
            if config.mode != "inline":  # its shims are children of ours
                descriptors.raise_limit()
            try:
                return await self._serve()
            except KanbandError:
                raise
            except Exception as error:  # noqa: BLE001 - the log and the code shall tell
                _LOG.critical("kanband cannot go on: %s", error, exc_info=error)
                return EXIT_SYSTEM if isinstance(error, OSError) else EXIT_BUG

    async def _serve(self) -> int:
        async with self._open():
            self._signals()
            self.life.ready()
            self.runs.open()
            self._notifier.ready(self._status_line())
            _LOG.info("ready", extra={"fields": {"pid": os.getpid()}})
            way = await self.life.left()
            if way == "replace":
                succession.hold_signals()
                self._notifier.reloading("handing over to the installed version")
            else:
                patience = self._patience_us()
                self._notifier.send(STOPPING="1", EXTEND_TIMEOUT_USEC=patience)
            _LOG.info("leaving", extra={"fields": {"way": way}})
            await self._leave(way)
        if self.life.failure is None:
            self.successor = succession.command() if way == "replace" else []
            return 0
        error = self.life.failure
        _LOG.critical("left because of: %s", error, exc_info=error)
        return error.exit_code if isinstance(error, KanbandError) else EXIT_BUG

    def _patience_us(self) -> str:
        """How long a stop may take as configured, whatever the unit's file says."""
        workers = self.config.workers
        return str(int((workers.stop_timeout_s + self._hurried_s()) * 1e6))

    def _hurried_s(self) -> float:
        return self.config.workers.grace_s + _LEAVE_MARGIN_S

    async def _leave(self, way: Way) -> None:
        """Stop the workers; no longer than is promised, whatever the disk does."""
        if way != "stop":
            return
        self.runs.hold()
        stopping = asyncio.ensure_future(
            self.fleet.shut_down(now=self.life.hurry.is_set()),
        )
        hurry = asyncio.ensure_future(self.life.hurry.wait())
        await asyncio.wait(
            (stopping, hurry),
            timeout=self.config.workers.stop_timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurry.cancel()
        if not stopping.done():
            await self._hurry(stopping)
        if stopping.cancelled():
            _LOG.error("left before all was stopped; the next start finds what lives")
            return
        for proof in stopping.result():
            _LOG.info(
                "worker stopped",
                extra={
                    "fields": {
                        "worker": proof.worker_id,
                        "steps": proof.signalled,
                        "survivors": proof.survivors,
                        "proof": proof.proof,
                    },
                },
            )

    async def _hurry(self, stopping: "asyncio.Future[list[StopProof]]") -> None:
        """End it within the grace and a margin; cancel it then, or when the store
        fails."""
        hurried = asyncio.ensure_future(self.fleet.shut_down(now=True))
        failed = asyncio.ensure_future(self.life.failed.wait())
        everything = asyncio.gather(stopping, hurried)
        await asyncio.wait(
            (everything, failed),
            timeout=self._hurried_s(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        failed.cancel()
        if not everything.done():
            everything.cancel()
            await asyncio.wait((everything,))

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        """Everything in its order; each is closed whatever happens to the others."""
        config = self.config
        async with contextlib.AsyncExitStack() as stack:
            self.life = Course(self.clock, self._drained)
            self.store = StoreThread(
                config.db_file,
                on_journal=self.feed.notify,
                on_fatal=self._store_failed,
            )
            stack.push_async_callback(self.store.close)
            agent_socket = config.runtime_dir / layout.AGENT_SOCKET
            self.passes = Passes(
                read_key(config.state_dir / layout.AGENT_KEY), agent_socket
            )
            endpoint = config.runtime_dir / layout.LINK_SOCKET
            self.fleet = Fleet(
                config=config,
                store=self.store,
                clock=self.clock,
                link_endpoint=f"ipc://{endpoint}",
                units=config.units,
                broken=self.life.fail,
            )
            self.runs = Dispatch(
                store=self.store,
                crew=self.fleet,
                profiles=self.profiles,
                clock=self.clock,
                daemon_start=str(uuid.uuid4()),
                rng=random.Random(),  # noqa: S311 - jitter, not secrets
                broken=self.life.fail,
                passes=self.passes,
            )
            self._troubles = Troubles(
                config.state_dir,
                (self.store.problems, self.fleet.problems, self.runs.problems),
            )
            self._reloading = Reloading(
                read=self._read_config,
                profiles=self.profiles,
                fleet=self.fleet,
                runs=self.runs,
                store=self.store,
                clock=self.clock,
            )
            reception = Reception(
                self.runs,
                admission=self.fleet.door,
                profiles=self.profiles,
                clock=self.clock,
            )
            link = Link(endpoint, reception)
            self.runs.attach(link)
            await self.runs.recover()
            stack.callback(self.runs.close)
            link.open()
            stack.callback(link.close)
            stack.push_async_callback(self.fleet.close)
            inline = self._inline(link) if config.mode == "inline" else None
            await self._unless_failed(self.fleet.open(self.runs, link.listen, inline))
            orphans = Orphans(
                dispatch=self.runs,
                prospects=self.fleet,
                profiles=self.profiles,
                store=self.store,
                clock=self.clock,
            )
            self._keep(orphans.run())
            self._keep(self._beat())
            self._tidying = Tidying(self, self.clock.monotonic)
            self._keep(self._tidying.run())
            stack.push_async_callback(self._end_background)
            agents = ControlServer(agent_socket, self, api=AGENT)
            control = ControlServer(config.runtime_dir / layout.CONTROL_SOCKET, self)
            self._make_room_when_short(agents, control)
            for server in (agents, control):
                await server.open()
                stack.push_async_callback(server.close)
            yield

    async def _unless_failed(self, opening: Coroutine[Any, Any, None]) -> None:
        """A part of the start that waits for a disk that refuses: not for one that has
        failed. Raises what the start failed of."""
        work = asyncio.ensure_future(opening)
        failed = asyncio.ensure_future(self.life.failed.wait())
        await asyncio.wait((work, failed), return_when=asyncio.FIRST_COMPLETED)
        failed.cancel()
        if self.life.failure is not None:
            work.cancel()
            await asyncio.wait((work,))
            raise self.life.failure
        await work

    def _inline(self, link: Link) -> Callable[[Pass], InlineSlots]:
        # Not imported by a daemon that needs none of it: it is the whole worker.
        from kanband.shell.inline import Inline  # noqa: PLC0415

        def make(joining: Pass) -> InlineSlots:
            return Inline(
                config=self.config,
                units=self.config.units,
                joining=joining,
                context=link.context,
                endpoint=INPROC,
                jitter=lambda: random.uniform(-1.0, 1.0),  # noqa: S311 - restarts
                abandon=link.leave_context,
            )

        return make

    def _make_room_when_short(self, *servers: ControlServer) -> None:
        """For a second asyncio accepts nobody when the kernel has no descriptor left,
        and then tries again: until then there must be one.
        """

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if not isinstance(error, OSError) or error.errno not in _SHORT:
                loop.default_exception_handler(context)
                return
            _LOG.error("idle clients are hung up on for want of files: %s", error)
            for server in servers:
                server.hang_up_on_idle()

        asyncio.get_running_loop().set_exception_handler(handle)

    def _store_failed(self, error: Exception) -> None:
        """What is on disk is not known any more: let the next start look."""
        self.life.fail(StoreFailed(f"the disk failed under the store: {error}"))

    async def _drained(self) -> None:
        self.runs.hold()
        await self.runs.idle()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a background task; if it ends with an exception, that is a bug."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.life.fail(error)

    async def _end_background(self) -> None:
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _beat(self) -> None:
        """Notice our own absence; tell the watchdog, while the store answers too."""
        beat_s = self.config.lease.heartbeat_s / GAP_BEATS
        if self._notifier.watchdog_s is not None:
            beat_s = min(beat_s, self._notifier.watchdog_s / 2)
        while True:
            self.runs.awake()
            if self._notifier.watchdog_s is not None:
                await self._feed_watchdog()
            begun = self.clock.monotonic()
            await asyncio.sleep(beat_s)
            self._troubles.beat(self.clock.monotonic() - begun - beat_s)

    async def _feed_watchdog(self) -> None:
        """A store that refuses answers, too: to be killed would not mend its disk."""
        try:
            await self.store.read(lambda reads: reads.last_seq())
            await self.store.do(lambda _verbs: None)
        except (StoreBusy, StoreClosed) as error:
            _LOG.warning("the watchdog is not fed: %s", error)
            return
        except StoreError as error:
            _LOG.warning("the store refuses: %s", error)
        self._notifier.send(WATCHDOG="1", STATUS=self._status_line())

    def _status_line(self) -> str:
        line = f"{self.life.state}: {len(self.runs.live)} runs"
        problems = self.problems()
        return f"{line}; NOT HEALTHY: {problems[0]}" if problems else line

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        life = self.life
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(
                number,
                lambda: life.shutdown(now=False, keep_workers=False),
            )
        loop.add_signal_handler(
            signal.SIGUSR1,
            lambda: life.shutdown(now=False, keep_workers=True),
        )
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self._inheritance.deliver()

    def _hang_up(self) -> None:
        self._keep(self._reload_unasked())

    async def _reload_unasked(self) -> None:
        """By SIGHUP: nobody waits for an answer, so it is in the log alone."""
        try:
            reply = await self.reload()
        except (ConfigError, StoreError) as error:
            _LOG.error("SIGHUP: %s", error)
        else:
            for note in reply.notes:
                _LOG.info("SIGHUP: %s", note)
