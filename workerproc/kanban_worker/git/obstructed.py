"""The lock file on which a git gave up: whose it is, as far as its age tells.

Git holds such a file (``config.lock``, ``packed-refs.lock``, that of a ref) for
milliseconds; a git that is killed leaves it for ever, and nothing in it says whose it
was. Decided here: from which age on nobody is at work, so that trying again cannot
help. It is not removed, for it may stand in a repository that is the user's as well:
the message names it, and a person who sees that no git runs there removes it.
"""

import re
import time
from pathlib import Path
from typing import Final, NamedTuple

STALE_S: Final = 600.0
"""Ten times what we give a command of our own. A clock that jumps by so much may fail
a run that could have waited, and nothing else."""

_CONFIG: Final = re.compile(r"could not lock config file (?P<path>.+): File exists")
_OTHERS: Final = re.compile(r"Unable to create '(?P<path>.+\.lock)': File exists")


class Obstacle(NamedTuple):
    """What stands in the way."""

    path: Path
    age_s: float

    @property
    def is_stale(self) -> bool:
        """Nobody is at work on it."""
        return self.age_s >= STALE_S

    def advice(self) -> str:
        """What a person can do."""
        minutes = self.age_s / 60
        age = f"{minutes:.0f} min" if minutes < 60 else f"{minutes / 60:.0f} h"  # noqa: PLR2004
        return (
            f"{self.path} is {age} old, so the git that made it was probably killed; "
            f"if none runs there (fuser -v {self.path.parent}), rm {self.path}, and "
            "retry the ticket"
        )


def obstacle(said: str, directory: Path) -> Obstacle | None:
    """The lock file that git's message names; None: none that is still there.

    ``directory``: where git was started; it names the file from the top of the tree.
    """
    if match := _CONFIG.search(said):
        name = f"{match['path']}.lock"
    elif match := _OTHERS.search(said):
        name = match["path"]
    else:
        return None
    for folder in (directory, *directory.parents):
        path = folder / name
        try:
            changed = path.lstat().st_mtime
        except OSError:
            continue
        return Obstacle(path, max(time.time() - changed, 0.0))
    return None
