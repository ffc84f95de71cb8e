"""Whom a token opens, now: its run must hold its ticket in the token's epoch."""

from kanban_ipc.agent import StaleEpoch
from kanban_ipc.control import NotPermitted
from kanband.core.tokens import Holder
from kanband.shell.methods.answers import Declined
from kanband.shell.ports import Daemon, LiveWork


def held(daemon: Daemon, token: str) -> tuple[Holder, LiveWork]:
    """The run and what it is about. Raises ``Declined``."""
    holder = daemon.passes.holder(token)
    if holder is None:
        raise Declined(
            NotPermitted(
                message="the token is none of this kanband's; an agent finds its own "
                "in KANBAN_API_TOKEN",
            )
        )
    work = daemon.runs.work(holder.run_id, holder.epoch)
    if work is None:
        raise stale(holder)
    return holder, work


def stale(holder: Holder) -> Declined:
    """It was a run's token, and the run is over."""
    return Declined(
        StaleEpoch(
            run_id=holder.run_id,
            epoch=holder.epoch,
            message=f"run {holder.run_id} does not hold its ticket any more; whatever "
            "it says changes nothing, so end it",
        )
    )
