"""What version 1 said on the wire is understood for ever.

``tests/data/link/NAME.hex`` and ``tests/data/spawner/NAME.hex`` are one message each as
it was sent, in hexadecimal, 64 digits a line. They are never written again; a message
kind that is new gets a file of its own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from kanban_ipc import frames, link, spawning
from support.wire_samples import FROM_DAEMON, FROM_SPAWNER, FROM_WORKER, TO_SPAWNER

DATA = Path(__file__).parents[1] / "data"
Decode = Callable[[bytes], Any]


def _from_worker(data: bytes) -> Any:
    return frames.from_worker(frames.join([data]))[0]


def _from_daemon(data: bytes) -> Any:
    return frames.from_daemon(frames.join([data]))[0]


CASES: list[tuple[str, Any, Decode]] = [
    *(("link", message, _from_worker) for message in FROM_WORKER),
    *(("link", message, _from_daemon) for message in FROM_DAEMON),
    *(("spawner", message, spawning.to_spawner) for message in TO_SPAWNER),
    *(("spawner", message, spawning.from_spawner) for message in FROM_SPAWNER),
]


def name_of(message: Any) -> str:
    return type(message).__name__


@pytest.mark.parametrize(("folder", "message", "decode"), CASES)
def test_an_old_message_is_still_understood(
    folder: str,
    message: Any,
    decode: Decode,
) -> None:
    old = bytes.fromhex((DATA / folder / f"{name_of(message)}.hex").read_text())
    assert decode(old) == message


@pytest.mark.parametrize(("folder", "message", "decode"), CASES)
def test_a_newer_message_is_understood_without_what_is_new(
    folder: str, message: Any, decode: Decode
) -> None:
    newer = msgspec.msgpack.decode(msgspec.msgpack.encode(message))
    if folder == "link":
        newer += ["from a later", {"minor": "version"}]
    else:
        newer["later"] = "minor version"
    assert decode(msgspec.msgpack.encode(newer)) == message


@pytest.mark.parametrize(("folder", "message", "decode"), CASES)
def test_a_message_without_what_was_appended_has_its_defaults(
    folder: str, message: Any, decode: Decode
) -> None:
    """As a worker or a daemon of the first minor version says it."""
    sample = bytes.fromhex((DATA / folder / f"{name_of(message)}.hex").read_text())
    fields = msgspec.structs.fields(message)
    later = [field for field in fields if not field.required]
    older = msgspec.msgpack.decode(sample)
    if folder == "link":
        older = older[: 1 + len(fields) - len(later)]
    else:
        older = {k: v for k, v in older.items() if k not in {f.name for f in later}}
    defaults = {field.name: field.default for field in later}
    expected = msgspec.structs.replace(message, **defaults)
    assert decode(msgspec.msgpack.encode(older)) == expected


def test_every_kind_of_message_has_a_sample() -> None:
    wanted = {
        "link": [*get_args(link.WorkerMessage), *get_args(link.DaemonMessage)],
        "spawner": [*get_args(spawning.ToSpawner), *get_args(spawning.FromSpawner)],
    }
    for folder, kinds in wanted.items():
        files = {path.stem for path in (DATA / folder).iterdir()}
        assert files == {kind.__name__ for kind in kinds}
        assert files == {name_of(m) for where, m, _ in CASES if where == folder}
