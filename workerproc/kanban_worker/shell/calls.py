"""All calls of a worker, and the threads they run in.

Decided here: an assignment of kind ``python`` is given to a thread, one that a
predecessor had is looked up; what the threads tell comes in batches. What a call's
events mean is in ``call_job``.
"""

import asyncio

from kanban_ipc.link import Assign
from kanban_worker.agents.python import Call, CallEnded, CallStarted, Threads
from kanban_worker.shell.call_job import CallJob
from kanban_worker.shell.job import Desk


class Calls:
    """All calls of a worker, and their threads."""

    def __init__(self, desk: Desk, slots: int) -> None:
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._threads = Threads(slots, self._wake)
        self._jobs: dict[Call, CallJob] = {}

    def take(self, assign: Assign) -> CallJob:
        """Begin a call, or find out what became of a predecessor's."""
        job = CallJob(self._desk, assign)
        if assign.adopt:
            job.adopt(cancelled=assign.cancel)
        else:
            self._jobs[job.call] = job
            self._threads.submit(job.call)
        return job

    def let_go(self) -> None:
        """The worker leaves: threads end as soon as nothing runs in them."""
        self._threads.close()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._collect)
        except RuntimeError:  # the loop is closed: the worker has left
            return

    def _collect(self) -> None:
        begun: list[CallJob] = []
        for event in self._threads.collect():
            job = self._jobs.get(event.call)
            if job is None:
                continue
            job.happened(event)
            if type(event) is CallStarted:
                begun.append(job)
            elif type(event) is CallEnded:
                del self._jobs[event.call]
        for job in begun:
            job.watch()
