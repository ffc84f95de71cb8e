"""After a power loss at any moment the store is whole, and all it promised is there."""

import random
import time
from collections.abc import Mapping
from pathlib import Path

import apsw
import pytest

from crash.judging import Judge
from crash.living import digest, unlawful
from crash.recording import Acknowledged, Meant, recorded
from crash.stories import Toll, judge_all, tell
from crash.workload import Workload
from kanban_ipc.control import NewTicket
from kanband.store.copying import back_up, restore
from kanband.store.opening import open_store, schema_version
from kanband.store.sqlite import SqliteVerbs
from kanband.store.statements import migrations
from kanband.store.verbs import Verbs

SCHEMA_1 = Path(__file__).parents[1] / "data" / "store" / "schema1.sql"
IMAGES = 10_000
"""Of a campaign, at least."""


def test_the_workload_has_calls_of_every_verb() -> None:
    assert Workload(1).verbs == {
        name for name in dir(Verbs) if not name.startswith("_")
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_was_acknowledged_is_lost_by_a_power_loss(
    tmp_path: Path, seed: int
) -> None:
    toll = Toll()
    tell(seed, tmp_path, toll, lives=2, images=80)
    assert not toll.report(tmp_path / "fault")
    assert toll.images > 100, "many moments gave the same image"
    assert {"Write", "Sync", "Truncate", "Name", "Unname"} <= set(toll.events)


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_a_store_that_does_not_sync_its_commits_is_found_out(
    tmp_path: Path, synchronous: str
) -> None:
    """The canary: it must fail, or the images prove nothing."""
    toll = Toll()
    tell(3, tmp_path, toll, lives=1, images=50, synchronous=synchronous)
    assert toll.kinds["lost"] > 0
    if synchronous == "NORMAL":
        assert set(toll.kinds) == {"lost"}, "it forgets, but it does not break"
    else:
        assert set(toll.kinds) > {"lost"}


def test_a_power_loss_while_an_old_store_is_migrated_leaves_the_old_or_the_new_one(
    tmp_path: Path,
) -> None:
    toll = Toll()
    _migrate(tmp_path, toll, random.Random(5), images=50)
    assert not toll.report(tmp_path / "fault")


def test_a_power_loss_during_a_restore_leaves_one_of_two_stores_or_refuses_to_start(
    tmp_path: Path,
) -> None:
    """Never an empty store, never one of the two with the other's log, or without."""
    directory = tmp_path / "store"
    directory.mkdir()
    path, copy = directory / "kanban.db", tmp_path / "copy.db"
    _written_by_schema_1(path)
    open_store(path).close()
    back_up(path, copy, lambda: False)
    backed_up = _digest_of(path)
    _left_with_its_log(path)
    with recorded(directory) as recording:
        recording.note(Meant(_digest_of_copy(directory, tmp_path / "looked-at")))
        recording.note(Meant(backed_up))
        restore(copy, path)
        recording.note(Acknowledged())
    toll = Toll()
    judge = Judge(tmp_path / "images")
    judge_all(recording, judge, random.Random(6), toll, seed=6, images=50)
    interrupted = [
        each
        for each in toll.found
        if each.fault.kind == "refused" and "interrupted" in each.fault.text
    ]
    assert interrupted, toll.report(tmp_path / "fault")
    assert max(each.moment for each in interrupted) < len(recording.events)
    toll.found = [each for each in toll.found if each not in interrupted]
    assert not toll.report(tmp_path / "fault")


@pytest.mark.campaign
def test_ten_thousand_power_losses(tmp_path: Path) -> None:
    toll, begun = Toll(), time.monotonic()
    first = int(time.time())
    seed = first
    while toll.images < IMAGES:
        tell(seed, tmp_path, toll, lives=4, calls=60)
        _migrate(tmp_path / f"migrated-{seed}", toll, random.Random(seed))
        assert not toll.report(tmp_path / "fault")
        seed += 1
    assert toll.verbs == Workload(1).verbs
    print(  # noqa: T201 - what a campaign is for
        f"\nseeds {first} to {seed - 1}: {toll.images} images in"
        f" {time.monotonic() - begun:.0f} s, of {dict(toll.events)}"
    )


def _migrate(
    folder: Path, toll: Toll, rng: random.Random, images: int | None = None
) -> None:
    directory = folder / "store"
    directory.mkdir(parents=True)
    path = directory / "kanban.db"
    _written_by_schema_1(path)
    old = _digest_of(path)
    with recorded(directory) as recording:
        recording.note(_migrated(path))
    judge = Judge(folder / "images")
    judge_all(
        recording,
        judge,
        rng,
        toll,
        seed="migration",
        images=images,
        extra=lambda image: _copied_before(image, folder / "looked-at", old),
    )


def _migrated(path: Path) -> Meant:
    db = open_store(path)
    assert schema_version(db) == len(migrations())
    assert unlawful(db) == []
    meant = Meant(digest(db))
    db.close()
    return meant


def _written_by_schema_1(path: Path) -> None:
    db = apsw.Connection(str(path))
    db.execute(SCHEMA_1.read_text("utf-8"))
    db.pragma("journal_mode", "WAL")
    db.close()


def _digest_of(path: Path) -> str:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    found = digest(db)
    db.close()
    return found


def _copied_before(image: Mapping[str, bytes], place: Path, old: str) -> str | None:
    """A migrated store has the copy of the old one beside it."""
    place.mkdir(exist_ok=True)
    for file in place.iterdir():
        file.unlink()
    for name, content in image.items():
        (place / name).write_bytes(content)
    db = apsw.Connection(str(place / "kanban.db"), flags=apsw.SQLITE_OPEN_READWRITE)
    version = schema_version(db)
    db.close()
    copy = place / "kanban.db.schema1"
    if version == 1:
        return None
    if not copy.exists():
        return "it was migrated, and the copy of the old store is not there"
    try:
        return None if _digest_of(copy) == old else "its copy is another store"
    except apsw.Error as error:
        return f"it was migrated, and the copy of the old store is damaged: {error}"


def _left_with_its_log(path: Path) -> None:
    """As a daemon leaves it that is killed: the last commits are in the log alone."""
    db = open_store(path)
    with db:
        SqliteVerbs(db).add([NewTicket(title="late")], ready=True, now_ms=2)
    kept = {file: file.read_bytes() for file in path.parent.iterdir()}
    db.close()
    for file, content in kept.items():
        file.write_bytes(content)


def _digest_of_copy(directory: Path, place: Path) -> str:
    """Looked at elsewhere: opening a store changes it."""
    place.mkdir()
    for file in directory.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return _digest_of(place / "kanban.db")
