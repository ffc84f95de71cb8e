"""Workers' reliable messages, on their way into the store.

Decided here: what is a repetition, and for whom a worker may speak. A report of a run
that the daemon does not hold changes nothing; its ``Finished`` still goes to the
store, which journals it as stale. A report of another worker's run does not reach the
store, which could not tell it from its holder's: the holder tells the end itself.
"""

import logging
import random
from typing import Final, TypeAlias

from kanban_ipc import bounds, link
from kanban_ipc.words import Epoch, RunId
from kanband.shell.live import LiveRun, LiveTable, Session
from kanband.shell.post import Post
from kanband.shell.turn import Arrivals
from kanband.store.values import RunEnd, RunLog, RunQuestion, RunStart

_LOG: Final = logging.getLogger(__name__)
Report: TypeAlias = link.Started | link.Log | link.Asked | link.Finished


class Reports:
    """Collects what the next turn shall commit."""

    def __init__(self, live: LiveTable, post: Post, rng: random.Random) -> None:
        """``rng`` draws the retries' jitter."""
        self._live = live
        self._post = post
        self._rng = rng
        self._arrivals = Arrivals()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._arrivals)

    @property
    def ends(self) -> list[RunEnd]:
        """Results that wait."""
        return self._arrivals.ends

    def take(self) -> Arrivals:
        """Everything that waits; a turn commits it."""
        taken, self._arrivals = self._arrivals, Arrivals()
        return taken

    def put_back(self, arrivals: Arrivals) -> None:
        """They could not be committed: they come first the next time."""
        self._arrivals.put_back(arrivals)

    def waits(self, run_id: RunId, epoch: Epoch) -> bool:
        """Whether something of this run waits."""
        return (run_id, epoch) in self._arrivals.peers

    def receive(self, session: Session, report: Report) -> None:
        """A worker reports; it is acknowledged when it is committed."""
        run = self._live.get(report.run_id, report.epoch)
        held = link.Held(report.run_id, report.epoch)
        if run is not None and run.worker_id != session.worker_id:
            self._of_another(session, report, run)
            return
        if run is None:
            if not isinstance(report, link.Finished):
                self._post.ack(session, held, report.seq)
                return
        elif report.seq <= run.seen_seq and not _is_news(report, run):
            if report.seq <= run.last_seq:
                self._post.ack(session, held, run.last_seq)
            return
        self._arrivals.peers[report.run_id, report.epoch] = session.peer
        if run is not None and run.cancel is None and _given_back(report):
            session.gives_back = True
        self.queue(report, run)

    def _of_another(self, session: Session, report: Report, run: LiveRun) -> None:
        """Never acknowledged, for nothing of it is kept: its sender would mark an end
        on disk as delivered, where the holder could not tell that it was not its own,
        and delete the spooled file behind a line. It forgets them when it is dropped.
        """
        if isinstance(report, link.Finished):
            _LOG.warning(
                "%s reported the end of run %s, which %s holds; it changes nothing",
                session.worker_id,
                run.run_id,
                run.worker_id,
            )
            self._post.drop(session, run.run_id, run.epoch)

    def queue(self, report: Report, run: LiveRun | None) -> None:
        """Have a report committed with the next turn."""
        if run is not None:
            run.seen_seq = max(run.seen_seq, report.seq)
        match report:
            case link.Started():
                self._arrivals.starts.append(_start(report))
                if run is not None:
                    run.started = True
            case link.Log():
                self._arrivals.logs.append(_line(report))
            case link.Asked():
                self._arrivals.asks.append(_question(report))
            case link.Finished():
                self._arrivals.ends.append(self._end(report, run))

    def _end(self, report: link.Finished, run: LiveRun | None) -> RunEnd:
        if run is not None:
            run.ending = True
        return RunEnd(
            run_id=report.run_id,
            epoch=report.epoch,
            seq=report.seq,
            ended_ms=report.ended_ms,
            result=report.result,
            on_success="review" if run is None else run.terms.on_success,
            jitter=self._rng.uniform(-1.0, 1.0),
            provider="" if run is None else run.terms.provider,
        )


def _is_news(report: Report, run: LiveRun) -> bool:
    """A live run's end is, whatever its number: an incarnation that does not know of
    its predecessor counts from 1.
    """
    return isinstance(report, link.Finished) and not run.ending


def _given_back(report: Report) -> bool:
    """The ticket is free again at once and uncounted: to the same worker it would come
    back and forth without end.
    """
    return isinstance(report, link.Finished) and report.result.failure == "shutdown"


def _start(report: link.Started) -> RunStart:
    return RunStart(
        run_id=report.run_id,
        epoch=report.epoch,
        seq=report.seq,
        started_ms=report.started_ms,
        branch=report.branch,
        worktree=report.worktree,
        head_before=report.head_before,
    )


def _question(report: link.Asked) -> RunQuestion:
    return RunQuestion(
        run_id=report.run_id,
        epoch=report.epoch,
        seq=report.seq,
        asked_ms=report.asked_ms,
        kind=report.kind,
        text=report.question[: bounds.MESSAGE_CHARS_MAX],
        choices=tuple(
            each[: bounds.CHOICE_CHARS_MAX]
            for each in report.choices[: bounds.CHOICES_MAX]
        ),
    )


def _line(report: link.Log) -> RunLog:
    return RunLog(
        run_id=report.run_id,
        epoch=report.epoch,
        seq=report.seq,
        ts_ms=report.ts_ms,
        level=report.level,
        message=report.message[: bounds.MESSAGE_CHARS_MAX],
    )
