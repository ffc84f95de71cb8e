"""An order to end a run, on disk, so that the next incarnation knows whose it was.

Written before it is carried out. It need not survive a power cut: then the run is
lost anyway.
"""

from pathlib import Path

from kanban_ipc import layout
from kanban_ipc.words import FAILURE_CLASSES, FailureClass


def write_order(run_dir: Path, failure: FailureClass) -> None:
    """Best effort: an order is carried out on a full disk too."""
    try:
        (run_dir / layout.RUN_ORDER).write_text(failure)
    except OSError:
        return


def read_order(run_dir: Path) -> FailureClass | None:
    """None where there was none."""
    try:
        text = (run_dir / layout.RUN_ORDER).read_text("ascii", "replace")
    except OSError:
        return None
    return text if text in FAILURE_CLASSES else None
