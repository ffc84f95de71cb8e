"""A run's result on disk: ``result.msgpack``, whole and durable or not there."""

from pathlib import Path
from typing import Final

import msgspec

from kanban_ipc import layout
from kanban_ipc.link import Result
from kanban_worker.shell.rundir import sync_directory, write_durable

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Result)


def make_run_dir(run_dir: Path) -> None:
    """Make it, private, and its name durable. Raises ``OSError``."""
    if run_dir.is_dir():
        return
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_directory(run_dir.parent)


def write_result(run_dir: Path, result: Result) -> None:
    """Before the result is said to anybody. Raises ``OSError``."""
    make_run_dir(run_dir)
    write_durable(run_dir / layout.RUN_RESULT, _ENCODER.encode(result))


def write_output(run_dir: Path, data: bytes) -> None:
    """Before the result is said to anybody. Raises ``OSError``."""
    make_run_dir(run_dir)
    write_durable(run_dir / layout.RUN_OUTPUT, data)


def read_result(run_dir: Path) -> Result | None:
    """None: it was never written, or not whole."""
    try:
        return _DECODER.decode((run_dir / layout.RUN_RESULT).read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def mark_acknowledged(run_dir: Path) -> None:
    """Nobody needs the run's files for its sake any more."""
    (run_dir / layout.RUN_ACKNOWLEDGED).touch(mode=0o600)
