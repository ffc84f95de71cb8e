"""agent.sock on a daemon without processes, with one run and its token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from kanban_ipc import agent, varlink
from kanban_ipc.control import Call, NewTicket, Reply
from kanban_ipc.words import Epoch
from kanband.shell.agent_methods import AGENT
from kanband.shell.ports import LiveWork
from kanband.store.values import Claim
from support.control_server import Served, served
from support.varlink_client import Answered

R = TypeVar("R", bound=Reply)


class InRun(NamedTuple):
    """A claimed and started run of ticket 1, and its agent's connection."""

    served: Served
    claim: Claim
    token: str

    async def call(self, method: str, wish: Call, reply: type[R]) -> R:
        """One call and its reply. Raises ``Answered``."""
        request = varlink.request(f"{agent.INTERFACE}.{method}", wish)
        self.served.client.raw(request)
        return (await self.served.client.receive(reply))[0]

    async def refused(self, method: str, wish: Call) -> str:
        """The name of the error that a call is answered with."""
        try:
            await self.call(method, wish, agent.METHODS[method].reply)
        except Answered as answered:
            return answered.name.removeprefix("agent.")
        raise AssertionError("it was not refused")

    def token_of(self, epoch: int) -> str:
        """The run's in another epoch."""
        return self.served.daemon.passes.token(self.claim.run_id, Epoch(epoch))

    def over(self) -> None:
        """The dispatch has forgotten the run."""
        self.served.daemon.runs.live.clear()


@asynccontextmanager
async def in_run(root: Path) -> AsyncIterator[InRun]:
    async with served(root, 'default_agent = "shell"\n', api=AGENT) as it:
        new = NewTicket(title="T", agent="shell", instructions="true", labels=["a"])
        now_ms = it.daemon.clock.now_ms()
        await it.daemon.store.do(
            lambda verbs: verbs.add([new], ready=True, now_ms=now_ms)
        )
        claim = await it.daemon.claim()
        work = LiveWork(claim.work, claim.attempt, cancelled=False)
        it.daemon.runs.live[claim.run_id, claim.epoch] = work
        token = it.daemon.passes.token(claim.run_id, claim.epoch)
        yield InRun(it, claim, token)
