"""What the daemon says to workers: messages made from live runs, and sent.

The link tells only whether a message could be queued. A message that was lost on the
way is made up for by the next heartbeat (``reception``), so nothing is retried here.
"""

from typing import Protocol

from kanban_ipc import link
from kanban_ipc.words import Epoch, RunId
from kanband.shell.live import LiveRun, Session
from kanband.shell.passes import Passes
from kanband.shell.profiles import Profiles


class Sender(Protocol):
    """The link, as the post uses it."""

    def send(self, peer: bytes, messages: list[link.DaemonMessage]) -> bool:
        """Queue messages for a peer; False: it is not there."""


class Post:
    """Makes messages and hands them to the link."""

    def __init__(self, profiles: Profiles, daemon_start: str, passes: Passes) -> None:
        """``daemon_start`` names this start of the daemon to workers."""
        self._passes = passes
        self._profiles = profiles
        self._daemon_start = daemon_start
        self._sender: Sender

    def attach(self, sender: Sender) -> None:
        """Messages leave through ``sender``."""
        self._sender = sender

    def send(self, peer: bytes, messages: list[link.DaemonMessage]) -> bool:
        """Queue messages for a peer; False: it is not there."""
        return self._sender.send(peer, messages)

    def welcome(self, session: Session, version: int) -> None:
        """The worker is taken in; its ``version`` of the link is spoken."""
        beat_s = self._profiles.beats.beat_s
        message = link.Welcome(
            version=version,
            heartbeat_s=beat_s,
            daemon_start=self._daemon_start,
        )
        self.send(session.peer, [message])

    def cancel(self, session: Session, run: LiveRun) -> None:
        """Have a run ended, for the reason that the run carries."""
        assert run.cancel is not None
        message = link.Cancel(
            run_id=run.run_id,
            epoch=run.epoch,
            grace_s=run.terms.limits.grace_s,
            failure=run.cancel,
        )
        self.send(session.peer, [message])

    def drop(self, session: Session, run_id: RunId, epoch: Epoch) -> None:
        """The run is not the worker's, or not any more."""
        self.send(session.peer, [link.Drop(run_id=run_id, epoch=epoch)])

    def ack(self, session: Session, run: link.Held, seq: int) -> None:
        """Everything of the run up to ``seq`` is committed."""
        message = link.Ack(run_id=run.run_id, epoch=run.epoch, seq=seq)
        self.send(session.peer, [message])

    def assignment(self, run: LiveRun) -> link.Assign:
        """A run as the worker needs it; to adopt, if somebody may have begun it."""
        return link.Assign(
            run_id=run.run_id,
            epoch=run.epoch,
            attempt=run.attempt,
            work=run.work,
            agent=run.terms.agent,
            limits=run.terms.limits,
            run_dir=self._profiles.run_dir(run.run_id),
            adopt=run.adopt or run.started,
            cancel=run.cancel is not None,
            api_url=self._passes.url,
            api_token=self._passes.token(run.run_id, run.epoch),
            last_seq=max(run.seen_seq, run.last_seq),
        )
