"""The configuration as the dispatch asks it, for the one that is in force now.

``reload`` swaps the configuration here; nobody else keeps a copy.
"""

from typing import Literal

import msgspec

from kanban_ipc import layout
from kanban_ipc.link import Agent, Limits
from kanban_ipc.words import RunId
from kanband import config as rules
from kanband.config import Config
from kanband.core.staleness import Beats
from kanband.store.values import ClaimPolicy, RetryPolicy


class Terms(msgspec.Struct, frozen=True):
    """What a run was begun with; it keeps them, whatever is reloaded meanwhile."""

    agent: Agent
    limits: Limits
    on_success: Literal["review", "complete"]
    provider: str
    """Whose rate limit it counts for."""


class Profiles:
    """Answers about agents, limits and policies."""

    def __init__(self, config: Config) -> None:
        """``config`` is in force from now on."""
        self.take(config)

    def take(self, config: Config) -> None:
        """``config`` is in force from now on, for everybody who asks here."""
        self.config = config
        self.claim_policy: ClaimPolicy = rules.claim_policy(config)
        self.retry_policy: RetryPolicy = rules.retry_policy(config)

    @property
    def beats(self) -> Beats:
        """When a worker's silence counts for what."""
        lease = self.config.lease
        return Beats(
            beat_s=lease.heartbeat_s,
            warn=lease.warn_beats,
            stale=lease.stale_beats,
            dead=lease.dead_beats,
        )

    def terms(self, name: str, timeout_s: float | None) -> Terms:
        """For a run of the profile that is begun, or found, now."""
        return Terms(
            agent=self.agent(name),
            limits=self.limits(name, timeout_s),
            on_success=self.on_success(name),
            provider=self.claim_policy.provider(name),
        )

    def agent(self, name: str) -> Agent:
        """The profile; one that has left the configuration cannot be started.

        A run that has begun is adopted from what its worker has on disk. One that has
        not fails as ``setup`` and names the profile.
        """
        if name in self.config.agents:
            return rules.agent_for_run(self.config, name)
        missing = f"the agent profile {name!r} is no longer configured"
        return Agent(name=name, kind="shell", argv=(missing,))

    def limits(self, name: str, timeout_s: float | None) -> Limits:
        """What a run of the profile may use."""
        known = name if name in self.config.agents else "shell"
        return rules.limits_for(self.config, known, timeout_s)

    def on_success(self, name: str) -> Literal["review", "complete"]:
        """Where a good run leaves its ticket."""
        if name in self.config.agents:
            return rules.on_success(self.config, name)
        return "review"

    def run_dir(self, run_id: RunId) -> str:
        """Where a run's files are; absolute."""
        # Not joined as paths: that was a seventh of the loop's time in a drain.
        return f"{self.config.state_dir}/{layout.RUNS_DIR}/{run_id}"
