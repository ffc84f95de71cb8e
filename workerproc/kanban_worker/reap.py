"""``kanban-worker --reap RUN_DIR``: what became of a run that nobody adopts.

Started by the daemon. Prints one JSON object, ``{outcome, proof, survivors, exit,
host_restarted}`` (`kanban_worker.shell.reaping.Reaped`), on stdout.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from kanban_worker.shell.reaping import reap


def main(run_dir: str, grace_s: float) -> int:
    """Reap one run. Returns 0 when nothing of it survives, else 1.

    Raises OSError where the directory cannot be used.
    """
    reaped = asyncio.run(reap(Path(run_dir).absolute(), grace_s))
    sys.stdout.write(msgspec.json.encode(reaped).decode() + "\n")
    clean = not reaped.survivors and reaped.proof != "none"
    return 0 if clean else 1
