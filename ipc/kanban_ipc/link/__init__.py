"""The link: what a worker and the daemon say to each other.

Theory. The daemon binds a ROUTER, each worker connects a DEALER whose identity is
``identity(worker_id, incarnation)``. A worker says ``Hello`` first, and again
whenever the connection is new, the daemon asks (``HelloWanted``) or it begins to leave
unasked (``draining``); it is answered ``Welcome`` or ``Refused``. From then on:

* the daemon pushes ``Assign``; the worker answers with ``Started``, ``Log``,
  ``Asked`` and ``Finished``, the *reliable* messages: each carries the run's next
  sequence number (from 1), is resent after every ``Welcome`` until the cumulative
  ``Ack`` covers it, and is idempotent on (run, epoch, seq);
* ``Progress`` is unreliable, at most one a second and run;
* ``Heartbeat`` every ``Welcome.heartbeat_s`` lists the runs held, with what was
  *observed of the work*; ``Beat`` answers it. A listed run the daemon does not know
  is told ``Drop``; a leased run that is missing from ``Hello`` or ``Heartbeat`` is
  assigned again (same epoch; ``adopt`` when another start of a worker may have had it);
* ``Finished`` is durable on the worker's disk before it is sent, and stays there
  until it is acknowledged; the daemon acknowledges only what it has committed.

What a worker says of a run that another worker holds changes nothing: its
``Finished`` is answered with ``Drop`` alone, for the holder reports that end itself.
A ``Log``, ``Asked`` or ``Started`` whose (run, epoch) the daemon does not hold is
acknowledged and changes nothing; a stale ``Finished`` is acknowledged, journalled,
changes nothing else, and is answered with ``Drop``.
"""

# ruff: noqa: F403 - the names are listed where they are made

from typing import Final

from kanban_ipc.link.base import *
from kanban_ipc.link.from_daemon import *
from kanban_ipc.link.from_worker import *
from kanban_ipc.link.parts import *
from kanban_ipc.words import WorkerId

IDENTITY_SEPARATOR: Final = b":"


def identity(worker_id: WorkerId, incarnation: str) -> bytes:
    """The ZeroMQ routing id of one start of a worker."""
    return worker_id.encode("ascii") + IDENTITY_SEPARATOR + incarnation.encode("ascii")
