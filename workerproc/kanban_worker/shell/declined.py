"""A run that the worker does not take: it goes back, uncounted, for another."""

from kanban_ipc.link import Assign, Cancel, Observation, Result
from kanban_worker.shell.job import Desk, finished


class Declined:
    """Over from the beginning; a ``Job``."""

    over = True
    begun = False
    dies_with_worker = False
    stuck = False
    root_pid = 0
    grace_s = 0.0

    def __init__(self, desk: Desk, assign: Assign, why: str) -> None:
        self.run_id = assign.run_id
        self.epoch = assign.epoch
        self._desk = desk
        self._ticket_id = assign.work.ticket_id
        self._why = why

    def report(self) -> None:
        """Say it."""
        box = self._desk.open_box(self.run_id, self.epoch, taken_over=False)
        message = f"not begun: {self._why}; another worker will do it"
        result = Result(outcome="aborted", failure="shutdown", message=message)
        ended = finished(box, self._desk.now_ms(), result)
        self._desk.report(self._ticket_id, ended)

    def observe(self) -> Observation:
        """See ``Job``."""
        return Observation(self.run_id, self.epoch, "finished", alive=False)

    def cancel(self, order: Cancel) -> None:
        """Nothing runs."""

    def drop(self) -> None:
        """Nothing runs."""

    def acknowledged(self) -> None:
        """Nothing is kept."""

    def keep(self) -> None:
        """It needs no file: the next incarnation begins the run."""

    def measured(self, cpu_ms: int, rss_bytes: int) -> None:
        """Nothing runs."""
