"""What an agent says from inside its run: to agent.sock, or into the spool.

Decided here: an agent never waits long for a daemon that is away or stuck (``CALL_S``),
and never fails for it. What could not be said becomes a file in the run's directory,
which the run's worker delivers. A refusal is the agent's own fault, and an error.
"""

import os
import secrets
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from kanban_ipc import agent
from kanban_ipc.control.base import Call
from kanban_ipc.words import Epoch, RunId
from kanbanctl.client import Client
from kanbanctl.failures import BadInput, Failure, NoAnswer, NobodyListens, TimedOut
from kanbanctl.output import complain
from kanbanctl.places import Place
from kanbanctl.session import Session

CALL_S: Final = 3.0
"""With starting and spooling it stays below 5 s."""
_AWAY: Final = frozenset(("ShuttingDown", "StoreFailed"))
"""Refusals that mean: later."""


class Run(NamedTuple):
    """The run that this process is part of, as its environment says."""

    place: Place
    token: str
    run_id: RunId
    epoch: Epoch
    spool_dir: str


def find_run(environ: Mapping[str, str]) -> Run:
    """Raises ``BadInput`` outside of a run."""
    url, token = environ.get("KANBAN_API_URL", ""), environ.get("KANBAN_API_TOKEN", "")
    path = url.removeprefix(agent.URL_SCHEME)
    epoch = environ.get("KANBAN_EPOCH", "")
    if not token or path in {"", url} or not epoch.isdecimal():
        raise BadInput(
            "this is for agents, inside a run: there KANBAN_API_URL, KANBAN_API_TOKEN "
            "and KANBAN_EPOCH say which run it is, and here they do not.",
        )
    return Run(
        place=Place(path, "KANBAN_API_URL"),
        token=token,
        run_id=RunId(environ.get("KANBAN_RUN_ID", "")),
        epoch=Epoch(int(epoch)),
        spool_dir=environ.get("KANBAN_SPOOL_DIR", ""),
    )


class Voice:
    """Says things of one run."""

    def __init__(self, session: Session) -> None:
        """Raises ``BadInput`` outside of a run."""
        self._session = session
        self.run = find_run(os.environ)

    def call(self, method: str, call: Call) -> None:
        """Say it now, or have it said later; what happened is told."""
        reply = agent.METHODS[method].reply
        timeout_s = min(self._session.timeout_s or CALL_S, CALL_S)
        spooled = False
        try:
            with Client(
                lambda: self.run.place,
                timeout_s,
                interface=agent.INTERFACE,
                methods=agent.METHODS,
            ) as client:
                client.call(method, call, reply)
        except (NobodyListens, NoAnswer, TimedOut) as away:
            self._spool(method, call, away)
            spooled = True
        except Failure as failure:
            if failure.kind not in _AWAY:
                raise
            self._spool(method, call, failure)
            spooled = True
        if self._session.as_json:
            self._session.output.record({"schema": 1, "spooled": spooled})

    def _spool(self, method: str, call: Call, away: Failure) -> None:
        directory = self.run.spool_dir
        try:
            _write(directory, self._spooled(method, call))
        except OSError as error:
            reason = error.strerror or error
            raise NoAnswer(
                f"{away.message}\nIt cannot be kept for later either: KANBAN_SPOOL_DIR "
                f"({directory or 'not set'}): {reason}.",
                kind=away.kind,
            ) from error
        complain("kanband does not answer now; this is kept, and delivered later.")

    def _spooled(self, method: str, call: Call) -> bytes:
        said = {
            name: value
            for name, value in msgspec.to_builtins(call).items()
            if name != "token"
        }
        return msgspec.json.encode(
            {
                "schema": 1,
                "run_id": self.run.run_id,
                "epoch": self.run.epoch,
                "ts_ms": time.time_ns() // 1_000_000,
                "method": method,
                "parameters": said,
            },
        )


def _write(directory: str, data: bytes) -> None:
    """Whole under its name, which sorts by time, or not there."""
    if len(os.listdir(directory)) >= agent.SPOOL_FILES_MAX:  # noqa: PTH208
        raise OSError(f"{agent.SPOOL_FILES_MAX} things wait there already")
    stem = f"{time.time_ns():020}-{os.getpid()}-{secrets.token_hex(4)}"
    spare = f"{directory}/.{stem}.tmp"
    descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.rename(spare, f"{directory}/{stem}{agent.SPOOL_SUFFIX}")  # noqa: PTH104
