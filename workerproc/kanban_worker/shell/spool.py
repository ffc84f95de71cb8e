"""The spool of a run: what its agent could not say to the daemon, delivered for it.

Theory. A file is read, becomes one of the run's reliable messages, and is removed when
that message is acknowledged: so it outlives the worker, whose successor delivers it
again (at least once). Everything is delivered before the run's end is reported, so a
question comes before the end that it explains. What is no call is set aside for people.

Absent: when to look (``program_run``), what a file may hold (``core.spooled``).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kanban_ipc import agent, bounds, layout
from kanban_ipc.agent import AskCall, NoteCall, ProgressCall
from kanban_ipc.link import Asked, Assign, Log, Progress
from kanban_worker.core.obstacles import lasts
from kanban_worker.core.outbox import RunBox
from kanban_worker.core.spooled import Poison, SpooledCall, read

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Found(NamedTuple):
    """A file that is a call."""

    name: str
    ts_ms: int
    call: SpooledCall


class Spool:
    """One run's."""

    def __init__(self, assign: Assign) -> None:
        self._run_id, self._epoch = assign.run_id, assign.epoch
        self._folder = Path(assign.run_dir) / layout.RUN_SPOOL_DIR
        self._refused = Path(assign.run_dir) / layout.RUN_SPOOL_POISON_DIR
        self._said: dict[str, int] = {}
        """By file: the number of its message; until that is acknowledged."""
        self._left: set[str] = set()
        """Poison that cannot be set aside: it stays, and is not looked at again."""

    def look(self) -> tuple[list[Found], list[str]]:
        """What is new, oldest first; and why files were set aside. Blocking."""
        found: list[Found] = []
        complaints: list[str] = []
        for name in self._names():
            try:
                data = _content(self._folder / name)
                found.append(Found(name, *read(data, self._run_id, self._epoch)))
            except FileNotFoundError:
                continue
            except (Poison, OSError) as error:
                if isinstance(error, OSError) and not lasts(error.errno):
                    continue
                complaints.append(f"{name} was set aside: {error}")
                self._set_aside(name)
        return found, complaints

    def say(self, found: list[Found], box: RunBox) -> Iterator[Progress | Log | Asked]:
        """The messages; each is kept in the box, or for now left where it is."""
        for name, ts_ms, call in found:
            kept = _kept(box, ts_ms, call)
            if kept is None:
                return  # The box is full: there is another time.
            self._said[name] = kept.seq
            yield kept
            if isinstance(call, ProgressCall):
                yield _progress(box, call)

    def acknowledged(self, box: RunBox | None) -> None:
        """Remove what the daemon has; None: it has everything."""
        waiting = {each.seq for each in box.waiting} if box is not None else set()
        for name, seq in list(self._said.items()):
            if seq not in waiting:
                self._remove(name)
                del self._said[name]

    def _names(self) -> list[str]:
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 - names alone
        except OSError:
            return []
        new = (
            name
            for name in names
            if name.endswith(agent.SPOOL_SUFFIX)
            and not name.startswith(".")
            and name not in self._said
            and name not in self._left
        )
        return list(new)[: max(agent.SPOOL_FILES_MAX - len(self._said), 0)]

    def _set_aside(self, name: str) -> None:
        try:
            self._refused.mkdir(mode=0o700, exist_ok=True)
            (self._folder / name).rename(self._refused / name)
        except OSError:
            self._left.add(name)

    def _remove(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError:
            return  # It is gone with the run's files.


def _content(path: Path) -> bytes:
    """Of a regular file and nothing else. Raises ``OSError`` and ``Poison``."""
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Poison("it is not a plain file")
        return os.read(descriptor, agent.SPOOL_FILE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)


def _kept(box: RunBox, ts_ms: int, call: SpooledCall) -> Log | Asked | None:
    match call:
        case ProgressCall():
            # Progress itself may be lost on the link: the log has it in any case.
            return box.line(ts_ms, "debug", _in_words(call))
        case NoteCall():
            return box.line(ts_ms, call.level, call.message)
        case AskCall():
            # As agent.sock takes it: said on both ways it is one question.
            choices = tuple(dict.fromkeys(each.strip() for each in call.choices))
            return box.question(ts_ms, call.question.strip(), call.kind, choices)


def _progress(box: RunBox, call: ProgressCall) -> Progress:
    return Progress(
        run_id=box.run_id,
        epoch=box.epoch,
        percent=call.percent,
        step=_step(call),
        total_steps=call.total_steps,
        current_step=call.step,
    )


def _step(call: ProgressCall) -> str:
    return " ".join(call.text.split())[: bounds.STEP_CHARS_MAX]


def _in_words(call: ProgressCall) -> str:
    number = f", step {call.step}" if call.step else ""
    total = f" of {call.total_steps}" if call.step and call.total_steps else ""
    text = f": {_step(call)}" if call.text.strip() else ""
    return f"progress {call.percent} %{number}{total}{text}"
