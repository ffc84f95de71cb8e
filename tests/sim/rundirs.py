"""Runs on the machine: their directories, shims, agents and reapers, simulated.

What is modelled is what ``ARCHITECTURE.md`` promises of them ("One run, step by
step"): each file is whole or not there, the intent stands before the shim, the lock
is held as long as the shim lives and dies with it, a buried run starts nothing. Every
write is a step at which its writer may die first.
"""

import asyncio
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from kanban_ipc.link import Assign, Result
from kanban_ipc.words import FailureClass, RunId
from kanban_worker.core.routing import Ended, Limit, Told, route
from kanband.shell.orphans import Reaped
from sim.loop import Process

if TYPE_CHECKING:
    from sim.world import World

Ending = Literal[
    "well", "fails", "killed", "later", "auth", "rate limit", "hangs", "falls silent"
]
BADLY: Final[tuple[Ending, ...]] = (
    "fails",
    "fails",
    "killed",
    "later",
    "auth",
    "rate limit",
    "hangs",
    "falls silent",
)

_ENDINGS: Final[dict[Ending, tuple[int | None, int | None, FailureClass | None]]] = {
    "fails": (1, None, None),
    "killed": (None, 11, None),
    "later": (75, None, None),
    "auth": (1, None, "auth"),
    "rate limit": (1, None, "rate_limited"),
}
"""Exit code, signal, what its output says."""


class Plan(msgspec.Struct, frozen=True):
    """What an agent will do when it is let."""

    seconds: float
    ending: Ending
    deaf: bool = False
    """It does not heed TERM."""
    poison: bool = False
    """It takes its shim with it."""


class Exit(msgspec.Struct, frozen=True):
    """``exit.json``."""

    reason: Literal["exited", "cancelled", "timeout", "stalled"]
    code: int | None
    signal: int | None
    told: FailureClass | None
    started_ms: int
    ended_ms: int
    duration_ms: int


class RunDir:
    """What is on disk of a run, and the lock."""

    def __init__(self, run_id: RunId) -> None:
        self.run_id = run_id
        self.spec = False
        self.boot = 0
        self.exit: Exit | None = None
        self.result: Result | None = None
        self.reaped: Reaped | None = None
        self.order: FailureClass | None = None
        self.launcher: Process | None = None
        """Holds the lock between the intent and the fork."""
        self.shim: Shim | None = None
        self.acknowledged = False

    @property
    def state(self) -> Literal["prepared", "alive", "exited", "lost"]:
        if self.shim is not None and self.shim.process.alive:
            return "alive"
        if self.launcher is not None and self.launcher.alive:
            return "alive"
        if self.exit is not None:
            return "exited"
        if self.spec or self.reaped is not None:
            return "lost"
        return "prepared"

    def keep(self, result: Result) -> Result:
        """``result.msgpack``; the first one stays."""
        self.result = self.result or result
        return self.result


