"""The workers' processes: what is wanted of them, what they are, how they end.

Theory. The store remembers what is *wanted* of each worker, and every change of that is
committed before it is acted on (``wishes``). Each ``member`` drives one worker's
automaton (``core.workers``) with what is observed of its process (``body``); one
``spawner`` forks for all of them; the dispatch says what comes over the link. Nothing
polls: exits come by pidfd and spawner, deadlines by timers; one look every heartbeat
finds workers that live but are silent, and notices when our own loop was away, which
is nobody's fault.

Decided here: which workers there are, and what a command waits for. Absent: how one
is stopped (``stopper``), replaced (``renewal``), forgotten (``farewell``), adopted
(``recovery``), let in (``door``), shown (``roll_call``).
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from kanban_ipc.control import StopProof, WorkerInfo
from kanban_ipc.guests import Pass
from kanban_ipc.spawning import Exited, Spawned, SpawnFailed
from kanban_ipc.words import DoubtWord, UnitScope, WorkerId, WorkerState
from kanband.config import Config
from kanband.core import roster, workers
from kanband.errors import KanbandError
from kanband.shell import guests
from kanband.shell.crew import Dispatch, Ground, InlineSlots
from kanband.shell.door import Door
from kanband.shell.farewell import Farewell
from kanband.shell.incarnation import digest
from kanband.shell.ledger import Ledger
from kanband.shell.member import Member
from kanband.shell.not_managed import Guest, NotManaged
from kanband.shell.ports import Clock, Store
from kanband.shell.recovery import look_again, recover
from kanband.shell.renewal import Renewal
from kanband.shell.resolving import resolve
from kanband.shell.roll_call import RollCall
from kanband.shell.rolling import STARTED, Rolling
from kanband.shell.spawner import SpawnerClient
from kanband.shell.spawner_start import COMMAND, Starter
from kanband.shell.stopper import Stop
from kanband.shell.wishes import Wishes, seats
from kanband.store.values import WorkerRow

__all__ = ["Dispatch", "Fleet", "FleetLeaves", "Guest", "NotManaged"]

_LOG: Final = logging.getLogger(__name__)

_ENDED_BY_LEAVING: Final[frozenset[WorkerState]] = workers.ALIVE | {"BACKOFF", "EXITED"}


class FleetLeaves(KanbandError):
    """It takes no more commands."""

    def __init__(self) -> None:
        """Everything is being stopped."""
        super().__init__(
            "this daemon takes no commands for workers any more: it is stopping, and "
            "they with it; start it again, and then give the command"
        )


class Fleet:
    """Implements ``ports.Fleet`` and ``dispatch.Crew``."""

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        clock: Clock,
        link_endpoint: str,
        broken: Callable[[BaseException], None],
        units: UnitScope = "",
        spawner_command: Sequence[str] = COMMAND,
    ) -> None:
        """No I/O here. ``broken`` is told of a failure behind the scenes, which is a
        bug; ``units``: the systemd manager that has spawner and runs as units."""
        self._config = config
        self._store = store
        self._clock = clock
        self._link_endpoint = link_endpoint
        self._units: UnitScope = units
        self._broken = broken
        rng = random.Random()  # noqa: S311 - spreads restarts, guards nothing
        self._jitter: Callable[[], float] = lambda: rng.uniform(-1.0, 1.0)
        self._members: dict[str, Member] = {}
        self._roll_call = RollCall(self._members)
        self.door: Final = Door(config, self._members, clock)
        """``reception.Admission``."""
        self._ledger = Ledger(store, clock, broken)
        places = (config.state_dir, config.runtime_dir)
        self._spawner = SpawnerClient(
            *places,
            starter=Starter(*places, units=units, command=spawner_command),
            answers=self,
            jitter=self._jitter,
        )
        self._watch: asyncio.TimerHandle | None = None
        self._kept: dict[str, Exited] = {}
        self._opened: tuple[Ground, Wishes, Farewell, Rolling, Renewal] | None = None
        self._pass: Pass | None = None
        self._inline: InlineSlots | None = None

    # ----------------------------------------------------------- beginning, ending

    async def open(
        self,
        dispatch: Dispatch,
        listen: Callable[[], None],
        inline: Callable[[Pass], InlineSlots] | None = None,
    ) -> None:
        """Recover: adopt the workers that live, begin to start those that are wanted.

        Returns once each one's state is decided and committed, not once they are up.
        To be called with the link bound and not yet read: who says hello before it is
        known here would be sent away, so ``listen`` is called when all are known.
        ``inline`` makes the worker that this process runs itself, in that mode.
        """
        ground = Ground(
            settings=self._config.workers,
            store=self._store,
            clock=self._clock,
            ledger=self._ledger,
            spawner=self._spawner,
            dispatch=dispatch,
            state_dir=self._config.state_dir,
            link_endpoint=self._link_endpoint,
            run_scope=self._units,
            jitter=self._jitter,
        )
        wishes = Wishes(self._members, ground, self._config.slots)
        farewell = Farewell(
            self._members,
            store=self._store,
            clock=self._clock,
            ledger=self._ledger,
            holds=dispatch.live_runs,
            broken=self._broken,
        )
        renewal = Renewal(self._members, ground)
        rolling = Rolling(ground, self._broken)
        self._opened = ground, wishes, farewell, rolling, renewal
        joining = guests.issue_pass(self._config, self._link_endpoint)
        self._pass = joining
        self.door.open(ground, digest(joining.secret), renewal.soon)
        await self._recover()
        await farewell.guests()
        listen()
        if self._config.mode != "managed":
            if inline is not None:
                self._inline = inline(joining)
                self._inline.start()
            self._look()
            return
        if self._spawner.outdated:
            # Before anything is started: that shall be of our version.
            await self._collect_kept()
            await self._spawner.renew()
        await self._begin()
        await self._collect_kept()
        self._spawner.keep()
        renewal.begin()
        self._look()

    async def _collect_kept(self) -> None:
        """Ends that came before there were members are durable now."""
        await self._ledger.flush()
        for end in self._kept.values():
            self._spawner.collected(end.worker_id, end.incarnation)
        self._kept.clear()

    async def _recover(self) -> None:
        managed = self._config.mode == "managed"
        rows = await self._store.read(lambda reads: reads.workers())
        # In another mode a managed worker of an earlier time is a stranger: it is told
        # so when it says hello, leaves, and what it leaves is adopted by others.
        rows = [row for row in rows if managed or row.guest]
        ready = await self._spawner.find() if managed else None
        found = [(Member(row, self._ground), row) for row in rows]
        self._members.update({row.worker_id: member for member, row in found})
        recover(found, ready, self._kept, self._config.state_dir)

    async def _begin(self) -> None:
        """Bring about what is wanted, by a person or else by the configuration."""
        await self._fit(self._config.worker_count)
        for member in self._members.values():
            if member.state == "STOPPED" and member.wanted == "run":
                member.happen("start", "wanted")

    async def _fit(self, count: int) -> bool:
        """So many workers, unless a person's commands say how many; False: they do."""
        chosen = await self._store.read(lambda reads: reads.wanted_workers())
        change = roster.at_start(seats(self._members), chosen, count)
        await self._wishes.commit(run=change.start, stop=change.remove, person=False)
        for name in change.start:
            self._members[name].wish("run")
        self._farewell.later(self._stop_all(change.remove, now=False))
        return chosen is None

    async def reconfigure(self, config: Config) -> list[str]:
        """See ``ports.Fleet``. Raises ``StoreFailed``."""
        before = self._config
        if before.mode == "managed":
            await self._wishes.resize(before.slots, config.slots)
        self._config = self.door.config = config
        self._ground.settings = config.workers
        assert self._pass is not None, "open comes first"
        self._pass, notes = guests.renew_pass(self._pass, config)
        if before.mode != "managed" or config.worker_count == before.worker_count:
            return notes
        if await self._fit(config.worker_count):
            return notes
        text = (
            "worker_count changes nothing: start-worker, stop-worker or scale said how "
            f"many workers there are; to have so many: kanbanctl scale "
            f"{config.worker_count}"
        )
        return [*notes, text]

    async def shut_down(self, *, now: bool) -> list[StopProof]:
        """Stop every process without changing what is wanted, then the spawner. A
        second call with ``now`` hurries the first. Guests are left to who started
        them: they go on, and the next daemon hears of what they did."""
        self._ground.leaving = True
        if self._inline is not None:
            await self._inline.stop(now=now)
        stops = []
        own = [each for each in self._members.values() if not each.row.guest]
        for member in own:
            if member.state in workers.ALIVE:
                stops.append(member.stopping(now=now))
            # Others stay what they are: FATAL is for a person to end.
            if member.state in _ENDED_BY_LEAVING:
                member.happen("stop")
        proofs = await asyncio.gather(*(stop.proof(returns=False) for stop in stops))
        await self._spawner.leave()
        return list(proofs)

    async def close(self) -> None:
        """Let go of everything and touch no worker: hand over, or the last step after
        ``shut_down``."""
        if self._watch is not None:
            self._watch.cancel()
        if self._opened is not None:
            self._ground.leaving = True
            self._farewell.close()
            self._rolling.close()
        if self._inline is not None:
            await self._inline.close()
        for member in self._members.values():
            member.close()
        await self._spawner.close()
        await self._ledger.close()

    # ------------------------------------------------------------------ the commands

    async def start(
        self,
        worker_id: str | None,
        *,
        count: int,
        slots: int | None,
        agents: Sequence[str],
        repo: str | None,
        labels: Sequence[str] = (),
        wait: bool,
    ) -> list[WorkerInfo]:
        """See ``ports.Fleet``. Raises ``NotManaged``, ``FleetLeaves``, ``StoreFailed``.

        One that runs already keeps its process; other slots count from its next start.
        """
        self._managed([worker_id] if worker_id is not None else [])
        ids = roster.fresh(seats(self._members), count)
        if worker_id is not None:
            ids = [WorkerId(worker_id)]

        def configured(row: WorkerRow) -> WorkerRow:
            return replace(
                row,
                slots=slots or row.slots,
                agents=list(agents) or row.agents,
                repo_path=repo or row.repo_path,
                labels=list(labels) or row.labels,
            )

        await self._wishes.commit(run=ids, change=configured)
        for name in ids:
            member = self._members[name]
            if member.state == "UNKNOWN":
                look_again(member, self._config.state_dir)
            member.wish("run")
        if wait:
            await self._started(ids)
        return self.infos(ids)

    async def stop(
        self, worker_ids: Sequence[str], *, now: bool, wait: bool
    ) -> list[StopProof]:
        """See ``ports.Fleet``. Raises ``NotManaged``, ``FleetLeaves``,
        ``StoreFailed``, KeyError.
        """
        self._managed(worker_ids)
        ids = [self._members[name].worker_id for name in worker_ids]
        await self._wishes.commit(stop=ids)
        stops = self._stop_all(ids, now=now)
        return await self._proofs(stops, wait=wait)

    async def restart(
        self, worker_ids: Sequence[str], *, now: bool, wait: bool
    ) -> tuple[list[WorkerInfo], list[StopProof]]:
        """See ``ports.Fleet``. Several: in turn, unless ``now``. Raises ``NotManaged``,
        ``FleetLeaves``, ``StoreFailed``, KeyError.
        """
        self._managed(worker_ids)
        ids = [self._members[name].worker_id for name in worker_ids]
        await self._wishes.commit(run=ids)
        if len(ids) > 1 and not now:
            members = [self._members[name] for name in ids]
            rolling = self._rolling.begin(members)
            # Who waits may give up; it goes on.
            in_turn = await asyncio.shield(rolling) if wait else []
            return self.infos(ids), in_turn
        stops = []
        for name in ids:
            member = self._members[name]
            if member.state in workers.ALIVE:
                stops.append(member.stopping(now=now))
            member.restart()
        proofs = await self._proofs(stops, wait=wait, returns=True)
        if wait:
            await self._started(ids)
        return self.infos(ids), proofs

    async def scale(
        self, count: int, *, now: bool, wait: bool
    ) -> tuple[list[WorkerInfo], list[StopProof]]:
        """See ``ports.Fleet``. Those that are too many are stopped and forgotten.
        Raises ``NotManaged``, ``FleetLeaves``, ``StoreFailed``.
        """
        self._managed()
        change = roster.scale(seats(self._members), count)
        await self._wishes.commit(run=change.start, stop=change.remove)
        for name in change.start:
            self._members[name].wish("run")
        stops = self._stop_all(change.remove, now=now)
        dropping = self._farewell.later(stops)
        proofs = await self._proofs(stops, wait=wait)
        if wait and dropping:
            # Not gather: who waits may give up, and they must go on.
            await asyncio.wait(dropping)
        if wait:
            await self._started(change.start)
        return self.infos(), proofs

    async def reset_failed(
        self, worker_ids: Sequence[str], doubt: DoubtWord = "look"
    ) -> list[WorkerInfo]:
        """See ``ports.Fleet``. Raises ``NotManaged``, ``FleetLeaves``."""
        self._managed(worker_ids)
        named = worker_ids or list(self._members)
        failed = [name for name in named if self._members[name].state == "FATAL"]
        for name in failed:
            self._members[name].wish(self._members[name].row.wanted)
        state_dir, grace_s = self._config.state_dir, self._ground.settings.grace_s
        doubted = (self._members[name] for name in worker_ids)
        await asyncio.gather(
            *(
                resolve(member, doubt, state_dir, grace_s)
                for member in doubted
                if member.state == "UNKNOWN"
            )
        )
        await self._ledger.flush()
        shown = worker_ids or failed
        return self.infos(shown) if shown else []

    # ------------------------------------------------------------------- for people

    def infos(self, worker_ids: Sequence[str] = ()) -> list[WorkerInfo]:
        """See ``ports.Fleet``. Unknown ids have none."""
        return self._roll_call.infos(worker_ids, self._ground, self._renewal.why)

    def known(self, worker_id: str) -> bool:
        """Whether there is a worker of this name, whatever its state."""
        return worker_id in self._members

    @property
    def spawner_pid(self) -> int | None:
        """None while there is none."""
        return self._spawner.pid

    def problems(self) -> list[str]:
        """FATAL and UNKNOWN workers, spawner and store trouble, and what to do."""
        inline = "" if self._inline is None else self._inline.problem
        troubles = (self._spawner.problem, self._ledger.problem, inline)
        return [text for text in troubles if text] + self._roll_call.problems()

    # --------------------------------------------------------------- for the dispatch

    def processed(self, worker_id: WorkerId, count: int = 1) -> None:
        """Tickets of its runs were settled (the store counts for itself)."""
        member = self._members.get(worker_id)
        if member is not None:
            total = member.row.tickets_processed + count
            member.row = replace(member.row, tickets_processed=total)
            self._renewal.soon()

    def returns(self, worker_id: WorkerId) -> bool:
        """Whether it lives, or will be started without a person's doing: its runs wait
        for it. One in doubt may hold them, too."""
        member = self._members.get(worker_id)
        if member is None or member.state == "FATAL":
            return False
        if member.row.guest:
            return member.state in {*workers.ALIVE, "UNKNOWN"}
        starts = member.wanted == "run" and not self._ground.leaving
        return member.state != "STOPPED" or starts

    # ---------------------------------------------------------------- for the spawner

    def on_ready(self) -> None:
        """What waited for a spawner may begin."""
        self._renewal.soon()

    def on_spawned(self, message: Spawned) -> None:
        """To the member that it is about."""
        member = self._members.get(message.worker_id)
        if member is not None:
            member.body.on_spawned(message)

    def on_spawn_failed(self, message: SpawnFailed) -> None:
        """To the member that it is about."""
        member = self._members.get(message.worker_id)
        if member is not None:
            member.body.on_spawn_failed(message)

    def on_exited(self, message: Exited) -> None:
        """To the member; what comes before there are members is kept for them."""
        member = self._members.get(message.worker_id)
        if member is not None:
            member.body.on_exited(message)
        elif self._watch is None:
            self._kept[message.incarnation] = message
        else:
            self._spawner.collected(message.worker_id, message.incarnation)

    # ------------------------------------------------------------------------- within

    @property
    def _ground(self) -> Ground:
        assert self._opened is not None, "open comes first"
        return self._opened[0]

    @property
    def _wishes(self) -> Wishes:
        assert self._opened is not None, "open comes first"
        return self._opened[1]

    @property
    def _rolling(self) -> Rolling:
        assert self._opened is not None, "open comes first"
        return self._opened[3]

    @property
    def _farewell(self) -> Farewell:
        assert self._opened is not None, "open comes first"
        return self._opened[2]

    @property
    def _renewal(self) -> Renewal:
        assert self._opened is not None, "open comes first"
        return self._opened[4]

    def _managed(self, worker_ids: Sequence[str] = ()) -> None:
        """Raises ``NotManaged`` or ``Guest`` where a wish is not ours to fulfil."""
        for name in worker_ids:
            member = self._members.get(name)
            if member is not None and member.by_hand:
                process = member.process
                raise Guest(name, None if process is None else process.pid)
        if self._config.mode != "managed":
            raise NotManaged(self._config.mode)
        if self._ground.leaving:
            raise FleetLeaves

    def _stop_all(self, ids: Sequence[WorkerId], *, now: bool) -> list[Stop]:
        stops = []
        for name in ids:
            member = self._members[name]
            stops.append(member.stopping(now=now))
            member.wish("stop")
            if member.state not in workers.ALIVE:
                member.stop_done()
        return stops

    async def _proofs(
        self, stops: Sequence[Stop], *, wait: bool, returns: bool = False
    ) -> list[StopProof]:
        if not wait:
            return [stop.so_far() for stop in stops]
        proofs = (stop.proof(returns=returns) for stop in stops)
        return list(await asyncio.gather(*proofs))

    async def _started(self, ids: Sequence[WorkerId]) -> None:
        members = [self._members[name] for name in ids if name in self._members]
        await asyncio.gather(*(member.until(STARTED) for member in members))

    def _look(self) -> None:
        """Every heartbeat: see who lives, but is silent."""
        dispatch = self._ground.dispatch
        since, beats = dispatch.awake(), dispatch.beats
        for member in self._members.values():
            member.silent_since(since, beats.stale_s)
            member.recycle_if_due()
        self._renewal.look()
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(beats.beat_s, self._look)
