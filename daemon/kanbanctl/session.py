"""What the options that every command has were set to, and what follows from them."""

import os
import time
from typing import TextIO

from kanbanctl import jsonform, places
from kanbanctl.client import Client
from kanbanctl.failures import Failure
from kanbanctl.output import Output, complain

QUICK_TIMEOUT_S = 10.0
"""For calls that the daemon answers at once; its own promise is a second."""


class Session:
    """Filled in while the command line is read; used by commands only."""

    # Not a dataclass: every command would pay 4 ms for importing and making it.
    def __init__(self) -> None:
        """As if no option had been given."""
        self.socket: str | None = None
        self.as_json = False
        self.timeout_s: float | None = None
        self.color = True
        self.canvas: TextIO | None = None
        """Set while a picture is made of the answer, instead of printing it."""

    @property
    def output(self) -> Output:
        """Where the answer goes."""
        return Output(as_json=self.as_json, color_wanted=self.color, canvas=self.canvas)

    def client(self, *, patient: bool = False, grace_s: float = 0.0) -> Client:
        """A connection.

        ``patient``: an answer may take as long as it takes, unless ``--timeout`` was
        given. ``grace_s`` is added to that, for a call that carries it to the daemon.
        """
        timeout_s = self.timeout_s
        if timeout_s is None and not patient:
            timeout_s = QUICK_TIMEOUT_S
        if timeout_s is not None:
            timeout_s += grace_s
        return Client(self._place, timeout_s, patient=patient)

    def _place(self) -> places.Place:
        return places.find(self.socket, os.environ)

    def report(self, failure: Failure) -> None:
        """The reason on standard error, and with ``--json`` as a document too."""
        if self.canvas is not None and not self.as_json:
            self.output.line(failure.message, "bad")
        elif self.canvas is None:
            complain(failure.message)
        if self.as_json:
            details = jsonform.plain(getattr(failure, "error", None)) or {}
            error = {"kind": failure.kind, **details, "message": failure.message}
            self.output.record(jsonform.document({"error": error}))

    @staticmethod
    def now_ms() -> int:
        """The present, for relative times."""
        return time.time_ns() // 1_000_000
