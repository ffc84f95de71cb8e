"""Where a worker's parts say things: to the daemon, and in the worker's log."""

from typing import Protocol

from kanban_ipc.link import WorkerMessage
from kanban_ipc.words import LogLevel


class Voice(Protocol):
    """The desk, as far as its parts speak through it."""

    def post(self, message: WorkerMessage) -> None:
        """Say something on the link."""

    def say(self, level: LogLevel, text: str, **fields: object) -> None:
        """Write a line in the worker's log."""
