"""A callable gets its ticket and a context, and returns what is to be kept.

It runs in a worker's thread. It may be called again for the same ticket, after a
failure or a crash: what it does outside must bear that. It should look at
``context.cancelled`` at least once a second; one that does not is given up after its
grace, and its worker is started anew.
"""

import time
from pathlib import Path

from kanban_worker.callable import Context, Later, Outcome, Work


def count_words(work: Work, context: Context) -> Outcome | None:
    """Count the words of the files that the ticket's instructions name, one a line."""
    paths = [Path(line) for line in work.instructions.split("\n") if line.strip()]
    if not paths:
        raise ValueError("the ticket's instructions name no file")
    counts: dict[str, int] = {}
    for number, path in enumerate(paths):
        if context.cancelled:
            return None
        context.progress(100 * number // len(paths), f"reading {path}", len(paths))
        counts[str(path)] = len(path.read_text("utf-8").split())
        context.log(f"{path} has {counts[str(path)]} words")
    total = sum(counts.values())
    return Outcome(
        summary=f"{total} words in {len(paths)} files.",
        output=counts,
        metrics={"words": total, "files": len(paths)},
    )


def wait_for_file(work: Work, context: Context) -> str:
    """Wait a little for the file that the instructions name, then ask for later."""
    path = Path(work.instructions.strip())
    for _ in range(20):
        if path.exists() or context.cancelled:
            return f"{path} is there."
        time.sleep(0.1)
    raise Later(f"{path} is not there yet")
