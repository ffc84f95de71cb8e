"""Whatever input or output fails, a call is kept or refused; never half of it."""

import asyncio
import errno
import itertools
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

from crash.failing import Fault, Faults, Kind, failing
from crash.judging import Judge
from crash.living import digest
from crash.workload import Workload
from kanband.store import checkpointing
from kanband.store.errors import StoreFailed, StoreRefused
from kanband.store.opening import open_store
from kanband.store.questions import Reads
from kanband.store.sqlite import SqliteVerbs
from kanband.store.verbs import Verbs
from kanband.store.writer import StoreThread

CALLS: Final = 14
CHECKPOINT_PAGES: Final = 30
PATIENCE_S: Final = 20.0
ERRORS: Final[tuple[tuple[Kind, int], ...]] = (
    ("write", errno.ENOSPC),
    ("write", errno.EIO),
    ("sync", errno.EIO),
    ("truncate", errno.EIO),
    ("open", errno.EMFILE),
    ("unlink", errno.EIO),
    ("map", errno.ENOMEM),
    ("read", errno.EIO),
)
FAULTS: Final = 2_000
"""Of a campaign, at least."""


class Life:
    """A store that is opened, used and closed while the disk is failing."""

    def __init__(self, path: Path, seed: int, found: str) -> None:
        """``found``: the digest of what is there."""
        self._path = path
        self._workload = Workload(seed)
        self.promised = found
        self._meant = self.promised
        self.doubtful: set[str] = set()
        """What may be there though it was refused: the store said so by giving up."""
        self.outcomes: list[str] = []
        self.said: set[str] = set()

    async def live(self, faults: Faults) -> None:
        fatal: list[Exception] = []
        try:
            store = StoreThread(self._path, on_fatal=fatal.append)
        except StoreRefused:
            self.outcomes.append("not opened")
            return
        if not faults.of_syncs:
            # Then they cost time and prove nothing.
            for db in (store._writer._db, store._writer._checkpointer._db):
                db.pragma("synchronous", "OFF")
        for _ in range(CALLS):
            await self._one(store, fatal)
        faults.closing()
        await asyncio.wait_for(store.close(), PATIENCE_S)

    async def _one(self, store: StoreThread, fatal: list[Exception]) -> None:
        call = self._workload.call()
        before: list[str] = []

        def told(verbs: Verbs) -> Any:
            before.append(digest(store._writer._db))
            result = call(verbs)
            self._meant = digest(store._writer._db)
            return result

        gave_up = bool(fatal)
        self._meant = self.promised
        try:
            await asyncio.wait_for(store.do(told), PATIENCE_S)
        except StoreFailed as failure:
            self.said.add(str(failure))
            self.outcomes.append("gave up" if fatal else "refused")
            if fatal and not gave_up:
                self.doubtful.add(self._meant)
        else:
            assert not gave_up, "it goes on after it said that it cannot"
            self.promised = self._meant
            self.outcomes.append("kept")
        assert before in ([], [self.promised]) or self.outcomes[-1] == "kept", (
            "what was refused is there"
        )
        try:
            seen = await asyncio.wait_for(store.read(_last_seq), PATIENCE_S)
        except StoreFailed:
            return
        assert seen >= 0


def _last_seq(reads: Reads) -> int:
    return reads.last_seq()


class Laboratory:
    """Tries faults on copies of the same stores: one that was closed, and one whose
    daemon was killed, so that its log is still there."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._judge = Judge(folder / "store")
        self._images = self._prepared()
        self.counts: Counter[str] = Counter()
        self.struck = 0
        self.outcomes: Counter[str] = Counter()

    def _prepared(self) -> list[dict[str, bytes]]:
        made = self._folder / "made"
        made.mkdir()
        workload = Workload(self._seed + 1)
        images = []
        db = open_store(made / "kanban.db")
        for _ in range(25):
            call = workload.call()
            with db:
                call(SqliteVerbs(db))
        images.append(_files(made))
        self._found = digest(db)
        db.close()
        images.append(_files(made))
        return images

    def tries(self, fault: Fault | None, image: int) -> None:
        path = self._judge.put(self._images[image])
        life = Life(path, self._seed, self._found)
        with (
            mock.patch.object(checkpointing, "STEP_PAGES", CHECKPOINT_PAGES),
            mock.patch.object(checkpointing, "BOUND_PAGES", 2 * CHECKPOINT_PAGES),
            failing(fault) as faults,
        ):
            asyncio.run(life.live(faults))
        self.counts |= faults.counts
        self.struck += faults.struck > 0
        self.outcomes.update(life.outcomes)
        assert all(text.startswith("The ") for text in life.said), "words for people"
        if fault is None or not fault.for_ever:
            well = life.outcomes.count("refused") <= 1 or "gave up" in life.outcomes
            assert well, f"{fault}: neither does it go on nor does it say so"
        found = self._judge.judge(
            _files(path.parent), {life.promised, *life.doubtful}, use=True
        )
        assert found is None, f"{fault}: {found} after {life.outcomes}"


def _files(folder: Path) -> dict[str, bytes]:
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if not file.name.endswith("-shm")
    }


def _faults(laboratory: Laboratory) -> list[tuple[Fault, int]]:
    """Every one that there is, in each of the stores."""
    for image in (0, 1):
        laboratory.tries(None, image)
    return [
        (Fault(kind, number, code, for_ever), image)
        for kind, code in ERRORS
        for number in range(laboratory.counts[kind])
        for for_ever, image in itertools.product((False, True), (0, 1))
    ]


def test_a_call_whose_input_or_output_fails_is_kept_or_refused(
    tmp_path: Path,
) -> None:
    laboratory = Laboratory(tmp_path, 1)
    faults, rng = _faults(laboratory), random.Random(1)
    for error in ERRORS:
        of_this = [each for each in faults if (each[0].kind, each[0].errno) == error]
        for fault, image in rng.sample(of_this, min(3, len(of_this))):
            laboratory.tries(fault, image)
    assert laboratory.struck > 18
    assert set(laboratory.outcomes) == {"kept", "refused", "gave up", "not opened"}


def test_a_full_disk_is_gone_on_from_and_an_error_is_given_up_at(
    tmp_path: Path,
) -> None:
    laboratory = Laboratory(tmp_path, 1)
    laboratory.tries(Fault("write", 12, errno.ENOSPC, for_ever=False), 1)
    assert laboratory.outcomes["refused"] == 1
    assert laboratory.outcomes["kept"] == CALLS - 1
    laboratory.tries(Fault("sync", 2, errno.EIO, for_ever=False), 1)
    assert laboratory.outcomes["gave up"] > 0


@pytest.mark.campaign
def test_two_thousand_faults(tmp_path: Path) -> None:
    begun, first = time.monotonic(), int(time.time())
    struck, seed, outcomes = 0, first, Counter[str]()
    while struck < FAULTS:
        laboratory = Laboratory(_made(tmp_path / str(seed)), seed)
        for fault, image in _faults(laboratory):
            laboratory.tries(fault, image)
        struck += laboratory.struck
        outcomes += laboratory.outcomes
        seed += 1
    print(  # noqa: T201 - what a campaign is for
        f"\nseeds {first} to {seed - 1}: {struck} faults in"
        f" {time.monotonic() - begun:.0f} s: {dict(outcomes)}"
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
