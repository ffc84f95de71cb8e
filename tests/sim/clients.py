"""People and scripts at the control socket, through the production methods.

Each knows what it was told. What was acknowledged to it must be so for ever; what was
not, because the daemon died or the client hung up, is asked again with the same key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from kanban_ipc.control import (
    AddCall,
    CancelCall,
    MoveCall,
    NewTicket,
    QueuePauseCall,
    QueueResumeCall,
    RetryCall,
    Ticket,
)
from kanban_ipc.words import Column, WorkerId
from kanband.shell.methods.add import add
from kanband.shell.methods.answers import Declined
from kanband.shell.methods.cancel import cancel
from kanband.shell.methods.move import move
from kanband.shell.methods.queue_pause import queue_pause
from kanband.shell.methods.queue_resume import queue_resume
from kanband.shell.methods.retry import retry
from kanband.store.errors import StoreError
from sim.daemon import Away, SimDaemon

if TYPE_CHECKING:
    from sim.world import World

T = TypeVar("T")
HOUR_S = 3_600.0
REPOS = ("/repo-a", "/repo-b")


class Client:
    """One of them."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.number = number
        self.rng = world.rng(f"client {number}")
        self.busy = True
        """It still has tickets to add."""

    async def live(self) -> None:
        """Add the tickets, over the first half of the time; meddle all the time."""
        world = self.world
        share = world.swarm.tickets // world.swarm.clients
        for place in range(share):
            if not world.healed:
                await asyncio.sleep(
                    self.rng.expovariate(share / (world.swarm.hours * HOUR_S / 3))
                )
            await self._add(f"{self.number}-{place}")
        self.busy = False

    async def meddle(self) -> None:
        deeds = (
            self._cancel,
            self._cancel,
            self._retry,
            self._move,
            self._move,
            self._requeue,
            self._pause,
            self._scale,
        )
        while True:
            await asyncio.sleep(
                self.rng.expovariate(self.world.swarm.meddling / HOUR_S)
            )
            if self.world.healed:
                return
            deed = self.rng.choice(deeds)
            await deed()

    # ------------------------------------------------------------------------ asking

    async def ask(self, method: Callable[[Any, Any], Awaitable[T]], call: Any) -> T:
        """Raises ``Away`` when there was no answer."""
        world = self.world
        if world.daemon is None:
            raise Away
        asked = world.daemon.ask(lambda daemon: method(daemon, call))
        if self.rng.random() < world.swarm.impatience:
            world.fault("client hung up")
            try:
                async with asyncio.timeout(self.rng.uniform(0.0, 1.0)):
                    return await asked
            except TimeoutError:
                raise Away from None
        return await asked

    async def surely(
        self, method: Callable[[Any, Any], Awaitable[T]], call: Any
    ) -> T | None:
        """Ask until there is an answer; None: it was declined."""
        while True:
            try:
                return await self.ask(method, call)
            except (Away, StoreError) as error:
                self.world.count(f"asked again: {type(error).__name__}")
                await asyncio.sleep(self.rng.uniform(0.5, 5.0))
            except Declined:
                self.world.count("declined a client")
                return None

    async def once(
        self, method: Callable[[Any, Any], Awaitable[T]], call: Any
    ) -> T | None:
        try:
            return await self.ask(method, call)
        except (Away, StoreError, Declined):
            return None

    # ------------------------------------------------------------------------- deeds

    async def _add(self, key: str) -> None:
        world, rng = self.world, self.rng
        known = sorted(world.acknowledged.values())
        depends = rng.sample(known, min(len(known), rng.choice((0, 0, 0, 1, 2))))
        agents = ["steady", "steady", "finisher", "finisher", "special"]
        if world.swarm.in_place:
            agents.append("in-place")
        new = NewTicket(
            title=f"ticket {key}",
            key=key,
            board=rng.choice(("main", "main", "side")),
            agent=rng.choice(agents),
            repo_path=rng.choice((None, *REPOS)),
            priority_number=rng.choice((None, 2, 5, 8, 10)),
            depends_on=depends,
            max_retries=rng.choice((None, None, 0, 1)),
            scheduled_at_ms=self._schedule(),
        )
        reply = await self.surely(add, AddCall(ticket=new, ready=rng.random() < 0.9))
        assert reply is not None, "a ticket of ours was declined"
        earlier = world.acknowledged.setdefault(key, reply.id)
        if earlier != reply.id:
            world.watch.wrong(f"the key {key} names {earlier} and {reply.id}")
        if not reply.created:
            world.count("added twice, once made")
        if rng.random() < world.swarm.doubled:
            again = await self.surely(add, AddCall(ticket=new, ready=True))
            if again is None or again.id != reply.id:
                world.watch.wrong(f"the key {key} was not known again")

    def _schedule(self) -> int | None:
        if self.rng.random() < 0.85:
            return None
        ahead_s = self.rng.uniform(0.0, self.world.swarm.hours * HOUR_S / 2)
        return self.world.clock.now_ms() + round(ahead_s * 1000)

    def _some_ticket(self) -> int | None:
        known = sorted(self.world.acknowledged.values())
        return self.rng.choice(known) if known else None

    def _seen(self, ticket_id: int) -> Ticket:
        """As a list shows it, perhaps outdated when it is acted upon."""
        found = self.world.disk.reads.ticket(ticket_id)
        assert found is not None
        return found

    async def _cancel(self) -> None:
        number = self._some_ticket()
        if number is None:
            return
        world = self.world
        if self._seen(number).state == "assigned":
            world.count("cancelled between claim and start")
        before = world.wanted_again[number]
        reply = await self.once(cancel, CancelCall(ids=[number], wait=True))
        if reply is None or before != world.wanted_again[number]:
            return
        world.count("cancel acknowledged")
        state = self._seen(number).state
        if state in {"assigned", "working"} or number in world.watch.agents:
            world.watch.wrong(f"ticket {number} is {state} after its cancellation")

    async def _requeue(self) -> None:
        number = self._some_ticket()
        if number is not None:
            self.world.wanted_again[number] += 1
            await self.once(cancel, CancelCall(ids=[number], requeue=True, wait=False))

    async def _retry(self) -> None:
        number = self._some_ticket()
        if number is not None:
            self.world.wanted_again[number] += 1
            fresh = self.rng.random() < 0.3
            await self.once(retry, RetryCall(ids=[number], fresh=fresh))

    async def _move(self) -> None:
        number = self._some_ticket()
        if number is None:
            return
        self.world.wanted_again[number] += 1
        to: Column = self.rng.choice(
            ("Done", "Done", "Ready", "Ready", "Backlog", "Blocked")
        )
        cancel = self.rng.random() < 0.5
        merged = to == "Done" and number % 2 == 0
        call = MoveCall(id=number, to=to, cancel=cancel, merged=merged)
        await self.once(move, call)

    async def _pause(self) -> None:
        board = self.rng.choice((None, "main", "side"))
        await self.once(queue_pause, QueuePauseCall(board=board))
        await asyncio.sleep(self.rng.uniform(1.0, 300.0))
        await self.once(queue_resume, QueueResumeCall(board=board))

    async def _scale(self) -> None:
        name = self.rng.choice(sorted(self.world.wanted))
        await self.once(_want, (name, False))
        await asyncio.sleep(self.rng.uniform(1.0, 600.0))
        await self.once(_want, (name, True))

    async def resume_all(self) -> None:
        """The end of the faults is the end of every pause."""
        for board in (None, "main", "side"):
            await self.surely(queue_resume, QueueResumeCall(board=board))
        for name in sorted(self.world.wanted):
            await self.surely(_want, (name, True))


async def _want(daemon: SimDaemon, call: tuple[WorkerId, bool]) -> bool:
    name, run = call
    daemon.world.count("worker stopped" if not run else "worker wanted")
    daemon.crew.want(name, run=run)
    return True
