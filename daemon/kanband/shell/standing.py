"""Who does what, how far it is, and whose silence counts: what is asked, not changed.

The live runs and the workers' sessions, with the questions that the fleet, the orphans
and people have about them. Decided here: when our own loop was away, so that a silence
is ours. Absent: every change (``dispatch``, which is a ``Standing``) and what is done
about a worker that is silent (``orphans``, ``fleet``).
"""

from typing import Final

from kanban_ipc.control import CurrentRun
from kanban_ipc.words import Epoch, RunId, Staleness, WorkerId
from kanband.core.staleness import Beats, Presence, staleness
from kanband.shell.live import LiveRun, LiveTable, Spared
from kanband.shell.ports import Clock, LiveWork
from kanband.shell.profiles import Profiles
from kanband.shell.sessions import Sessions
from kanband.store.values import RunMark


class Standing:
    """The runs and the workers on the link, to be looked at."""

    def __init__(self, profiles: Profiles, clock: Clock) -> None:
        """Nobody is here."""
        self._profiles = profiles
        self._clock = clock
        self.live: Final = LiveTable()
        self.sessions: Final = Sessions()
        self._presence = Presence.begin(clock.monotonic())

    def begin(self) -> None:
        """Silence counts from now on: the daemon is READY."""
        self._presence = Presence.begin(self._clock.monotonic())

    def awake(self) -> float:
        """The loop turns, and since when without a gap; called every beat and before
        anybody's silence is judged, so that our own absence is noticed first.
        """
        beat_s = self._profiles.beats.beat_s
        self._presence = self._presence.tick(self._clock.monotonic(), beat_s)
        return self._presence.since

    @property
    def beats(self) -> Beats:
        """When a worker's silence counts for what."""
        return self._profiles.beats

    def staleness(self, run: LiveRun) -> Staleness:
        """How much a lease is in doubt: ``core.staleness``."""
        session = self.sessions.of(run.worker_id)
        heard_at = None if session is None else session.heard_at
        signs = (run.since, heard_at, self._presence.since)
        return staleness(self._clock.monotonic(), signs, self._profiles.beats)

    # ----------------------------------------------------------------- for people

    def live_runs(self, worker_id: WorkerId) -> list[RunId]:
        """The runs that a worker holds."""
        return [run.run_id for run in self.live.of(worker_id)]

    def connected(self, worker_id: str) -> bool:
        """Whether it has a session and was heard of lately."""
        now, beats = self._clock.monotonic(), self._profiles.beats
        return self.sessions.connected(WorkerId(worker_id), now, beats)

    def version(self, worker_id: str) -> str | None:
        """See ``ports.Runs``."""
        session = self.sessions.of(WorkerId(worker_id))
        return None if session is None else session.program_version or None

    def spared(self, worker_id: str) -> Spared:
        """Which further runs it does not get."""
        session = self.sessions.of(WorkerId(worker_id))
        return "not" if session is None else session.spared

    def heard_age_s(self, worker_id: str) -> float | None:
        """Seconds since its last sign of life."""
        now = self._clock.monotonic()
        return self.sessions.silence_s(WorkerId(worker_id), now)

    def progress(self, run_id: str) -> RunMark | None:
        """How far a live run is."""
        run = self.live.get(RunId(run_id))
        return None if run is None else run.mark

    def work(self, run_id: RunId, epoch: Epoch) -> LiveWork | None:
        """What a live run is about; see ``ports.Runs``."""
        run = self.live.get(run_id, epoch)
        if run is None:
            return None
        return LiveWork(run.work, run.attempt, cancelled=run.cancel is not None)

    def current(self, worker_id: str) -> list[CurrentRun]:
        """What a worker is busy with."""
        now = self._clock.monotonic()
        return [
            CurrentRun(
                ticket_id=run.work.ticket_id,
                run_id=run.run_id,
                title=run.work.title,
                progress=run.percent,
                stale=self.staleness(run),
                running_s=round(now - run.since, 3),
                step=run.step,
                current_step=run.current_step,
                total_steps=run.total_steps,
            )
            for run in self.live.of(WorkerId(worker_id))
        ]