class Shim:
    """Owns one agent. Both die with the machine, and the agent with its shim."""

    def __init__(self, world: "World", run_dir: RunDir, assign: Assign) -> None:
        self.process = Process(world.loop, f"shim {run_dir.run_id[-6:]}")
        self.started_ms = 0
        self._world = world
        self._run_dir = run_dir
        self._assign = assign
        self._cancelled = False
        self._killed = False
        self._poke = asyncio.Event()
        self._gone: list[asyncio.Event] = []
        self._runs = False
        self.process.on_end.append(self._ended)
        run_dir.shim = self
        world.shims.append(self)
        self.process.spawn(self._main())

    @property
    def agent_lives(self) -> bool:
        return self._runs

    def cancel(self) -> None:
        """SIGTERM to the shim."""
        self.process.call(self._cancel)

    def kill_agent(self) -> None:
        """A signal from a stranger to the agent alone."""
        self.process.call(self._kill_agent)

    async def gone(self) -> None:
        """Return when the lock is free."""
        if self.process.alive:
            event = asyncio.Event()
            self._gone.append(event)
            await event.wait()

    def _cancel(self) -> None:
        self._cancelled = True
        self._poke.set()

    def _kill_agent(self) -> None:
        if self._runs:
            self._killed = True
            self._poke.set()

    def _ended(self) -> None:
        """PDEATHSIG: whatever ended the shim has ended the agent."""
        self._over()
        for each in self._gone:
            each.set()

    def _over(self) -> None:
        if self._runs:
            self._runs = False
            self._world.watch.agent_ended(self._assign)

    async def _main(self) -> None:
        world, limits = self._world, self._assign.limits
        await asyncio.sleep(0.02)
        if not self._cancelled:
            plan = world.plan(self._assign)
            self._runs = True
            self.started_ms = world.clock.now_ms()
            world.watch.agent_started(self._assign)
        else:
            plan = Plan(seconds=0.0, ending="well")
        begun = world.loop.time()
        reason = await self._wait(plan)
        if reason in {"cancelled", "timeout", "stalled"} and self._runs:
            await asyncio.sleep(limits.grace_s if plan.deaf else 0.05)
        if plan.poison and reason == "exited":
            world.count("poison struck")
            self.process.kill()
            return
        self._over()
        await world.step(self.process, "exit")
        code, signal, told = _ending(plan.ending, reason, killed=self._killed)
        self._run_dir.exit = Exit(
            reason=reason,
            code=code,
            signal=signal,
            told=told,
            started_ms=self.started_ms,
            ended_ms=world.clock.now_ms(),
            duration_ms=round((world.loop.time() - begun) * 1000),
        )
        self.process.kill()

    async def _wait(
        self, plan: Plan
    ) -> Literal["exited", "cancelled", "timeout", "stalled"]:
        limits = self._assign.limits
        until, reason = limits.run_s, "timeout"
        if plan.ending == "falls silent" and limits.silence_s < until:
            until, reason = limits.silence_s, "stalled"
        elif plan.ending not in {"hangs", "falls silent"} and plan.seconds < until:
            until, reason = plan.seconds, "exited"
        try:
            async with asyncio.timeout(until):
                await self._poke.wait()
        except TimeoutError:
            return reason  # type: ignore[return-value]
        return "exited" if self._killed and not self._cancelled else "cancelled"


def _ending(
    ending: Ending, reason: str, *, killed: bool
) -> tuple[int | None, int | None, FailureClass | None]:
    """(exit code, signal, what its output says)."""
    if killed or reason != "exited":
        return None, 15, None
    return _ENDINGS.get(ending, (0, None, None))


def result_of(run_dir: RunDir, order: FailureClass | None, boot: int) -> Result:
    """What the worker makes of a run that is over: the production table decides."""
    end = run_dir.exit
    if end is None:
        lost = "host_lost" if run_dir.boot not in (0, boot) else "worker_lost"
        verdict = route(Ended(stopped=order, lost=lost))  # type: ignore[arg-type]
        return Result(
            outcome=verdict.outcome,
            failure=verdict.failure,
            message=verdict.message,
            proof="sweep",
        )
    limits: dict[str, Limit] = {"timeout": "wall_time", "stalled": "silence"}
    stopped = (order or "cancelled") if end.reason == "cancelled" else None
    verdict = route(
        Ended(
            stopped=stopped,
            limit=limits.get(end.reason),
            exit_code=end.code,
            signal=end.signal,
            told=Told() if end.told is None else Told(failure=end.told),
        )
    )
    return Result(
        outcome=verdict.outcome,
        failure=verdict.failure,
        message=verdict.message,
        exit_code=end.code,
        signal=end.signal,
        proof="subreaper",
        agent_started_ms=end.started_ms,
        agent_ended_ms=end.ended_ms,
        duration_ms=end.duration_ms,
    )


async def reap(world: "World", process: Process, run_dir: RunDir) -> Reaped:
    """``kanban-worker --reap``: end what lives, then make it final."""
    cancelled = False
    await asyncio.sleep(0.1)
    shim = run_dir.shim
    if run_dir.state == "alive" and shim is not None:
        shim.cancel()
        await shim.gone()
        cancelled = run_dir.exit is not None and run_dir.exit.reason == "cancelled"
    await world.room()
    await world.step(process, "reaped")
    if run_dir.state == "alive":
        await asyncio.sleep(2.0)
    if run_dir.state == "alive":
        world.count("reaped: without proof")
        return Reaped(outcome="lost", proof="none")
    if run_dir.exit is None:
        run_dir.reaped = Reaped(outcome="lost", proof="sweep")
    else:
        earlier = run_dir.reaped
        ordered = cancelled or (earlier is not None and earlier.outcome == "cancelled")
        run_dir.reaped = Reaped(
            outcome="cancelled" if ordered else "exited", proof="subreaper"
        )
    world.count(f"reaped: {run_dir.reaped.outcome}")
    return run_dir.reaped
