"""A store that lives several lives, each of which ends with a power loss.

A story's seed decides the calls, which of them keep company, what each power loss
spares, and which of a life's images the next life begins with. It does not decide how
the store's threads interleave: what a seed finds is found again often, not always, so
a fault carries its image along.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from crash.judging import Fault, Judge
from crash.living import live
from crash.power import Disk, fingerprint
from crash.recording import Acknowledged, Recording, Sync, Write, recorded
from crash.workload import Workload

SPARES: Final = (0.0, 1.0, None, 0.1, 0.5, 0.9)
"""What survives of the unsynced: nothing, all, all up to a moment, or a part."""
USED_EVERY: Final = 20
"""So many images, and one of them must also go on."""
Extra = Callable[[Mapping[str, bytes]], str | None]
"""A further fact that an image must obey; returns what is wrong."""


class Found(NamedTuple):
    """A fault, and what is needed to look at it."""

    seed: object
    moment: int
    """Before which of the recording's events the power went."""
    spares: float | None
    fault: Fault
    image: Mapping[str, bytes]


class Toll:
    """What a number of stories came to."""

    def __init__(self) -> None:
        self.images = 0
        self.events: Counter[str] = Counter()
        self.found: list[Found] = []
        self.verbs: set[str] = set()

    @property
    def kinds(self) -> Counter[str]:
        return Counter(each.fault.kind for each in self.found)

    def report(self, folder: Path) -> str:
        """The first fault in words, its image laid out; empty when there is none."""
        if not self.found:
            return ""
        first = self.found[0]
        folder.mkdir(exist_ok=True)
        for name, content in first.image.items():
            (folder / name).write_bytes(content)
        return (
            f"{len(self.found)} of {self.images} images are wrong: {dict(self.kinds)}."
            f" The first: seed {first.seed}, power lost before event {first.moment},"
            f" spared {first.spares}: {first.fault.kind}: {first.fault.text}. Its"
            f" files are in {folder}."
        )


def tell(
    seed: int,
    folder: Path,
    toll: Toll,
    *,
    lives: int = 3,
    calls: int = 50,
    images: int | None = None,
    synchronous: str = "FULL",
) -> None:
    """Live a story in a folder and judge its images: of every event, or so many of
    each life, at random moments.
    """
    rng = random.Random(f"story {seed}")
    workload = Workload(seed)
    directory = folder / f"store-{seed}-{synchronous}"
    directory.mkdir()
    path = directory / "kanban.db"
    judge = Judge(folder / f"images-{seed}-{synchronous}")
    for _life in range(lives):
        with recorded(directory) as recording:
            live(
                path,
                workload,
                recording,
                calls=calls,
                rng=rng,
                synchronous=synchronous,
            )
        heir = judge_all(recording, judge, rng, toll, seed=seed, images=images)
        for file in directory.iterdir():
            file.unlink()
        for name, content in heir.items():
            (directory / name).write_bytes(content)
    toll.verbs |= workload.used


def judge_all(
    recording: Recording,
    judge: Judge,
    rng: random.Random,
    toll: Toll,
    *,
    seed: object,
    images: int | None = None,
    extra: Extra | None = None,
) -> Mapping[str, bytes]:
    """Lose the power at every moment of a recording, or at so many; judge what is
    found. Returns one of the sound images, for another life.
    """
    disk = Disk(recording)
    toll.events.update(type(event).__name__ for event in recording.events)
    moments = _moments(recording, rng, images)
    seen: set[bytes] = set()
    heir: Mapping[str, bytes] = {}
    for moment in range(len(recording.events) + 1):
        for _ in range(moments.get(moment, 0)):
            spares = rng.choice(SPARES)
            image = disk.image(rng, spares)
            # The same files may be right before an acknowledgement, and wrong after.
            mark = fingerprint(image) + repr(sorted(disk.allowed)).encode()
            if mark in seen:
                continue
            seen.add(mark)
            toll.images += 1
            use = toll.images % USED_EVERY == 0
            fault = judge.judge(image, disk.allowed, disk.past, use=use)
            if fault is None and extra is not None and (wrong := extra(image)):
                fault = Fault("damaged", wrong)
            if fault is not None:
                toll.found.append(Found(seed, moment, spares, fault, image))
            elif rng.random() < 1 / len(seen):
                heir = image
        if moment < len(recording.events):
            disk.step(recording.events[moment])
    return heir


def _moments(
    recording: Recording, rng: random.Random, images: int | None
) -> Mapping[int, int]:
    """How many images at each moment. Syncs and answers are worth more of them."""
    after = [None, *recording.events]
    if images is None:
        return Counter(
            {
                moment: 2 if isinstance(event, (Sync, Acknowledged)) else 1
                for moment, event in enumerate(after)
            }
        )
    weights = [2 if isinstance(event, (Sync, Write)) else 1 for event in after]
    return Counter(rng.choices(range(len(after)), weights, k=images))
